package launch

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

// run carries out a plan to its end, and returns what the program said and its wait status.
func run(t *testing.T, plan *isolators.Plan) (string, syscall.WaitStatus) {
	t.Helper()
	c, out := start(t, plan)
	if err := c.Go(); err != nil {
		t.Fatal(err)
	}
	said := out()
	status, _, err := c.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return said, status
}

// refused carries out a plan that must fail, and returns why.
func refused(t *testing.T, plan *isolators.Plan) error {
	t.Helper()
	c, err := Start(plan, Files{})
	if err != nil {
		return err
	}
	err = c.Go()
	status, _, werr := c.Wait()
	if werr != nil {
		t.Fatal(werr)
	}
	if err == nil {
		t.Fatalf("it ran, and ended with %v", status)
	}
	return err
}

// start has a process born whose outputs are read by the function returned, to their end.
func start(t *testing.T, plan *isolators.Plan) (*Child, func() string) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	c, err := Start(plan, Files{Stdout: w, Stderr: w})
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Kill)
	return c, func() string {
		b, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
}

func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root has namespaces without a user namespace")
	}
}

// shell is a plan that runs a script on the machine's files.
func shell(script string) *isolators.Plan {
	return &isolators.Plan{Path: "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}, Dir: "/", UID: os.Geteuid(), GID: os.Getegid()}
}

const private = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS

// image is a root file system with the programs of busybox.
func newRoot(t testing.TB) string {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Skip("busybox is missing: apt-get install busybox-static")
	}
	dir := t.TempDir()
	for _, d := range []string{"bin", "proc", "dev", "sys", "tmp", "etc", "work"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(busybox)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "bin/busybox"), b, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"sh", "cat", "ls", "id", "echo", "hostname", "readlink", "mount", "umount", "true", "false", "sleep", "grep", "ps", "mkdir", "ln", "test", "kill", "dd", "chroot", "nsenter", "rm", "touch", "stat", "head", "wc", "tr"} {
		if err := os.Symlink("busybox", filepath.Join(dir, "bin", name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// boxed is a plan that runs a script in a root file system of its own with the usual mounts.
func boxed(t testing.TB, script string) *isolators.Plan {
	t.Helper()
	return &isolators.Plan{
		Namespaces: private,
		RootFS:     newRoot(t),
		Mounts: []isolators.Mount{
			{Type: "proc", Target: "/proc", Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC},
			{Type: "tmpfs", Target: "/dev", Flags: unix.MS_NOSUID, Data: "mode=755,size=64k"},
			{Type: "sysfs", Target: "/sys", Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY},
		},
		Devices:  isolators.StandardDevices(),
		Masked:   isolators.MaskedPaths(),
		Readonly: isolators.ReadonlyPaths(),
		Hostname: "box",
		Dir:      "/work",
		Path:     "/bin/sh", Argv: []string{"sh", "-c", script}, Env: []string{"PATH=/bin"},
	}
}

func TestStart(t *testing.T) {
	said, status := run(t, shell("echo $0 $PWD; env | sort; exit 7"))
	if want := "sh /\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nPWD=/\n"; said != want || status.ExitStatus() != 7 {
		t.Fatalf("%q, %v; want %q and 7", said, status, want)
	}
}

func TestRootFS(t *testing.T) {
	root(t)
	said, status := run(t, boxed(t, `echo $$; hostname; pwd; ls / | tr '\n' ' '; echo; stat -c '%t,%T %a' /dev/null
		cat /proc/keys | wc -c
		echo x 2>/dev/null >/proc/sys/kernel/hostname || echo read-only
		echo gone >/dev/null && ls /dev/fd/ | wc -l`))
	if want := "1\nbox\n/work\nbin dev etc proc sys tmp work \n1,3 666\n0\nread-only\n4\n"; said != want || status != 0 {
		t.Fatalf("%q, %v; want %q and 0", said, status, want)
	}
}
