package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/isolators/exam"
)

// newIsolatedCluster is a cluster whose agent isolates containers, with more flags of the agent's.
func newIsolatedCluster(t *testing.T, more ...string) *testCluster {
	t.Helper()
	exam.Skip(t, exam.Root, exam.Controller("memory"), exam.Controller("cpu"))
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	t.Cleanup(c.clean)
	c.startMaster("0")
	c.master.sees(c.master.err, "msg=recovered")
	c.startAgent("0", append([]string{"--launcher=linux"}, more...)...)
	return c
}

// hog takes memory until there is none.
const hog = `awk 'BEGIN { s = "0123456789abcdef"; while (1) s = s s }'`

// What ends for its memory is told so, whoever sees it first, and whatever the shell around it makes of it.
func TestMemoryIsTheReason(t *testing.T) {
	c := newIsolatedCluster(t)
	for range 3 {
		c.meseta("run", "--resources=cpus:0.1;mem:32;disk:10", "--", hog).says(137, "(?i)memory limit exceeded")
	}
	c.meseta("run", "--resources=cpus:0.1;mem:32;disk:10", "--", "true").says(0)
}

// A task sees its own processes, its own name, and none of the agent's files.
func TestATaskSeesItself(t *testing.T) {
	c := newIsolatedCluster(t)
	c.meseta("run", "--", `ls -d /proc/[0-9]* | wc -l; cat /proc/1/cmdline | tr '\0' ' '; ls -l /proc/self/fd | wc -l`).says(0, `meseta-init`)
	p := c.meseta("run", "--", `test $(ls -d /proc/[0-9]* | wc -l) -lt 8 && ! ls /proc/self/fd | grep -E '^[0-9]{2}$'`)
	p.says(0)
}

// Statistics come from the control groups, with limits.
func TestStatisticsOfIsolatedContainers(t *testing.T) {
	c := newIsolatedCluster(t)
	run := c.run("--resources=cpus:0.5;mem:64;disk:10", "--", "while :; do :; done")
	run.sees(run.err, "is running")
	var list []struct {
		Statistics map[string]any `json:"statistics"`
		Status     map[string]any `json:"status"`
	}
	await(t, "the agent has measured it", func() bool {
		body := bodyOf("http://" + c.agentAt + "/containers")
		return json.Unmarshal(body, &list) == nil && len(list) == 1 && list[0].Statistics["cpus_user_time_secs"] != nil
	})
	if got := list[0].Statistics["mem_limit_bytes"]; got != float64(96<<20) {
		t.Errorf("the limit is %v: %v", got, list[0])
	}
	if list[0].Status["executor_pid"] == nil {
		t.Errorf("the status is %v", list[0].Status)
	}
}

// An agent that is killed at any moment finds its containers again, and the tasks end as they do.
func TestAnIsolatedAgentIsKilled(t *testing.T) {
	c := newIsolatedCluster(t)
	port := c.agentAt[strings.LastIndexByte(c.agentAt, ':')+1:]
	run := c.run("--resources=cpus:0.1;mem:32;disk:10", "--", "echo $$ > here; while ! test -e go; do sleep 0.1; done; exit 7")
	run.sees(run.err, "is running")
	kill(t, fmt.Sprint(c.agent.cmd.Process.Pid))
	<-c.agent.exited
	c.startAgent(port, "--launcher=linux")
	c.agent.sees(c.agent.err, "msg=recovered")
	here, err := filepath.Glob(c.dir + "/A/slaves/*/frameworks/*/executors/*/runs/latest/here")
	if err != nil || len(here) != 1 {
		t.Fatalf("found %q, %v", here, err)
	}
	if err := os.WriteFile(filepath.Join(filepath.Dir(here[0]), "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	run.ends(7)
	await(t, "nothing is left", func() bool {
		left, _ := filepath.Glob(c.dir + "/A/run/containers/*")
		return len(left) == 0 && len(processesIn(t, c.dir+"/A/slaves")) == 0
	})
}

// An agent that only cleans up ends with everything that an earlier one has left.
func TestAnIsolatedAgentCleansUp(t *testing.T) {
	c := newIsolatedCluster(t)
	run := c.run("--resources=cpus:0.1;mem:32;disk:10", "--", "(setsid sleep 1000 &); sleep 1000")
	run.sees(run.err, "is running")
	kill(t, fmt.Sprint(c.agent.cmd.Process.Pid))
	<-c.agent.exited
	start(t, c.dir, "agent", "--master="+c.at, "--ip="+c.ip, "--port=0", "--work_dir=A", "--hostname=a.example", "--launcher=linux", "--recover=cleanup").ends(0)
	if left := processesIn(t, c.dir+"/A/slaves"); len(left) > 0 {
		t.Errorf("processes are left: %q", left)
	}
	if left, _ := filepath.Glob(c.dir + "/A/run/containers/*"); len(left) > 0 {
		t.Errorf("records are left: %q", left)
	}
}

// An agent that was started without isolation keeps its tasks when it is started with it.
func TestAnAgentBeginsToIsolate(t *testing.T) {
	exam.Skip(t, exam.Root)
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	t.Cleanup(c.clean)
	c.startMaster("0")
	c.master.sees(c.master.err, "msg=recovered")
	c.startAgent("0", "--launcher=posix")
	port := c.agentAt[strings.LastIndexByte(c.agentAt, ':')+1:]
	old := c.run("--resources=cpus:0.1;mem:32;disk:10", "--", "while ! test -e go; do sleep 0.1; done; exit 8")
	old.sees(old.err, "is running")
	kill(t, fmt.Sprint(c.agent.cmd.Process.Pid))
	<-c.agent.exited
	c.startAgent(port, "--launcher=linux")
	c.agent.sees(c.agent.err, "msg=recovered")
	c.meseta("run", "--resources=cpus:0.1;mem:32;disk:10", "--", "cat /proc/self/cgroup").says(0, groups)
	runs, err := filepath.Glob(c.dir + "/A/slaves/*/frameworks/*/executors/while*/runs/latest")
	if err != nil || len(runs) != 1 {
		t.Fatalf("found %q, %v", runs, err)
	}
	if err := os.WriteFile(filepath.Join(runs[0], "go"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	old.ends(8)
}

// What is unknown or impossible is refused before anything is.
func TestIsolationThatIsRefused(t *testing.T) {
	exam.Skip(t, exam.Root)
	dir := t.TempDir()
	for flag, says := range map[string]string{
		"--isolation=mouse/trap":     `there is no isolator "mouse/trap"; there are .*cgroups/cpu`,
		"--isolation=namespaces/pid": `'filesystem/linux' isolator must be used to enable 'namespaces/pid'`,
		"--launcher=windows":         `--launcher=windows: one of \["linux" "posix"\]`,
		"--cgroups_root=..":          `--cgroups_root`,
	} {
		p := start(t, dir, "agent", "--master=127.0.0.1:1", "--ip=127.0.0.1", "--port=0", "--work_dir=A", "--launcher=linux", flag)
		if p.code() == 0 {
			t.Errorf("%s passes", flag)
		}
		p.sees(p.err, says)
	}
}

func bodyOf(url string) []byte {
	answer, err := http.Get(url)
	if err != nil {
		return nil
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(answer.Body)
	return body
}
