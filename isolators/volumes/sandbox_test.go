package volumes_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/launch"
	"github.com/meseta-io/meseta/isolators/volumes"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// mountAt makes a directory a mount with a propagation.
func mountAt(t *testing.T, dir, propagation string) {
	t.Helper()
	must(t, unix.Mount(dir, dir, "", unix.MS_BIND, ""))
	t.Cleanup(func() { unmount(t, dir) })
	flags := map[string]uintptr{"shared": unix.MS_SHARED, "private": unix.MS_PRIVATE}[propagation]
	must(t, unix.Mount("", dir, "", unix.MS_PRIVATE, ""), unix.Mount("", dir, "", flags, ""))
}

func unmount(t *testing.T, dir string) {
	t.Helper()
	must(t, unix.Unmount(dir, unix.MNT_DETACH))
}

func owner(t *testing.T, name string) [2]int {
	t.Helper()
	info, err := os.Lstat(name)
	must(t, err)
	s := info.Sys().(*syscall.Stat_t)
	return [2]int{int(s.Uid), int(s.Gid)}
}

func TestSelf(t *testing.T) {
	m := newMachine(t, nil)
	at := t.TempDir()
	c := m.container(t, "c", nil, "touch tmp/here; ls "+at, sandboxPath(self, "tmp", at))
	must(t, os.Chown(c.Sandbox, 1001, 1002))
	if said := m.run(t, c, nil); said != "here\n" {
		t.Errorf("it said %q", said)
	}
	if is := owner(t, filepath.Join(c.Sandbox, "tmp")); is != [2]int{1001, 1002} {
		t.Errorf("what was made belongs to %v", is)
	}
	if left, _ := os.ReadDir(at); len(left) > 0 {
		t.Error("the machine finds it too")
	}
	c = m.container(t, "r", nil, "touch "+at+"/never; touch tmp/ever", readonly(sandboxPath(self, "tmp", at)))
	if said := m.run(t, c, nil); !strings.Contains(said, "Read-only") {
		t.Errorf("to be read only, it said %q", said)
	}
	c = m.container(t, "i", nil, "touch tmp/here; ls /var/tmp", legacy("tmp", "/var/tmp"))
	if said := m.run(t, c, in(image(t))); said != "here\n" {
		t.Errorf("in a root of its own it said %q", said)
	}
	// What is mounted in the sandbox is what is meant.
	for n, root := range []string{"", image(t)} {
		c = m.container(t, "v"+strconv.Itoa(n), nil, "cat "+at+"/name", sandboxPath(self, "data", at))
		c.Resources = []*mesospb.Resource{m.persistent(t, "v", "data")}
		if said := m.run(t, c, in(root)); said != "v\n" {
			t.Errorf("of a persistent volume it said %q", said)
		}
	}
	// What is there stays whose it is.
	c = m.container(t, "o", nil, "cat "+at+"/theirs", sandboxPath(self, "tmp", at))
	must(t, os.Mkdir(filepath.Join(c.Sandbox, "tmp"), 0o755), os.Chown(c.Sandbox, 1001, 1002), os.WriteFile(filepath.Join(c.Sandbox, "tmp/theirs"), []byte("x"), 0o644))
	if said := m.run(t, c, nil); said != "x" || owner(t, filepath.Join(c.Sandbox, "tmp")) != [2]int{} {
		t.Errorf("it said %q, and it belongs to %v", said, owner(t, filepath.Join(c.Sandbox, "tmp")))
	}
}

func TestParent(t *testing.T) {
	m := newMachine(t, nil)
	at, host := t.TempDir(), t.TempDir()
	p := m.container(t, "p", nil, "", hostPath(host, "fromhost"))
	p.Resources = []*mesospb.Resource{m.persistent(t, "v", "deep/data")}
	must(t, os.Chown(p.Sandbox, 1001, 1002), os.WriteFile(filepath.Join(p.Sandbox, "file"), []byte("parents\n"), 0o644), os.WriteFile(filepath.Join(host, "file"), []byte("host\n"), 0o644))
	t.Run("is shared", func(t *testing.T) {
		one := m.container(t, "p.1", p, "echo told > shared/file", sandboxPath(parent, "shared", "shared"))
		two := m.container(t, "p.2", p, "cat "+at+"/file mine", sandboxPath(parent, "shared", at), sandboxPath(parent, "file", "mine"))
		if said := m.run(t, one, nil) + m.run(t, two, nil); said != "told\nparents\n" {
			t.Errorf("they said %q", said)
		}
		if is := owner(t, filepath.Join(p.Sandbox, "shared")); is != [2]int{1001, 1002} {
			t.Errorf("what was made belongs to %v", is)
		}
	})
	t.Run("has volumes of its own", func(t *testing.T) { // which only its own namespace has in its sandbox
		c := m.container(t, "p.3", p, "cat data/name outer/data/name host/file", sandboxPath(parent, "deep/data", "data"), sandboxPath(parent, "fromhost", "host"))
		if said := m.run(t, c, nil); !strings.HasPrefix(said, "v\n") || !strings.HasSuffix(said, "host\n") {
			t.Errorf("it said %q", said)
		}
		// And so has one in it, for whose parent it is a volume again.
		inner := m.container(t, "p.3.c", c, "cat data/name", readonly(sandboxPath(parent, "data", "data")))
		if said := m.run(t, inner, nil); said != "v\n" {
			t.Errorf("further in it said %q", said)
		}
	})
	t.Run("read only", func(t *testing.T) {
		c := m.container(t, "p.4", p, "touch data/never", readonly(sandboxPath(parent, "shared", "data")))
		if said := m.run(t, c, nil); !strings.Contains(said, "Read-only") {
			t.Errorf("it said %q", said)
		}
	})
}

func TestSandboxPathRefuses(t *testing.T) {
	m := newMachine(t, nil)
	p := m.container(t, "p", nil, "")
	must(t, os.Symlink("/etc", filepath.Join(p.Sandbox, "etc")), os.Symlink("../..", filepath.Join(p.Sandbox, "up")))
	unknown := mesospb.Volume_Source_SandboxPath_UNKNOWN
	for sentence, c := range map[string]*isolators.Container{
		"Path '/tmp' in SANDBOX_PATH volume is absolute":                  m.container(t, "1", nil, "", sandboxPath(self, "/tmp", "/tmp")),
		"'container_path' is relative for SANDBOX_PATH volume SELF type":  m.container(t, "2", nil, "", sandboxPath(self, "tmp", "data")),
		"SANDBOX_PATH volume PARENT type only works for nested container": m.container(t, "3", nil, "", sandboxPath(parent, "tmp", "data")),
		"Unknown SANDBOX_PATH volume type":                                m.container(t, "4", nil, "", sandboxPath(unknown, "tmp", "data")),
		"It must exist if the container shares the host filesystem":       m.container(t, "5", nil, "", sandboxPath(self, "tmp", "/none/x")),
		"up leads out of its directory":                                   m.container(t, "p.6", p, "", sandboxPath(parent, "up", "data")),
		"etc/ssl leads out of its directory":                              m.container(t, "p.7", p, "", sandboxPath(parent, "etc/ssl", "data")),
		"runs/x leads out of its directory":                               m.container(t, "p.8", p, "", sandboxPath(parent, "../x", "data")),
		"leads out of the sandbox":                                        m.container(t, "p.9.c", m.container(t, "p.9", p, ""), "", sandboxPath(parent, "../../secret", "data")),
	} {
		must(t, os.WriteFile(filepath.Join(p.Sandbox, "secret"), nil, 0o600))
		if err := m.refusal(t, c, ""); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%v, want %s", err, sentence)
		}
	}
	debug := m.container(t, "p.d", p, "", sandboxPath(parent, "x", "data"))
	debug.Debug = true
	if err := m.chain[2].Prepare(ctx, debug, &isolators.Plan{}); err == nil || !strings.Contains(err.Error(), "SANDBOX_PATH volume is not supported for DEBUG containers") {
		t.Error(err)
	}
}

// An agent that may not mount makes links.
func TestLinksWhereNothingIsMounted(t *testing.T) {
	dir := t.TempDir()
	i, err := volumes.NewSandboxPath(isolators.Settings{WorkDir: dir, RuntimeDir: dir, Launcher: "posix"})
	must(t, err)
	m := &machine{Settings: isolators.Settings{WorkDir: dir, RuntimeDir: dir}}
	p := m.container(t, "p", nil, "")
	c := m.container(t, "p.c", p, "", sandboxPath(parent, "shared", "deep/data"))
	must(t, i.Prepare(ctx, c, &isolators.Plan{}), i.Prepare(ctx, c, &isolators.Plan{}), os.WriteFile(filepath.Join(p.Sandbox, "shared/file"), []byte("x"), 0o600))
	if text, err := os.ReadFile(filepath.Join(c.Sandbox, "deep/data/file")); string(text) != "x" {
		t.Errorf("%q, %v", text, err)
	}
	for sentence, plan := range map[string]isolators.Plan{"to change the rootfs and bind mount": {RootFS: "/image"}, "to support SANDBOX_PATH volume with absolute container path": {}} {
		c.Info.Volumes = []*mesospb.Volume{sandboxPath(self, "tmp", "/tmp")}
		if err := i.Prepare(ctx, c, &plan); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "The 'linux' launcher and 'filesystem/linux' isolator must be enabled "+sentence) {
			t.Error(err)
		}
	}
}

// Somebody in the parent swaps what a child asks for with links that lead out, as fast as the kernel can, all the way from
// the preparation to the mount. Whatever the child then finds is the parent's.
func TestASwapOfLinksShowsNothingOfTheMachine(t *testing.T) {
	m := newMachine(t, nil)
	out := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(out, "data"), 0o755), os.WriteFile(filepath.Join(out, "data/mine"), []byte("machine"), 0o644))
	p := m.container(t, "p", nil, "")
	for _, name := range []string{"way", "here"} {
		must(t, os.MkdirAll(filepath.Join(p.Sandbox, name, "data"), 0o755), os.WriteFile(filepath.Join(p.Sandbox, name, "data/mine"), []byte("parent"), 0o644))
		must(t, os.Symlink(out, filepath.Join(p.Sandbox, name+"-trap")))
	}
	swap := exec.Command("/proc/self/exe", "-test.run=^TestSwapper$")
	swap.Env = append(os.Environ(), "SWAP="+p.Sandbox)
	must(t, swap.Start())
	defer func() { swap.Process.Kill(); swap.Wait() }()
	ran := 0
	for n := 0; n < 400 && (ran < 20 || n-ran < 20); n++ {
		c := m.container(t, "p.c", p, "cat data/mine data/data/mine", sandboxPath(parent, []string{"way/data", "here"}[n%2], "data"))
		plan := &isolators.Plan{Path: "/bin/sh", Argv: []string{"sh", "-c", c.Command.GetValue()}, Dir: c.Sandbox, Env: []string{"PATH=/usr/bin:/bin"}}
		if err := m.chain.Prepare(ctx, c, plan); err == nil {
			if said, ok := try(t, m, c, plan); ok {
				ran++
				if strings.Contains(said, "machine") {
					t.Fatalf("it found %q", said)
				}
			}
		}
		must(t, m.chain.Cleanup(ctx, c))
	}
	t.Logf("%d containers ran", ran)
	if ran == 0 {
		t.Error("no container ran")
	}
	if left, _ := os.ReadDir(out); len(left) != 1 {
		t.Errorf("made outside: %v", left)
	}
}

// try carries out a plan that may fail.
func try(t *testing.T, m *machine, c *isolators.Container, plan *isolators.Plan) (string, bool) {
	t.Helper()
	r, w, err := os.Pipe()
	must(t, err)
	defer r.Close()
	child, err := launch.Start(plan, launch.Files{Stdout: w, Stderr: w})
	w.Close()
	must(t, err)
	defer func() { child.Kill(); _, _, _ = child.Wait() }()
	c.PID = child.PID
	must(t, m.chain.Isolate(ctx, c))
	if child.Go() != nil {
		return "", false
	}
	var said [4096]byte
	n, _ := r.Read(said[:])
	return string(said[:n]), true
}

// TestSwapper is not a test: it is the somebody, in a process of its own.
func TestSwapper(t *testing.T) {
	dir := os.Getenv("SWAP")
	if dir == "" {
		return
	}
	for {
		for _, name := range []string{"way", "here"} {
			_ = unix.Renameat2(unix.AT_FDCWD, filepath.Join(dir, name), unix.AT_FDCWD, filepath.Join(dir, name+"-trap"), unix.RENAME_EXCHANGE)
		}
	}
}

func TestSandboxPathExam(t *testing.T) {
	at := t.TempDir()
	exam.Take(t, exam.Case{
		Builder:   isolators.Builder{Names: []string{"volume/sandbox_path"}, New: volumes.NewSandboxPath},
		Before:    []isolators.Builder{{Names: []string{"filesystem/linux"}, New: filesystem.NewLinux}},
		Needs:     []exam.Need{exam.Root, exam.Kernel(5, 12)},
		Settings:  func(s *isolators.Settings) { s.Launcher, s.Isolation = "linux", []string{"filesystem/linux"} },
		Container: func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{sandboxPath(self, "tmp", at)} },
		Script:    "echo x > tmp/file; cat " + at + "/file > told; sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			if text := x.File(t, "told"); text != "x\n" {
				t.Errorf("it found %q", text)
			}
		},
		Nested: func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{sandboxPath(parent, "tmp", "mine")} },
		Refused: map[string]func(*isolators.Container){
			"what is outside":  func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{sandboxPath(self, "../x", at)} },
			"a parent's":       func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{sandboxPath(parent, "x", at)} },
			"a name with null": func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{sandboxPath(self, "x\x00y", at)} },
		},
	})
}
