package volumes_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/volumes"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var ctx = context.Background()

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// machine is where an agent has its directories, and its isolators.
type machine struct {
	isolators.Settings
	chain isolators.Chain
}

func newMachine(t *testing.T, edit func(*isolators.Settings)) *machine {
	t.Helper()
	exam.Skip(t, exam.Root, exam.Kernel(5, 12))
	dir := t.TempDir()
	m := &machine{Settings: isolators.Settings{Root: true, Launcher: "linux", Isolation: []string{"filesystem/linux"}, WorkDir: filepath.Join(dir, "work"), RuntimeDir: filepath.Join(dir, "run")}}
	if edit != nil {
		edit(&m.Settings)
	}
	must(t, os.MkdirAll(m.WorkDir, 0o755), os.MkdirAll(m.RuntimeDir, 0o755))
	for _, new := range []func(isolators.Settings) (isolators.Isolator, error){filesystem.NewLinux, volumes.NewHostPath, volumes.NewSandboxPath} {
		i, err := new(m.Settings)
		must(t, err)
		m.chain = append(m.chain, i)
	}
	return m
}

func (m *machine) container(t *testing.T, id string, parent *isolators.Container, script string, volumes ...*mesospb.Volume) *isolators.Container {
	t.Helper()
	c := &isolators.Container{ID: id, Parent: parent, Command: &mesospb.CommandInfo{Value: &script}, Info: &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(), Volumes: volumes},
		State: filepath.Join(m.RuntimeDir, "containers", id), Sandbox: filepath.Join(m.WorkDir, "slaves/S/frameworks/F/executors/E/runs", id)}
	if parent != nil {
		c.Sandbox = filepath.Join(parent.Sandbox, "containers", id)
	}
	must(t, os.MkdirAll(c.State, 0o700), os.MkdirAll(c.Sandbox, 0o755))
	return c
}

// run is what the script prints.
func (m *machine) run(t *testing.T, c *isolators.Container, edit func(*isolators.Plan)) string {
	t.Helper()
	said, _ := exam.Run(t, m.chain, c, edit)
	return said
}

// refusal is why a container is not prepared.
func (m *machine) refusal(t *testing.T, c *isolators.Container, rootFS string) error {
	t.Helper()
	err := m.chain.Prepare(ctx, c, &isolators.Plan{RootFS: rootFS})
	must(t, m.chain.Cleanup(ctx, c), m.chain.Cleanup(ctx, c))
	return err
}

func readonly(v *mesospb.Volume) *mesospb.Volume {
	v.Mode = mesospb.Volume_RO.Enum()
	return v
}

func hostPath(name, at string) *mesospb.Volume {
	return &mesospb.Volume{ContainerPath: &at, Mode: mesospb.Volume_RW.Enum(), Source: &mesospb.Volume_Source{Type: mesospb.Volume_Source_HOST_PATH.Enum(), HostPath: &mesospb.Volume_Source_HostPath{Path: &name}}}
}

func bidirectional(v *mesospb.Volume) *mesospb.Volume {
	v.Source.HostPath.MountPropagation = &mesospb.MountPropagation{Mode: mesospb.MountPropagation_BIDIRECTIONAL.Enum()}
	return v
}

func legacy(name, at string) *mesospb.Volume {
	return &mesospb.Volume{ContainerPath: &at, Mode: mesospb.Volume_RW.Enum(), HostPath: &name}
}

func sandboxPath(kind mesospb.Volume_Source_SandboxPath_Type, name, at string) *mesospb.Volume {
	return &mesospb.Volume{ContainerPath: &at, Mode: mesospb.Volume_RW.Enum(), Source: &mesospb.Volume_Source{Type: mesospb.Volume_Source_SANDBOX_PATH.Enum(),
		SandboxPath: &mesospb.Volume_Source_SandboxPath{Type: &kind, Path: &name}}}
}

const (
	self   = mesospb.Volume_Source_SandboxPath_SELF
	parent = mesospb.Volume_Source_SandboxPath_PARENT
)

// image is a root file system with a shell.
func image(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "bin"), 0o755))
	for _, where := range []string{"/bin/busybox", "/usr/bin/busybox"} {
		if program, err := os.ReadFile(where); err == nil {
			must(t, os.WriteFile(filepath.Join(dir, "bin/busybox"), program, 0o755))
			for _, name := range []string{"sh", "cat", "touch", "ls", "mkdir", "mount", "sleep"} {
				must(t, os.Symlink("busybox", filepath.Join(dir, "bin", name)))
			}
			return dir
		}
	}
	t.Skip("missing here: busybox in /bin or /usr/bin")
	return ""
}

func in(root string) func(*isolators.Plan) { return func(p *isolators.Plan) { p.RootFS = root } }

// persistent is a persistent volume of the role web.
func (m *machine) persistent(t *testing.T, id, at string) *mesospb.Resource {
	t.Helper()
	dir := filepath.Join(m.WorkDir, "volumes/roles/web", id)
	must(t, os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "name"), []byte(id+"\n"), 0o644))
	return &mesospb.Resource{Name: proto.String("disk"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)},
		Reservations: []*mesospb.Resource_ReservationInfo{{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("web")}},
		Disk: &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: &id},
			Volume: &mesospb.Volume{ContainerPath: &at, Mode: mesospb.Volume_RW.Enum()}}}
}
