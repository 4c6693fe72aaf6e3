package filesystem_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestLinuxPlan(t *testing.T) {
	m := newMachine(t)
	i := m.linux(t)
	prepared := func(c *isolators.Container, p isolators.Plan) *isolators.Plan {
		t.Helper()
		must(t, i.Prepare(ctx, c, &p))
		return &p
	}
	t.Run("hides the agent's directories but for the sandbox", func(t *testing.T) {
		c := m.container(t, "c", nil)
		p := prepared(c, isolators.Plan{Path: filepath.Join(m.WorkDir, "bin/executor"), Dir: c.Sandbox})
		for _, dir := range []string{m.WorkDir, m.RuntimeDir} {
			if got, _ := mounted(p, dir); got.Type != "tmpfs" {
				t.Errorf("%s: %+v", dir, p.Mounts)
			}
		}
		if got, _ := mounted(p, c.Sandbox); got.Source != c.Sandbox || got.Flags != unix.MS_BIND|unix.MS_REC {
			t.Errorf("the sandbox: %+v", got)
		}
		if got, _ := mounted(p, p.Path); got.Source != p.Path || got.Flags&unix.MS_RDONLY == 0 {
			t.Errorf("the program: %+v", got)
		}
		if p.Namespaces != unix.CLONE_NEWNS || p.Dir != c.Sandbox {
			t.Errorf("%+v", p)
		}
	})
	t.Run("takes the sandbox of a nested container from that of its parent", func(t *testing.T) {
		parent := m.container(t, "p", nil)
		c := m.container(t, "p.c", parent)
		if got, _ := mounted(prepared(c, isolators.Plan{}), c.Sandbox); got.From != parent.Sandbox || got.Source != "containers/p.c" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("masks what the kernel shows of the machine", func(t *testing.T) {
		c := m.container(t, "m", nil)
		p := prepared(c, isolators.Plan{})
		if !slices.Contains(p.Masked, "/proc/kcore") || !slices.Contains(p.Masked, "/sys/firmware") || !slices.Contains(p.Readonly, "/proc/sys") {
			t.Errorf("%v %v", p.Masked, p.Readonly)
		}
		c.Info.LinuxInfo = &mesospb.LinuxInfo{SharePidNamespace: proto.Bool(true)}
		nested := m.container(t, "m.n", c)
		nested.Info.LinuxInfo = c.Info.LinuxInfo
		for _, c := range []*isolators.Container{c, nested} {
			if p := prepared(c, isolators.Plan{}); len(p.Masked)+len(p.Readonly) > 0 {
				t.Errorf("%s is privileged: %v %v", c.ID, p.Masked, p.Readonly)
			}
		}
		c.Info.LinuxInfo = nil
		if p := prepared(nested, isolators.Plan{}); len(p.Masked) == 0 {
			t.Error("one that shares the namespace of a container that has its own is not privileged")
		}
	})
	t.Run("makes what every root has", func(t *testing.T) {
		c := m.container(t, "r", nil)
		p := prepared(c, isolators.Plan{RootFS: "/image", Dir: filepath.Join(c.Sandbox, "deep"), Env: []string{"A=b", "MESOS_SANDBOX=" + c.Sandbox}})
		for target, kind := range map[string]string{"/proc": "proc", "/sys": "sysfs", "/dev": "tmpfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs", "/mnt/mesos/sandbox": "bind"} {
			if got, _ := mounted(p, target); got.Type != kind {
				t.Errorf("%s: %+v", target, got)
			}
		}
		if _, ok := mounted(p, m.WorkDir); ok {
			t.Error("there is nothing to hide")
		}
		if p.Dir != "/mnt/mesos/sandbox/deep" || !slices.Equal(p.Env, []string{"A=b", "MESOS_SANDBOX=/mnt/mesos/sandbox"}) {
			t.Errorf("%s %v", p.Dir, p.Env)
		}
		if n := slices.IndexFunc(p.Devices, func(d isolators.Device) bool { return d.Path == "/dev/null" }); n < 0 || p.Devices[n].Type != 'c' || p.Devices[n].Major != 1 || p.Devices[n].Minor != 3 || len(p.Devices) != 6 {
			t.Errorf("%+v", p.Devices)
		}
	})
	t.Run("refuses a debug container what is not its parent's", func(t *testing.T) {
		c := m.container(t, "r.d", m.container(t, "r", nil))
		c.Debug = true
		if err := i.Prepare(ctx, c, &isolators.Plan{RootFS: "/image"}); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "A 'rootfs' cannot be set for DEBUG containers") {
			t.Error(err)
		}
		c.Info.Volumes = []*mesospb.Volume{{}}
		if err := i.Prepare(ctx, c, &isolators.Plan{}); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "Volumes not supported for DEBUG containers") {
			t.Error(err)
		}
		c.Info.Volumes = nil
		born(t, i, c.Parent)
		p := prepared(c, isolators.Plan{})
		if len(p.Join) != 1 || p.Join[0].Kind != unix.CLONE_NEWNS || p.Join[0].Inode == 0 || p.Namespaces != 0 || len(p.Mounts) > 0 {
			t.Errorf("%+v", p)
		}
	})
}

func TestVolumesOfContainers(t *testing.T) {
	m := newMachine(t)
	i := m.linux(t)
	c := m.container(t, "c", nil)
	must(t, os.Chown(c.Sandbox, 65534, 65533))
	c.Resources = []*mesospb.Resource{m.volume(t, "v1", "data"), m.volume(t, "v2", "deep/down", readonly)}
	p := &isolators.Plan{}
	must(t, i.Prepare(ctx, c, p))
	if got, _ := mounted(p, "data"); got.From != m.WorkDir || got.Source != "volumes/roles/web/v1" || got.Within != c.Sandbox || got.Flags&unix.MS_RDONLY != 0 {
		t.Errorf("%+v", got)
	}
	if got, _ := mounted(p, "deep/down"); got.Flags&unix.MS_RDONLY == 0 {
		t.Errorf("to be read only: %+v", got)
	}
	for _, name := range []string{m.data("v1"), m.data("v2"), c.Sandbox + "/data", c.Sandbox + "/deep", c.Sandbox + "/deep/down"} {
		if is := owner(t, name); is != [2]int{65534, 65533} {
			t.Errorf("%s belongs to %v", name, is)
		}
	}
	if is := owner(t, m.data("v1")+"/name"); is != [2]int{0, 0} {
		t.Errorf("what was in the volume belongs to %v", is)
	}
	must(t, i.Cleanup(ctx, c), i.Cleanup(ctx, c))
	if left, err := os.ReadDir(c.Sandbox); err != nil || len(left) != 1 { // deep is the sandbox's own
		t.Errorf("left in the sandbox: %v, %v", left, err)
	}
	if _, err := os.Stat(m.data("v1") + "/name"); err != nil {
		t.Error(err)
	}
}

func TestVolumesThatAreRefused(t *testing.T) {
	m := newMachine(t)
	i := m.linux(t)
	out := t.TempDir()
	for _, at := range []string{"../x", "/etc", ".", "a/../..", ""} {
		c := m.container(t, "c", nil)
		c.Resources = []*mesospb.Resource{m.volume(t, "v", at)}
		if err := i.Prepare(ctx, c, &isolators.Plan{}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("at %q: %v", at, err)
		}
	}
	c := m.container(t, "l", nil)
	must(t, os.Symlink(out, filepath.Join(c.Sandbox, "way")))
	c.Resources = []*mesospb.Resource{m.volume(t, "v", "way/data")}
	if err := i.Prepare(ctx, c, &isolators.Plan{}); err == nil {
		t.Error("through a link out of the sandbox")
	}
	if left, _ := os.ReadDir(out); len(left) > 0 {
		t.Error("something was made outside")
	}
	must(t, os.RemoveAll(m.data("v")), os.Symlink(out, m.data("v")))
	c.Resources[0].Disk.Volume.ContainerPath = proto.String("data")
	if err := i.Prepare(ctx, c, &isolators.Plan{}); !errors.Is(err, fault.ErrDenied) {
		t.Errorf("a volume that is a link: %v", err)
	}
}

// A shared volume that one container uses is not given to another one. Nothing is ever given to root.
func TestWhoVolumesBelongTo(t *testing.T) {
	m := newMachine(t)
	i := m.linux(t)
	use := func(id string, uid int) *isolators.Container {
		c := m.container(t, id, nil)
		must(t, os.Chown(c.Sandbox, uid, uid))
		c.Resources = []*mesospb.Resource{m.volume(t, "v", "data", shared)}
		must(t, i.Prepare(ctx, c, &isolators.Plan{}))
		return c
	}
	first := use("1", 1001)
	second := use("2", 1002)
	if is := owner(t, m.data("v")); is[0] != 1001 {
		t.Errorf("while it is in use it was given to %v", is)
	}
	i = m.linux(t)
	must(t, i.Recover(ctx, []*isolators.Container{first}))
	use("3", 1003)
	if is := owner(t, m.data("v")); is[0] != 1001 {
		t.Errorf("after a restart it was given to %v", is)
	}
	for _, c := range []*isolators.Container{first, second, m.container(t, "3", nil)} {
		must(t, i.Cleanup(ctx, c))
	}
	use("4", 0)
	if is := owner(t, m.data("v")); is[0] != 1001 {
		t.Errorf("root was given it: %v", is)
	}
	must(t, i.Cleanup(ctx, m.container(t, "4", nil)))
	use("5", 1005)
	if is := owner(t, m.data("v")); is[0] != 1005 {
		t.Errorf("whom it belongs to then: %v", is)
	}
}

// Tasks come and go in an executor that runs: their volumes do in its namespace, and the machine sees none of it.
func TestVolumesComeAndGoWhileAContainerRuns(t *testing.T) {
	m := newMachine(t)
	i := m.linux(t)
	c := m.container(t, "c", nil)
	must(t, os.Chown(c.Sandbox, 1001, 1001), i.Prepare(ctx, c, &isolators.Plan{}))
	inside := born(t, i, c)
	table, err := mounts.Read("self")
	must(t, err)
	before := len(table)
	check := func(i isolators.Isolator, want map[string]string) {
		t.Helper()
		must(t, i.Update(ctx, c), i.Update(ctx, c))
		for _, at := range []string{"one", "two/deep"} {
			text, err := os.ReadFile(filepath.Join(inside, at, "name"))
			if string(text) != want[at] || (err == nil) != (want[at] != "") {
				t.Errorf("at %s is %q, %v, want %q", at, text, err, want[at])
			}
		}
		if table, err := mounts.Read("self"); err != nil || len(table) != before {
			t.Errorf("the machine had %d mounts and has %d, %v", before, len(table), err)
		}
	}
	c.Resources = []*mesospb.Resource{m.volume(t, "v1", "one")}
	check(i, map[string]string{"one": "v1"})
	c.Resources = append(c.Resources, m.volume(t, "v2", "two/deep", readonly))
	next := m.linux(t)
	must(t, next.Recover(ctx, []*isolators.Container{c}))
	check(next, map[string]string{"one": "v1", "two/deep": "v2"})
	if is := owner(t, m.data("v2")); is[0] != 1001 {
		t.Errorf("the volume belongs to %v", is)
	}
	if err := os.WriteFile(filepath.Join(inside, "two/deep/new"), nil, 0o644); !errors.Is(err, unix.EROFS) {
		t.Errorf("what is to be read only: %v", err)
	}
	c.Resources = c.Resources[1:]
	check(next, map[string]string{"two/deep": "v2"})
	c.Resources = []*mesospb.Resource{m.volume(t, "v3", "one")} // another one in its place
	check(next, map[string]string{"one": "v3"})
	if _, err := os.Stat(filepath.Join(c.Sandbox, "two/deep")); !os.IsNotExist(err) {
		t.Errorf("its place is left: %v", err)
	}
	// An agent that died before it wrote down what it had mounted mounts it again.
	saved := filepath.Join(c.State, "filesystem-linux")
	text, err := os.ReadFile(saved)
	must(t, err)
	must(t, os.WriteFile(saved, []byte(strings.Replace(string(text), `"volumes/roles/web/v3"`, `"volumes/roles/web/v1"`, 1)), 0o600))
	check(m.linux(t), map[string]string{"one": "v3"})
	for _, id := range []string{"v1", "v2", "v3"} {
		if _, err := os.Stat(filepath.Join(m.data(id), "name")); err != nil {
			t.Errorf("the data of %s: %v", id, err)
		}
	}
}

// A task that is faster than the agent makes a link of the place for a volume. What is mounted is in the sandbox or nowhere.
func TestAVolumeIsNotLedAstray(t *testing.T) {
	m := newMachine(t)
	i := m.linux(t)
	c := m.container(t, "c", nil)
	must(t, i.Prepare(ctx, c, &isolators.Plan{}))
	inside := born(t, i, c)
	must(t, os.Symlink("/etc", filepath.Join(c.Sandbox, "data")))
	c.Resources = []*mesospb.Resource{m.volume(t, "v", "data")}
	if err := i.Update(ctx, c); err == nil {
		t.Error("it was mounted")
	}
	if _, err := os.Stat(strings.TrimSuffix(inside, c.Sandbox) + "/etc/name"); err == nil {
		t.Error("it covers /etc")
	}
}

func TestOrigin(t *testing.T) {
	m := newMachine(t)
	c := m.container(t, "c", nil)
	c.Resources = []*mesospb.Resource{m.volume(t, "v", "data", readonly)}
	for name, want := range map[string][2]string{"x": {c.Sandbox, "x"}, "data": {m.WorkDir, "volumes/roles/web/v"}, "data/a/b": {m.data("v"), "a/b"}, "database": {c.Sandbox, "database"}, "a/../data": {m.WorkDir, "volumes/roles/web/v"}} {
		root, dir, ro, err := filesystem.Origin(c, m.WorkDir, name)
		if err != nil || root != want[0] || dir != want[1] || ro != (root != c.Sandbox) {
			t.Errorf("%s: %s %s %v, %v", name, root, dir, ro, err)
		}
	}
}

// A task swaps the place for a volume and a link that leads out while the agent mounts and unmounts there. Nothing is ever
// mounted, or taken away, outside of the sandbox.
func TestASwapOfLinksLeadsNoVolumeAstray(t *testing.T) {
	m := newMachine(t)
	i := m.linux(t)
	c := m.container(t, "c", nil)
	must(t, i.Prepare(ctx, c, &isolators.Plan{}))
	inside := born(t, i, c)
	out := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(c.Sandbox, "way/data"), 0o755), os.MkdirAll(filepath.Join(out, "data"), 0o755), os.Symlink(out, filepath.Join(c.Sandbox, "trap")))
	theirs := strings.TrimSuffix(inside, c.Sandbox) + out
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			default:
				_ = unix.Renameat2(unix.AT_FDCWD, c.Sandbox+"/way", unix.AT_FDCWD, c.Sandbox+"/trap", unix.RENAME_EXCHANGE)
			}
		}
	}()
	v, done, refused := m.volume(t, "v", "way/data"), 0, 0
	for n := 0; n < 5000 && (done < 100 || refused < 100); n++ {
		c.Resources = nil
		if n%2 == 0 {
			c.Resources = []*mesospb.Resource{v}
		}
		if i.Update(ctx, c) == nil {
			done++
		} else {
			refused++
		}
		if _, err := os.Stat(filepath.Join(theirs, "data/name")); err == nil {
			t.Fatal("the volume is outside of the sandbox")
		}
	}
	close(stop)
	<-stopped
	t.Logf("%d changes were made, %d refused", done, refused)
	if _, err := os.Stat(filepath.Join(out, "data")); err != nil || done == 0 {
		t.Errorf("outside: %v; %d changes were made", err, done)
	}
	if _, err := os.Stat(filepath.Join(m.data("v"), "name")); err != nil {
		t.Errorf("the volume: %v", err)
	}
}
