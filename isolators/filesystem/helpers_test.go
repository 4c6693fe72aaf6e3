package filesystem_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var ctx = context.Background()

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// machine is where an agent has its directories.
type machine struct{ isolators.Settings }

func newMachine(t *testing.T) *machine {
	t.Helper()
	dir := t.TempDir()
	m := &machine{isolators.Settings{Root: true, Launcher: "linux", Isolation: []string{"filesystem/linux"}, WorkDir: filepath.Join(dir, "work"), RuntimeDir: filepath.Join(dir, "run")}}
	must(t, os.MkdirAll(m.WorkDir, 0o755), os.MkdirAll(m.RuntimeDir, 0o755))
	return m
}

func (m *machine) linux(t *testing.T) isolators.Isolator {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root makes mount namespaces")
	}
	i, err := filesystem.NewLinux(m.Settings)
	must(t, err)
	return i
}

// container is one without a process.
func (m *machine) container(t *testing.T, id string, parent *isolators.Container) *isolators.Container {
	t.Helper()
	c := &isolators.Container{ID: id, Parent: parent, Info: &mesospb.ContainerInfo{}, State: filepath.Join(m.RuntimeDir, "containers", id),
		Sandbox: filepath.Join(m.WorkDir, "slaves/S/frameworks/F/executors/E/runs", id)}
	if parent != nil {
		c.Sandbox = filepath.Join(parent.Sandbox, "containers", id)
	}
	must(t, os.MkdirAll(c.State, 0o700), os.MkdirAll(c.Sandbox, 0o755))
	return c
}

// born gives a container a first process in a mount namespace of its own.
func born(t *testing.T, i isolators.Isolator, c *isolators.Container) (inside string) {
	t.Helper()
	p := exec.Command("sleep", "600")
	p.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	must(t, p.Start())
	t.Cleanup(func() { p.Process.Kill(); p.Wait() })
	c.PID = p.Process.Pid
	must(t, i.Isolate(ctx, c))
	return "/proc/" + strconv.Itoa(c.PID) + "/root" + c.Sandbox
}

// volume is a persistent volume of the role web, with a file that says its name.
func (m *machine) volume(t *testing.T, id, at string, edits ...func(*mesospb.Resource)) *mesospb.Resource {
	t.Helper()
	dir := m.data(id)
	must(t, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "name"), []byte(id), 0o644))
	r := &mesospb.Resource{Name: proto.String("disk"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)},
		Reservations: []*mesospb.Resource_ReservationInfo{{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("web")}},
		Disk: &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: &id},
			Volume: &mesospb.Volume{ContainerPath: &at, Mode: mesospb.Volume_RW.Enum()}}}
	for _, edit := range edits {
		edit(r)
	}
	return r
}

func (m *machine) data(id string) string { return filepath.Join(m.WorkDir, "volumes/roles/web", id) }

func readonly(r *mesospb.Resource) { r.Disk.Volume.Mode = mesospb.Volume_RO.Enum() }
func shared(r *mesospb.Resource)   { r.Shared = &mesospb.Resource_SharedInfo{} }

func owner(t *testing.T, name string) [2]int {
	t.Helper()
	info, err := os.Lstat(name)
	must(t, err)
	s := info.Sys().(*syscall.Stat_t)
	return [2]int{int(s.Uid), int(s.Gid)}
}

func mounted(p *isolators.Plan, target string) (m isolators.Mount, ok bool) {
	n := slices.IndexFunc(p.Mounts, func(m isolators.Mount) bool { return m.Target == target })
	if n < 0 {
		return m, false
	}
	return p.Mounts[n], true
}
