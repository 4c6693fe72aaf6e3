package agent_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/actors/agent"
)

const boxPath = "slaves/A/frameworks/F/executors/E/runs/C"

// boxed is a real disk with a sandbox and a volume that has a file.
func boxed(t *testing.T) (agent.Disk, string) {
	t.Helper()
	d, dir := openDisk(t)
	if _, err := d.Sandbox(ctx, boxPath, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Make, Path: volumeDir}, {Kind: agent.Make, Path: volumeDir},
		{Kind: agent.Put, Path: volumeDir + "/file", Data: []byte("precious")}}); err != nil {
		t.Fatal(err)
	}
	return d, dir
}

func TestDiskPutsVolumesIntoSandboxes(t *testing.T) {
	d, dir := boxed(t)
	for range 2 { // binding again changes nothing
		if err := d.Bind(ctx, boxPath, []agent.Volume{{Path: volumeDir, At: "data"}, {Path: volumeDir, At: "deep/down"}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, at := range []string{"data", "deep/down"} {
		if got, err := os.ReadFile(filepath.Join(dir, boxPath, at, "file")); err != nil || string(got) != "precious" {
			t.Errorf("%s/file: %q, %v", at, got, err)
		}
	}
	if err := d.Bind(ctx, boxPath, []agent.Volume{{Path: volumeDir, At: "isolators", Mounted: true}}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(dir, boxPath, "isolators")); err == nil {
		t.Error("what an isolator mounts is linked")
	}
	if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Remove, Path: boxPath}}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Read(ctx, volumeDir+"/file"); err != nil {
		t.Errorf("the volume went with the sandbox: %v", err)
	}
}

// Whatever a task has left in its sandbox, a volume appears inside of it or nowhere.
func TestDiskIsNotLedOutOfTheSandbox(t *testing.T) {
	outside := t.TempDir()
	for name, prepare := range map[string]func(box string) error{
		"a link to elsewhere":  func(box string) error { return os.Symlink(outside, filepath.Join(box, "way")) },
		"a link upwards":       func(box string) error { return os.Symlink("../../..", filepath.Join(box, "way")) },
		"a file":               func(box string) error { return os.WriteFile(filepath.Join(box, "way"), nil, 0o600) },
		"a pipe":               func(box string) error { return syscall.Mkfifo(filepath.Join(box, "way"), 0o600) },
		"something at the end": func(box string) error { return os.MkdirAll(filepath.Join(box, "way/data"), 0o700) },
		"another link at the end": func(box string) error {
			if err := os.Mkdir(filepath.Join(box, "way"), 0o700); err != nil {
				return err
			}
			return os.Symlink("/etc", filepath.Join(box, "way/data"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := boxed(t)
			if err := prepare(filepath.Join(dir, boxPath)); err != nil {
				t.Fatal(err)
			}
			if err := d.Bind(ctx, boxPath, []agent.Volume{{Path: volumeDir, At: "way/data"}}); err == nil {
				t.Error("the volume was put there")
			}
			if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
				t.Errorf("outside of the sandbox is %v, %v", left, err)
			}
		})
	}
	d, _ := boxed(t)
	for _, v := range []agent.Volume{{Path: volumeDir, At: "../out"}, {Path: volumeDir, At: "/out"}, {Path: volumeDir, At: "."},
		{Path: "volumes/roles/web/none", At: "data"}, {Path: volumeDir + "/file", At: "data"}, {Path: "../..", At: "data"}} {
		if err := d.Bind(ctx, boxPath, []agent.Volume{v}); err == nil {
			t.Errorf("%v was put into the sandbox", v)
		}
	}
}

func TestDiskMovesAndClearsVolumes(t *testing.T) {
	d, dir := boxed(t)
	const elsewhere = "volumes/roles/db/v"
	move := agent.Change{Kind: agent.Move, Data: []byte(volumeDir), Path: elsewhere}
	for range 2 { // moved once
		if _, err := d.Apply(ctx, []agent.Change{move}); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := d.Read(ctx, elsewhere+"/file"); err != nil || string(got) != "precious" {
		t.Errorf("after moving: %q, %v", got, err)
	}
	for range 2 {
		if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Clear, Path: elsewhere}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, elsewhere)); !os.IsNotExist(err) {
		t.Errorf("after clearing: %v", err)
	}
	if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Clear, Path: "../" + filepath.Base(dir)}}); err == nil {
		t.Error("a path led out of the work directory")
	}
}

// A disk of the operator's that is one volume keeps its root, and a link in it is removed, not followed.
func TestDiskKeepsTheRootOfADisk(t *testing.T) {
	d, dir := boxed(t)
	mount, other := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Make, Root: mount, Path: "."}, {Kind: agent.Make, Root: mount, Path: "data"}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(other, filepath.Join(mount, "link")); err != nil {
		t.Fatal(err)
	}
	if err := d.Bind(ctx, boxPath, []agent.Volume{{Root: mount, Path: ".", At: "data"}}); err != nil {
		t.Fatal(err)
	}
	if to, err := os.Readlink(filepath.Join(dir, boxPath, "data")); err != nil || to != mount {
		t.Errorf("in the sandbox is %q, %v", to, err)
	}
	if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Clear, Root: mount, Path: "."}}); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(mount); err != nil || len(left) != 0 {
		t.Errorf("the disk has %v, %v", left, err)
	}
	if _, err := os.Stat(filepath.Join(other, "file")); err != nil {
		t.Errorf("a link was followed: %v", err)
	}
}

// A volume belongs to whom the sandbox belongs, with the directories on the way.
func TestDiskGivesVolumesToTheSandboxsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give directories away")
	}
	d, dir := boxed(t)
	if err := os.Chown(filepath.Join(dir, boxPath), 65534, 65534); err != nil {
		t.Fatal(err)
	}
	mount := t.TempDir()
	if err := d.Bind(ctx, boxPath, []agent.Volume{{Path: volumeDir, At: "deep/down"}, {Root: mount, Path: ".", At: "disk"}}); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, volumeDir), filepath.Join(dir, boxPath, "deep"), mount} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		if s := info.Sys().(*syscall.Stat_t); s.Uid != 65534 || s.Gid != 65534 {
			t.Errorf("%s is of %d:%d", path, s.Uid, s.Gid)
		}
	}
}
