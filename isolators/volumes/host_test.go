package volumes_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/mounts"
	"github.com/meseta-io/meseta/isolators/volumes"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestHostPath(t *testing.T) {
	m := newMachine(t, nil)
	host, at := t.TempDir(), t.TempDir()
	must(t, os.WriteFile(filepath.Join(host, "file"), []byte("from the host\n"), 0o644), os.WriteFile(filepath.Join(at, "file"), []byte("covered\n"), 0o644))
	t.Run("a directory at a path of the machine", func(t *testing.T) {
		c := m.container(t, "c", nil, "cat "+at+"/file; touch "+at+"/new", hostPath(host, at))
		if said := m.run(t, c, nil); said != "from the host\n" {
			t.Errorf("it said %q", said)
		}
		if _, err := os.Stat(filepath.Join(host, "new")); err != nil {
			t.Error(err)
		}
		if text, _ := os.ReadFile(filepath.Join(at, "file")); string(text) != "covered\n" {
			t.Errorf("the machine finds %q", text)
		}
	})
	t.Run("a directory in the sandbox", func(t *testing.T) {
		c := m.container(t, "s", nil, "cat deep/er/file", hostPath(host, "deep/er"))
		must(t, os.Chown(c.Sandbox, 1001, 1002))
		if said := m.run(t, c, nil); said != "from the host\n" {
			t.Errorf("it said %q", said)
		}
	})
	t.Run("a file at a path of the machine", func(t *testing.T) {
		if said := m.run(t, m.container(t, "f", nil, "cat "+at+"/file", hostPath(host+"/file", at+"/file")), nil); said != "from the host\n" {
			t.Errorf("it said %q", said)
		}
	})
	t.Run("a file in the sandbox", func(t *testing.T) {
		if said := m.run(t, m.container(t, "g", nil, "cat deep/file", legacy(host+"/file", "deep/file")), nil); said != "from the host\n" {
			t.Errorf("it said %q", said)
		}
	})
	t.Run("read only", func(t *testing.T) {
		c := m.container(t, "r", nil, "cat ro/file; touch ro/never ro/below/never; touch "+host+"/ever", readonly(hostPath(host, "ro")))
		must(t, os.Mkdir(filepath.Join(host, "below"), 0o755))
		if said := m.run(t, c, nil); strings.Count(said, "Read-only file system") != 2 || !strings.HasPrefix(said, "from the host\n") {
			t.Errorf("it said %q", said)
		}
	})
	t.Run("in a root of its own", func(t *testing.T) {
		c := m.container(t, "i", nil, "cat /data/deep/file /etc/one sub/file; touch /data/deep/fromimage", hostPath(host, "/data/deep"), hostPath(host+"/file", "/etc/one"), hostPath(host, "sub"))
		if said := m.run(t, c, in(image(t))); said != strings.Repeat("from the host\n", 3) {
			t.Errorf("it said %q", said)
		}
		if _, err := os.Stat(filepath.Join(host, "fromimage")); err != nil {
			t.Error(err)
		}
	})
	t.Run("what is already there", func(t *testing.T) {
		p := &isolators.Plan{}
		must(t, m.chain.Prepare(ctx, m.container(t, "h", nil, "", hostPath(host, host)), p))
		for _, one := range p.Mounts {
			if one.Source == host {
				t.Errorf("%+v", one)
			}
		}
	})
}

func TestHostPathIsMadeWhereThatIsAllowed(t *testing.T) {
	top, out := t.TempDir(), t.TempDir()
	m := newMachine(t, func(s *isolators.Settings) { s.HostPathVolumeForceCreation = []string{top + "/a", top + "/b/"} })
	c := m.container(t, "c", nil, "touch data/file", hostPath(top+"/a/b/../c", "data"))
	if said := m.run(t, c, nil); said != "" {
		t.Error(said)
	}
	if _, err := os.Stat(top + "/a/c/file"); err != nil {
		t.Error(err)
	}
	if said := m.run(t, m.container(t, "d", nil, "ls data", hostPath(top+"/b", "data")), nil); said != "" {
		t.Error(said)
	}
	for _, name := range []string{"/c", "/ab", "/a/../c"} {
		err := m.refusal(t, m.container(t, "e", nil, "", hostPath(top+name, "data")), "")
		if !errors.Is(err, fault.ErrDenied) || !strings.Contains(err.Error(), "is not whitelisted for creation") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Who may write below has made a link, so that a directory would be made elsewhere.
	must(t, os.Symlink(out, top+"/a/link"))
	if err := m.refusal(t, m.container(t, "f", nil, "", hostPath(top+"/a/link/new", "data")), ""); err == nil {
		t.Error("through a link")
	}
	if left, _ := os.ReadDir(out); len(left) > 0 {
		t.Errorf("made elsewhere: %v", left)
	}
	s := m.Settings
	s.HostPathVolumeForceCreation = []string{"relative"}
	if _, err := volumes.NewHostPath(s); !errors.Is(err, fault.ErrInvalid) {
		t.Error(err)
	}
}

func TestHostPathRefuses(t *testing.T) {
	m := newMachine(t, nil)
	host := t.TempDir()
	debug := m.container(t, "p.d", m.container(t, "p", nil, ""), "", hostPath(host, "data"))
	debug.Debug = true
	docker := m.container(t, "k", nil, "", hostPath(host, "data"))
	docker.Info.Type = mesospb.ContainerInfo_DOCKER.Enum()
	linked := m.container(t, "l", nil, "", hostPath(host, "way/data"))
	must(t, os.Symlink("/etc", filepath.Join(linked.Sandbox, "way")))
	for sentence, c := range map[string]*isolators.Container{
		"Path '/none' in HOST_PATH volume does not exist":                                                         m.container(t, "1", nil, "", hostPath("/none", "data")),
		"Path 'relative' in HOST_PATH volume is not absolute":                                                     m.container(t, "2", nil, "", hostPath("relative", "data")),
		"Mount point '/none/data' is an absolute path. It must exist if the container shares the host filesystem": m.container(t, "3", nil, "", hostPath(host, "/none/data")),
		"because it is not under a shared mount":                                                                  m.container(t, "4", nil, "", bidirectional(hostPath(private(t), "data"))),
		"leads out of its directory":                                                                              m.container(t, "5", nil, "", hostPath(host, "../../data")),
		"it is the sandbox itself":                                                                                m.container(t, "6", nil, "", hostPath(host, ".")),
		"Only support MESOS containers":                                                                           docker,
		"something that is not a directory is there":                                                              linked,
		"Invalid volume": m.container(t, "7", nil, "", &mesospb.Volume{ContainerPath: proto.String("data")}),
	} {
		if err := m.refusal(t, c, ""); err == nil || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%v, want %s", err, sentence)
		}
	}
	if err := m.chain[1].Prepare(ctx, debug, &isolators.Plan{}); err == nil || !strings.Contains(err.Error(), "HOST_PATH volume is not supported for DEBUG containers") {
		t.Error(err)
	}
	for sentence, edit := range map[string]func(*isolators.Settings){
		"root":             func(s *isolators.Settings) { s.Root = false },
		"'linux' launcher": func(s *isolators.Settings) { s.Launcher = "posix" },
		"'filesystem/linux' isolator must be used": func(s *isolators.Settings) { s.Isolation = nil },
	} {
		s := m.Settings
		edit(&s)
		if _, err := volumes.NewHostPath(s); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), sentence) {
			t.Errorf("%v, want %s", err, sentence)
		}
	}
}

// private is a directory on a mount that spreads nowhere; it is what most are, where no systemd says otherwise.
func private(t *testing.T) string {
	dir := t.TempDir()
	table, err := mounts.Read("self")
	must(t, err)
	if on, ok := table.Of(dir); ok && on.Shared != 0 {
		mountAt(t, dir, "private")
	}
	return dir
}

// What is mounted below a volume that spreads both ways is seen on the other side, and what is mounted elsewhere is not.
func TestMountPropagation(t *testing.T) {
	m := newMachine(t, nil)
	dir := t.TempDir()
	mountAt(t, dir, "shared")
	must(t, os.Mkdir(filepath.Join(dir, "out"), 0o755), os.Mkdir(filepath.Join(dir, "in"), 0o755))
	for _, both := range []bool{true, false} {
		v := hostPath(dir, "data")
		if both {
			v = bidirectional(v)
		}
		c := m.container(t, "c", nil, "mount -t tmpfs own data/out && touch data/out/seen && ls data/out", v)
		if said := m.run(t, c, nil); said != "seen\n" {
			t.Fatalf("it said %q", said)
		}
		if _, err := os.Stat(filepath.Join(dir, "out/seen")); (err == nil) != both {
			t.Errorf("both ways %v: the machine finds %v", both, err)
		}
		if both {
			unmount(t, filepath.Join(dir, "out"))
		}
	}
}

func TestHostPathExam(t *testing.T) {
	host := t.TempDir()
	must(t, os.WriteFile(filepath.Join(host, "file"), nil, 0o644))
	exam.Take(t, exam.Case{
		Builder:  isolators.Builder{Names: []string{"volume/host_path"}, New: volumes.NewHostPath},
		Before:   []isolators.Builder{{Names: []string{"filesystem/linux"}, New: filesystem.NewLinux}},
		Needs:    []exam.Need{exam.Root, exam.Kernel(5, 12)},
		Settings: func(s *isolators.Settings) { s.Launcher, s.Isolation = "linux", []string{"filesystem/linux"} },
		Container: func(c *isolators.Container) {
			c.Info.Volumes = []*mesospb.Volume{hostPath(host, "data"), readonly(hostPath("/etc", "more/etc"))}
		},
		Script: "ls data > listed; sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			if text := x.File(t, "listed"); text != "file\n" {
				t.Errorf("it found %q", text)
			}
		},
		Nested: func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{hostPath(host, "own")} },
		Refused: map[string]func(*isolators.Container){
			"what is not there":   func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{hostPath("/none", "data")} },
			"a place outside":     func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{hostPath(host, "../data")} },
			"a place with a null": func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{hostPath(host, "a\x00b")} },
			"no place":            func(c *isolators.Container) { c.Info.Volumes = []*mesospb.Volume{hostPath(host, "")} },
		},
	})
}
