// Package zookeepers starts real ZooKeeper servers for tests, on loopback, from the jars of Debian's package
// `zookeeper`. Sessions may be as short as 400 ms there, so a test need not wait long for one to expire.
package zookeepers

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// jar is where Debian's package keeps the server; its manifest names the other jars that it needs.
const jar = "/usr/share/java/zookeeper.jar"

// patience bounds the start of a server. Only a broken one takes that long.
const patience = 60 * time.Second

// MinSession is the shortest session that the servers grant.
const MinSession = 400 * time.Millisecond

// Server is one ZooKeeper server and its data.
type Server struct {
	// Addr is where clients reach it, host:port. It stays the same across restarts.
	Addr string

	dir     string
	command *exec.Cmd
	exited  chan struct{}
}

// Start starts a server that keeps its data below dir.
func Start(dir string) (*Server, error) {
	for _, need := range []struct{ path, pkg string }{{jar, "zookeeper"}} {
		if _, err := os.Stat(need.path); err != nil {
			return nil, fmt.Errorf("%w; apt-get install %s", err, need.pkg)
		}
	}
	if _, err := exec.LookPath("java"); err != nil {
		return nil, fmt.Errorf("%w; apt-get install default-jre-headless", err)
	}
	// An address of its own: a restarted server must find its port free, and ports of 127.0.0.1 get taken.
	ip := fmt.Sprintf("127.%d.%d.2", 64+os.Getpid()%128, time.Now().UnixNano()>>10%254+1)
	port, err := free(ip)
	if err != nil {
		return nil, err
	}
	s := &Server{Addr: net.JoinHostPort(ip, strconv.Itoa(port)), dir: dir}
	config := fmt.Sprintf("tickTime=200\ndataDir=%s\nclientPort=%d\nclientPortAddress=%s\nadmin.enableServer=false\n"+
		"minSessionTimeout=%d\nmaxSessionTimeout=60000\nmaxClientCnxns=0\n4lw.commands.whitelist=cons,mntr,srvr\n",
		filepath.Join(dir, "data"), port, ip, MinSession.Milliseconds())
	if err := os.WriteFile(filepath.Join(dir, "zoo.cfg"), []byte(config), 0o600); err != nil {
		return nil, err
	}
	return s, s.Restart()
}

func free(ip string) (int, error) {
	l, err := net.Listen("tcp", net.JoinHostPort(ip, "0"))
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// Restart starts the server again with the data that it has, and waits until it answers.
func (s *Server) Restart() error {
	s.Kill()
	out, err := os.OpenFile(filepath.Join(s.dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	// A small JVM that starts quickly: tests start many.
	s.command = exec.Command("java", "-Xmx96m", "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData",
		"-Dzookeeper.jmx.log4j.disable=true", "-cp", jar, "org.apache.zookeeper.server.ZooKeeperServerMain", filepath.Join(s.dir, "zoo.cfg"))
	s.command.Stdout, s.command.Stderr = out, out
	s.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := s.command.Start(); err != nil {
		return fmt.Errorf("ZooKeeper does not start: %w", err)
	}
	s.exited = make(chan struct{})
	go func(c *exec.Cmd, exited chan struct{}) {
		_ = c.Wait()
		close(exited)
	}(s.command, s.exited)
	return s.ready()
}

func (s *Server) ready() error {
	tick, end := time.NewTicker(20*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for {
		// It says "imok" to ruok before it takes sessions.
		if answer, err := s.Ask("srvr"); err == nil && strings.Contains(answer, "Mode:") {
			return nil
		}
		select {
		case <-tick.C:
		case <-s.exited:
			said, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("ZooKeeper ended at once: %s", strings.TrimSpace(string(said)))
		case <-end:
			s.Kill()
			return errors.New("ZooKeeper does not answer")
		}
	}
}

// Ask sends one of ZooKeeper's four-letter words and returns the answer.
func (s *Server) Ask(word string) (string, error) {
	c, err := net.DialTimeout("tcp", s.Addr, time.Second)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte(word)); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(c)
	return string(answer), err
}

// Kill ends the server as a power cut does, and waits until it is gone.
func (s *Server) Kill() {
	if s.command == nil {
		return
	}
	s.signal(syscall.SIGCONT)
	s.signal(syscall.SIGKILL)
	<-s.exited
	s.command = nil
}

// Stop halts the server: connections stay, nothing is answered.
func (s *Server) Stop() { s.signal(syscall.SIGSTOP) }

// Continue lets a halted server go on.
func (s *Server) Continue() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(sig syscall.Signal) {
	if s.command != nil {
		_ = syscall.Kill(-s.command.Process.Pid, sig)
	}
}

// Close ends the server for good. Its data stays where Start was told to put it.
func (s *Server) Close() { s.Kill() }
