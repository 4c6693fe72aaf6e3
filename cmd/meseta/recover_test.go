package main_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// executorOf is the process of the executor of a task.
func (c *testCluster) executorOf(task string) *os.Process {
	c.t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, e := range entries {
		at, err := os.Readlink(filepath.Join("/proc", e.Name(), "cwd"))
		if err != nil || !strings.Contains(at, "/executors/"+task+"/runs/") || !strings.HasPrefix(at, c.dir) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline"))
		if bytes.Contains(command, []byte("executor")) {
			pid, err := strconv.Atoi(e.Name())
			if err != nil {
				continue
			}
			p, err := os.FindProcess(pid)
			if err != nil {
				c.t.Fatal(err)
			}
			return p
		}
	}
	c.t.Fatalf("task %s has no executor", task)
	return nil
}

// A real Mesos answers such an executor with 503 and loses what it said. One executor that does not answer keeps the
// recovery going until the other's task has ended.
func TestATaskThatEndsWhileItsAgentRecovers(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	ends, mark, gate := gated(t.TempDir(), 1)
	stays, mark2, gate2 := gated(t.TempDir(), 1)
	w := witnessed(t, c.at, ends[0], stays[0])
	await(t, "the tasks run", func() bool { return w.running(2) })
	silent := c.executorOf("t1")
	c.agent.signal(syscall.SIGKILL)
	<-c.agent.exited
	if err := silent.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	await(t, "the executor has stopped", func() bool {
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", silent.Pid))
		return bytes.Contains(stat, []byte(") T "))
	})
	c.startAgent(portOf(t, c.agentAt), "--executor_reregistration_timeout=15secs")
	before := c.journals()
	open(t, gate)
	await(t, "the task has ended", func() bool { return len(lines(t, mark[0])) == 2 })
	await(t, "its end is written down", func() bool { return c.journals() > before })
	if strings.Contains(c.agent.err.String(), "a member of the cluster") {
		t.Error("the agent has recovered already")
	}
	if err := silent.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	c.agent.sees(c.agent.err, "a member of the cluster")
	open(t, gate2)
	w.once(t, append(mark, mark2...))
}

// journals is how many bytes are in the journals of the agent's tasks.
func (c *testCluster) journals() (size int64) {
	_ = filepath.WalkDir(filepath.Join(c.dir, "A", "meta"), func(_ string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == "task.updates" {
			if info, err := d.Info(); err == nil {
				size += info.Size()
			}
		}
		return nil
	})
	return size
}

// An agent of the first landing of this repository goes, with tasks that run, and one of today takes over its work
// directory and its executors, which are programs of that day.
func TestAnAgentIsUpgradedUnderItsTasks(t *testing.T) {
	t.Parallel()
	old := earlier(t, "e3d2d85")
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	t.Cleanup(c.clean)
	c.startMaster("0")
	resources := "cpus:4;mem:4096;disk:8192;ports:[31000-32000]"
	c.agent = startAs(t, old, c.dir, nil, "agent", "--master="+c.at, "--ip="+c.ip, "--port=0", "--work_dir=A", "--hostname=a.example",
		"--registration_backoff_factor=10ms", "--resources="+resources)
	c.agentAt = c.agent.sees(c.agent.out, `listening on (\S+?),`)
	script, marks, gate := gated(c.dir, 3)
	w := witnessed(t, c.at, script...)
	await(t, "the tasks run", func() bool { return w.running(3) })
	c.agent.signal(syscall.SIGKILL)
	<-c.agent.exited
	c.startAgent(portOf(t, c.agentAt))
	c.agent.sees(c.agent.err, "a member of the cluster")
	open(t, gate)
	w.once(t, marks)
}

// earlier builds the program as it was at a commit, once: it stays in bin.
func earlier(t *testing.T, commit string) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(root, "bin", "meseta-"+commit)
	if _, err := os.Stat(program); err == nil {
		return program
	}
	if err := exec.Command("git", "-C", root, "cat-file", "-e", commit+"^{commit}").Run(); err != nil {
		t.Skipf("the history of the repository is not here, and with it commit %s: %v", commit, err)
	}
	dir := t.TempDir()
	if out, err := exec.Command("sh", "-c", "git -C '"+root+"' archive "+commit+" | tar x -C '"+dir+"'").CombinedOutput(); err != nil {
		t.Fatalf("take commit %s out of the history: %v\n%s", commit, err, out)
	}
	if err := os.MkdirAll(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	build := exec.Command("go", "build", "-o", program+".new", "./cmd/meseta")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build commit %s: %v\n%s", commit, err, out)
	}
	if err := os.Rename(program+".new", program); err != nil {
		t.Fatal(err)
	}
	return program
}

// SIGUSR1 is how Mesos' operators take an agent out of the cluster for good.
func TestAnAgentLeavesAtSIGUSR1(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	p := c.run("--", "echo pid $$; sleep 1000")
	pid := c.outside(p.sees(p.out, `pid (\d+)\n`))
	c.agent.signal(syscall.SIGUSR1)
	c.agent.ends(0)
	if alive(pid) {
		t.Error("the task lives on")
	}
	if p.code() == 0 {
		t.Error("the task did not fail")
	}
	c.startAgent(portOf(t, c.agentAt))
	c.agent.sees(c.agent.err, "registered")
	again := c.run("--", "true")
	again.ends(0)
}
