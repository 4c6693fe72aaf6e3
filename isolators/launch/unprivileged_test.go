package launch

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// What a plan asks for that needs no root works without; what needs it is refused with a reason. Root has somebody else take
// this test.
func TestWithoutRoot(t *testing.T) {
	if os.Geteuid() == 0 {
		self, err := copied() // the binary's own directory may be root's alone
		if err != nil {
			t.Fatal(err)
		}
		defer self.Close()
		cmd := exec.Command(fmt.Sprintf("/proc/self/fd/%d", self.Fd()), "-test.run=^TestWithoutRoot$", "-test.v", "-test.timeout=60s")
		cmd.Dir, cmd.Env = "/", []string{"PATH=" + os.Getenv("PATH"), "TMPDIR=/tmp"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestWithoutRoot") {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	p := shell("id -u; ulimit -n; grep NoNewPrivs /proc/self/status")
	p.Rlimits = []isolators.Rlimit{{Kind: unix.RLIMIT_NOFILE, Soft: 50, Hard: 60}}
	p.NoNewPrivileges = true
	if said, status := run(t, p); said != fmt.Sprintf("%d\n50\nNoNewPrivs:\t1\n", os.Geteuid()) || status != 0 {
		t.Errorf("%q, %v", said, status)
	}
	p = shell("grep '^Seccomp:' /proc/self/status")
	p.NoNewPrivileges, p.Seccomp = true, allowing(3)
	if said, _ := run(t, p); said != "Seccomp:\t2\n" {
		t.Errorf("%q", said)
	}
	for name, change := range map[string]func(p *isolators.Plan){
		"run as user 0":                                      func(p *isolators.Plan) { p.UID = 0 },
		"have new mount namespaces":                          func(p *isolators.Plan) { p.Namespaces = unix.CLONE_NEWNS },
		"be given capabilities":                              func(p *isolators.Plan) { p.Capabilities = &isolators.Capabilities{} },
		"have a filter of system calls without no_new_privs": func(p *isolators.Plan) { p.Seccomp = allowing(1) },
	} {
		p := shell("true")
		change(p)
		if err := refused(t, p); !errors.Is(err, fault.ErrDenied) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "run the agent as root") {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("with users of its own", func(t *testing.T) {
		users := func(p *isolators.Plan) *isolators.Plan {
			p.Namespaces |= unix.CLONE_NEWUSER
			p.UIDs = []isolators.IDMap{{Inside: 0, Outside: os.Geteuid(), Size: 1}}
			p.GIDs = []isolators.IDMap{{Inside: 0, Outside: os.Getegid(), Size: 1}}
			p.UID, p.GID = 0, 0
			return p
		}
		if err := exec.Command("unshare", "-r", "true").Run(); err != nil {
			t.Skip("user namespaces are for root alone here: ", err)
		}
		q := users(boxed(t, "id -u; hostname; echo $$; ls /; cat /proc/keys | wc -c"))
		q.Mounts = append(q.Mounts[:2:2], q.Mounts[3:]...)
		if said, status := run(t, q); !strings.HasPrefix(said, "0\nbox\n1\nbin\n") || status != 0 {
			t.Errorf("%q, %v", said, status)
		}
		parent := living(t, users(shell("exec sleep 600")))
		j := shell("id -u")
		j.Join = of(t, parent.PID, unix.CLONE_NEWUSER)
		j.UID, j.GID = 0, 0
		if said, status := run(t, j); said != "0\n" || status != 0 {
			t.Errorf("%q, %v", said, status)
		}
	})
}
