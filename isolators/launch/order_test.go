package launch

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
)

// A process to be a container's is taken over before the packages of an agent initialise: only what the hook itself rests
// on, and what sorts before it and rests on no more, comes earlier. The heavy ones wait behind os at the least.
func TestNothingElseIsInitialised(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	run := func(env ...string) []string {
		cmd := exec.Command("/proc/self/exe", "-test.list", "^$")
		cmd.Env, cmd.ExtraFiles = append(env, "GODEBUG=inittrace=1"), []*os.File{null, null} // no steps: nobody wants it
		out, _ := cmd.CombinedOutput()
		var packages []string
		for line := range strings.Lines(string(out)) {
			if f := strings.Fields(line); len(f) > 2 && f[0] == "init" {
				packages = append(packages, f[1])
			}
		}
		return packages
	}
	before, all := run(birth.Marker+"=1"), run()
	if !slices.Contains(before, "syscall") || !slices.Contains(all, "google.golang.org/protobuf/types/descriptorpb") {
		t.Fatalf("the trace shows nothing: %v, %v", before, all)
	}
	for _, p := range before {
		if p == "os" || p == "fmt" || p == "time" || strings.HasPrefix(p, "github.com/") || strings.HasPrefix(p, "google.golang.org/") || strings.HasPrefix(p, "go.opentelemetry.io/") {
			t.Errorf("%s is initialised in every container", p)
		}
	}
	t.Logf("%d of %d packages", len(before), len(all))
}

// The order of steps is what keeps a container in.
func TestSteps(t *testing.T) {
	score := 500
	p := &isolators.Plan{
		Namespaces: private | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP, Join: nil,
		RootFS: "/r", Hostname: "h", Dir: "/", Path: "p", Env: []string{"PATH=/a::/b"}, Init: true,
		Mounts:   []isolators.Mount{{Type: "proc", Target: "/proc"}, {Type: "bind", Source: "/s", Target: "/t"}},
		Devices:  isolators.StandardDevices()[:1],
		Masked:   []string{"/proc/keys"},
		Readonly: []string{"/proc/sys"},
		UID:      7, Groups: []int{8}, Capabilities: &isolators.Capabilities{Effective: 2, Permitted: 2},
		Seccomp: allowing(1), Rlimits: []isolators.Rlimit{{Kind: unix.RLIMIT_CORE}}, OOMScore: &score,
		Sysctls: map[string]string{"net.ipv4.ip_unprivileged_port_start": "0"},
	}
	order := func(p *isolators.Plan) []birth.Op {
		t.Helper()
		s, err := compile(p, true, false)
		if err != nil {
			t.Fatal(err)
		}
		var ops []birth.Op
		for _, step := range s.list {
			if len(ops) == 0 || ops[len(ops)-1] != step.Op {
				ops = append(ops, step.Op)
			}
		}
		return ops
	}
	want := []birth.Op{birth.Unshare, birth.Sysctl, birth.Hostname, birth.Tree, birth.Spread, birth.Root, birth.Mount, birth.Device, birth.Link, birth.Mask, birth.Readonly,
		birth.Pivot, birth.Keyring, birth.Umask, birth.Dir, birth.Stay, birth.Rlimit, birth.Bounding, birth.KeepCaps, birth.Groups, birth.GID, birth.UID, birth.Caps, birth.Ambient,
		birth.CloseRest, birth.Seccomp, birth.Exec}
	if got := order(p); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	s, _ := compile(p, true, false)
	if caps := s.list[slices.IndexFunc(s.list, func(s birth.Step) bool { return s.Op == birth.Caps })]; caps.N[0] != 2|1<<unix.CAP_SYS_ADMIN || caps.N[2] != 0 {
		t.Errorf("a filter without no_new_privs needs CAP_SYS_ADMIN, and it must not be inheritable: %v", caps.N)
	}
	p.NoNewPrivileges = true
	s, _ = compile(p, true, false)
	if caps := s.list[slices.IndexFunc(s.list, func(s birth.Step) bool { return s.Op == birth.Caps })]; caps.N[0] != 2 {
		t.Errorf("with no_new_privs it does not: %v", caps.N)
	}
	if last := s.list[len(s.list)-1]; !slices.Equal(last.S[:3], []string{"/a/p", "./p", "/b/p"}) {
		t.Errorf("the program is looked for in %q", last.S[:last.N[0]])
	}
}
