package main_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/tools/built"
	"github.com/meseta-io/meseta/tools/leftovers"
)

// binary is the program under test, built once.
var binary string

// buildFlags are how it is built.
var buildFlags []string

// groups is the control group of all containers of the tests.
var groups = "meseta-e2e-" + strconv.Itoa(os.Getpid())

func TestMain(m *testing.M) {
	code := built.Run(m, &binary, buildFlags...)
	removeGroups()
	os.Exit(code)
}

// removeGroups removes what agents have left that were killed, whose containers the tests have ended.
func removeGroups() {
	all := exam.Groups(groups)
	for n := len(all) - 1; n >= 0; n-- {
		_ = os.Remove(all[n])
	}
}

// patience bounds every wait for something that has to happen.
const patience = 30 * time.Second

// program is a run of the binary.
type program struct {
	t        testing.TB
	cmd      *exec.Cmd
	out, err *stream
	exited   chan struct{}
}

// stream is what a program has printed, with a way to wait for more of it.
type stream struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func newStream() *stream { return &stream{more: make(chan struct{}, 1)} }

func (s *stream) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		select {
		case s.more <- struct{}{}:
		default:
		}
	}()
	return s.text.Write(p)
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// environment is the test's, without what would be taken for settings of meseta.
func environment(more ...string) []string {
	var env []string
	for _, kv := range os.Environ() {
		if !strings.HasPrefix(kv, "MESOS_") && !strings.HasPrefix(kv, "MESETA_") {
			env = append(env, kv)
		}
	}
	return append(append(env, "MESETA_CGROUPS_ROOT="+groups), more...)
}

// start runs the binary in a directory; the test ends it if nobody else does.
func start(t testing.TB, dir string, args ...string) *program {
	t.Helper()
	return startAs(t, binary, dir, nil, args...)
}

func startAs(t testing.TB, path, dir string, env []string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(path, args...), out: newStream(), err: newStream(), exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = dir, environment(append([]string{"HOME=" + dir}, env...)...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.err
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	t.Cleanup(func() { // what an agent has left for the one after it
		if err := leftovers.Unmount(dir); err != nil {
			t.Error(err)
		}
	})
	p.run()
	return p
}

// run starts the program, and sees to its end.
func (p *program) run() {
	p.t.Helper()
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	p.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if p.t.Failed() {
			p.t.Logf("%s\n--- stdout\n%s--- stderr\n%s", p.cmd, p.out, p.err)
		}
	})
}

// sees waits until a stream has a text, and returns the first group of the match.
func (p *program) sees(s *stream, pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		if m := re.FindStringSubmatch(s.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-s.more:
		case <-p.exited:
			if m := re.FindStringSubmatch(s.String()); m != nil {
				return m[len(m)-1]
			}
			p.t.Fatalf("%s ended without %q", p.cmd, pattern)
		case <-late.C:
			p.t.Fatalf("%s does not print %q", p.cmd, pattern)
		}
	}
}

func (p *program) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// code waits for the end, and returns the exit code.
func (p *program) code() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.cmd)
		return -1
	}
}

// ends waits for the end, which has to have a code.
func (p *program) ends(code int) *program {
	p.t.Helper()
	if got := p.code(); got != code {
		p.t.Errorf("%s ended with %d, want %d", p.cmd, got, code)
	}
	return p
}

// testCluster is a master and an agent in processes of their own.
type testCluster struct {
	t             testing.TB
	dir           string
	ip            string // of both, if not the usual one
	master, agent *program
	at            string // the master's address
	agentAt       string
	resources     string   // of the agent, if not the usual ones
	flags         []string // more of the agent's
}

// loopbacks counts the addresses that were given away.
var loopbacks atomic.Uint32

// loopback is an address of this machine that nobody else in the tests has. A node that comes back to its port must
// find it free, and any connection from 127.0.0.1 may have taken it meanwhile.
func loopback() string {
	pid, n := os.Getpid(), loopbacks.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 1+pid%250, pid/250%256, 1+n%250)
}

// newCluster starts both. The flags in more are the master's.
func newCluster(t testing.TB, more ...string) *testCluster {
	t.Helper()
	c := &testCluster{t: t, dir: t.TempDir()}
	c.startBoth(more...)
	return c
}

// newLastingCluster starts both at an address of their own, so that they can come back to their ports.
func newLastingCluster(t testing.TB, more ...string) *testCluster {
	t.Helper()
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	c.startBoth(more...)
	return c
}

func (c *testCluster) startBoth(more ...string) {
	c.t.Helper()
	c.t.Cleanup(c.clean)
	c.startMaster("0", more...)
	c.master.sees(c.master.err, "msg=recovered") // until then it serves nobody
	c.startAgent("0", c.flags...)
}

// clean ends what is left: executors outlive their agents, here only until the end of the test.
func (c *testCluster) clean() {
	for _, p := range processesIn(c.t, c.dir) {
		pid, _, _ := strings.Cut(p, " ")
		kill(c.t, pid)
	}
	if err := leftovers.Remove(c.dir); err != nil {
		c.t.Error(err)
	}
}

// mountsIn are those below a directory, the last one first.
func mountsIn(dir string) (all []string) {
	text, _ := os.ReadFile("/proc/self/mounts")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && strings.HasPrefix(fields[1], dir+"/") {
			all = append([]string{fields[1]}, all...)
		}
	}
	return all
}

func (c *testCluster) startMaster(port string, more ...string) {
	c.t.Helper()
	c.master = start(c.t, c.dir, append([]string{"master", "--ip=" + cmp.Or(c.ip, "127.0.0.1"), "--port=" + port, "--work_dir=M"}, more...)...)
	c.at = c.master.sees(c.master.out, `listening on (\S+),`)
}

func (c *testCluster) startAgent(port string, more ...string) {
	c.t.Helper()
	resources := cmp.Or(c.resources, "cpus:4;mem:4096;disk:8192;ports:[31000-32000]")
	c.agent = start(c.t, c.dir, append([]string{"agent", "--master=" + c.at, "--ip=" + cmp.Or(c.ip, "127.0.0.1"), "--port=" + port, "--work_dir=A", "--hostname=a.example",
		"--registration_backoff_factor=10ms", "--resources=" + resources}, more...)...)
	c.agentAt = c.agent.sees(c.agent.out, `listening on (\S+),`)
}

// run starts `meseta run`.
func (c *testCluster) run(args ...string) *program {
	c.t.Helper()
	return start(c.t, c.dir, append([]string{"run", "--master=" + c.at}, args...)...)
}

// await tries until something holds.
func await(t testing.TB, what string, holds func() bool) {
	t.Helper()
	awaitFor(t, patience, what, holds)
}

// awaitFor is await for what takes longer.
func awaitFor(t testing.TB, patience time.Duration, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// alive says whether a process exists and is no zombie.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// processesIn lists the processes that work below a directory, or know it from their environment.
func processesIn(t testing.TB, dir string) (found []string) {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		at, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if err == nil && strings.HasPrefix(at, dir) && alive(e.Name()) {
			command, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
			found = append(found, e.Name()+" "+strings.ReplaceAll(string(command), "\x00", " "))
		}
	}
	return found
}

// outside is the number that a process of a task has on this machine. The task knows the one that it has in its pid namespace.
func (c *testCluster) outside(inside string) string {
	c.t.Helper()
	for _, p := range processesIn(c.t, c.dir) {
		pid, _, _ := strings.Cut(p, " ")
		status, _ := os.ReadFile("/proc/" + pid + "/status")
		_, numbers, _ := strings.Cut(string(status), "NSpid:")
		numbers, _, _ = strings.Cut(numbers, "\n")
		if all := strings.Fields(numbers); len(all) > 0 && all[len(all)-1] == inside {
			return pid
		}
	}
	c.t.Fatalf("no process of a task has the number %s", inside)
	return ""
}

// kill is kill -9. A process that has ended meanwhile is fine.
func kill(t testing.TB, pid string) {
	t.Helper()
	n, err := strconv.Atoi(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(n, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Fatal(err)
	}
}

// lines reads what a process wrote to a file, line by line; none if it is not there.
func lines(t testing.TB, name string) (out []string) {
	t.Helper()
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for s := bufio.NewReader(f); ; {
		line, err := s.ReadString('\n')
		if errors.Is(err, io.EOF) {
			return out
		}
		out = append(out, strings.TrimSuffix(line, "\n"))
	}
}

// meseta runs a command of the cluster to its end. The master is in the environment, so that arguments stand as typed.
func (c *testCluster) meseta(args ...string) *program {
	c.t.Helper()
	p := c.begin(args...)
	p.code()
	return p
}

// begin starts a command of the cluster.
func (c *testCluster) begin(args ...string) *program {
	c.t.Helper()
	return startAs(c.t, binary, c.dir, []string{"MESETA_MASTER=" + c.at}, args...)
}

// says checks the exit code and that both streams together match.
func (p *program) says(code int, patterns ...string) *program {
	p.t.Helper()
	p.ends(code)
	said := p.out.String() + p.err.String()
	for _, pattern := range patterns {
		if !regexp.MustCompile(pattern).MatchString(said) {
			p.t.Errorf("%s: %s is not in\n%s", p.cmd, pattern, said)
		}
	}
	return p
}

// terminal is a pseudo terminal for a program: what it shows, and a keyboard.
type terminal struct {
	tty      *os.File
	screen   *stream
	keyboard *os.File
}

func newTerminal(t testing.TB) *terminal {
	t.Helper()
	keyboard, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keyboard.Close() })
	fd := int(keyboard.Fd())
	number, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := newStream()
	go func() { _, _ = io.Copy(s, keyboard) }() // ends with the terminal
	return &terminal{tty, s, keyboard}
}

// shows waits until a terminal shows a text.
func (s *terminal) shows(t testing.TB, pattern string) {
	t.Helper()
	re := regexp.MustCompile(pattern)
	await(t, "the terminal shows "+pattern, func() bool { return re.MatchString(s.screen.String()) })
}

// on starts a command of the cluster on a terminal.
func (c *testCluster) on(screen *terminal, env []string, args ...string) *program {
	c.t.Helper()
	p := &program{t: c.t, cmd: exec.Command(binary, args...), out: screen.screen, err: screen.screen, exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Env = c.dir, environment(append([]string{"HOME=" + c.dir, "TERM=xterm", "MESETA_MASTER=" + c.at}, env...)...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = screen.tty, screen.tty, screen.tty
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	p.run()
	return p
}
