package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Node is a process that the storm starts, hurts and starts again, as a service manager would.
type Node struct {
	Name    string
	Program string
	// Arguments are asked for at each start.
	Arguments func() []string
	Env       []string
	Dir       string
	LogFile   string
	// Ended hears of an end that nobody asked for.
	Ended func(n *Node, how string)

	mu     sync.Mutex
	cmd    *exec.Cmd
	exited chan struct{}
	down   bool // on purpose
	frozen bool
	over   bool // never to be started again
	starts int
}

// revival is how long a process that ended by itself stays down.
const revival = time.Second

// Start starts the process, unless it runs or the storm is over.
func (n *Node) Start() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.down = false
	return n.start()
}

func (n *Node) start() error {
	if n.over || n.down || n.cmd != nil {
		return nil
	}
	log, err := os.OpenFile(n.LogFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	n.starts++
	fmt.Fprintf(log, "--- start %d at %s\n", n.starts, time.Now().UTC().Format(time.RFC3339Nano))
	cmd := exec.Command(n.Program, n.Arguments()...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = n.Dir, append(environment(), n.Env...), log, log
	// It ends with this program, whatever ends that, and gets no signal from the terminal.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	n.cmd, n.exited, n.frozen = cmd, make(chan struct{}), false
	go n.wait(cmd, n.exited)
	return nil
}

// environment is ours, without what would be taken for settings.
func environment() (env []string) {
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if !strings.HasPrefix(name, "MESOS_") && !strings.HasPrefix(name, "MESETA_") && name != childVariable {
			env = append(env, kv)
		}
	}
	return env
}

// wait sees a process end, and starts it again if nobody meant it to.
func (n *Node) wait(cmd *exec.Cmd, exited chan struct{}) {
	err := cmd.Wait()
	n.mu.Lock()
	n.cmd = nil
	meant := n.down || n.over
	n.mu.Unlock()
	close(exited)
	if meant {
		return
	}
	how := "ended"
	if err != nil {
		how = err.Error()
	}
	n.Ended(n, how)
	time.AfterFunc(revival, func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if err := n.start(); err != nil {
			n.Ended(n, "cannot be started again: "+err.Error())
		}
	})
}

// Pid is the process; 0 while there is none.
func (n *Node) Pid() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.cmd == nil {
		return 0
	}
	return n.cmd.Process.Pid
}

// End ends the process on purpose with a signal, and for good if it says so. A frozen one that is asked to end is
// woken, to hear of it.
func (n *Node) End(s syscall.Signal, forGood bool) {
	n.mu.Lock()
	n.down, n.over = true, n.over || forGood
	n.signal(s)
	if s != syscall.SIGKILL {
		n.signal(syscall.SIGCONT)
		n.frozen = false
	}
	n.mu.Unlock()
}

// Freeze stops the process as a debugger would, and Thaw lets it go on.
func (n *Node) Freeze() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.frozen = true
	n.signal(syscall.SIGSTOP)
}
func (n *Node) Thaw() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.frozen {
		n.frozen = false
		n.signal(syscall.SIGCONT)
	}
}

func (n *Node) signal(s syscall.Signal) {
	if n.cmd != nil {
		_ = n.cmd.Process.Signal(s)
	}
}

// Wait waits until the process has ended, and kills it when that takes too long.
func (n *Node) Wait(patience time.Duration) {
	n.mu.Lock()
	exited, running := n.exited, n.cmd != nil
	n.mu.Unlock()
	if !running {
		return
	}
	select {
	case <-exited:
	case <-time.After(patience):
		n.End(syscall.SIGKILL, false)
		<-exited
	}
}

// LastWords is the end of what the process has printed.
func (n *Node) LastWords() string {
	const most = 1500
	f, err := os.Open(n.LogFile)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > most {
		_, _ = f.Seek(-most, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(text)
}

// below lists the processes that work below a directory: executors and tasks, which outlive everybody.
func below(dir string) (found []int) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		at, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		var pid int
		if _, not := fmt.Sscan(e.Name(), &pid); err != nil || not != nil || pid == os.Getpid() {
			continue
		}
		if at = strings.TrimSuffix(at, " (deleted)"); (at == dir || strings.HasPrefix(at, dir+"/")) && !zombie(e.Name()) {
			found = append(found, pid)
		}
	}
	return found
}

func zombie(pid string) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return strings.HasPrefix(rest, "Z")
}

// exterminate kills what works below a directory, until nobody does any more. Whoever forks faster than we read gets
// caught in the next round.
func exterminate(dir string) error {
	for range 200 {
		found := below(dir)
		if len(found) == 0 {
			return nil
		}
		for _, pid := range found {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return errors.New("processes below " + dir + " do not die")
}
