package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// Whatever does not work is said with the thing, the reason and what the caller can do.
func TestFailures(t *testing.T) {
	notExecutable := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notExecutable, []byte("neither\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	nonsense := filepath.Join(t.TempDir(), "nonsense")
	if err := os.WriteFile(nonsense, []byte("neither\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*isolators.Plan)
		class  error
		says   string
		root   bool
	}{
		"no such program":             {func(p *isolators.Plan) { p.Path = "/no/such/program" }, fault.ErrNotFound, "run /no/such/program: there is no such file in the container", false},
		"no such command":             {func(p *isolators.Plan) { p.Path = "nosuch"; p.Env = []string{"PATH=/bin:/sbin"} }, fault.ErrNotFound, `run nosuch: command not found in any of ["/bin/nosuch" "/sbin/nosuch"]`, false},
		"not executable":              {func(p *isolators.Plan) { p.Path = notExecutable }, fault.ErrDenied, "it is not executable for the container's user", false},
		"not a program":               {func(p *isolators.Plan) { p.Path = nonsense }, fault.ErrInvalid, "neither a program for this machine nor a script", false},
		"too many arguments":          {func(p *isolators.Plan) { p.Argv = append(p.Argv, strings.Repeat("x", 1<<18)) }, fault.ErrInvalid, "larger than the kernel allows", false},
		"a zero byte":                 {func(p *isolators.Plan) { p.Argv = append(p.Argv, "a\x00b") }, fault.ErrInvalid, "a zero byte in an argument", false},
		"no such directory":           {func(p *isolators.Plan) { p.Dir = "/no/such/dir" }, fault.ErrNotFound, "work in /no/such/dir: no such file or directory", false},
		"nothing to run":              {func(p *isolators.Plan) { p.Path = "" }, fault.ErrInvalid, "it has no program to run", false},
		"a limit beyond the kernel's": {func(p *isolators.Plan) { p.Rlimits = []isolators.Rlimit{{Kind: 99, Soft: 1, Hard: 1}} }, fault.ErrInvalid, "limit 99 to 1, at most 1: invalid argument", false},
		"mounts on the machine":       {func(p *isolators.Plan) { p.Mounts = []isolators.Mount{{Type: "tmpfs", Target: "/tmp"}} }, fault.ErrInvalid, "want a new mount namespace", false},
		"the machine's hostname":      {func(p *isolators.Plan) { p.Hostname = "x" }, fault.ErrInvalid, "wants a new uts namespace", false},
		"no namespace":                {func(p *isolators.Plan) { p.Namespaces = 1 }, fault.ErrInvalid, "0x1 are no namespaces", false},
		"users without a map":         {func(p *isolators.Plan) { p.Namespaces = unix.CLONE_NEWUSER }, fault.ErrInvalid, "wants users and groups, 0 first", false},
		"the machine's sysctl":        {func(p *isolators.Plan) { p.Sysctls = map[string]string{"vm.overcommit_memory": "1"} }, fault.ErrInvalid, `sysctl "vm.overcommit_memory" is the whole machine's`, false},
		"a sysctl of no namespace":    {func(p *isolators.Plan) { p.Sysctls = map[string]string{"net.core.somaxconn": "1"} }, fault.ErrInvalid, "wants network namespaces of the container's own", false},
		"a sysctl that leads out":     {func(p *isolators.Plan) { p.Sysctls = map[string]string{"net/../vm.swappiness": "1"} }, fault.ErrInvalid, "the whole machine's, or none", false},
		"a filter too long":           {func(p *isolators.Plan) { p.Seccomp = allowing(4097) }, fault.ErrInvalid, "at most 4096 instructions", false},
		"to stay without a namespace": {func(p *isolators.Plan) { p.Init = true }, fault.ErrInvalid, "wants a new pid namespace", false},
		"no such control group":       {func(p *isolators.Plan) { p.Cgroup = "/sys/fs/cgroup/no/such" }, fault.ErrNotFound, "the container's control group /sys/fs/cgroup/no/such", false},
		"no control group":            {func(p *isolators.Plan) { p.Cgroup = "/tmp" }, nil, `in the control group "/tmp"`, true},
		"the machine's root":          {func(p *isolators.Plan) { p.Namespaces, p.RootFS = unix.CLONE_NEWNS, "/x/.." }, fault.ErrInvalid, `"/x/.." is no directory to be the root`, true},
		"no such root":                {func(p *isolators.Plan) { p.Namespaces, p.RootFS = unix.CLONE_NEWNS, "/no/such" }, fault.ErrNotFound, "make /no/such the root: no such file or directory", true},
		"no such file system": {func(p *isolators.Plan) {
			p.Namespaces, p.Mounts = unix.CLONE_NEWNS, []isolators.Mount{{Type: "nosuch", Target: "/mnt"}}
		}, nil, "mount nosuch on /mnt: no such device", true},
		"a filter that is none": {func(p *isolators.Plan) { p.Seccomp = []isolators.Instruction{{Code: 0xffff}} }, fault.ErrInvalid, "load a filter of system calls with 1 instructions: invalid argument", true},
		"two of a kind": {func(p *isolators.Plan) {
			p.Namespaces, p.Join = unix.CLONE_NEWNET, []isolators.Namespace{{Kind: unix.CLONE_NEWNET, Path: "/proc/self/ns/net"}}
		}, fault.ErrInvalid, "two network namespaces for one container", true},
		"capabilities beyond the bounding set": {func(p *isolators.Plan) {
			p.Capabilities = &isolators.Capabilities{Inheritable: 1} // and none in the bounding set
		}, fault.ErrDenied, "have the capabilities {}, and hand on {CHOWN}: operation not permitted; the agent lacks the right", true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.root {
				root(t)
			}
			p := shell("true")
			c.change(p)
			err := refused(t, p)
			if c.class != nil && !errors.Is(err, c.class) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%v; want %v, %q", err, c.class, c.says)
			}
		})
	}
}

func TestKilledWhileItWaits(t *testing.T) {
	c, err := Start(shell("true"), Files{})
	if err != nil {
		t.Fatal(err)
	}
	c.Kill()
	status, _, err := c.Wait()
	if err != nil || status.Signal() != unix.SIGKILL {
		t.Error(status, err)
	}
	if err := c.Go(); !errors.Is(err, fault.ErrUnavailable) || !strings.Contains(err.Error(), "was it killed?") {
		t.Error(err)
	}
	c.Kill() // nobody: its number may be somebody else's by now
	if _, _, err := c.Wait(); !errors.Is(err, fault.ErrConflict) {
		t.Error(err)
	}
}

// An agent that dies between birth and life leaves nothing: the process ends with its pipe.
func TestNobodyWantsIt(t *testing.T) {
	c, err := Start(shell("echo never"), Files{})
	if err != nil {
		t.Fatal(err)
	}
	c.plan.Close() // as the kernel does when the agent is gone
	status, _, err := c.Wait()
	if err != nil || !status.Exited() || status.ExitStatus() != 1 {
		t.Error(status, err)
	}
}

func TestOOMScoreAndLimits(t *testing.T) {
	score := 700
	p := shell("cat /proc/self/oom_score_adj; ulimit -c; ulimit -n; umask; grep -E '^Sig(Blk|Ign)' /proc/self/status")
	p.OOMScore = &score
	p.Rlimits = []isolators.Rlimit{{Kind: unix.RLIMIT_CORE}, {Kind: unix.RLIMIT_NOFILE, Soft: 77, Hard: 99}}
	if said, _ := run(t, p); said != "700\n0\n77\n0022\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n" {
		t.Errorf("%q", said)
	}
}
