package launch

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

var nsFiles = []struct {
	kind uintptr
	name string
}{
	{unix.CLONE_NEWNET, "net"}, {unix.CLONE_NEWIPC, "ipc"}, {unix.CLONE_NEWUTS, "uts"}, {unix.CLONE_NEWCGROUP, "cgroup"}, {unix.CLONE_NEWUSER, "user"}, {unix.CLONE_NEWPID, "pid"}, {unix.CLONE_NEWNS, "mnt"},
}

// of are the namespaces of a process of these kinds.
func of(t *testing.T, pid int, kinds uintptr) []isolators.Namespace {
	t.Helper()
	var all []isolators.Namespace
	for _, k := range nsFiles {
		if kinds&k.kind == 0 {
			continue
		}
		n := isolators.Namespace{Kind: k.kind, Path: fmt.Sprintf("/proc/%d/ns/%s", pid, k.name)}
		var st unix.Stat_t
		if err := unix.Stat(n.Path, &st); err != nil {
			t.Fatal(err)
		}
		n.Inode = st.Ino
		all = append(all, n)
	}
	return all
}

func sameNamespaces(t *testing.T, a, b int, kinds uintptr) {
	t.Helper()
	for i, n := range of(t, a, kinds) {
		if m := of(t, b, kinds)[i]; m.Inode != n.Inode {
			t.Errorf("%s is %d, %s is %d", n.Path, n.Inode, m.Path, m.Inode)
		}
	}
}

// living is a container that runs until the test ends.
func living(t *testing.T, plan *isolators.Plan) *Child {
	t.Helper()
	c, err := Start(plan, Files{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Kill(); c.Wait() })
	if err := c.Go(); err != nil {
		t.Fatal(err)
	}
	return c
}

const subordinate = 200000

func mapped(p *isolators.Plan) *isolators.Plan {
	p.Namespaces |= unix.CLONE_NEWUSER
	p.UIDs = []isolators.IDMap{{Inside: 0, Outside: subordinate, Size: 65536}}
	p.GIDs = p.UIDs
	p.UID, p.GID = 0, 0
	return p
}

func TestNamespaces(t *testing.T) {
	root(t)
	t.Run("are new", func(t *testing.T) {
		p := shell("exec sleep 600")
		p.Namespaces = private | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP
		c := living(t, p)
		for i, n := range of(t, c.PID, p.Namespaces) {
			if m := of(t, os.Getpid(), p.Namespaces)[i]; m.Inode == n.Inode {
				t.Errorf("%s is the test's own", n.Path)
			}
		}
		sameNamespaces(t, c.PID, os.Getpid(), unix.CLONE_NEWUSER)
	})
	t.Run("have users of their own", func(t *testing.T) {
		said, status := run(t, mapped(shell("id -u; cat /proc/self/uid_map | tr -s ' '; grep CapEff /proc/self/status; echo x >/root/x || echo refused")))
		if !strings.HasPrefix(said, "0\n 0 200000 65536\nCapEff:\t000001ffffffffff\n") || !strings.HasSuffix(said, "refused\n") || status != 0 {
			t.Errorf("%q, %v", said, status)
		}
	})
	t.Run("that exist are entered", func(t *testing.T) {
		p := shell("exec sleep 600")
		p.Namespaces = private | unix.CLONE_NEWNET | unix.CLONE_NEWCGROUP
		p.Hostname = "parent"
		parent := living(t, p)
		kinds := p.Namespaces
		q := shell("hostname; exec sleep 600")
		q.Join = of(t, parent.PID, kinds)
		c := living(t, q)
		sameNamespaces(t, c.PID, parent.PID, kinds)
		if c.StartTicks == 0 || c.PID == parent.PID {
			t.Errorf("%+v", c)
		}
		// Children of the container are in the namespace, but only whoever is born in it has a number there.
		if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID)); err != nil || !strings.Contains(string(b), "NSpid:\t") || len(strings.Fields(line(string(b), "NSpid:"))) != 3 {
			t.Errorf("%s, %v", line(string(b), "NSpid:"), err)
		}
	})
	t.Run("with users that exist are entered", func(t *testing.T) {
		p := mapped(shell("exec sleep 600"))
		p.Namespaces |= private | unix.CLONE_NEWNET
		parent := living(t, p)
		q := shell("id -u; hostname inside && hostname; exec sleep 600")
		q.Join = of(t, parent.PID, p.Namespaces)
		c := living(t, q)
		sameNamespaces(t, c.PID, parent.PID, p.Namespaces)
		if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID)); strings.Fields(line(string(b), "Uid:"))[1] != fmt.Sprint(subordinate) {
			t.Error(line(string(b), "Uid:"))
		}
		// A mount namespace of its own, of the parent's users.
		q.Join, q.Namespaces = of(t, parent.PID, p.Namespaces&^unix.CLONE_NEWNS), unix.CLONE_NEWNS
		q.Mounts = []isolators.Mount{{Type: "tmpfs", Target: "/tmp"}}
		c = living(t, q)
		sameNamespaces(t, c.PID, parent.PID, p.Namespaces&^unix.CLONE_NEWNS)
	})
	t.Run("of processes are new inside of one that exists", func(t *testing.T) {
		p := shell("exec sleep 600")
		p.Namespaces = unix.CLONE_NEWPID
		parent := living(t, p)
		q := shell("exec sleep 600")
		q.Join, q.Namespaces = of(t, parent.PID, unix.CLONE_NEWPID), unix.CLONE_NEWPID|unix.CLONE_NEWNS
		c := living(t, q)
		if b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.PID)); len(strings.Fields(line(string(b), "NSpid:"))) != 4 {
			t.Error("it has not three numbers: ", line(string(b), "NSpid:"))
		}
		status := make(chan syscall.WaitStatus)
		go func() { s, _, _ := c.Wait(); status <- s }()
		parent.Kill()
		if s := <-status; s.Signal() != unix.SIGKILL {
			t.Error("it outlives the namespace that it is in: ", s)
		}
	})
	t.Run("with new users may be the machine's", func(t *testing.T) {
		p := shell("exec sleep 600")
		p.Namespaces = unix.CLONE_NEWNET
		parent := living(t, p)
		q := mapped(shell("exec sleep 600"))
		q.Join = of(t, parent.PID, unix.CLONE_NEWNET)
		sameNamespaces(t, living(t, q).PID, parent.PID, unix.CLONE_NEWNET)
	})
	t.Run("of somebody else by now are refused", func(t *testing.T) {
		for _, kind := range []uintptr{unix.CLONE_NEWNET, unix.CLONE_NEWPID} {
			for _, users := range []bool{false, true} {
				q := shell("true")
				if users {
					if kind == unix.CLONE_NEWPID {
						continue
					}
					q = mapped(q)
				}
				q.Join = of(t, os.Getpid(), kind)
				q.Join[0].Inode++
				if err := refused(t, q); !strings.Contains(err.Error(), "by now") {
					t.Error(err)
				}
			}
		}
	})
	t.Run("that are gone are refused", func(t *testing.T) {
		q := shell("true")
		q.Join = []isolators.Namespace{{Kind: unix.CLONE_NEWPID, Path: "/proc/0/ns/pid"}}
		if err := refused(t, q); !errors.Is(err, fault.ErrNotFound) || !strings.Contains(err.Error(), "/proc/0/ns/pid") {
			t.Error(err)
		}
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
