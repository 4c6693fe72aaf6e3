package cni

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/launch"
	"github.com/meseta-io/meseta/isolators/network/netns"
)

// stranger is what the stranger's program reads: the namespace of another container, a port of the machine, and the name of
// an abstract socket of the machine.
const stranger = "MESETA_CNI_STRANGER"

// tries are what strangers do to get out of their network. Each has to fail.
var tries = []struct {
	shows string
	do    func(ns, port, name string) error
}{
	{"a raw socket", func(string, string, string) error { return open(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP) }},
	{"a raw socket of IPv6", func(string, string, string) error { return open(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6) }},
	{"a packet socket", func(string, string, string) error { return open(unix.AF_PACKET, unix.SOCK_RAW, 0) }},
	{"the network of another container", func(ns, _, _ string) error { return netns.Do(ns, func() error { return nil }) }},
	{"the network of the machine", func(string, string, string) error { return netns.Do("/proc/1/ns/net", func() error { return nil }) }},
	{"a network of its own in its own", func(string, string, string) error { return unix.Unshare(unix.CLONE_NEWNET) }},
	{"a service on the machine's loopback", func(_, port, _ string) error {
		c, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			c.Close()
		}
		return err
	}},
	{"an abstract socket of the machine", func(_, _, name string) error {
		c, err := net.Dial("unix", "@"+name)
		if err == nil {
			c.Close()
		}
		return err
	}},
	{"another address", func(string, string, string) error {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		r, _ := unix.NewIfreq("lo")
		return errors.Join(r.SetInet4Addr([]byte{10, 7, 0, 9}), unix.IoctlIfreq(s, unix.SIOCSIFADDR, r))
	}},
	{"writing its hosts", func(string, string, string) error {
		_ = unix.Mount("", "/etc/hosts", "", unix.MS_REMOUNT|unix.MS_BIND, "")
		f, err := os.OpenFile("/etc/hosts", os.O_WRONLY|os.O_APPEND, 0)
		if err == nil {
			f.Close()
		}
		return err
	}},
	{"taking away what is over its hosts", func(string, string, string) error { return unix.Unmount("/etc/hosts", unix.MNT_DETACH) }},
}

func open(family, kind, protocol int) error {
	s, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err == nil {
		unix.Close(s)
	}
	return err
}

// estrange is the stranger's program: it says how each try ended.
func estrange(with string) {
	f := strings.Split(with, " ")
	for _, x := range tries {
		fmt.Printf("%s: %v\n", x.shows, x.do(f[0], f[1], f[2]))
	}
	os.Exit(0)
}

// TestStrangersStayInTheirNetwork tries it as nobody, and as root without the rights that containers get only when an operator
// allows them.
func TestStrangersStayInTheirNetwork(t *testing.T) {
	few := &isolators.Capabilities{}
	for _, cap := range []int{unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_KILL, unix.CAP_SETGID, unix.CAP_SETUID, unix.CAP_NET_BIND_SERVICE} {
		few.Bounding |= 1 << cap
	}
	few.Permitted, few.Effective, few.Inheritable = few.Bounding, few.Bounding, few.Bounding
	for _, x := range []struct {
		shows string
		uid   int
		caps  *isolators.Capabilities
	}{{"nobody", 65534, nil}, {"root with few rights", 0, few}} {
		t.Run(x.shows, func(t *testing.T) {
			w := newWorld(t)
			w.fake("fake", answer)
			w.network("net", "fake", "")
			i := w.agent()
			if _, err := w.prepared(i, w.container("victim", nil, joins("net"))); err != nil {
				t.Fatal(err)
			}
			plan, err := w.prepared(i, w.container("stranger", nil, joins("net")))
			if err != nil {
				t.Fatal(err)
			}
			lo, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer lo.Close()
			abstract := fmt.Sprintf("meseta-test-%d", os.Getpid())
			un, err := net.Listen("unix", "@"+abstract)
			if err != nil {
				t.Fatal(err)
			}
			defer un.Close()
			_, port, _ := net.SplitHostPort(lo.Addr().String())
			plan.UID, plan.GID, plan.Capabilities = x.uid, x.uid, x.caps
			plan.Path, plan.Argv, plan.Dir = program(t), []string{"stranger"}, "/"
			plan.Env = append(plan.Env, stranger+"="+i.store.ns("victim")+" "+port+" "+abstract)
			said := runs(t, plan)
			for _, try := range tries {
				if !strings.Contains(said, try.shows+": ") || strings.Contains(said, try.shows+": <nil>") {
					t.Errorf("%s: it got it", try.shows)
				}
			}
			t.Log(said)
		})
	}
}

// program is this test's binary where everybody may run it.
func program(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "stranger")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "program")
	if err := errors.Join(os.Chmod(dir, 0o755), os.WriteFile(path, b, 0o755)); err != nil {
		t.Fatal(err)
	}
	return path
}

// runs carries a plan out to its end, and returns what it said.
func runs(t *testing.T, plan *isolators.Plan) string {
	t.Helper()
	exam.Skip(t, exam.Root)
	r, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	child, err := launch.Start(plan, launch.Files{Stdout: out, Stderr: out})
	out.Close()
	if err != nil {
		t.Fatal(err)
	}
	defer child.Wait()
	defer child.Kill()
	if err := child.Go(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	if _, err := io.Copy(&said, r); err != nil {
		t.Fatal(err)
	}
	return said.String()
}
