package node

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/master"
)

func TestReadWhitelist(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	for _, c := range []struct{ name, text, want string }{
		{"an empty file lets nobody in", "", ""},
		{"one in each line, once", "b.example\na.example\r\n\n  b.example  \n", "a.example b.example"},
		{"the last line needs no end", "a", "a"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		hosts, err := readWhitelist(path)
		if err != nil || hosts == nil || strings.Join(hosts, " ") != c.want {
			t.Errorf("%s: %q, %v", c.name, hosts, err)
		}
	}
	if err := os.Truncate(path, maxWhitelist+1); err != nil {
		t.Fatal(err)
	}
	if _, err := readWhitelist(path); err == nil {
		t.Error("a file without end was taken")
	}
	if _, err := readWhitelist(path + "-not"); err == nil {
		t.Error("a file that is not there was taken")
	}
}

// The list is read again at each tick. What it says last goes on while it cannot be read.
func TestWhitelistIsWatched(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	write := func(text string) {
		t.Helper()
		// In one step, because the last look may still be going on.
		if err := errors.Join(os.WriteFile(path+".new", []byte(text), 0o600), os.Rename(path+".new", path)); err != nil {
			t.Fatal(err)
		}
	}
	log, err := Logging{Quiet: true}.Open("master", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	c := Default(0)
	c.IP = "127.0.0.1"
	s, err := New(c, log)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	s.Forgetful()
	if err := s.Master(master.Default(), DefaultElection(), realms.DefaultMaster()); err != nil {
		t.Fatal(err)
	}
	if err := s.Whitelist(path); err == nil || !strings.Contains(err.Error(), "--whitelist") {
		t.Errorf("a master that would offer everything starts: %v", err)
	}
	var told [][]string
	tick, over := make(chan time.Time), make(chan struct{})
	go func() {
		watchWhitelist(path, []string{"a"}, tick, nil, s.log, func(hosts []string) { told = append(told, hosts) })
		close(over)
	}()
	for _, text := range []string{"a", "b\na", "b\na\n"} {
		write(text)
		tick <- time.Time{}
		tick <- time.Time{} // the one before is done
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	tick <- time.Time{}
	tick <- time.Time{}
	write("")
	tick <- time.Time{}
	close(tick)
	<-over
	if want := [][]string{{"a", "b"}, {}}; !slices.EqualFunc(told, want, slices.Equal) {
		t.Errorf("the master was told %q, want %q", told, want)
	}
}
