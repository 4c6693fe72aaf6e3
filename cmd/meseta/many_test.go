package main_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestInstancesTellTheirOutputApart(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := c.run("--instances=3", "--cpus=0.1", "--name=job", "--", `i=${PWD##*/executors/}; echo one; printf two; echo three >&2; case $PWD in *.1/runs/*) exit 4;; *.2/runs/*) exit 5;; esac`)
	p.says(4, `1 of 3 finished in`)
	got := strings.Split(strings.TrimSpace(p.out.String()), "\n")
	slices.Sort(got)
	if want := []string{"[0] one", "[0] two", "[1] one", "[1] two", "[2] one", "[2] two"}; !slices.Equal(got, want) {
		t.Errorf("it printed %q", got)
	}
	for i := range 3 {
		if !strings.Contains(p.err.String(), fmt.Sprintf("[%d] three\n", i)) {
			t.Errorf("stderr of %d is not there", i)
		}
	}
	if strings.Contains(p.out.String()+p.err.String(), "\x1b") {
		t.Error("there are colours in a pipe")
	}
	for _, bad := range []string{"0", "-1", "1001", "x"} {
		c.run("--instances="+bad, "--", "true").says(125, `--instances=`)
	}
}

func TestCtrlCKillsAllInstances(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := c.run("--instances=2", "--cpus=0.1", "--", "echo here; sleep 1000")
	p.sees(p.out, `\[0\] here\n`)
	p.sees(p.out, `\[1\] here\n`)
	commands := func() (all []string) {
		return slices.DeleteFunc(processesIn(t, c.dir), func(p string) bool { return !strings.HasSuffix(p, " sleep 1000 ") || strings.Contains(p, "echo") })
	}
	if all := commands(); len(all) != 2 {
		t.Errorf("the commands are %q", all)
	}
	p.signal(syscall.SIGINT)
	p.says(130, "killing 2 tasks")
	await(t, "the commands are gone", func() bool { return len(commands()) == 0 })
}

func TestWhatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	count := filepath.Join(c.dir, "count")
	line := fmt.Sprintf("echo x >> %s; test $(wc -l < %[1]s) = 3", count)
	c.run("--retry=1", "--name=short", "--", line).says(1, `short\.\S+ failed: .*; trying again as short\.\S+\.retry1 \(1 of 1\)`, `retry1 failed`)
	if err := os.Remove(count); err != nil {
		t.Fatal(err)
	}
	c.run("--retry=5", "--name=long", "--", line).says(0, `trying again as long\.\S+\.retry2 \(2 of 5\)`, `retry2 finished`)
	c.run("--retry=5", "--user=nosuchuser", "--timeout=1ms", "--", "true").ends(124) // not what was killed
	c.run("--retry=-1", "--", "true").says(125, `--retry=-1: at least 0`)
}

// Somebody who kills a task does not want it back.
func TestAKilledTaskIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	p := c.run("--retry=3", "--name=job", "--", "echo in; sleep 1000")
	p.sees(p.out, "in\n")
	c.meseta("kill", "job").says(0, `job\.\S+ is killed`)
	p.says(143, "was killed by somebody else")
}

func TestALostTaskIsTriedElsewhere(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "--agent_ping_timeout=1secs", "--max_agent_ping_timeouts=2")
	p := c.run("--retry=1", "--name=job", "--cpus=1", "--", "echo on $PWD; sleep 1000")
	p.sees(p.out, `on `)
	c.agent.signal(syscall.SIGKILL)
	second := start(t, c.dir, "agent", "--master="+c.at, "--ip=127.0.0.1", "--port=0", "--work_dir=B", "--hostname=b.example",
		"--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096")
	second.sees(second.out, "listening on")
	p.sees(p.err, `job\.\S+ failed: its agent a\.example cannot be reached any more; trying again as`)
	p.sees(p.out, `on \S+/B/`)
	p.signal(syscall.SIGINT)
	p.ends(130)
}

func TestATaskIsLeftAlone(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	gate := filepath.Join(c.dir, "gate")
	p := c.meseta("run", "--detach", "--name=job", "--retry=1", "--", "echo in; while [ ! -e "+gate+" ]; do sleep 0.01; done; rm "+gate+"; exit 3")
	p.ends(0)
	id := strings.TrimSpace(p.out.String())
	if !regexp.MustCompile(`^job\.\S+$`).MatchString(id) {
		t.Fatalf("it printed %q", id)
	}
	c.meseta("describe", id).says(0, `State +running`)
	c.meseta("logs", id).says(0, `^in\n`)
	var supervisor string
	for _, one := range processesIn(t, c.dir) {
		if strings.Contains(one, " run --detach ") {
			supervisor, _, _ = strings.Cut(one, " ")
		}
	}
	if supervisor == "" {
		t.Fatal("nobody watches it")
	}
	for fd, want := range map[string]string{"0": "/dev/null", "1": ".log", "2": ".log"} {
		if at, err := os.Readlink("/proc/" + supervisor + "/fd/" + fd); err != nil || !strings.HasSuffix(at, want) {
			t.Errorf("its %s is %s, %v", fd, at, err)
		}
	}
	if stat, err := os.ReadFile("/proc/" + supervisor + "/stat"); err != nil || strings.Fields(string(stat))[5] != supervisor {
		t.Errorf("it has no session of its own: %s, %v", stat, err)
	}
	// It goes on watching: what fails is tried again, and the log says so.
	open := func() {
		if err := os.WriteFile(gate, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	open()
	log := filepath.Join(c.dir, ".meseta", "runs", id+".log")
	logged := func(text string) func() bool {
		return func() bool { return strings.Contains(strings.Join(lines(t, log), "\n"), text) }
	}
	await(t, "it is tried again", logged(id+".retry1 is running"))
	c.meseta("kill", id+".retry1").says(0, `retry1 is killed`)
	await(t, "the end is written down", logged("was killed by somebody else"))
	await(t, "the supervisor ends", func() bool { return !alive(supervisor) })
	if info, err := os.Stat(log); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	c.meseta("describe", id).says(0, `State +failed`)
}

func TestWhatCannotBeLeftAloneSaysWhy(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.meseta("run", "-d", "--cpus=64", "--", "true").says(125, `too large: the task needs`)
	c.meseta("run", "-d", "--", "nosuchcommand", "x").says(127, `command not found`)
	startAs(t, binary, c.dir, []string{"HOME="}, "run", "--master="+c.at, "-d", "--", "true").says(125, "set HOME")
	c.meseta("run", "-d", "--instances=2", "--cpus=0.1", "--timeout=5secs", "--", "sleep 1000").says(0, `(?m)^sleep\.\S+\.0\nsleep\.\S+\.1$`)
	await(t, "the timeout ends both", func() bool {
		return len(regexp.MustCompile(`sleep\.\S+ +killed`).FindAllString(c.meseta("tasks", "--all").out.String(), -1)) == 2
	})
	// Interrupted before it runs: nothing is left.
	p := c.begin("run", "-d", "--resources=cpus:4;mem:32", "--name=first", "--", "sleep 1000")
	p.says(0, "first")
	p = c.begin("run", "-d", "--cpus=4", "--name=second", "--", "sleep 1000")
	p.sees(p.err, `waiting for room for cpus:4 mem:128: 1 of 1 agent: busy`)
	p.signal(syscall.SIGINT)
	p.says(130, "killing second")
	c.meseta("kill", "first").ends(0)
}

func TestATaskFromAFile(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	write(t, c.dir, map[string]string{
		"task.yaml": "name: greet\ncommand:\n  value: echo $WHOM $MORE\n  environment: {variables: [{name: WHOM, value: yaml}]}\n" +
			"resources:\n- {name: cpus, type: SCALAR, scalar: {value: 0.5}}\n- {name: mem, type: SCALAR, scalar: {value: 64}}\n",
		"task.json": `{"name": "greet", "task_id": {"value": "mine"}, "agent_id": {"value": ""}, "command": {"shell": false, "value": "echo", "arguments": ["echo", "a  b"]}}`,
		"pod.yaml":  "tasks:\n- {name: a, command: {value: echo a}}\n- {name: b, command: {value: echo b}}\n",
		"bad.yaml":  "nmae: x\n",
	})
	c.meseta("run", "--file=task.yaml", "--env=MORE=more").says(0, `(?m)^yaml more$`, `greet\.\S+ finished`)
	c.meseta("run", "--file=task.json", "--cpus=0.3").says(0, `(?m)^a  b$`, `mine finished`)
	c.meseta("run", "--file=task.json", "--instances=2", "--cpus=0.3").says(0, `mine\.0 finished`, `mine\.1 finished`)
	c.meseta("run", "--file=pod.yaml", "--cpus=0.3").says(125, "task groups are not supported by this agent: launch the tasks one by one")
	c.meseta("run", "--file=pod.yaml", "--instances=2").says(125, "--instances and --retry are for single tasks")
	c.meseta("run", "--file=bad.yaml").says(125, `bad\.yaml: nmae: no such field: did you mean name\?`)
	c.meseta("run", "--file=none.yaml").says(125, `--file: open none\.yaml: no such file`)
	c.meseta("run", "--file=task.yaml", "--", "true").says(125, `says what to run; leave out "true"`)
}

func TestFilesAreFetchedFirst(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	tool := "#!/bin/sh\necho tool $(cat data.txt)\n"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(map[string]string{"/tool": tool, "/data.txt": "data"}[r.URL.Path]))
	}))
	defer server.Close()
	c.run("--executable="+server.URL+"/tool", "--uri="+server.URL+"/data.txt", "--", "./tool").says(0, `(?m)^tool data$`)
	c.run("--uri=/nowhere/at/all", "--", "true").says(125, `nowhere`)
}

// mesos-execute's flags are all there: they work, or say what is missing.
func TestMesosExecute(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	write(t, c.dir, map[string]string{"task.json": `{"name": "x", "task_id": {"value": "x1"}, "agent_id": {"value": ""}, "command": {"value": "echo from a task"},
		"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}}, {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}], "unknown": 1}`})
	base := []string{"execute", "--name=x", "--command=true"}
	for _, x := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"execute", "--task=" + filepath.Join(c.dir, "task.json")}, 0, "from a task"},
		{[]string{"execute", "--task=file://" + filepath.Join(c.dir, "task.json")}, 0, "TASK_FINISHED for task 'x1'"},
		{[]string{"execute", `--task_group={"tasks":[{"name":"a","task_id":{"value":"a"},"agent_id":{"value":""},"command":{"value":"x"},"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}]}]}`}, 125, "task groups are not supported"},
		{append(base, "--framework_capabilities=GPU_RESOURCES,REGION_AWARE", "--checkpoint", "--content_type=json", "--partition_aware", "--containerizer=mesos"), 0, "TASK_FINISHED"},
		{append(base, "--framework_capabilities=FLYING"), 2, "there is no such capability"},
		{append(base, "--kill_after=1ms", "--command=sleep 1000"), 124, "killed after"},
		{append(base, "--docker_image=busybox"), 2, "--docker_image=busybox: this needs container images"},
		{append(base, "--appc_image=x"), 2, "container images"},
		{append(base, "--containerizer=docker"), 2, "container images"},
		{append(base, "--networks=a"), 2, "container networks"},
		{append(base, "--volumes=[]"), 2, "volumes in containers"},
		{append(base, "--tty"), 2, "terminals in containers"},
		{append(base, "--effective_capabilities={}"), 2, "--task"},
		{append(base, "--bounding_capabilities={}"), 2, "--task"},
		{append(base, "--rlimits={}"), 2, "--task"},
		{append(base, "--ipc_mode=PRIVATE"), 2, "--task"},
		{append(base, "--overwrite"), 2, "Hadoop"},
		{append(base, "--secret=x"), 2, "--principal is needed"},
		{append(base, "--task={}"), 2, "one of them"},
		{append(base, "--env={"), 2, "--env: a JSON object"},
		{[]string{"execute", "--task={}"}, 2, "--task: "},
		{[]string{"execute", "--task_group={}"}, 2, "one task at least"},
		{[]string{"execute", "--name=x"}, 2, "--name and --command are needed"},
	} {
		c.meseta(x.args...).says(x.code, regexp.QuoteMeta(x.want))
	}
}
