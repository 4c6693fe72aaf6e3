package main_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestANodeThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	_, port, err := net.SplitHostPort(c.at)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(c.dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		name string
		args []string
		want []string
	}{
		{"the master's work_dir is a file", []string{"master", "--ip=127.0.0.1", "--port=0", "--work_dir=" + file}, []string{"--work_dir=" + file, "not a directory", "name another"}},
		{"the agent's work_dir is a file", []string{"agent", "--ip=127.0.0.1", "--port=0", "--work_dir=" + file}, []string{"--work_dir=" + file, "not a directory", "name another"}},
		{"the master's work_dir cannot be written", []string{"master", "--ip=127.0.0.1", "--port=0", "--work_dir=/proc/meseta"}, []string{"--work_dir=/proc/meseta", "cannot be made"}},
		{"the agent's work_dir cannot be written", []string{"agent", "--ip=127.0.0.1", "--port=0", "--work_dir=/proc/meseta"}, []string{"--work_dir=/proc/meseta", "cannot be made"}},
		{"another master works there", []string{"master", "--ip=127.0.0.1", "--port=0", "--work_dir=M"}, []string{"another master runs in M"}},
		{"the master's port is taken", []string{"master", "--ip=127.0.0.1", "--port=" + port, "--work_dir=M2"}, []string{"port " + port + " is taken", "--port"}},
		{"the agent's port is taken", []string{"agent", "--ip=127.0.0.1", "--port=" + port, "--work_dir=A2"}, []string{"port " + port + " is taken", "--port"}},
		{"no such address", []string{"master", "--ip=192.0.2.1", "--port=0", "--work_dir=M2"}, []string{"this machine has no such address"}},
		{"not an address", []string{"master", "--ip=here", "--port=0", "--work_dir=M2"}, []string{"--ip=here: an IP address expected"}},
		{"no such host", []string{"agent", "--master=no.such.host.invalid", "--port=0", "--work_dir=A2"}, []string{"no host is called no.such.host.invalid"}},
		{"dev with a taken port", []string{"dev", "--port=" + port}, []string{"port " + port + " is taken"}},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := start(t, c.dir, x.args...).ends(1)
			said := strings.TrimSpace(p.err.String())
			if strings.Count(said, "\n") != 0 {
				t.Errorf("it said more than a sentence:\n%s", said)
			}
			for _, want := range x.want {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not in: %s", want, said)
				}
			}
		})
	}
}

// A master that is deaf: whoever connects waits for ever.
func deaf(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

func TestACommandWithoutAMasterSaysSo(t *testing.T) {
	t.Parallel()
	for _, x := range []struct{ at, want string }{
		{"127.0.0.1:1", "the master at 127.0.0.1:1 cannot be reached: is it running?"},
		{deaf(t), "master"},
	} {
		for command, code := range map[string]int{"run": 125, "agents": 1, "tasks": 1, "frameworks": 1} {
			t.Run(command+" "+x.want, func(t *testing.T) {
				t.Parallel()
				args := []string{command, "--master=" + x.at}
				if command == "run" {
					args = append(args, "--", "true")
				}
				p := start(t, t.TempDir(), args...).ends(code)
				if !strings.Contains(p.err.String(), x.want) {
					t.Errorf("it said %s", p.err)
				}
			})
		}
	}
}

func TestARefusedRunSaysWhy(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "--roles=web")
	for _, x := range []struct {
		name string
		args []string
		want string
	}{
		{"an unknown role", []string{"--role=marketing", "--", "true"}, `unknown role "marketing"`},
		{"too many cpus", []string{"--role=web", "--cpus=64", "--", "true"}, "too large: the task needs cpus:64 mem:128, and the largest agent has cpus:4 disk:8192 mem:4096 (a.example)"},
		{"too much memory", []string{"--role=web", "--mem=1TB", "--", "true"}, "too large"},
		{"a port that nobody has", []string{"--role=web", "--resources=cpus:1;ports:[80-80]", "--", "true"}, "too large"},
		{"a resource that nobody has", []string{"--role=web", "--resources=cpus:1;bogomips:1", "--", "true"}, "too large"},
		{"no such user", []string{"--role=web", "--user=nosuchuser", "--", "true"}, "nosuchuser"},
	} {
		t.Run(x.name, func(t *testing.T) {
			if x.name == "no such user" && os.Geteuid() != 0 {
				t.Skip("only an agent that is root switches users")
			}
			t.Parallel()
			p := c.run(x.args...).ends(125)
			if !strings.Contains(p.err.String(), x.want) {
				t.Errorf("it said %s", p.err)
			}
		})
	}
}

func TestAKilledExecutorEndsTheRun(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := c.run("--", "echo pids $$ $PPID; sleep 1000")
	pid, executor := c.outside(p.sees(p.out, `pids (\d+) `)), c.outside(p.sees(p.out, `pids \d+ (\d+)\n`))
	kill(t, executor)
	p.ends(125).sees(p.err, "Executor ended: by signal SIGKILL")
	// Not only the executor: all that it had started ends with it.
	await(t, "the command is gone", func() bool { return !alive(pid) })
}

func TestALostAgentEndsTheRun(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t, "--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=2")
	p := c.run("--", "echo pids $$ $PPID; sleep 1000")
	pid, executor := c.outside(p.sees(p.out, `pids (\d+) `)), c.outside(p.sees(p.out, `pids \d+ (\d+)\n`))
	c.agent.signal(syscall.SIGKILL)
	p.sees(p.err, "agent a.example does not answer")
	p.ends(125).sees(p.err, `lost agent: \S+ on a\.example cannot be reached`)
	if !alive(pid) {
		t.Error("the command ended with its agent")
	}
	// The agent returns and learns that the framework is over.
	c.startAgent(portOf(t, c.agentAt))
	await(t, "the command is gone", func() bool { return !alive(pid) && !alive(executor) })
}
