package devices_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/devices"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func allowed(name string, read, write bool) *mesospb.DeviceAccess {
	return &mesospb.DeviceAccess{Device: &mesospb.Device{Path: &name}, Access: &mesospb.DeviceAccess_Access{Read: &read, Write: &write}}
}

func settings(t *testing.T, list ...*mesospb.DeviceAccess) isolators.Settings {
	dir := t.TempDir()
	return isolators.Settings{Root: true, Launcher: "linux", Isolation: []string{"filesystem/linux", "linux/devices"}, WorkDir: dir, RuntimeDir: dir,
		AllowedDevices: &mesospb.DeviceWhitelist{AllowedDevices: list}}
}

// deep is a device of the machine in a directory below /dev.
func deep(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/dev/net/tun", "/dev/mapper/control", "/dev/vfio/vfio", "/dev/input/mice"} {
		if _, ok := filesystem.Node(name); ok {
			return name
		}
	}
	return ""
}

func TestDevicesOfARootOfItsOwn(t *testing.T) {
	exam.Skip(t, exam.Root, exam.Kernel(5, 12), exam.File("/bin/busybox"), exam.File("/dev/kmsg"))
	list := []*mesospb.DeviceAccess{allowed("/dev/kmsg", true, true), allowed("/dev/ptmx", false, false)}
	other := deep(t)
	if other != "" {
		list = append(list, allowed(other, true, false))
	}
	s := settings(t, list...)
	var chain isolators.Chain
	for _, new := range []func(isolators.Settings) (isolators.Isolator, error){filesystem.NewLinux, namespaces.NewPID, devices.NewLinux} {
		i, err := new(s)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, i)
	}
	root := t.TempDir()
	busybox, err := os.ReadFile("/bin/busybox")
	if err := errors.Join(err, os.Mkdir(root+"/bin", 0o755), os.WriteFile(root+"/bin/busybox", busybox, 0o755)); err != nil {
		t.Fatal(err)
	}
	script := "cd /dev; test -r kmsg && test -w kmsg && echo both; test -c ptmx && echo ptmx; test -e loop-control || echo absent; test -r " + other + " && echo deep"
	c := &isolators.Container{ID: "c", Info: &mesospb.ContainerInfo{}, Command: &mesospb.CommandInfo{Value: proto.String(script)}, UID: 1001, GID: 1001,
		Sandbox: filepath.Join(s.WorkDir, "box"), State: filepath.Join(s.WorkDir, "state")}
	if err := errors.Join(os.Mkdir(c.Sandbox, 0o755), os.Mkdir(c.State, 0o755)); err != nil {
		t.Fatal(err)
	}
	said, _ := exam.Run(t, chain, c, func(p *isolators.Plan) {
		p.RootFS, p.Path, p.Argv = root, "/bin/busybox", append([]string{"busybox"}, p.Argv...)
	})
	want := "both\nptmx\nabsent\n"
	if other != "" {
		want += "deep\n"
	}
	if said != want {
		t.Errorf("it said %q, want %q", said, want)
	}
}

func TestModes(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("the agent runs as root where there is linux/devices")
	}
	i, err := devices.NewLinux(settings(t, allowed("/dev/null", false, false), allowed("/dev/null", true, false), allowed("/dev/null", false, true), allowed("/dev/null", true, true)))
	if err != nil {
		t.Fatal(err)
	}
	plan := &isolators.Plan{RootFS: "/image"}
	if err := i.Prepare(t.Context(), &isolators.Container{}, plan); err != nil {
		t.Fatal(err)
	}
	for n, want := range []uint32{0o600, 0o644, 0o622, 0o666} {
		if d := plan.Devices[n]; d.Mode != want || d.Type != 'c' || d.Major != 1 || d.Minor != 3 || d.Path != "/dev/null" {
			t.Errorf("%+v, want mode %o", d, want)
		}
	}
	plan = &isolators.Plan{}
	if err := i.Prepare(t.Context(), &isolators.Container{}, plan); err != nil || len(plan.Devices) > 0 {
		t.Errorf("with the machine's root: %+v, %v", plan.Devices, err)
	}
}

func TestDevicesThatAreRefused(t *testing.T) {
	for sentence, a := range map[string]*mesospb.DeviceAccess{
		"Whitelisted device has no device path provided": {Device: &mesospb.Device{Number: &mesospb.Device_Number{MajorNumber: proto.Uint64(1), MinorNumber: proto.Uint64(3)}}, Access: &mesospb.DeviceAccess_Access{}},
		"'/dev/none' is not a block or character device": allowed("/dev/none", true, true),
		"'/dev/shm' is not a block or character device":  allowed("/dev/shm", true, true),
		"'/etc/passwd' is not below /dev":                allowed("/dev/../etc/passwd", true, true),
	} {
		if _, err := devices.NewLinux(settings(t, a)); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%v, want %s", err, sentence)
		}
	}
}

func TestExam(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder: isolators.Builder{Names: []string{"linux/devices"}, New: devices.NewLinux},
		Needs:   []exam.Need{exam.Root},
		Settings: func(s *isolators.Settings) {
			s.Launcher, s.Isolation, s.AllowedDevices = "linux", []string{"filesystem/linux"}, &mesospb.DeviceWhitelist{AllowedDevices: []*mesospb.DeviceAccess{allowed("/dev/zero", true, true)}}
		},
	})
}
