package containerizer_test

import (
	"testing"

	"github.com/meseta-io/meseta/actors/containerizer"
)

func TestParent(t *testing.T) {
	for id, want := range map[string]string{"": "", "a": "", "a.b": "a", "a.b.c": "a.b"} {
		if got := containerizer.Parent(id); got != want {
			t.Errorf("%q is in %q", id, got)
		}
	}
}
