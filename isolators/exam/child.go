package exam

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch"
)

// forked is a Child that a shell stands in for until it is let go. It does of a plan what clone(2) does: the control group, the
// namespaces, the user. It is enough for isolators that ask for no more; the others' are born by the launcher.
type forked struct {
	cmd  *exec.Cmd
	gate *os.File
	plan *isolators.Plan
	once sync.Once
}

// waiter waits for one line on its third descriptor and becomes the program.
const waiter = `read -r _ <&3 || exit 125; exec 3<&-; exec "$@"`

// launched gives birth after a plan.
func launched(t *testing.T, plan *isolators.Plan, c *isolators.Container) Child {
	t.Helper()
	if plan.RootFS != "" || len(plan.Mounts)+len(plan.Join)+len(plan.Masked)+len(plan.Readonly)+len(plan.Devices)+len(plan.Seccomp)+len(plan.Rlimits) > 0 ||
		plan.Init || plan.Capabilities != nil || plan.NoNewPrivileges {
		return birth(t, plan, launch.Files{})
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", waiter, "sh", plan.Path}, plan.Argv[1:]...)...)
	cmd.Dir, cmd.Env, cmd.ExtraFiles = plan.Dir, plan.Env, []*os.File{r}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: plan.Namespaces}
	if plan.UID != os.Geteuid() {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(plan.UID), Gid: uint32(plan.GID)}
	}
	if plan.Cgroup != "" {
		dir, err := os.Open(plan.Cgroup)
		if err != nil {
			t.Fatal(err)
		}
		defer dir.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	if err := cmd.Start(); err != nil {
		w.Close()
		t.Fatal(err)
	}
	return &forked{cmd: cmd, gate: w, plan: plan}
}

// PID implements Child.
func (f *forked) PID() int { return f.cmd.Process.Pid }

// Go implements Child.
func (f *forked) Go() error {
	_, err := f.gate.WriteString("\n")
	return err
}

// Kill implements Child.
func (f *forked) Kill() {
	f.once.Do(func() {
		f.gate.Close()
		_ = unix.Kill(-f.PID(), unix.SIGKILL)
		_ = f.cmd.Wait()
		for members(f.plan.Cgroup, func(pid int) { _ = unix.Kill(pid, unix.SIGKILL) }) > 0 {
		}
	})
}

// members does something to everybody in a control group, and counts them. Who only waits to be waited for does not count.
func members(group string, do func(pid int)) (n int) {
	if group == "" {
		return 0
	}
	list, _ := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	for line := range strings.FieldsSeq(string(list)) {
		if pid, err := strconv.Atoi(line); err == nil && pid > 0 && pid != os.Getpid() && !zombie(pid) {
			do(pid)
			n++
		}
	}
	return n
}

func zombie(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	_, after, ok := strings.Cut(string(stat), ") ")
	return err != nil || !ok || strings.HasPrefix(after, "Z") || strings.HasPrefix(after, "X")
}
