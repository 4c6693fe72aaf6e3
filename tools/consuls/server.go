package consuls

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

const (
	stop = syscall.SIGSTOP
	cont = syscall.SIGCONT
)

// server is one process and the data that outlive it.
type server struct {
	dir  string
	host string

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
}

// find returns bin/consul of the repository that the process runs in, or below.
func find() (string, error) {
	if path := os.Getenv("CONSUL_BIN"); path != "" {
		return path, nil
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "tools", "consul", "go.mod")); err == nil {
			path := filepath.Join(dir, "bin", "consul")
			if _, err := os.Stat(path); err != nil {
				return "", fmt.Errorf("%s is not there: run `make consul`, which builds it once", path)
			}
			return path, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no Consul server: set CONSUL_BIN, or run inside this repository after `make consul`")
		}
		dir = filepath.Dir(dir)
	}
}

// hosts finds n loopback addresses on which Consul's ports are free.
func hosts(n int) ([]string, error) {
	if n < 1 || n > 9 {
		return nil, fmt.Errorf("%d Consul servers: 1 to 9 expected", n)
	}
	var found []string
	for range 1000 {
		host := fmt.Sprintf("127.%d.%d.%d", 128+rand.IntN(100), rand.IntN(256), 2+rand.IntN(250))
		if free(host) {
			if found = append(found, host); len(found) == n {
				return found, nil
			}
		}
	}
	return nil, errors.New("no loopback addresses with free ports for Consul")
}

func free(host string) bool {
	for _, port := range []string{"8300", "8301", "8500", "8501"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}

// parent starts a thread that lives until the channel is closed. The kernel kills the servers when the thread
// that started them ends, which an ordinary goroutine's may do at any time.
func parent() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for f := range work {
			f()
		}
	}()
	return work
}

func (s *server) start(launch chan func(), binary string) error {
	log, err := os.OpenFile(s.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(binary, "agent", "-config-file", filepath.Join(s.dir, "consul.json"))
	cmd.Stdout, cmd.Stderr = log, log
	// No variable of the caller's may change what the server does.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	launch <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return fmt.Errorf("Consul does not start: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		// How it ended is in its log; most are killed.
		_ = cmd.Wait()
	}()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd, s.exited = cmd, exited
	return nil
}

func (s *server) logPath() string { return filepath.Join(s.dir, "consul.log") }

// running reports whether the process has not ended.
func (s *server) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

func (s *server) signal(sig syscall.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return errors.New("this Consul server was never started")
	}
	return s.cmd.Process.Signal(sig)
}

// kill ends the process and waits for its end. It is fine if there is none.
func (s *server) kill() error {
	if !s.running() {
		return nil
	}
	if err := s.signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.exited
	return nil
}

// lastWords are the end of the log.
func (s *server) lastWords() string {
	text, err := os.ReadFile(s.logPath())
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-5):], []byte(" | ")))
}
