package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

func TestRunPrintsWhatTheCommandPrintsAndExitsAsItDoes(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	for _, x := range []struct {
		name string
		args []string
		code int
		out  string // all of stdout
		err  string // a part of stderr
	}{
		{"a line for the shell", []string{"--", "echo hi"}, 0, "hi\n", "finished"},
		{"a program and arguments", []string{"--", "echo", "a  b", "$HOME"}, 0, "a  b $HOME\n", "goes to a.example"},
		{"without two dashes", []string{"echo", "--hi"}, 0, "--hi\n", ""},
		{"its own status", []string{"--", "echo out; echo err >&2; exit 3"}, 3, "out\n", "err\n"},
		{"a status above 127", []string{"--", "exit 200"}, 200, "", "status 200"},
		{"killed by a signal", []string{"--", "kill -9 $$"}, 137, "", "signal Killed"},
		{"not found by the shell", []string{"--", "nosuchcommand"}, 127, "", "not found"},
		{"not found as a program", []string{"--", "nosuchcommand", "x"}, 127, "", "command not found"},
		{"not runnable", []string{"--", "/etc/passwd", "x"}, 126, "", "permission denied"},
		{"variables", []string{"--env=A=b c", "--env=D=e=f", "--", "echo $A $D"}, 0, "b c e=f\n", ""},
		{"its sandbox", []string{"--", `test "$PWD" = "$MESOS_SANDBOX" && echo same`}, 0, "same\n", ""},
		{"other resources", []string{"--resources=cpus:0.1;mem:32;ports:[31005-31006]", "--", "true"}, 0, "", ""},
		{"sizes", []string{"--cpus=0.5", "--mem=1GB", "--disk=10MB", "--", "true"}, 0, "", ""},
		{"a name", []string{"--name=job", "--", "true"}, 0, "", "job."},
		{"a timeout", []string{"--timeout=100ms", "--", "sleep 100"}, 124, "", "killed after --timeout=100ms"},
	} {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			p := start(t, c.dir, append([]string{"run", "--master=" + c.at}, x.args...)...).ends(x.code)
			if p.out.String() != x.out || !strings.Contains(p.err.String(), x.err) {
				t.Errorf("it printed %q and %q", p.out, p.err)
			}
		})
	}
}

func TestRunStreamsEveryByteOfALargeOutput(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := c.run("--quiet", "--", `i=0; while [ $i -lt 30000 ]; do echo "line $i"; i=$((i+1)); done; echo done >&2`).ends(0)
	got := strings.Split(p.out.String(), "\n")
	if len(got) != 30001 || got[0] != "line 0" || got[29999] != "line 29999" {
		t.Errorf("%d lines came", len(got))
	}
	if p.err.String() != "done\n" {
		t.Errorf("stderr is %q", p.err)
	}
}

func TestOutputIsShownWhileTheCommandRuns(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	gate := filepath.Join(c.dir, "gate")
	p := c.run("--", "echo before; while [ ! -e "+gate+" ]; do sleep 0.01; done; echo after")
	p.sees(p.out, "before\n")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.ends(0).sees(p.out, "after\n")
}

func TestCtrlCKillsTheCommand(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := c.run("--", "echo pid $$; sleep 1000")
	pid := c.outside(p.sees(p.out, `pid (\d+)\n`))
	p.signal(syscall.SIGINT)
	p.ends(130).sees(p.err, "was killed")
	await(t, "the command is gone", func() bool { return !alive(pid) })
}

func TestASecondCtrlCStopsWaiting(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := c.run("--kill_grace=1000secs", "--", "trap '' TERM; echo pid $$; while :; do sleep 1; done")
	pid := c.outside(p.sees(p.out, `pid (\d+)\n`))
	p.signal(syscall.SIGINT)
	p.sees(p.err, "again to stop waiting")
	p.signal(syscall.SIGINT)
	p.ends(130).sees(p.err, "not waiting")
	// The framework is gone, and so is, after the executor's grace period, what ran for it.
	await(t, "the command is gone", func() bool { return !alive(pid) })
}

func TestATaskThatWaitsForRoomIsStartedWhenThereIs(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	gate := filepath.Join(c.dir, "gate")
	first := c.run("--cpus=4", "--", "echo in; while [ ! -e "+gate+" ]; do sleep 0.01; done")
	first.sees(first.out, "in\n")
	second := c.run("--cpus=4", "--", "echo mine")
	second.sees(second.err, "waiting for room")
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	first.ends(0)
	second.ends(0).sees(second.out, "mine\n")
}

func TestARunWaitsForTheFirstAgent(t *testing.T) {
	t.Parallel()
	c := &testCluster{t: t, dir: t.TempDir()}
	c.startMaster("0")
	p := c.run("--", "echo hi")
	p.sees(p.err, "no agent yet")
	c.startAgent("0")
	p.ends(0).sees(p.out, "hi\n")
}

func TestListsForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	list := func(args ...string) string {
		p := start(t, c.dir, append(args, "--master="+c.at)...).ends(0)
		return p.out.String() + p.err.String()
	}
	for _, x := range []struct{ of, empty string }{
		{"tasks", "No task runs"}, {"frameworks", "No framework is there"},
	} {
		if got := list(x.of); !strings.Contains(got, x.empty) {
			t.Errorf("%s: %q", x.of, got)
		}
	}
	gate := filepath.Join(c.dir, "gate")
	p := c.run("--name=job", "--cpus=1.5", "--", "echo in; while [ ! -e "+gate+" ]; do sleep 0.01; done")
	p.sees(p.out, "in\n")
	for _, x := range []struct{ of, pattern string }{
		{"agents", `-S0 +a\.example +` + regexp.QuoteMeta(c.agentAt) + ` +active +1\.5/4 +128/4096 MB`},
		{"tasks", `job\.\S+ +running +a\.example +meseta run job +1\.5 +128 MB`},
		{"frameworks", `meseta run job +\w+ +\* +active +1\.5 +128 MB`},
	} {
		if got := list(x.of); !regexp.MustCompile(x.pattern).MatchString(got) {
			t.Errorf("%s printed\n%s", x.of, got)
		}
	}
	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	p.ends(0)
	for _, x := range []struct{ of, pattern string }{
		{"tasks", `job\.\S+ +finished +a\.example`}, {"frameworks", `meseta run job .* over `},
	} {
		await(t, x.of+" --all shows what is over", func() bool { return regexp.MustCompile(x.pattern).MatchString(list(x.of, "--all")) })
	}
	for of, want := range map[string]string{"agents": `{"agents":[{"agent_info":`, "tasks": `"completed_tasks":[{"name":"job"`, "frameworks": `"completed_frameworks":[{"framework_info"`} {
		if got := list(of, "-o", "json"); !strings.Contains(got, want) {
			t.Errorf("%s as JSON is\n%s", of, got)
		}
	}
}

func TestCalledAsMesosPrograms(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	links := t.TempDir()
	call := func(name string, args ...string) *program {
		link := filepath.Join(links, name)
		if err := os.Symlink(binary, link); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		return startAs(t, link, c.dir, []string{"MESOS_MASTER=" + c.at}, args...)
	}
	p := call("mesos-execute", "--name=x", "--command=echo $A hi", `--env={"A":"b"}`).ends(0)
	for _, want := range []string{"Received status update TASK_RUNNING for task 'x'", "Received status update TASK_FINISHED", "b hi\n"} {
		p.sees(p.out, regexp.QuoteMeta(want))
	}
	p = call("mesos-execute", "--name=x").ends(2)
	p.sees(p.err, "--name and --command are needed")
	p = call("mesos-master", "--ip=127.0.0.1", "--port=0", "--work-dir=M3")
	p.sees(p.out, "master: listening on")
	p = call("mesos-slave", "--ip=127.0.0.1", "--port=0", "--work_dir=A3")
	p.sees(p.out, "agent: listening on .*master "+regexp.QuoteMeta(c.at))
	call("mesos-agent", "--version").ends(0)
	p = call("mesos-agent", "--wrok_dir=x").ends(2)
	p.sees(p.err, "unknown flag --wrok_dir: did you mean --work_dir\\?")
	p = call("mesos-local", "--ip=127.0.0.1", "--port=0", "--num_slaves=2")
	p.sees(p.out, "2 agents are up")
	p.signal(syscall.SIGTERM)
	p.ends(0)
	p = call("mesos-executor").ends(2)
	p.sees(p.err, "executors are started by an agent")
}

func TestSmallCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, x := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"version"}, 0, "meseta 0."},
		{[]string{"completion", "bash"}, 0, "__start_meseta"},
		{[]string{"help"}, 0, "To see it at work:"},
		{nil, 0, "To see it at work:"},
		{[]string{"run", "--help"}, 0, "Exit codes:"},
		{[]string{"rnu"}, 2, "unknown command rnu: did you mean run?"},
		{[]string{"agents", "x"}, 2, "meseta agents takes no arguments"},
		{[]string{"agents", "--output=xml"}, 2, "table or json expected"},
		{[]string{"dev", "--agents=0"}, 2, "at least 1"},
		{[]string{"run"}, 125, "no command to run"},
		{[]string{"run", "--resorces=x", "--", "x"}, 125, "unknown flag --resorces: did you mean --resources?"},
		{[]string{"run", "--cpus=-1", "--", "x"}, 125, "cpus"},
		{[]string{"run", "--role=a//b", "--", "x"}, 125, "--role=a//b"},
		{[]string{"run", "--env=A", "--", "x"}, 125, "NAME=value expected"},
		{[]string{"master", "--agent_reregister_timeout=5mins"}, 2, "at least 10m"},
		{[]string{"agent", "--resources=cpus:x"}, 2, "--resources"},
		{[]string{"master", "--logging_level=LOUD"}, 2, "one of DEBUG, INFO, WARNING, ERROR expected"},
	} {
		p := start(t, dir, x.args...).ends(x.code)
		if got := p.out.String() + p.err.String(); !strings.Contains(got, x.want) {
			t.Errorf("%q printed\n%s", x.args, got)
		}
	}
}

// A script that starts a cluster and uses it at once need not wait in between: run waits for a master that still reads
// its registry.
func TestRunWaitsForAMasterThatHasJustStarted(t *testing.T) {
	for range 5 {
		c := newCluster(t)
		c.run("--quiet", "--", "true").ends(0)
	}
}
