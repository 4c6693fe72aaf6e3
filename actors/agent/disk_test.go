package agent_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/fault"
)

var ctx = context.Background()

func openDisk(t *testing.T) (agent.Disk, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "work", "dir")
	d, err := agent.OpenDisk(dir)
	if err != nil {
		t.Fatal(err)
	}
	return d, dir
}

func TestDiskKeepsWhatIsPut(t *testing.T) {
	d, _ := openDisk(t)
	_, err := d.Apply(ctx, []agent.Change{
		{Kind: agent.Put, Path: "meta/slaves/a/slave.info", Data: []byte("one")},
		{Kind: agent.Put, Path: "meta/slaves/a/slave.info", Data: []byte("two")},
		{Kind: agent.Append, Path: "meta/slaves/a/log", Data: []byte("x")},
		{Kind: agent.Append, Path: "meta/slaves/a/log", Data: []byte("y")},
		{Kind: agent.Link, Path: "meta/slaves/latest", Data: []byte("b")},
		{Kind: agent.Link, Path: "meta/slaves/latest", Data: []byte("a")},
		{Kind: agent.Put, Path: "gone/with/all", Data: []byte("z")},
		{Kind: agent.Remove, Path: "gone"},
		{Kind: agent.Remove, Path: "never/was"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"meta/slaves/latest/slave.info": "two", "meta/slaves/a/log": "xy"} {
		if got, err := d.Read(ctx, path); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
	if _, err := d.Read(ctx, "gone/with/all"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("a removed file: %v", err)
	}
	if _, err := d.List(ctx, "gone"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("a removed folder: %v", err)
	}
	files, err := d.List(ctx, "meta/slaves/a")
	if err != nil || len(files) != 2 || files[0].Name != "log" || files[1].Name != "slave.info" || files[0].Size != 2 {
		t.Errorf("list: %v, %v", files, err)
	}
	if files, err := d.List(ctx, "meta/slaves/a/log"); err != nil || len(files) != 1 || files[0].Name != "log" {
		t.Errorf("list of a file: %v, %v", files, err)
	}
}

func TestDiskReadsPieces(t *testing.T) {
	d, _ := openDisk(t)
	if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Put, Path: "f", Data: []byte("0123456789")}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		offset int64
		length int
		want   string
	}{{0, 100, "0123456789"}, {3, 4, "3456"}, {10, 4, ""}, {20, 4, ""}, {9, 4, "9"}, {0, 0, ""}} {
		got, size, err := d.ReadAt(ctx, "f", c.offset, c.length)
		if err != nil || size != 10 || !bytes.Equal(got, []byte(c.want)) {
			t.Errorf("%d bytes from %d: %q of %d, %v; want %q", c.length, c.offset, got, size, err, c.want)
		}
	}
}

// A task owns its sandbox, and may put anything in it; reading it never leads out, and never waits.
func TestDiskStaysInTheSandbox(t *testing.T) {
	d, dir := openDisk(t)
	const box = "slaves/a/frameworks/f/executors/e/runs/c"
	sandbox, err := d.Sandbox(ctx, box, "")
	if err != nil || sandbox != filepath.Join(dir, box) {
		t.Fatalf("%q, %v", sandbox, err)
	}
	if _, err := d.Apply(ctx, []agent.Change{{Kind: agent.Put, Path: "meta/secret", Data: []byte("s")}}); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{
		"absolute": "/etc/passwd", "relative": "../../../../../../../../meta/secret", "inside": "real", "loop": "loop",
	} {
		if err := os.Symlink(target, filepath.Join(sandbox, name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(sandbox, "real"), []byte("ok"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"absolute", "relative", "loop", "../../../../../../../../meta/secret"} {
		if got, _, err := d.ReadAt(ctx, box+"/"+path, 0, 10); err == nil {
			t.Errorf("%s: read %q", path, got)
		}
	}
	if got, _, err := d.ReadAt(ctx, box+"/inside", 0, 10); err != nil || string(got) != "ok" {
		t.Errorf("a link inside: %q, %v", got, err)
	}
	if _, _, err := d.ReadAt(ctx, box, 0, 10); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("reading a folder: %v", err)
	}
	if err := syscall.Mkfifo(filepath.Join(sandbox, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, _, err := d.ReadAt(ctx, box+"/pipe", 0, 10); len(got) != 0 {
		t.Errorf("a pipe: %q, %v", got, err)
	}
	if files, err := d.List(ctx, box); err != nil || len(files) != 6 {
		t.Errorf("list: %v, %v", files, err)
	}
}

func TestSandboxOfAnotherUser(t *testing.T) {
	d, _ := openDisk(t)
	if _, err := d.Sandbox(ctx, "slaves/x", "nobody-of-that-name"); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("a user that is not there: %v", err)
	}
	path, err := d.Sandbox(ctx, "slaves/y", "nobody")
	if os.Geteuid() != 0 {
		if err == nil {
			t.Error("gave a folder away without being root")
		}
		return
	}
	info, statErr := os.Stat(path)
	if err != nil || statErr != nil || info.Sys().(*syscall.Stat_t).Uid == 0 || info.Mode().Perm() != 0o750 {
		t.Errorf("%v, %v, %v", err, statErr, info)
	}
}

func TestOpenDiskSaysWhatIsWrong(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below"), "/proc/no/such"} {
		if _, err := agent.OpenDisk(dir); err == nil || !strings.HasPrefix(err.Error(), "--work_dir="+dir+": cannot be ") {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

func TestThisMachine(t *testing.T) {
	m, err := agent.ThisMachine(filepath.Join(t.TempDir(), "not", "there", "yet"))
	if err != nil || m.CPUs < 1 || m.Memory < 64<<20 || m.Disk == 0 || m.Hostname == "" || m.BootID == "" {
		t.Errorf("%+v, %v", m, err)
	}
}
