package clients_test

import (
	"bytes"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/meseta-io/meseta/tools/built"
	"github.com/meseta-io/meseta/tools/leftovers"
)

// patience bounds every wait for something that has to happen: programs are fetched and built here.
const patience = 5 * time.Minute

// meseta is the program that clients are run against, built once.
var meseta string

func TestMain(m *testing.M) { os.Exit(built.Run(m, &meseta)) }

// output is what a program has printed.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
	more chan struct{}
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	select {
	case o.more <- struct{}{}:
	default:
	}
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// program is one that runs.
type program struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *output
	exited chan struct{}
}

// start runs a program in a directory. The test ends it if nobody else does.
func start(t *testing.T, dir, path string, args ...string) *program {
	t.Helper()
	p := &program{t: t, cmd: exec.Command(path, args...), out: &output{more: make(chan struct{}, 1)}, exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	for _, kv := range os.Environ() {
		// What would be taken for settings.
		if !strings.HasPrefix(kv, "MESOS_") && !strings.HasPrefix(kv, "MESETA_") && !strings.HasPrefix(kv, "HOST=") {
			p.cmd.Env = append(p.cmd.Env, kv)
		}
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%s\n%s", p.cmd, p.out)
		}
	})
	return p
}

// sees waits until the program has printed something, and returns the group of the match.
func (p *program) sees(pattern string) string {
	p.t.Helper()
	re := regexp.MustCompile(pattern)
	late := time.After(patience)
	for {
		if m := re.FindStringSubmatch(p.out.String()); m != nil {
			return m[len(m)-1]
		}
		select {
		case <-p.out.more:
		case <-p.exited:
			if re.MatchString(p.out.String()) {
				continue
			}
			p.t.Fatalf("%s ended without %q", p.cmd, pattern)
		case <-late:
			p.t.Fatalf("%s does not print %q", p.cmd, pattern)
		}
	}
}

// succeeds waits for the end, which has to be a good one.
func (p *program) succeeds() {
	p.t.Helper()
	select {
	case <-p.exited:
		if code := p.cmd.ProcessState.ExitCode(); code != 0 {
			p.t.Fatalf("%s ended with %d", p.cmd, code)
		}
	case <-time.After(patience):
		p.t.Fatalf("%s does not end", p.cmd)
	}
}

// cluster starts a master and an agent and returns the master's address.
func cluster(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := leftovers.Remove(dir); err != nil {
			t.Error(err)
		}
	})
	master := start(t, dir, meseta, "master", "--ip=127.0.0.1", "--port=0", "--work_dir=M")
	at := master.sees(`listening on (\S+),`)
	agent := start(t, dir, meseta, "agent", "--master="+at, "--ip=127.0.0.1", "--port=0", "--work_dir=A",
		"--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096;disk:8192;ports:[31000-32000]")
	agent.sees(`listening on (\S+),`)
	return at
}
