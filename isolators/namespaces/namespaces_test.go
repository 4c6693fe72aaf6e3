package namespaces_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var (
	ctx      = context.Background()
	settings = isolators.Settings{Root: true, Launcher: "linux", Isolation: []string{"filesystem/linux"}}
)

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// container is one whose first process is in namespaces of its own of these kinds; 0: in the machine's.
func container(t *testing.T, id string, kinds uintptr) *isolators.Container {
	t.Helper()
	c := fresh(t, id, nil)
	p := exec.Command("sleep", "600")
	p.SysProcAttr = &syscall.SysProcAttr{Cloneflags: kinds}
	if err := p.Start(); err != nil {
		t.Skip("no right to make namespaces: ", err)
	}
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	c.PID = p.Process.Pid
	return c
}

// fresh is a container without a process.
func fresh(t *testing.T, id string, parent *isolators.Container) *isolators.Container {
	dir := t.TempDir()
	if parent != nil {
		dir = filepath.Join(parent.Sandbox, "containers", id)
		must(t, os.MkdirAll(dir, 0o755))
	}
	return &isolators.Container{ID: id, Parent: parent, Info: &mesospb.ContainerInfo{LinuxInfo: &mesospb.LinuxInfo{}}, Sandbox: dir, State: t.TempDir()}
}

func build(t *testing.T, new func(isolators.Settings) (isolators.Isolator, error), s isolators.Settings) isolators.Isolator {
	t.Helper()
	i, err := new(s)
	must(t, err)
	return i
}

// prepared is the plan that an isolator makes.
func prepared(t *testing.T, i isolators.Isolator, c *isolators.Container) *isolators.Plan {
	t.Helper()
	plan := &isolators.Plan{}
	must(t, i.Prepare(ctx, c, plan))
	return plan
}

func joins(p *isolators.Plan, kind uintptr) (path string, ok bool) {
	n := slices.IndexFunc(p.Join, func(n isolators.Namespace) bool { return n.Kind == kind })
	if n < 0 {
		return "", false
	}
	return p.Join[n].Path, true
}

func mounted(p *isolators.Plan, target string) (m isolators.Mount, ok bool) {
	n := slices.IndexFunc(p.Mounts, func(m isolators.Mount) bool { return m.Target == target })
	if n < 0 {
		return m, false
	}
	return p.Mounts[n], true
}

func of(c *isolators.Container, kind string) string {
	return "/proc/" + strconv.Itoa(c.PID) + "/ns/" + kind
}

func TestPID(t *testing.T) {
	i := build(t, namespaces.NewPID, settings)
	t.Run("is a container's own with its own proc", func(t *testing.T) {
		p := prepared(t, i, fresh(t, "c", nil))
		if _, ok := mounted(p, "/proc"); p.Namespaces != unix.CLONE_NEWPID || !p.Init || len(p.Join) > 0 || !ok {
			t.Errorf("%+v", p)
		}
	})
	t.Run("is the machine's when the container asks for it", func(t *testing.T) {
		c := fresh(t, "c", nil)
		c.Info.LinuxInfo.SharePidNamespace = proto.Bool(true)
		if p := prepared(t, i, c); p.Namespaces != 0 || p.Init || len(p.Mounts) > 0 {
			t.Errorf("%+v", p)
		}
	})
	t.Run("is not the machine's where that is disallowed", func(t *testing.T) {
		s := settings
		s.DisallowSharingAgentPIDNamespace = true
		c := fresh(t, "c", nil)
		c.Info.LinuxInfo.SharePidNamespace = proto.Bool(true)
		err := build(t, namespaces.NewPID, s).Prepare(ctx, c, &isolators.Plan{})
		if !errors.Is(err, fault.ErrDenied) || !strings.Contains(err.Error(), "Sharing agent pid namespace with top-level container is not allowed") {
			t.Error(err)
		}
	})
	t.Run("is inside of the parent's", func(t *testing.T) {
		parent := container(t, "p", syscall.CLONE_NEWPID)
		must(t, i.Isolate(ctx, parent))
		p := prepared(t, i, fresh(t, "p.c", parent))
		if path, _ := joins(p, unix.CLONE_NEWPID); path != of(parent, "pid") || p.Namespaces != unix.CLONE_NEWPID || p.Join[0].Inode == 0 {
			t.Errorf("%+v", p)
		}
		shares := fresh(t, "p.s", parent)
		shares.Info.LinuxInfo.SharePidNamespace = proto.Bool(true)
		p = prepared(t, i, shares)
		if _, ok := joins(p, unix.CLONE_NEWPID); !ok || p.Namespaces != 0 {
			t.Errorf("one that shares: %+v", p)
		} else if _, ok := mounted(p, "/proc"); !ok {
			t.Error("one that shares sees the machine's processes")
		}
		debug := fresh(t, "p.d", parent)
		debug.Debug = true
		if p := prepared(t, i, debug); p.Namespaces != 0 || len(p.Join) != 1 || len(p.Mounts) > 0 {
			t.Errorf("to debug: %+v", p)
		}
	})
	t.Run("of a parent in the machine's is not joined", func(t *testing.T) {
		parent := container(t, "p", 0)
		must(t, i.Isolate(ctx, parent))
		c := fresh(t, "p.c", parent)
		c.Info.LinuxInfo.SharePidNamespace = proto.Bool(true)
		if p := prepared(t, i, c); len(p.Join) > 0 || len(p.Mounts) > 0 {
			t.Errorf("%+v", p)
		}
	})
}

// A pid is given out again. What the parent was in is written down, so that its successor is not taken for it.
func TestWhoeverHasThePIDNowIsNotJoined(t *testing.T) {
	i := build(t, namespaces.NewPID, settings)
	parent := container(t, "p", syscall.CLONE_NEWPID)
	must(t, i.Isolate(ctx, parent))
	was := prepared(t, i, fresh(t, "p.c", parent)).Join[0].Inode
	parent.PID = os.Getpid()
	if p := prepared(t, i, fresh(t, "p.d", parent)); len(p.Join) != 1 || p.Join[0].Inode != was {
		t.Errorf("%+v, want inode %d", p.Join, was)
	}
	parent.PID = 0
	if err := i.Prepare(ctx, fresh(t, "p.e", parent), &isolators.Plan{}); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("without a process: %v", err)
	}
}

func TestIPC(t *testing.T) {
	s := settings
	s.DefaultContainerShmSize = 64 << 20
	i := build(t, namespaces.NewIPC, s)
	say := func(c *isolators.Container, mode mesospb.LinuxInfo_IpcMode, size uint32) *isolators.Container {
		c.Info.LinuxInfo.IpcMode = mode.Enum()
		if size > 0 {
			c.Info.LinuxInfo.ShmSize = proto.Uint32(size)
		}
		return c
	}
	parent := container(t, "p", syscall.CLONE_NEWIPC|syscall.CLONE_NEWNS)
	must(t, i.Isolate(ctx, parent))
	t.Run("is a container's own with its own shared memory", func(t *testing.T) {
		for name, c := range map[string]*isolators.Container{"unsaid": fresh(t, "c", nil), "said": say(fresh(t, "c", nil), mesospb.LinuxInfo_PRIVATE, 0),
			"nested": say(fresh(t, "p.c", parent), mesospb.LinuxInfo_PRIVATE, 0)} {
			p := prepared(t, i, c)
			if m, _ := mounted(p, "/dev/shm"); p.Namespaces != unix.CLONE_NEWIPC || len(p.Join) > 0 || m.Type != "tmpfs" || m.Data != "mode=1777,size=67108864" {
				t.Errorf("%s: %+v", name, p)
			}
		}
		if m, _ := mounted(prepared(t, i, say(fresh(t, "c", nil), mesospb.LinuxInfo_PRIVATE, 128)), "/dev/shm"); m.Data != "mode=1777,size=134217728" {
			t.Errorf("of another size: %+v", m)
		}
	})
	t.Run("is the machine's when the container asks for it", func(t *testing.T) {
		if p := prepared(t, i, say(fresh(t, "c", nil), mesospb.LinuxInfo_SHARE_PARENT, 0)); p.Namespaces != 0 || len(p.Mounts) > 0 {
			t.Errorf("%+v", p)
		}
		p := &isolators.Plan{RootFS: "/image"}
		must(t, i.Prepare(ctx, say(fresh(t, "c", nil), mesospb.LinuxInfo_SHARE_PARENT, 0), p))
		if m, _ := mounted(p, "/dev/shm"); m.Source != "/dev/shm" || m.Type != "bind" {
			t.Errorf("with a root of its own: %+v", p)
		}
	})
	t.Run("is the parent's for nested containers and for debugging", func(t *testing.T) {
		debug := fresh(t, "p.d", parent)
		debug.Debug = true
		for _, c := range []*isolators.Container{fresh(t, "p.c", parent), say(fresh(t, "p.s", parent), mesospb.LinuxInfo_SHARE_PARENT, 0), debug} {
			p := prepared(t, i, c)
			if path, _ := joins(p, unix.CLONE_NEWIPC); path != of(parent, "ipc") || p.Namespaces != 0 || len(p.Mounts) > 0 {
				t.Errorf("%s: %+v", c.ID, p)
			}
		}
		p := &isolators.Plan{RootFS: "/image"}
		must(t, i.Prepare(ctx, fresh(t, "p.c", parent), p))
		if m, _ := mounted(p, "/dev/shm"); m.Type != "tmpfs" {
			t.Errorf("with a root of its own: %+v", p)
		}
	})
	t.Run("is refused", func(t *testing.T) {
		s.DisallowSharingAgentIPCNamespace = true
		strict, debug, sized := build(t, namespaces.NewIPC, s), fresh(t, "p.d", parent), fresh(t, "c", nil)
		debug.Debug = true
		sized.Info.LinuxInfo.ShmSize = proto.Uint32(1)
		for sentence, c := range map[string]*isolators.Container{
			"Sharing agent IPC namespace with top-level container is not allowed":                  say(fresh(t, "c", nil), mesospb.LinuxInfo_SHARE_PARENT, 0),
			"Private IPC mode is not supported for DEBUG containers":                               say(debug, mesospb.LinuxInfo_PRIVATE, 0),
			"Only support specifying the size of /dev/shm when the IPC mode is `PRIVATE`":          say(fresh(t, "p.c", parent), mesospb.LinuxInfo_SHARE_PARENT, 1),
			"Only support specifying the size of /dev/shm when the IPC mode is `PRIVATE`: invalid": sized,
			"Unknown IPC mode": say(fresh(t, "c", nil), mesospb.LinuxInfo_UNKNOWN, 0),
		} {
			if err := strict.Prepare(ctx, c, &isolators.Plan{}); err == nil || !strings.Contains(err.Error(), sentence) {
				t.Errorf("%v, want %s", err, sentence)
			}
		}
	})
}

// A nested container shares the /dev/shm of its parent, not the machine's.
func TestNestedContainersFindTheirParentsSharedMemory(t *testing.T) {
	i := build(t, namespaces.NewIPC, settings)
	parent, c := container(t, "p", syscall.CLONE_NEWIPC|syscall.CLONE_NEWNS), container(t, "p.c", syscall.CLONE_NEWNS)
	must(t, i.Isolate(ctx, parent), namespaces.Remember(parent, unix.CLONE_NEWNS))
	c.Parent = parent
	enter := func(c *isolators.Container, script string) error {
		return exec.Command("nsenter", "--mount=/proc/"+strconv.Itoa(c.PID)+"/ns/mnt", "sh", "-c", script).Run()
	}
	must(t, enter(parent, "mount --make-private /dev/shm; mount -t tmpfs own /dev/shm && echo 1 > /dev/shm/parents"), i.Isolate(ctx, c))
	if err := enter(c, "test -f /dev/shm/parents"); err != nil {
		t.Error("the nested container does not find it")
	}
	if _, err := os.Stat("/dev/shm/parents"); err == nil {
		t.Error("the machine finds it")
	}
}

func TestUTSAndCgroup(t *testing.T) {
	uts, cg := build(t, namespaces.NewUTS, settings), build(t, namespaces.NewCgroup, settings)
	parent := container(t, "p", syscall.CLONE_NEWUTS|syscall.CLONE_NEWCGROUP)
	must(t, uts.Isolate(ctx, parent), cg.Isolate(ctx, parent))
	debug := fresh(t, "p.d", parent)
	debug.Debug = true
	for _, one := range []struct {
		name  string
		i     isolators.Isolator
		c     *isolators.Container
		made  uintptr
		joins int
	}{
		{"uts at the top", uts, fresh(t, "c", nil), unix.CLONE_NEWUTS, 0}, {"uts nested", uts, fresh(t, "p.c", parent), 0, 1}, {"uts to debug", uts, debug, 0, 1},
		{"cgroup at the top", cg, fresh(t, "c", nil), unix.CLONE_NEWCGROUP, 0}, {"cgroup nested", cg, fresh(t, "p.c", parent), unix.CLONE_NEWCGROUP, 0}, {"cgroup to debug", cg, debug, 0, 1},
	} {
		if p := prepared(t, one.i, one.c); p.Namespaces != one.made || len(p.Join) != one.joins {
			t.Errorf("%s: %+v", one.name, p)
		}
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	for name, new := range map[string]func(isolators.Settings) (isolators.Isolator, error){"namespaces/pid": namespaces.NewPID, "namespaces/ipc": namespaces.NewIPC, "namespaces/user": namespaces.NewUser} {
		for sentence, s := range map[string]isolators.Settings{
			"'" + name + "' isolator requires root privileges":                  {Launcher: "linux", Isolation: settings.Isolation},
			"'linux' launcher must be used to enable '" + name + "'":            {Root: true, Launcher: "posix", Isolation: settings.Isolation},
			"'filesystem/linux' isolator must be used to enable '" + name + "'": {Root: true, Launcher: "linux", Isolation: []string{"filesystem/posix"}},
		} {
			if _, err := new(s); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), sentence) {
				t.Errorf("%v, want %s", err, sentence)
			}
		}
		i := build(t, new, settings)
		if i.Name() != name {
			t.Errorf("%s is called %s", name, i.Name())
		}
		must(t, i.Cleanup(ctx, fresh(t, "never", nil)), i.Cleanup(ctx, fresh(t, "never", nil)))
	}
}
