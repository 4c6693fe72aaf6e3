package files_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/files"
	"github.com/meseta-io/meseta/messages/authorization"
)

// chest is a sandbox with a volume: a link at data leads to volumes/v, outside of it.
func chest(t testing.TB, may files.Allow) (dir string, s *files.Service) {
	dir = t.TempDir()
	write(t, dir+"/outside/key", secret)
	write(t, dir+"/box/file", "mine")
	write(t, dir+"/volumes/v/kept", "from before")
	write(t, dir+"/volumes/w/kept", secret)
	must(t, os.Symlink(dir+"/volumes/v", dir+"/box/data"))
	s = files.New()
	must(t, s.Attach(dir+"/box", "/box", may))
	must(t, s.AttachInside(dir+"/box", "/box", "data", dir, "volumes/v"))
	return dir, s
}

// kindIn is how a listing shows a name, "" if it does not.
func kindIn(t testing.TB, s *files.Service, dir, name string) string {
	t.Helper()
	infos, err := s.List(anybody, dir)
	must(t, err)
	for _, info := range infos {
		if info.GetPath() == dir+"/"+name {
			return map[uint32]string{0o040000: "directory", 0o100000: "file", 0o120000: "link"}[info.GetMode()&0o170000]
		}
	}
	return ""
}

func TestAVolumeIsReadThroughTheSandbox(t *testing.T) {
	_, s := chest(t, nil)
	if data, _, err := s.Read(anybody, "/box/data/kept", 0, nil); err != nil || string(data) != "from before" {
		t.Errorf("read %q, %v", data, err)
	}
	if kind := kindIn(t, s, "/box", "data"); kind != "directory" {
		t.Errorf("the volume is shown as a %s", kind)
	}
	if kind := kindIn(t, s, "/box/data", "kept"); kind != "file" {
		t.Errorf("what is in the volume is shown as a %s", kind)
	}
	d, err := s.Open(anybody, "/box/data/kept")
	must(t, err)
	d.Close()
}

// A volume is as closed as a sandbox: neither its links nor dots lead out, not even back into the sandbox.
func TestNothingLeadsOutOfAVolume(t *testing.T) {
	dir, s := chest(t, nil)
	for link, target := range map[string]string{"up": "..", "sibling": "../w", "absolute": dir + "/outside/key", "root": "/", "box": dir + "/box"} {
		must(t, os.Symlink(target, dir+"/volumes/v/"+link))
	}
	for _, path := range []string{"up/w/kept", "sibling/kept", "absolute", "root/etc/passwd", "box/file", "../file", "../../outside/key", "..", "sub/../../w/kept"} {
		if data, _, err := s.Read(anybody, "/box/data/"+path, 0, nil); err == nil {
			t.Errorf("%s: read %q", path, data)
		}
		if infos, err := s.List(anybody, "/box/data/"+path); err == nil && len(infos) > 0 {
			t.Errorf("%s: listed %v", path, infos)
		}
	}
	if err := s.AttachInside(dir+"/box", "/box", "../x", dir, "volumes/v"); err == nil {
		t.Error("a volume is attached outside of the sandbox")
	}
	if err := s.AttachInside(dir+"/box", "/box", "x", dir+"/volumes", "../outside"); err == nil {
		t.Error("what is outside of the root is attached as a volume")
	}
	// A task that owns where volumes are puts a link in a volume's place, before it is attached and afterwards.
	must(t, os.Symlink(dir+"/outside", dir+"/volumes/x"))
	if err := s.AttachInside(dir+"/box", "/box", "x", dir, "volumes/x"); err == nil {
		t.Error("a link is attached as a volume")
	}
	must(t, os.Rename(dir+"/volumes/v", dir+"/volumes/away"))
	must(t, os.Symlink("../outside", dir+"/volumes/v"))
	if data, _, err := s.Read(anybody, "/box/data/key", 0, nil); status(err) != 404 {
		t.Errorf("a link in place of the volume: read %q, %v", data, err)
	}
	if kind := kindIn(t, s, "/box", "data"); kind != "link" {
		t.Errorf("a volume that is not there is shown as a %s", kind)
	}
}

// Only the sandboxes of containers that hold a volume show it, and only to those who may see the sandbox.
func TestAVolumeIsShownWhereItIsHeld(t *testing.T) {
	dir, s := chest(t, func(who authorization.Subject) bool { return who.Principal == "owner" })
	owner := authorization.Subject{Principal: "owner"}
	if _, _, err := s.Read(owner, "/box/data/kept", 0, nil); err != nil {
		t.Errorf("its owner: %v", err)
	}
	for _, path := range []string{"/box/data/kept", "/box/data"} {
		if _, _, err := s.Read(authorization.Subject{Principal: "guest"}, path, 0, nil); status(err) != 403 {
			t.Errorf("a guest at %s: %v", path, err)
		}
	}
	// Another sandbox with the same link, which a task can make.
	write(t, dir+"/other/file", "")
	must(t, os.Symlink(dir+"/volumes/v", dir+"/other/data"))
	must(t, s.Attach(dir+"/other", "/other", nil))
	if _, _, err := s.Read(owner, "/other/data/kept", 0, nil); status(err) != 400 {
		t.Errorf("a sandbox without volume: %v", err)
	}
	if kind := kindIn(t, s, "/other", "data"); kind != "link" {
		t.Errorf("a link to somebody's volume is shown as a %s", kind)
	}
}

// A volume goes with its sandbox, with its directory, and when another sandbox takes the virtual path.
func TestAVolumeGoes(t *testing.T) {
	gone := func(t *testing.T, s *files.Service, path string) {
		t.Helper()
		if data, _, err := s.Read(anybody, path, 0, nil); err == nil {
			t.Errorf("read %q", data)
		}
		for virtual := range s.Attached() {
			if strings.HasPrefix(path, virtual+"/") && strings.HasSuffix(virtual, "/data") {
				t.Errorf("%s is attached", virtual)
			}
		}
	}
	t.Run("with the sandbox", func(t *testing.T) {
		dir, s := chest(t, nil)
		s.DetachFrom(dir+"/box", "/box")
		gone(t, s, "/box/data/kept")
	})
	t.Run("with another sandbox", func(t *testing.T) {
		dir, s := chest(t, nil)
		write(t, dir+"/next/file", "")
		must(t, s.Attach(dir+"/next", "/box", nil))
		gone(t, s, "/box/data/kept")
		must(t, s.AttachInside(dir+"/box", "/box", "data", dir, "volumes/v")) // too late
		gone(t, s, "/box/data/kept")
	})
	t.Run("with the volume", func(t *testing.T) {
		dir, s := chest(t, nil)
		must(t, os.RemoveAll(dir+"/volumes/v"))
		gone2, _, err := s.Read(anybody, "/box/data/kept", 0, nil)
		if status(err) != 404 {
			t.Errorf("read %q, %v", gone2, err)
		}
		s.Vacate(dir, "volumes/v")
		write(t, dir+"/volumes/v/kept", secret) // another's, at the same place and perhaps with the same inode
		gone(t, s, "/box/data/kept")
	})
}

// While somebody swaps a volume's directories for links that lead out, nothing from outside is ever shown.
func TestRacesInAVolume(t *testing.T) {
	dir, s := chest(t, nil)
	write(t, dir+"/volumes/v/inside/key", "mine")
	must(t, os.Symlink(dir+"/outside", dir+"/volumes/v/link"))
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	wait := swap(ctx, filepath.Join(dir, "volumes/v/inside"), filepath.Join(dir, "volumes/v/link"))
	for ctx.Err() == nil {
		if data, _, err := s.Read(anybody, "/box/data/inside/key", 0, nil); err == nil && string(data) != "mine" {
			t.Errorf("read %q", data)
			break
		}
	}
	cancel()
	wait()
}
