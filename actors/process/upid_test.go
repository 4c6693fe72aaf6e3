package process_test

import (
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/process"
)

func TestUPID(t *testing.T) {
	t.Run("what is written is what is read", func(t *testing.T) {
		for _, s := range []string{"master@127.0.0.1:5050", "slave(1)@host.example:5051", "a@b@[::1]:0", "x@local"} {
			u, err := process.ParseUPID(s)
			if err != nil || u.String() != s {
				t.Errorf("%q: %v, %v", s, u, err)
			}
		}
	})
	t.Run("what is no name is refused", func(t *testing.T) {
		for _, s := range []string{"", "master", "@127.0.0.1:5050", "master@", "master@host", "master@host:", "master@:5050", "master@host:99999", "master@host:http", "master@host:-1", "a b@host:1", strings.Repeat("x", 513) + "@host:1"} {
			if u, err := process.ParseUPID(s); err == nil {
				t.Errorf("%q: %v", s, u)
			}
		}
	})
	t.Run("names are values", func(t *testing.T) {
		a, b := process.UPID{ID: "x", Addr: "h:1"}, process.UPID{ID: "x", Addr: "h:1"}
		if a != b || a == (process.UPID{ID: "x", Addr: "h:2"}) || map[process.UPID]int{a: 1}[b] != 1 {
			t.Error("equal names differ")
		}
	})
}

func FuzzParseUPID(f *testing.F) {
	f.Add("master@127.0.0.1:5050")
	f.Fuzz(func(t *testing.T, s string) {
		if u, err := process.ParseUPID(s); err == nil && u.String() != s {
			t.Errorf("%q became %q", s, u)
		}
	})
}
