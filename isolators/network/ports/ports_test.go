package ports

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/network/netns"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// listens is what the program in a container reads its addresses from.
const listens = "MESETA_PORTS_LISTEN"

// TestMain runs all tests in a network namespace of their own, so that ports are free, and is the program in containers.
func TestMain(m *testing.M) {
	const inside = "MESETA_PORTS_INSIDE"
	if addresses := os.Getenv(listens); addresses != "" {
		serve(strings.Split(addresses, ","))
	}
	if os.Geteuid() != 0 {
		os.Exit(m.Run())
	}
	if os.Getenv(inside) != "" {
		if err := netns.Up("lo"); err != nil {
			fmt.Fprintln(os.Stderr, "lo:", err)
			os.Exit(1)
		}
		os.Exit(m.Run())
	}
	c := exec.Command("/proc/self/exe", os.Args[1:]...)
	c.Stdin, c.Stdout, c.Stderr = os.Stdin, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), inside+"=1")
	c.SysProcAttr = &syscall.SysProcAttr{Unshareflags: unix.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	err := c.Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		os.Exit(exit.ExitCode())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "a network namespace for the tests:", err)
		os.Exit(1)
	}
}

// serve listens, says so in a file, and stays.
func serve(addresses []string) {
	var last net.Listener
	for _, a := range addresses {
		l, err := net.Listen("tcp", a)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		last = l
	}
	os.WriteFile("listens", []byte("yes"), 0o600)
	last.Accept()
	os.Exit(0)
}

// server is a script that listens.
func server(addresses string) string {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return listens + "=" + addresses + " exec " + exe
}

func ports(begin, end uint64) *mesospb.Resource {
	return &mesospb.Resource{Name: proto.String("ports"), Type: mesospb.Value_RANGES.Enum(),
		Ranges: &mesospb.Value_Ranges{Range: []*mesospb.Value_Range{{Begin: &begin, End: &end}}}}
}

func often(s *isolators.Settings) {
	s.Launcher, s.EnforceContainerPorts, s.ContainerPortsWatchInterval = "linux", true, 20*time.Millisecond
}

func TestExam(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder: Builder, Before: cgroups.Builders()[:1], Needs: []exam.Need{exam.Root}, Settings: often,
		Container: func(c *isolators.Container) { c.Resources = append(c.Resources, ports(31000, 31009)) },
		Breaks:    server("127.0.0.1:31000,[::1]:31010"),
		Limit:     mesospb.TaskStatus_REASON_CONTAINER_LIMITATION,
		Update:    func(c *isolators.Container) { c.Resources = []*mesospb.Resource{ports(31020, 31029)} },
	})
}

// story is a container that runs, by itself.
type story struct {
	*testing.T
	agent isolators.Chain
	s     isolators.Settings
	ns    string // where containers are; the tests' own network otherwise
}

func begin(t *testing.T, change func(s *isolators.Settings)) *story {
	t.Helper()
	exam.Skip(t, exam.Root)
	dir := t.TempDir()
	s := isolators.Settings{Root: true, WorkDir: filepath.Join(dir, "work"), RuntimeDir: filepath.Join(dir, "run"),
		CgroupsRoot: fmt.Sprintf("meseta-ports-%d-%s", os.Getpid(), strings.ReplaceAll(strings.ReplaceAll(t.Name(), "/", "-"), "'", ""))}
	often(&s)
	change(&s)
	for _, d := range []string{s.WorkDir, s.RuntimeDir} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { leave(t, s.CgroupsRoot) })
	st := &story{T: t, s: s, ns: "/proc/thread-self/ns/net"}
	st.restart()
	return st
}

// leave removes the control group of all containers, which an agent keeps.
func leave(t *testing.T, root string) {
	var all []string
	_ = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && slices.Contains(strings.Split(path, "/"), root) {
			all = append(all, path)
		}
		return nil
	})
	for _, path := range slices.Backward(all) {
		if err := os.Remove(path); err != nil {
			t.Error(err)
		}
	}
}

// restart is the next agent.
func (st *story) restart(alive ...*isolators.Container) {
	st.Helper()
	chain, err := isolators.Build(append(cgroups.Builders()[:1], Builder), []string{name}, st.s)
	if err == nil {
		err = chain.Recover(context.Background(), alive)
	}
	if err != nil {
		st.Fatal(err)
	}
	st.agent = chain
}

func none(*isolators.Settings) {}

// run starts a container that listens and has these resources, and does not watch it yet.
func (st *story) run(id string, parent *isolators.Container, addresses string, has ...*mesospb.Resource) *isolators.Container {
	st.Helper()
	c := &isolators.Container{ID: id, Parent: parent, Command: &mesospb.CommandInfo{}, Info: &mesospb.ContainerInfo{}, Resources: has, OwnCgroups: true,
		Sandbox: filepath.Join(st.s.WorkDir, id), State: filepath.Join(st.s.RuntimeDir, id)}
	plan := &isolators.Plan{}
	for _, d := range []string{c.Sandbox, c.State} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			st.Fatal(err)
		}
	}
	if err := st.agent.Prepare(context.Background(), c, plan); err != nil {
		st.Fatal(err)
	}
	cmd := exec.Command("/bin/sh", "-c", "read -r _; "+server(addresses))
	cmd.Dir, cmd.Stderr = c.Sandbox, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if plan.Cgroup != "" {
		dir, err := os.Open(plan.Cgroup)
		if err != nil {
			st.Fatal(err)
		}
		defer dir.Close()
		cmd.SysProcAttr.UseCgroupFD, cmd.SysProcAttr.CgroupFD = true, int(dir.Fd())
	}
	gate, err := cmd.StdinPipe()
	if err == nil {
		err = netns.Do(st.ns, cmd.Start)
	}
	if err != nil {
		st.Fatal(err)
	}
	c.PID = cmd.Process.Pid
	st.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if err := st.agent.Cleanup(context.Background(), c); err != nil {
			st.Error(err)
		}
	})
	if err := st.agent.Isolate(context.Background(), c); err != nil {
		st.Fatal(err)
	}
	fmt.Fprintln(gate)
	exam.Eventually(st.T, id+" listens", func() bool {
		_, err := os.Stat(filepath.Join(c.Sandbox, "listens"))
		return err == nil
	})
	return c
}

func (st *story) isolator() *Isolator { return st.agent[len(st.agent)-1].(*Isolator) }

// looks watches containers with the agent's own eyes twice, which is when something is told, and returns that.
func (st *story) looks(containers ...*isolators.Container) string {
	st.Helper()
	i := st.isolator()
	var told []string
	i.mu.Lock()
	for _, c := range containers {
		i.boxes[c.ID].limited = func(l isolators.Limitation) {
			if l.Reason != mesospb.TaskStatus_REASON_CONTAINER_LIMITATION || len(l.Resources) != 1 || l.Resources[0].GetName() != "ports" {
				st.Errorf("a limitation %+v", l)
			}
			told = append(told, l.Message)
		}
	}
	i.mu.Unlock()
	i.look()
	if len(told) > 0 {
		st.Errorf("told at the first look: %v", told)
	}
	i.look()
	i.look()
	return strings.Join(told, "\n")
}

func TestPorts(t *testing.T) {
	for _, x := range []struct {
		shows, addresses string
		change           func(s *isolators.Settings)
		has              []*mesospb.Resource
		want             string
	}{
		{"its own ports", "127.0.0.1:31000,[::]:31001", none, []*mesospb.Resource{ports(31000, 31001)}, ""},
		{"another port", "127.0.0.1:31000,127.0.0.1:31005", none, []*mesospb.Resource{ports(31000, 31001)}, "[31005-31005]"},
		{"another port of IPv6", "[::1]:31005", none, []*mesospb.Resource{ports(31000, 31001)}, "[31005-31005]"},
		{"no ports at all", "127.0.0.1:31000,127.0.0.1:31001,127.0.0.1:32000", none, nil, "[31000-31001, 32000-32000]"},
		{"nobody is ended", "127.0.0.1:31000", func(s *isolators.Settings) { s.EnforceContainerPorts = false }, nil, ""},
		{"within the range that counts", "127.0.0.1:5500", func(s *isolators.Settings) { s.ContainerPortsIsolatedRange = "[5000-6000]" }, nil, "[5500-5500]"},
		{"outside the range that counts", "127.0.0.1:7500", func(s *isolators.Settings) { s.ContainerPortsIsolatedRange = "[5000-6000]" }, nil, ""},
		{"a port that the agent offers", "127.0.0.1:31000", agentRange, nil, "[31000-31000]"},
		{"a port that the agent does not offer", "127.0.0.1:7500", agentRange, nil, ""},
	} {
		t.Run(x.shows, func(t *testing.T) {
			st := begin(t, x.change)
			c := st.run("box", nil, x.addresses, x.has...)
			want := x.want
			if want != "" {
				want = "Container box is listening on unallocated port(s): " + want
			}
			if got := st.looks(c); got != want {
				t.Errorf("told %q; want %q", got, want)
			}
		})
	}
}

func agentRange(s *isolators.Settings) {
	s.CheckAgentPortRangeOnly, s.AgentResources = true, []*mesospb.Resource{ports(31000, 32000)}
}

// A socket is found by who has it open where the kernel does not say of which group it is, as before Linux 5.8 and without
// a unified hierarchy.
func TestByProcess(t *testing.T) {
	st := begin(t, none)
	c := st.run("box", nil, "127.0.0.1:31005", ports(31000, 31001))
	st.isolator().boxes["box"].Cgroup = ""
	if got := st.looks(c); !strings.HasSuffix(got, "[31005-31005]") {
		t.Errorf("told %q", got)
	}
}

// Ports that come and go while a container runs.
func TestUpdate(t *testing.T) {
	st := begin(t, none)
	c := st.run("box", nil, "127.0.0.1:31005", ports(31005, 31005))
	if got := st.looks(c); got != "" {
		t.Errorf("told %q", got)
	}
	c.Resources = nil
	if err := st.agent.Update(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if got := st.looks(c); !strings.HasSuffix(got, "[31005-31005]") {
		t.Errorf("told %q", got)
	}
}

// A port that is nobody's for an instant, as between a task's end and the news of it, ends nothing.
func TestOneLookIsNotEnough(t *testing.T) {
	st := begin(t, none)
	c := st.run("box", nil, "127.0.0.1:31005")
	i := st.isolator()
	i.boxes["box"].limited = func(l isolators.Limitation) { t.Errorf("told %q", l.Message) }
	if !i.look() {
		t.Error("it does not look again soon")
	}
	c.Resources = []*mesospb.Resource{ports(31005, 31005)}
	if err := st.agent.Update(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	if i.look() {
		t.Error("there is nothing to be looked at again")
	}
}

// The ports of a pod are those of all in it, and who listens on others is the one that ends.
func TestNested(t *testing.T) {
	st := begin(t, none)
	outer := st.run("pod", nil, "127.0.0.1:31000", ports(31000, 31001))
	good := st.run("pod.good", outer, "127.0.0.1:31001")
	bad := st.run("pod.bad", outer, "127.0.0.1:31002")
	if got := st.looks(outer, good, bad); got != "Container pod.bad is listening on unallocated port(s): [31002-31002]" {
		t.Errorf("told %q", got)
	}
}

// The next agent knows good from bad, nested ones too.
func TestRecover(t *testing.T) {
	st := begin(t, none)
	good := st.run("good", nil, "127.0.0.1:31000", ports(31000, 31001))
	bad := st.run("bad", nil, "127.0.0.1:31002", ports(31003, 31003))
	nestedGood := st.run("good.good", good, "127.0.0.1:31001")
	nestedBad := st.run("good.bad", good, "127.0.0.1:31004")
	all := []*isolators.Container{good, bad, nestedGood, nestedBad}
	st.restart(all...)
	if got, want := st.looks(all...), "Container bad is listening on unallocated port(s): [31002-31002]\nContainer good.bad is listening on unallocated port(s): [31004-31004]"; got != want {
		t.Errorf("told %q; want %q", got, want)
	}
}

// A container in another network namespace may listen on what it likes.
func TestAnotherNetwork(t *testing.T) {
	st := begin(t, none)
	st.ns = filepath.Join(t.TempDir(), "ns")
	if _, err := netns.New(st.ns); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { netns.Remove(st.ns) })
	if got := st.looks(st.run("box", nil, "127.0.0.1:9999")); got != "" {
		t.Errorf("told %q", got)
	}
}

func TestFlags(t *testing.T) {
	for _, x := range []struct {
		shows  string
		change func(s *isolators.Settings)
		wrong  string
	}{
		{"the defaults", none, ""},
		{"both ranges", func(s *isolators.Settings) { s.CheckAgentPortRangeOnly, s.ContainerPortsIsolatedRange = true, "[1-2]" }, "only one of"},
		{"a range of nothing", func(s *isolators.Settings) { s.ContainerPortsIsolatedRange = "[]" }, "no range of ports"},
		{"no range", func(s *isolators.Settings) { s.ContainerPortsIsolatedRange = "http" }, "no range of ports"},
		{"an agent without ports", func(s *isolators.Settings) { s.CheckAgentPortRangeOnly = true }, "the agent offers no ports"},
		{"no root", func(s *isolators.Settings) { s.Root = false }, "root privileges"},
	} {
		t.Run(x.shows, func(t *testing.T) {
			s := isolators.Settings{Root: true, Launcher: "linux"}
			x.change(&s)
			i, err := New(s)
			if x.wrong == "" {
				if err != nil || i.(*Isolator).interval != 30*time.Second {
					t.Errorf("%+v, %v", i, err)
				}
			} else if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), x.wrong) {
				t.Errorf("%v; want %s", err, x.wrong)
			}
		})
	}
}
