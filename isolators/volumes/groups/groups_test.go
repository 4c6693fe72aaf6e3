package groups_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/isolators/volumes/groups"
	"github.com/meseta-io/meseta/messages/fault"
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func open(t *testing.T, work, text string) *groups.Groups {
	t.Helper()
	g, err := groups.Open(work, text)
	must(t, err)
	return g
}

func give(g *groups.Groups, dir string) (int, error) {
	f, err := beneath.Open(dir, ".")
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return g.Give(context.Background(), f, dir)
}

func stat(t *testing.T, name string) (gid int, mode os.FileMode) {
	t.Helper()
	info, err := os.Lstat(name)
	must(t, err)
	return int(info.Sys().(*syscall.Stat_t).Gid), info.Mode()
}

func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files to groups")
	}
}

func TestEverythingInAVolumeIsTheGroups(t *testing.T) {
	root(t)
	work, dir, out := t.TempDir(), t.TempDir(), t.TempDir()
	must(t, os.MkdirAll(dir+"/a/b", 0o700), os.WriteFile(dir+"/a/file", nil, 0o600), os.WriteFile(dir+"/suid", nil, 0o755), os.Chmod(dir+"/suid", 0o755|os.ModeSetuid),
		os.WriteFile(out+"/file", nil, 0o600), os.Symlink(out+"/file", dir+"/link"), os.Chown(dir+"/a/file", 1001, 1001))
	gid, err := give(open(t, work, "[10000-20000]"), dir)
	must(t, err)
	if gid != 10000 {
		t.Errorf("the group %d", gid)
	}
	for name, want := range map[string]os.FileMode{dir + "/a/b": os.ModeDir | os.ModeSetgid | 0o770, dir + "/a/file": 0o660, dir + "/suid": 0o775} {
		if is, mode := stat(t, name); is != gid || mode != want {
			t.Errorf("%s is of the group %d, %v", name, is, mode)
		}
	}
	if is, mode := stat(t, out+"/file"); is == gid || mode != 0o600 {
		t.Errorf("what a link leads to is of the group %d, %v", is, mode)
	}
}

func TestGroupsAreKeptAndUsedAgain(t *testing.T) {
	root(t)
	work, top := t.TempDir(), t.TempDir()
	dir := func(name string) string {
		must(t, os.MkdirAll(filepath.Join(top, name), 0o755))
		return filepath.Join(top, name)
	}
	g := open(t, work, "[7000-7001]")
	first, err := give(g, dir("one"))
	second, err2 := give(g, dir("two"))
	again, err3 := give(g, dir("one"))
	must(t, err, err2, err3)
	if first != 7000 || second != 7001 || again != first {
		t.Errorf("%d, %d and %d again", first, second, again)
	}
	exhausted := func(g *groups.Groups) {
		t.Helper()
		if _, err := give(g, dir("three")); !errors.Is(err, fault.ErrUnavailable) || !strings.Contains(err.Error(), "Failed to allocate gid because the gid range is exhausted") {
			t.Error(err)
		}
	}
	exhausted(g)
	g = open(t, work, "[7000-7001]") // after a restart, of the machine too
	if again, err := give(g, dir("two")); err != nil || again != second {
		t.Errorf("after a restart: %d, %v", again, err)
	}
	exhausted(g)
	must(t, os.RemoveAll(dir("one")))
	if third, err := give(g, dir("three")); err != nil || third != first {
		t.Errorf("the group of a volume that is gone: %d, %v", third, err)
	}
}

func TestRanges(t *testing.T) {
	for _, text := range []string{"", "x", "[0-10]", "[10-4294967295]", "7"} {
		if _, err := groups.Open(t.TempDir(), text); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v", text, err)
		}
	}
	work := t.TempDir()
	must(t, os.MkdirAll(work+"/meta/volume_gid_manager", 0o755), os.WriteFile(work+"/meta/volume_gid_manager/volume_gids", []byte("{"), 0o600))
	if _, err := groups.Open(work, "[10-20]"); err == nil {
		t.Error("a file that is torn")
	}
}
