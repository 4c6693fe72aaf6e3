package seccomp

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/capabilities"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/privileges"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// profiles writes some into a directory.
func profiles(t *testing.T, texts map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const (
	noUname = `{"defaultAction": "SCMP_ACT_ALLOW", "archMap": [], "syscalls": [{"names": ["uname"], "action": "SCMP_ACT_ERRNO", "args": [], "includes": {}, "excludes": {}}]}`
	// Those who may send raw packets may not ask for the machine's name.
	rawNoUname = `{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["uname"], "action": "SCMP_ACT_ERRNO", "includes": {"caps": ["CAP_NET_RAW"]}}]}`
	anything   = `{"defaultAction": "SCMP_ACT_ALLOW"}`
)

func asks(s *mesospb.SeccompInfo) func(*isolators.Container) {
	return func(c *isolators.Container) {
		if c.Info.LinuxInfo == nil {
			c.Info.LinuxInfo = &mesospb.LinuxInfo{}
		}
		c.Info.LinuxInfo.Seccomp = s
	}
}

func named(name string) *mesospb.SeccompInfo { return &mesospb.SeccompInfo{ProfileName: &name} }

func TestNew(t *testing.T) {
	dir := profiles(t, map[string]string{"bad": "{}", "none": noUname})
	for shows, c := range map[string]struct {
		settings isolators.Settings
		refused  string
	}{
		"without root":           {isolators.Settings{SeccompConfigDir: dir}, "requires root permissions"},
		"without a directory":    {isolators.Settings{Root: true}, "Missing required `--seccomp_config_dir` flag"},
		"with a name but no dir": {isolators.Settings{Root: true, SeccompProfileName: "none"}, "Missing required `--seccomp_config_dir` flag"},
		"a profile that is none": {isolators.Settings{Root: true, SeccompConfigDir: dir, SeccompProfileName: "bad"}, "Failed to parse Seccomp profile '" + dir + "/bad': Cannot determine 'defaultAction'"},
		"no such profile":        {isolators.Settings{Root: true, SeccompConfigDir: dir, SeccompProfileName: "other"}, "Failed to read Seccomp profile file '" + dir + "/other'"},
		"a profile":              {isolators.Settings{Root: true, SeccompConfigDir: dir, SeccompProfileName: "none"}, ""},
		"no profile":             {isolators.Settings{Root: true, SeccompConfigDir: dir}, ""},
		"the built-in one":       {isolators.Settings{Root: true, SeccompProfileName: "default"}, ""},
	} {
		_, err := New(c.settings)
		if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused) || !errors.Is(err, fault.ErrInvalid)) {
			t.Errorf("%s: %v", shows, err)
		}
	}
}

// A name is a stranger's word: it leads to a file in the directory or nowhere.
func TestNoNameLeadsOut(t *testing.T) {
	dir := profiles(t, map[string]string{"in": anything})
	if err := os.WriteFile(filepath.Join(filepath.Dir(dir), "out"), []byte(anything), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("../out", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	i, err := New(isolators.Settings{Root: true, SeccompConfigDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../out", "link", "/etc/passwd", "..", ".", "", "in/../../out"} {
		c := &isolators.Container{Info: &mesospb.ContainerInfo{}}
		asks(named(name))(c)
		if err := i.Prepare(context.Background(), c, &isolators.Plan{}); err == nil {
			t.Errorf("%q was read", name)
		}
	}
}

// code is how a script ends under a profile.
func ends(t *testing.T, s isolators.Settings, script string, wish func(*isolators.Container), before ...isolators.Builder) (string, int) {
	t.Helper()
	s.Root = true
	var chain isolators.Chain
	for _, b := range append(before, Builder) {
		i, err := b.New(s)
		if err != nil {
			t.Fatal(err)
		}
		chain = append(chain, i)
	}
	c := &isolators.Container{ID: "c", Info: &mesospb.ContainerInfo{}, Command: &mesospb.CommandInfo{Value: &script}, Sandbox: t.TempDir(), State: t.TempDir()}
	if wish != nil {
		wish(c)
	}
	return exam.Run(t, chain, c, nil)
}

func TestProfiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be an agent with filters")
	}
	dir := profiles(t, map[string]string{"none": noUname, "raw": rawNoUname, "any": anything})
	s := isolators.Settings{SeccompConfigDir: dir}
	name := func(n string) isolators.Settings { s := s; s.SeccompProfileName = n; return s }
	const ask = "uname >/dev/null 2>&1"
	t.Run("without one everything goes", func(t *testing.T) {
		if said, code := ends(t, s, ask, nil); code != 0 {
			t.Error(said, code)
		}
	})
	t.Run("of the agent", func(t *testing.T) {
		if said, code := ends(t, name("none"), ask, nil); code == 0 {
			t.Error(said, code)
		}
	})
	t.Run("of the container instead", func(t *testing.T) {
		if said, code := ends(t, name("none"), ask, asks(named("any"))); code != 0 {
			t.Error(said, code)
		}
		if said, code := ends(t, name("any"), ask, asks(named("none"))); code == 0 {
			t.Error(said, code)
		}
	})
	t.Run("that does not exist", func(t *testing.T) {
		i, err := New(func() isolators.Settings { s := name("any"); s.Root = true; return s }())
		if err != nil {
			t.Fatal(err)
		}
		c := &isolators.Container{Info: &mesospb.ContainerInfo{}}
		asks(named("absent"))(c)
		if err := i.Prepare(context.Background(), c, &isolators.Plan{}); err == nil || !strings.Contains(err.Error(), "Failed to read Seccomp profile file") {
			t.Error(err)
		}
	})
	t.Run("unconfined", func(t *testing.T) {
		if said, code := ends(t, name("none"), ask, asks(&mesospb.SeccompInfo{Unconfined: proto.Bool(true)})); code != 0 {
			t.Error(said, code)
		}
	})
	t.Run("with rules for those who have a capability", func(t *testing.T) {
		caps := func(list ...mesospb.CapabilityInfo_Capability) func(*isolators.Container) {
			return func(c *isolators.Container) {
				c.Info.LinuxInfo = &mesospb.LinuxInfo{BoundingCapabilities: &mesospb.CapabilityInfo{Capabilities: append(list, mesospb.CapabilityInfo_DAC_OVERRIDE)}}
			}
		}
		if said, code := ends(t, name("raw"), ask, caps(mesospb.CapabilityInfo_NET_RAW), capabilities.Builder); code == 0 {
			t.Error(said, code)
		}
		if said, code := ends(t, name("raw"), ask, caps(), capabilities.Builder); code != 0 {
			t.Error(said, code)
		}
	})
	t.Run("Docker's lets a shell work and keeps the kernel's doors shut", func(t *testing.T) {
		built := isolators.Settings{SeccompProfileName: DefaultName}
		said, code := ends(t, built, `uname >/dev/null && ls / >/dev/null && grep '^Seccomp:' /proc/self/status`, nil)
		if code != 0 || !strings.Contains(said, "Seccomp:\t2\n") {
			t.Error(said, code)
		}
		// Without CAP_SYS_ADMIN in the bounding set these calls are not even asked about.
		wish := func(c *isolators.Container) {
			c.Info.LinuxInfo = &mesospb.LinuxInfo{BoundingCapabilities: &mesospb.CapabilityInfo{Capabilities: []mesospb.CapabilityInfo_Capability{mesospb.CapabilityInfo_DAC_OVERRIDE}}}
		}
		for _, door := range []string{"unshare -U true", "unshare -r true", "mount -t tmpfs none /mnt"} {
			if said, code := ends(t, built, door, wish, capabilities.Builder); code == 0 {
				t.Errorf("%s: %s", door, said)
			}
		}
	})
	t.Run("as another user without any right", func(t *testing.T) {
		for _, before := range [][]isolators.Builder{nil, {privileges.Builder}} {
			said, code := ends(t, name("none"), `id -u; uname >/dev/null 2>&1 || echo refused; grep -E '^(Cap(Prm|Eff)|NoNewPrivs)' /proc/self/status`,
				func(c *isolators.Container) { c.UID, c.GID = 65534, 65534; c.Sandbox = "/" }, before...)
			want := "65534\nrefused\nCapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nNoNewPrivs:\t" + map[bool]string{true: "1", false: "0"}[before != nil] + "\n"
			if said != want || code != 0 {
				t.Errorf("%q, %d; want %q", said, code, want)
			}
		}
	})
}

func TestExam(t *testing.T) {
	dir := profiles(t, map[string]string{"none": noUname})
	exam.Take(t, exam.Case{
		Builder: Builder, Needs: []exam.Need{exam.Root},
		Settings: func(s *isolators.Settings) { s.SeccompConfigDir, s.SeccompProfileName = dir, DefaultName },
		Running: func(t *testing.T, x *exam.Box) {
			if !strings.Contains(x.Proc(t, "status"), "Seccomp:\t2\n") {
				t.Error(x.Proc(t, "status"))
			}
		},
		Nested: asks(named("none")),
		NestedRunning: func(t *testing.T, x *exam.Box) {
			if !strings.Contains(x.Proc(t, "status"), "Seccomp_filters:\t1\n") {
				t.Error(x.Proc(t, "status"))
			}
		},
		Refused: map[string]func(*isolators.Container){
			"neither a name nor unconfined": asks(&mesospb.SeccompInfo{}),
			"a name and unconfined":         asks(&mesospb.SeccompInfo{ProfileName: proto.String("none"), Unconfined: proto.Bool(true)}),
			"no such profile":               asks(named("absent")),
		},
		Borne: map[string]func(*isolators.Container){
			"a name that leads out": asks(named("../../../../etc/passwd")),
		},
	})
}
