package node

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Child is a master or agent in a process of its own, run by this program.
type Child struct {
	// Addr is where it is reached, host:port.
	Addr string
	cmd  *exec.Cmd
	exit chan error
}

// listening is what a node says once it can be reached.
var listening = regexp.MustCompile(`listening on (\S+:\d+)`)

// patience is how long a child may take to be there.
const patience = 10 * time.Second

// Start runs this program with arguments, and waits until it listens. It gets no signal from the terminal, so that
// this program decides when it ends, and it does not outlive this program.
func Start(arguments ...string) (*Child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, arguments...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(kv string) bool {
		return strings.HasPrefix(kv, "MESOS_") || strings.HasPrefix(kv, "MESETA_") // meant for other nodes
	})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &Child{cmd: cmd, exit: make(chan error, 1)}
	ready := make(chan string, 1)
	go func() {
		lines := bufio.NewScanner(out)
		for lines.Scan() {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				ready <- strings.TrimSuffix(m[1], ",")
			}
		}
		c.exit <- cmd.Wait()
	}()
	select {
	case c.Addr = <-ready:
		return c, nil
	case err := <-c.exit:
		return nil, fmt.Errorf("%s ended at once: %v: %s", arguments[0], err, strings.TrimSpace(complaint.String()))
	case <-time.After(patience):
		c.Kill()
		return nil, fmt.Errorf("%s is not there after %v", arguments[0], patience)
	}
}

// Stop asks the child to end, and waits until it has.
func (c *Child) Stop() error {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-c.exit:
		c.exit <- err
		return err
	case <-time.After(patience):
		c.Kill()
		return fmt.Errorf("%s did not end within %v", c.cmd.Args[1], patience)
	}
}

// Kill ends the child at once.
func (c *Child) Kill() {
	_ = c.cmd.Process.Kill()
	err := <-c.exit
	c.exit <- err
}
