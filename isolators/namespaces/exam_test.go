package namespaces_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/isolators/namespaces"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// taken is an exam of an isolator behind filesystem/linux.
func taken(t *testing.T, b isolators.Builder, c exam.Case) {
	t.Helper()
	c.Builder = b
	c.Before = append([]isolators.Builder{{Names: []string{"filesystem/linux"}, New: filesystem.NewLinux}}, c.Before...)
	c.Needs = []exam.Need{exam.Root, exam.Kernel(5, 12)}
	c.Settings = func(s *isolators.Settings) {
		s.Launcher, s.Isolation = "linux", []string{"filesystem/linux", "namespaces/ipc"}
		must(t, os.Chmod(filepath.Dir(filepath.Dir(s.WorkDir)), 0o755)) // others than root find their sandboxes
	}
	exam.Take(t, c)
}

// in is the namespace that a process is in.
func in(t *testing.T, pid int, kind string) string {
	t.Helper()
	name, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/ns/" + kind)
	must(t, err)
	return name
}

func apart(t *testing.T, x *exam.Box, kind string) {
	t.Helper()
	if in(t, x.PID(), kind) == in(t, os.Getpid(), kind) {
		t.Errorf("its %s namespace is the machine's", kind)
	}
}

// top is the first process of the container that this one is in.
func top(x *exam.Box) int { return x.Container.Top().PID }

// inside are the processes that see each other with one.
func inside(t *testing.T, x *exam.Box) (pids []string) {
	t.Helper()
	exam.Eventually(t, "the container tells what it sees", func() bool {
		text, _ := os.ReadFile(filepath.Join(x.Container.Sandbox, "seen"))
		pids = strings.Fields(string(text))
		return len(pids) > 0
	})
	return pids
}

const look = "ls -d /proc/[0-9]* > new; mv new seen; "

func TestPIDExam(t *testing.T) {
	taken(t, isolators.Builder{Names: []string{"namespaces/pid"}, New: namespaces.NewPID}, exam.Case{
		Script: look + "sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			apart(t, x, "pid")
			if pids := inside(t, x); len(pids) > 5 || !slices.Contains(pids, "/proc/1") {
				t.Errorf("it sees %v", pids)
			}
		},
		NestedRunning: func(t *testing.T, x *exam.Box) {
			apart(t, x, "pid")
			if in(t, x.PID(), "pid") == in(t, top(x), "pid") {
				t.Error("it is in its parent's")
			}
			if pids := inside(t, x); len(pids) > 5 {
				t.Errorf("it sees %v", pids)
			}
			// It is inside of its parent's: there it has a number, too.
			if fields := strings.Fields(line(x.Proc(t, "status"), "NSpid:")); len(fields) != 4 {
				t.Errorf("its numbers are %v", fields)
			}
		},
	})
}

func line(text, prefix string) string {
	for l := range strings.Lines(text) {
		if strings.HasPrefix(l, prefix) {
			return l
		}
	}
	return ""
}

func TestSharedPIDExam(t *testing.T) {
	shares := func(c *isolators.Container) {
		c.Info.LinuxInfo = &mesospb.LinuxInfo{SharePidNamespace: proto.Bool(true)}
	}
	taken(t, isolators.Builder{Names: []string{"namespaces/pid"}, New: namespaces.NewPID}, exam.Case{
		Script: look + "sleep 600",
		Nested: shares,
		NestedRunning: func(t *testing.T, x *exam.Box) {
			if in(t, x.PID(), "pid") != in(t, top(x), "pid") {
				t.Error("it is not in its parent's")
			}
			if pids := inside(t, x); len(pids) > 7 || !slices.Contains(pids, "/proc/1") {
				t.Errorf("it sees %v", pids)
			}
		},
		Borne: map[string]func(*isolators.Container){"the machine's": shares},
		Harmed: func(t *testing.T, x *exam.Box) {
			if in(t, x.PID(), "pid") != in(t, os.Getpid(), "pid") {
				t.Error("it asked for the machine's, and it was allowed")
			}
		},
	})
}

func TestIPCExam(t *testing.T) {
	mark := func(pid int) string { return "/proc/" + strconv.Itoa(pid) + "/root/dev/shm/mark" }
	taken(t, isolators.Builder{Names: []string{"namespaces/ipc"}, New: namespaces.NewIPC}, exam.Case{
		Container: func(c *isolators.Container) {
			c.Info.LinuxInfo = &mesospb.LinuxInfo{IpcMode: mesospb.LinuxInfo_PRIVATE.Enum(), ShmSize: proto.Uint32(8)}
		},
		Script: "df -k /dev/shm | tail -n 1 > new; mv new size; test -e /dev/shm/mark || echo mine > /dev/shm/mark; sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			apart(t, x, "ipc")
			if fields := strings.Fields(x.File(t, "size")); len(fields) < 2 || fields[1] != "8192" {
				t.Errorf("its shared memory is %v", fields)
			}
			exam.Eventually(t, "its shared memory can be written", func() bool { _, err := os.Stat(mark(x.PID())); return err == nil })
			if _, err := os.Stat("/dev/shm/mark"); err == nil {
				t.Error("the machine sees it")
			}
		},
		NestedRunning: func(t *testing.T, x *exam.Box) {
			if in(t, x.PID(), "ipc") != in(t, top(x), "ipc") {
				t.Error("it is not in its parent's")
			}
			if fields := strings.Fields(x.File(t, "size")); len(fields) < 2 || fields[1] != "8192" {
				t.Errorf("its shared memory is %v", fields)
			}
			mine, err := os.Stat(mark(x.PID()))
			parents, perr := os.Stat(mark(top(x)))
			must(t, err, perr)
			if !os.SameFile(mine, parents) {
				t.Error("its shared memory is not its parent's")
			}
		},
	})
	taken(t, isolators.Builder{Names: []string{"namespaces/ipc"}, New: namespaces.NewIPC}, exam.Case{
		Script: "echo mine > /dev/shm/mark; sleep 600",
		Nested: func(c *isolators.Container) {
			c.Info.LinuxInfo = &mesospb.LinuxInfo{IpcMode: mesospb.LinuxInfo_PRIVATE.Enum()}
		},
		NestedRunning: func(t *testing.T, x *exam.Box) {
			apart(t, x, "ipc")
			if in(t, x.PID(), "ipc") == in(t, top(x), "ipc") {
				t.Error("it is in its parent's")
			}
		},
		Borne: map[string]func(*isolators.Container){"the machine's": func(c *isolators.Container) {
			c.Info.LinuxInfo = &mesospb.LinuxInfo{IpcMode: mesospb.LinuxInfo_SHARE_PARENT.Enum()}
			c.Command.Value = proto.String("sleep 600")
		}},
		Harmed: func(t *testing.T, x *exam.Box) {
			if in(t, x.PID(), "ipc") != in(t, os.Getpid(), "ipc") {
				t.Error("it asked for the machine's, and it was allowed")
			}
		},
	})
}

func TestUTSExam(t *testing.T) {
	host, err := os.Hostname()
	must(t, err)
	taken(t, isolators.Builder{Names: []string{"namespaces/uts"}, New: namespaces.NewUTS}, exam.Case{
		Container: func(c *isolators.Container) {
			c.Info.LinuxInfo = &mesospb.LinuxInfo{SharePidNamespace: proto.Bool(true)}
		}, // which may write there
		Script: "echo boxed > /proc/sys/kernel/hostname; hostname > told; sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			apart(t, x, "uts")
			if said := x.File(t, "told"); said != "boxed\n" {
				t.Errorf("it is called %q", said)
			}
			if now, err := os.Hostname(); err != nil || now != host {
				t.Errorf("the machine is called %q, %v", now, err)
			}
		},
		NestedRunning: func(t *testing.T, x *exam.Box) {
			if in(t, x.PID(), "uts") != in(t, top(x), "uts") {
				t.Error("it is not in its parent's")
			}
		},
	})
}

func TestCgroupExam(t *testing.T) {
	taken(t, isolators.Builder{Names: []string{"namespaces/cgroup"}, New: namespaces.NewCgroup}, exam.Case{
		Running:       func(t *testing.T, x *exam.Box) { apart(t, x, "cgroup") },
		NestedRunning: func(t *testing.T, x *exam.Box) { apart(t, x, "cgroup") },
	})
}

// Root in a container with a user namespace is nobody on the machine, and can write its sandbox.
func TestUserExam(t *testing.T) {
	taken(t, isolators.Builder{Names: []string{"namespaces/user"}, New: namespaces.NewUser}, exam.Case{
		Script: "id -u > new; (: > /etc/hostname) 2>/dev/null && echo wrote >> new; mv new told; sleep 600",
		Running: func(t *testing.T, x *exam.Box) {
			apart(t, x, "user")
			if said := x.File(t, "told"); said != "0\n" {
				t.Errorf("it said %q", said)
			}
			if fields := strings.Fields(line(x.Proc(t, "status"), "Uid:")); len(fields) < 2 || fields[1] == "0" {
				t.Errorf("on the machine it is %v", fields)
			}
		},
		Refused: map[string]func(*isolators.Container){
			"the machine's pid namespace": func(c *isolators.Container) {
				c.Info.LinuxInfo = &mesospb.LinuxInfo{SharePidNamespace: proto.Bool(true)}
			},
		},
	})
}
