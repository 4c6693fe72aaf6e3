package all_test

import (
	"testing"

	"github.com/meseta-io/meseta/isolators/all"
)

func TestBuilders(t *testing.T) {
	known := map[string]bool{}
	for _, b := range all.Builders() {
		if len(b.Names) == 0 || b.New == nil {
			t.Fatalf("%v: an isolator has a name and can be made", b.Names)
		}
		if known[b.Names[0]] {
			t.Errorf("%s is there twice", b.Names[0])
		}
		known[b.Names[0]] = true
	}
}
