package filesystem_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/launch"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

var linux = isolators.Builder{Names: []string{"filesystem/linux"}, New: filesystem.NewLinux}

func TestLinux(t *testing.T) {
	disk := t.TempDir() // with the volumes, as they are: made when they are created
	for _, id := range []string{"first", "second"} {
		must(t, os.MkdirAll(filepath.Join(disk, "volumes/roles/web", id), 0o755))
	}
	volume := func(c *isolators.Container, id, at string) {
		c.Resources = append(c.Resources, &mesospb.Resource{Name: proto.String("disk"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)},
			Reservations: []*mesospb.Resource_ReservationInfo{{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("web")}},
			Disk: &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: &id},
				Source: &mesospb.Resource_DiskInfo_Source{Type: mesospb.Resource_DiskInfo_Source_PATH.Enum(), Path: &mesospb.Resource_DiskInfo_Source_Path{Root: &disk}},
				Volume: &mesospb.Volume{ContainerPath: &at, Mode: mesospb.Volume_RW.Enum()}}})
	}
	inside := func(x *exam.Box, name string) string {
		text, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(x.PID()), "root", x.Container.Sandbox, name))
		return string(text)
	}
	exam.Take(t, exam.Case{
		Builder: linux,
		Needs:   []exam.Need{exam.Root, exam.Kernel(5, 12)},
		Settings: func(s *isolators.Settings) {
			s.Launcher, s.Isolation = "linux", []string{"filesystem/linux"}
		},
		Container: func(c *isolators.Container) { volume(c, "first", "data") },
		Script:    "echo here > data/told; sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			exam.Eventually(t, "the container writes into its volume", func() bool { return inside(x, "data/told") == "here\n" })
			if text, err := os.ReadFile(filepath.Join(disk, "volumes/roles/web/first/told")); string(text) != "here\n" {
				t.Errorf("in the volume is %q, %v", text, err)
			}
		},
		Update: func(c *isolators.Container) { volume(c, "second", "more/data") },
		Updated: func(t *testing.T, x *exam.Box) {
			if err := os.WriteFile(filepath.Join(disk, "volumes/roles/web/second/name"), []byte("second"), 0o644); err != nil {
				t.Fatal(err)
			}
			if text := inside(x, "more/data/name"); text != "second" {
				t.Errorf("the second volume shows %q", text)
			}
		},
		Refused: map[string]func(*isolators.Container){
			"a volume outside of the sandbox": func(c *isolators.Container) { volume(c, "first", "../data") },
			"a volume on top of the sandbox":  func(c *isolators.Container) { volume(c, "first", ".") },
			"a volume that is not there":      func(c *isolators.Container) { volume(c, "none", "more") },
		},
		Borne: map[string]func(*isolators.Container){
			"a link where its volume belongs": func(c *isolators.Container) { _ = os.Symlink("/etc", filepath.Join(c.Sandbox, "data")) },
		},
		Harmed: func(t *testing.T, x *exam.Box) {
			if _, err := os.Stat(filepath.Join("/proc", strconv.Itoa(x.PID()), "root/etc/told")); err == nil {
				t.Error("the volume is on /etc")
			}
		},
	})
}

// boxed is a container that runs a script, behind filesystem/linux and namespaces/pid.
func boxed(t *testing.T, m *machine, script string) (isolators.Chain, *isolators.Container) {
	t.Helper()
	exam.Skip(t, exam.Root, exam.Kernel(5, 12))
	pid, err := namespaces.NewPID(m.Settings)
	must(t, err)
	c := m.container(t, "box", nil)
	c.Command = &mesospb.CommandInfo{Value: proto.String(script)}
	return isolators.Chain{m.linux(t), pid}, c
}

// run runs the script as the first process itself.
func run(t *testing.T, chain isolators.Chain, c *isolators.Container, edit func(*isolators.Plan)) (string, int) {
	t.Helper()
	return exam.Run(t, append(chain, alone{}), c, edit)
}

// alone has no first process beside the program.
type alone struct{ isolators.Nothing }

func (alone) Name() string { return "alone" }
func (alone) Prepare(_ context.Context, _ *isolators.Container, p *isolators.Plan) error {
	p.Init = false
	return nil
}

func TestTheAgentsDirectoriesAreHidden(t *testing.T) {
	m := newMachine(t)
	secret := filepath.Join(m.WorkDir, "meta/secret")
	other := m.container(t, "other", nil)
	must(t, os.MkdirAll(filepath.Dir(secret), 0o755), os.WriteFile(secret, []byte("x"), 0o644), os.WriteFile(filepath.Join(other.Sandbox, "mine"), nil, 0o644))
	chain, c := boxed(t, m, "ls -R "+m.WorkDir+" "+m.RuntimeDir+"; cat "+secret+" "+other.Sandbox+"/mine; echo done > told; touch "+m.WorkDir+"/stray")
	said, _ := run(t, chain, c, nil)
	if strings.Contains(said, "other") && !strings.Contains(said, "No such file") || strings.Contains(said, "secret\n") {
		t.Errorf("it sees %s", said)
	}
	if n := strings.Count(said, "No such file"); n != 2 {
		t.Errorf("%d of 2 files of others were not found: %s", n, said)
	}
	if text, err := os.ReadFile(filepath.Join(c.Sandbox, "told")); string(text) != "done\n" {
		t.Errorf("the sandbox is not its own: %q, %v", text, err)
	}
	if _, err := os.Stat(filepath.Join(m.WorkDir, "stray")); err == nil {
		t.Error("what it wrote there reached the machine")
	}
}

// A user writes into volumes, one that is shared too, and several containers with one image run at the same time.
func TestAUserWritesIntoVolumes(t *testing.T) {
	m := newMachine(t)
	root := image(t)
	must(t, os.Chmod(filepath.Dir(m.WorkDir), 0o755), os.Chmod(filepath.Dir(filepath.Dir(m.WorkDir)), 0o755), os.Chmod(filepath.Dir(root), 0o755))
	for _, rootFS := range []string{"", root} {
		chain, c := boxed(t, m, "echo x > own/file; echo y > shared/file; cat own/file shared/file; echo told > told")
		c.UID, c.GID = 1001, 1002
		must(t, os.Chown(c.Sandbox, 1001, 1002))
		c.Resources = []*mesospb.Resource{m.volume(t, "v1", "own"), m.volume(t, "v2", "shared", shared)}
		said, code := run(t, chain, c, func(p *isolators.Plan) {
			if p.RootFS = rootFS; rootFS != "" {
				p.Env = []string{"PATH=/bin"}
				must(t, errors.Join(os.Remove(root+"/bin/sh"), os.Symlink("busybox", root+"/bin/sh"), os.Symlink("busybox", root+"/bin/cat")))
			}
		})
		if said != "x\ny\n" || code != 0 {
			t.Errorf("it said %q and ended with %d", said, code)
		}
		if is := owner(t, filepath.Join(m.data("v1"), "file")); is[0] != 1001 {
			t.Errorf("what it wrote belongs to %v", is)
		}
	}
}

// What Mesos masks for containers with an image is masked for all: /proc and /sys are the machine's.
func TestTheMachineIsMasked(t *testing.T) {
	chain, c := boxed(t, newMachine(t), `cat /proc/timer_list | wc -c; cat /proc/keys | wc -c; ls /sys/firmware | wc -l
for f in /proc/sys/kernel/hostname /proc/sysrq-trigger; do (: > $f) 2>/dev/null && echo wrote $f; done; echo tried`)
	if said, _ := run(t, chain, c, nil); said != "0\n0\n0\ntried\n" {
		t.Errorf("it said %q", said)
	}
	chain, c = boxed(t, newMachine(t), "grep -c . /proc/keys; test -w /proc/sys/kernel/hostname && echo privileged")
	c.Info.LinuxInfo = &mesospb.LinuxInfo{SharePidNamespace: proto.Bool(true)}
	if said, _ := run(t, chain, c, nil); !strings.Contains(said, "privileged") {
		t.Errorf("one that shares the machine's pid namespace said %q", said)
	}
}

// What a container mounts reaches neither the machine nor another container.
func TestMountsDoNotGetOut(t *testing.T) {
	m := newMachine(t)
	place := t.TempDir()
	chain, c := boxed(t, m, "mount -t tmpfs own "+place+" && touch "+place+"/inside && ls "+place+"")
	if said, _ := run(t, chain, c, nil); !strings.Contains(said, "inside") {
		t.Fatalf("it could not mount: %s", said)
	}
	if left, _ := os.ReadDir(place); len(left) > 0 {
		t.Error("the mount is the machine's too")
	}
}

// image is a root file system with a shell.
func image(t *testing.T) string {
	t.Helper()
	exam.Skip(t, exam.Program("busybox"))
	dir := t.TempDir()
	for _, d := range []string{"bin", "etc"} {
		must(t, os.Mkdir(filepath.Join(dir, d), 0o755))
	}
	for _, where := range []string{"/bin/busybox", "/usr/bin/busybox"} {
		if program, err := os.ReadFile(where); err == nil {
			must(t, os.WriteFile(filepath.Join(dir, "bin/busybox"), program, 0o755), os.Symlink("busybox", filepath.Join(dir, "bin/sh")))
			return dir
		}
	}
	t.Skip("missing here: busybox in /bin or /usr/bin")
	return ""
}

func TestARootOfItsOwn(t *testing.T) {
	m := newMachine(t)
	chain, c := boxed(t, m, `/bin/busybox --install -s /bin; pwd; echo $MESOS_SANDBOX; ls /; cat data/name; echo x > data/name; ls /dev; stat -c %t:%T /dev/null; cat /proc/1/comm; wc -c < /proc/keys
test -e `+m.WorkDir+` && echo leak; echo told > told; touch /dev/shm/x && echo shm; touch /sys/kernel/x 2>/dev/null && echo sys`)
	c.Resources = []*mesospb.Resource{m.volume(t, "v", "data", readonly)}
	root := image(t)
	said, code := run(t, chain, c, func(p *isolators.Plan) { p.RootFS = root })
	for _, want := range []string{"/mnt/mesos/sandbox\n/mnt/mesos/sandbox\n", "v", "can't create data/name", "null", "1:3\n", "\n0\nshm\n"} {
		if !strings.Contains(said, want) {
			t.Errorf("%q is not in what it said", want)
		}
	}
	if strings.Contains(said, "leak") || strings.Contains(said, "shm\nsys") || t.Failed() {
		t.Errorf("it said, with %d: %s", code, said)
	}
	if text, err := os.ReadFile(filepath.Join(c.Sandbox, "told")); string(text) != "told\n" {
		t.Errorf("in the sandbox is %q, %v", text, err)
	}
}

// An image brings links where file systems belong, and one that leads to the machine. Nothing is made outside of the root.
func TestNoLinkLeadsOutOfTheRoot(t *testing.T) {
	m := newMachine(t)
	for _, name := range []string{"dev", "mnt", "proc", "mnt/mesos"} {
		out, root := t.TempDir(), image(t)
		must(t, os.MkdirAll(filepath.Join(root, filepath.Dir(name)), 0o755), os.Symlink(out, filepath.Join(root, name)))
		chain, c := boxed(t, m, "echo ran")
		plan := &isolators.Plan{RootFS: root, Path: "/bin/sh", Argv: []string{"sh", "-c", "echo ran"}}
		must(t, chain.Prepare(ctx, c, plan))
		plan.Init = false
		if child, err := launch.Start(plan, launch.Files{}); err == nil {
			c.PID = child.PID
			must(t, chain.Isolate(ctx, c))
			t.Logf("%s is a link: %v", name, child.Go())
			child.Kill()
			_, _, _ = child.Wait()
		}
		if left, _ := os.ReadDir(out); len(left) > 0 {
			t.Errorf("%s is a link, and made outside was %v", name, left)
		}
		must(t, chain.Cleanup(ctx, c))
	}
}

func TestPosixExam(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder:   isolators.Builder{Names: []string{"filesystem/posix"}, New: filesystem.NewPosix},
		Container: func(c *isolators.Container) {},
		Refused:   map[string]func(*isolators.Container){"volumes": func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{{}} }},
	})
}
