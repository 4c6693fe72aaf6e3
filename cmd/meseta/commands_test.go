package main_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// job runs a command in the background until the test ends or its gate opens, and waits until it has printed "in".
func (c *testCluster) job(name, line string) (id string, p *program) {
	c.t.Helper()
	p = c.begin("run", "--name="+name, "--cpus=0.1", "--", line)
	p.sees(p.out, "in\n")
	return p.sees(p.err, `(\S+) is running`), p
}

// keys are the names that the objects of a JSON document have, as paths.
func keys(v any, at string, into map[string]bool) map[string]bool {
	switch v := v.(type) {
	case map[string]any:
		for k, below := range v {
			into[at+k] = true
			keys(below, at+k+".", into)
		}
	case []any:
		for _, below := range v {
			keys(below, at, into)
		}
	}
	return into
}

// What programs read is JSON, with the keys that they know.
func TestEveryAnswerForPrograms(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	id, p := c.job("job", "echo in; sleep 1000")
	defer p.signal(syscall.SIGINT)
	for _, x := range []struct {
		args []string
		keys []string
	}{
		{[]string{"status"}, []string{"leader", "hostname", "version", "elected", "agents.active", "frameworks.active", "tasks.running", "resources.name", "resources.total", "resources.used", "resources.offered"}},
		{[]string{"agents"}, []string{"agents.agent_info.id.value", "agents.agent_info.hostname", "agents.active", "agents.pid", "agents.total_resources.name"}},
		{[]string{"frameworks"}, []string{"frameworks.framework_info.id.value", "frameworks.framework_info.name", "frameworks.active", "frameworks.connected"}},
		{[]string{"tasks"}, []string{"tasks.task_id.value", "tasks.framework_id.value", "tasks.agent_id.value", "tasks.state", "tasks.statuses.state"}},
		{[]string{"tasks", "--all", "--state=running", "--framework=meseta run job", "--agent=a.example"}, []string{"tasks.task_id.value"}},
		{[]string{"roles"}, []string{"roles.name", "roles.weight", "roles.frameworks.value"}},
		{[]string{"offers"}, nil},
		{[]string{"describe", id}, []string{"task_id.value", "state", "statuses.timestamp"}},
		{[]string{"describe", "a.example"}, []string{"agent_info.hostname"}},
		{[]string{"describe", "meseta run job"}, []string{"framework_info.name"}},
		{[]string{"describe", "*"}, []string{"name", "weight"}},
		{[]string{"why", id}, []string{"framework_id", "resources", "explanations.role", "explanations.agents.reason", "explanations.agents.agents"}},
		{[]string{"ls", id}, []string{"path", "size", "mode", "mtime.nanoseconds", "uid"}},
	} {
		out := c.meseta(append(x.args, "-o", "json")...).says(0).out.String()
		found := map[string]bool{}
		for d := json.NewDecoder(strings.NewReader(out)); ; {
			var v any
			err := d.Decode(&v)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("%v: %v\n%s", x.args, err, out)
			}
			keys(v, "", found)
		}
		for _, key := range x.keys {
			if !found[key] {
				t.Errorf("%v has no %s:\n%s", x.args, key, out)
			}
		}
	}
}

func TestEveryAnswerForPeople(t *testing.T) {
	t.Parallel()
	c := newCluster(t, "--cluster=testing")
	id, p := c.job("job", "echo in; echo bad >&2; echo 12345 > file; sleep 1000")
	for _, x := range []struct {
		args     []string
		code     int
		patterns []string
	}{
		{[]string{"status"}, 0, []string{`Cluster +testing`, `Leader +` + regexp.QuoteMeta(c.at), `Agents +1 active`, `cpus .* 0\.1 of 4`, `Frameworks +1 active`, `Tasks +1 running`}},
		{[]string{"roles"}, 0, []string{`ROLE +WEIGHT`, `\* +1 +1 +0\.1`}},
		{[]string{"offers"}, 0, []string{`No offer is out|OFFER`}},
		{[]string{"tasks", "--framework=meseta run job", "--agent=a.example", "--state=running"}, 0, []string{regexp.QuoteMeta(id)}},
		{[]string{"tasks", "--state=failed"}, 0, []string{`There is no such task`}},
		{[]string{"tasks", "--state=happy"}, 2, []string{`--state=happy: there is no such state; there are starting, running`}},
		{[]string{"tasks", "--framework=nobody"}, 1, []string{`no framework is called nobody`}},
		{[]string{"tasks", "--agent=nowhere"}, 1, []string{`no agent is called nowhere`}},
		{[]string{"describe", id}, 0, []string{`Task +` + id, `State +running`, `Framework +meseta run job \(`, `Agent +a\.example \(`, `Resources +cpus`, `Container +\S+ at 127\.0\.0\.1`, `Sandbox +/frameworks/`, `starting +executor`, `running +executor`}},
		{[]string{"describe", "job"}, 0, []string{`State +running`}}, // by its beginning
		{[]string{"describe", "a.example"}, 0, []string{`Agent +\S+-S0`, `Host +a\.example`, `State +active`, `Has +cpus`, `(?m)^` + id + ` +running`}},
		{[]string{"describe", "meseta run job"}, 0, []string{`Framework +\S+`, `Roles +\*`, `Capabilities +MULTI_ROLE`, `(?m)^` + id + ` +running`}},
		{[]string{"describe", "*"}, 0, []string{`Role +\*`, `Weight +1`, `Frameworks +meseta run job`}},
		{[]string{"describe", "nothing"}, 1, []string{`nothing is called nothing: no task, framework, agent, executor, offer or role`}},
		{[]string{"why", id}, 0, []string{`meseta run job, role \*: cpus:0\.1 mem:128`, `AGENTS +REASON`}},
		{[]string{"why", "nothing"}, 1, []string{`no task is called nothing`}},
		{[]string{"logs", id}, 0, []string{`(?m)^in$`}},
		{[]string{"logs", "--stderr", id}, 0, []string{`(?m)^bad$`}},
		{[]string{"logs", "nothing"}, 1, []string{`no task is called nothing: meseta tasks --all lists those that the master remembers`}},
		{[]string{"ls", id}, 0, []string{`MODE +USER +SIZE +CHANGED +NAME`, `stdout`, `6 B +\S+ \S+ +file`}},
		{[]string{"ls", id, "nowhere"}, 1, []string{`has no nowhere in its sandbox`}},
		{[]string{"cat", id, "file"}, 0, []string{`^12345\n$`}},
		{[]string{"cat", id, "../../../../../../../../etc/passwd"}, 1, []string{`in its sandbox`}},
		{[]string{"get", id, "nowhere"}, 1, []string{`has no nowhere in its sandbox`}},
		{[]string{"kill", "nothing"}, 1, []string{`no task is called nothing`}},
		{[]string{"teardown", "nothing"}, 1, []string{`no framework is called nothing: meseta frameworks lists them`}},
		{[]string{"teardown", "meseta run job"}, 2, []string{`nobody is there to be asked: say --yes`}},
		{[]string{"events", "--type=NOTHING"}, 2, []string{`no event is called so; there are SUBSCRIBED`}},
		{[]string{"kill"}, 2, []string{`too little is said: meseta kill \[flags\] TASK\.\.\.`}},
		{[]string{"describe", "a", "b"}, 2, []string{`too much is said, from "b" on: meseta describe \[flags\] ID`}},
		{[]string{"cat", "a"}, 2, []string{`too little is said: meseta cat \[flags\] TASK PATH`}},
		{[]string{"cat", id, "."}, 1, []string{`is a folder: meseta ls lists it, and meseta get copies it`}},
	} {
		got := c.meseta(x.args...).says(x.code, x.patterns...)
		if said := got.out.String() + got.err.String(); strings.Contains(said, "\x1b") {
			t.Errorf("%v: escapes in a pipe: %q", x.args, said)
		}
		if x.code != 0 && strings.Count(strings.TrimSpace(got.err.String()), "\n") > 0 {
			t.Errorf("%v says more than a sentence:\n%s", x.args, got.err)
		}
	}
	c.meseta("kill", "--grace=10secs", id).says(0, `is killed`)
	p.ends(143)
	// What is over is still told of, while the master remembers it.
	c.meseta("describe", id).says(0, `State +killed`, `killed +executor|killed +agent`)
	c.meseta("logs", "-f", id).says(0, `(?m)^in$`)
	c.meseta("cat", id, "file").says(0, `^12345\n$`)
	c.meseta("kill", id).says(0, `has ended before: it is killed`)
	c.meseta("tasks", "--state=killed").says(0, id)
	c.meseta("why", id).says(1, `is over, and is offered nothing`)
	// An agent that is gone takes its files out of reach.
	c.agent.signal(syscall.SIGKILL)
	c.meseta("cat", id, "file").says(1, `the agent of task \S+ at \S+ cannot be reached; its files are there again when it returns`)
	c.meseta("agents").says(0, `a\.example`)
}

func TestIdsThatAreNotClear(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	_, p := c.job("job", "echo in; sleep 1000")
	_, q := c.job("job", "echo in; sleep 1000")
	for _, command := range [][]string{{"describe"}, {"logs"}, {"kill"}, {"ls"}, {"why"}} {
		c.meseta(append(command, "job.")...).says(1, `job\.: which of these\?\n.*meseta run job/job\.\S+ \(running on a\.example\)\n.*job\.\S+ \(running`)
	}
	for _, one := range []*program{p, q} {
		one.signal(syscall.SIGINT)
		one.ends(130)
	}
}

func TestTeardownAsksOnATerminal(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	_, p := c.job("job", "echo in; sleep 1000")
	screen := newTerminal(t)
	ask := c.on(screen, nil, "teardown", "meseta run job")
	screen.shows(t, `End framework meseta run job \(\S+\) and its 1 task\? \[y/N\] `)
	if _, err := screen.keyboard.WriteString("n\n"); err != nil {
		t.Fatal(err)
	}
	ask.ends(1)
	screen.shows(t, "left as it is")
	screen = newTerminal(t)
	ask = c.on(screen, nil, "teardown", "meseta run job")
	screen.shows(t, `\[y/N\] `)
	if _, err := screen.keyboard.WriteString("yes\n"); err != nil {
		t.Fatal(err)
	}
	ask.ends(0)
	screen.shows(t, "is torn down")
	p.says(125, "removed|torn down|over")
	_, p = c.job("job2", "echo in; sleep 1000")
	c.meseta("teardown", "--yes", "meseta run job2").says(0, "is torn down")
	p.ends(125)
}

func TestColoursAreForTerminals(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.agent.sees(c.agent.err, `a member of the cluster`)
	for _, x := range []struct {
		env    []string
		colour bool
	}{{nil, true}, {[]string{"NO_COLOR=1"}, false}, {[]string{"TERM=dumb"}, false}} {
		screen := newTerminal(t)
		c.on(screen, x.env, "agents").ends(0)
		screen.shows(t, `MB +\d+`)
		if got := strings.Contains(screen.screen.String(), "\x1b["); got != x.colour {
			t.Errorf("%v: colours %v\n%q", x.env, got, screen.screen)
		}
	}
}

func TestFilesOfASandbox(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	id, p := c.job("job", `head -c 3000000 /dev/urandom > large; mkdir -p deep/er; printf 'a\0b' > deep/er/bin; ln -s /etc/passwd link; echo in; sleep 1000`)
	defer p.signal(syscall.SIGINT)
	sandbox, err := filepath.Glob(filepath.Join(c.dir, "A/slaves/*/frameworks/*/executors/*/runs/latest/large"))
	if err != nil || len(sandbox) != 1 {
		t.Fatal(sandbox, err)
	}
	want, err := os.ReadFile(sandbox[0])
	if err != nil {
		t.Fatal(err)
	}
	if got := c.meseta("cat", id, "large").ends(0).out.String(); got != string(want) {
		t.Errorf("cat gave %d bytes of %d", len(got), len(want))
	}
	to := t.TempDir()
	c.meseta("get", id, "large", to).says(0, `large, 2929 KB`)
	if got, err := os.ReadFile(filepath.Join(to, "large")); err != nil || sha256.Sum256(got) != sha256.Sum256(want) {
		t.Errorf("get gave %d bytes, %v", len(got), err)
	}
	c.meseta("get", id, "deep", filepath.Join(to, "new")).ends(0)
	if got, err := os.ReadFile(filepath.Join(to, "new/er/bin")); err != nil || !bytes.Equal(got, []byte("a\x00b")) {
		t.Errorf("%q, %v", got, err)
	}
	c.meseta("ls", id, "deep/er").says(0, `3 B +\S+ \S+ +bin`)
	c.meseta("cat", id, "link").says(1, ``)
	c.meseta("cat", id, "deep").says(1, ``)
	// On a terminal long work is seen.
	screen := newTerminal(t)
	c.on(screen, nil, "get", id, "large", to).ends(0)
}

// A log is followed while its agent is restarted, and to the end of the task.
func TestLogsAreFollowedToTheEnd(t *testing.T) {
	t.Parallel()
	c := newLastingCluster(t)
	gate := filepath.Join(c.dir, "gate")
	wait := func(n int) string { return fmt.Sprintf("while [ ! -e %s%d ]; do sleep 0.01; done; ", gate, n) }
	open := func(n int) {
		if err := os.WriteFile(fmt.Sprint(gate, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	id, run := c.job("job", "echo zero; echo in; "+wait(1)+"echo second; "+wait(2)+"echo third; exit 3")
	p, tail := c.begin("logs", "-f", id), c.begin("logs", "-f", "-n", "1", id)
	p.sees(p.out, "in\n")
	tail.sees(tail.out, "in\n") // it follows: what comes now, it does not find there
	open(1)
	p.sees(p.out, "second\n")
	tail.sees(tail.out, "second\n")
	c.agent.signal(syscall.SIGKILL)
	p.sees(p.err, "the agent does not answer; waiting for it")
	c.startAgent(portOf(t, c.agentAt))
	open(2)
	p.says(0, `^zero\nin\nsecond\nthird\n`)
	tail.says(0, `^in\nsecond\nthird\n`)
	run.ends(3)
	c.meseta("logs", "-n", "2", id).says(0, `^second\nthird\n$`)
	c.meseta("logs", "-n", "0", id).says(0, `^$`)
}

// proxy stands between a program and a master, and can cut what goes through it.
type proxy struct {
	at string
	mu sync.Mutex
	on []net.Conn
}

func newProxy(t *testing.T, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{at: l.Addr().String()}
	t.Cleanup(func() { l.Close(); p.cut() })
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				in.Close()
				continue
			}
			p.mu.Lock()
			p.on = append(p.on, in, out)
			p.mu.Unlock()
			go func() { _, _ = io.Copy(in, out); in.Close() }()
			go func() { _, _ = io.Copy(out, in); out.Close() }()
		}
	}()
	return p
}

func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.on {
		conn.Close()
	}
	p.on = nil
}

func TestEventsAreLiveAndGoOnAfterABreak(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.agent.sees(c.agent.err, `a member of the cluster`)
	between := newProxy(t, c.at)
	all := c.begin("events", "--master="+between.at)
	updates := c.begin("events", "--type=subscribed,task_updated", "-o", "json")
	updates.sees(updates.out, `"SUBSCRIBED"`)
	all.sees(all.out, `SUBSCRIBED +1 agent, 0 frameworks, 0 tasks`)
	c.run("--name=first", "--", "true").ends(0)
	all.sees(all.out, `TASK_ADDED +meseta run first/first\.\S+ on a\.example \(cpus:1 mem:128\)`)
	all.sees(all.out, `TASK_UPDATED +meseta run first/first\.\S+ is finished on a\.example`)
	between.cut()
	all.sees(all.err, "the connection to the master broke; making it anew")
	c.run("--name=second", "--", "true").ends(0)
	all.sees(all.out, `TASK_UPDATED +meseta run second/second\.\S+ is finished`)
	all.sees(all.out, `FRAMEWORK_REMOVED +meseta run second`)
	if n := strings.Count(all.out.String(), "SUBSCRIBED"); n != 1 {
		t.Errorf("it began %d times:\n%s", n, all.out)
	}
	updates.sees(updates.out, "second")
	for line := range strings.Lines(strings.TrimSpace(updates.out.String())) {
		var e struct{ Type string }
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Type != "TASK_UPDATED" && e.Type != "SUBSCRIBED" {
			t.Errorf("%v: %s", err, line)
		}
	}
	all.signal(syscall.SIGINT)
	all.ends(0)
	updates.signal(syscall.SIGTERM)
	updates.ends(0)
}

// Each reason in a cluster that has it.
func TestWhySaysWhatIsInTheWay(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	agent := func(name, resources string) {
		a := start(t, c.dir, "agent", "--master="+c.at, "--ip=127.0.0.1", "--port=0", "--work_dir="+name, "--hostname="+name, "--registration_backoff_factor=10ms", "--resources="+resources)
		a.sees(a.err, "a member of the cluster")
	}
	_, busy := c.job("busy", "echo in; sleep 1000") // while there is one agent to go to
	agent("small", "cpus:1;mem:4096")
	agent("kept", "cpus(ads):4;mem(ads):4096")
	agent("off", "cpus:4;mem:4096")
	id := c.idOf("off")
	if code := c.post(`{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"` + id + `"}}}`); code != http.StatusOK {
		t.Fatalf("deactivate: %d", code)
	}
	p := c.begin("run", "--name=waits", "--resources=cpus:4;mem:64", "--", "true")
	p.sees(p.err, `waiting for room for cpus:4 mem:64: 1 of 4 agents: `)
	c.meseta("why", "meseta run waits", "--resources=cpus:4;mem:64").says(0, `role \*: cpus:4 mem:64`, `1 +\S+ +deactivated`, `1 +\S+ +too small`, `1 +\S+ +reserved to others`, `1 +\S+ +busy`, `near: a\.example: busy, short of 0\.1 cpus`)
	c.meseta("why", "*", "--resources=cpus:0.1;mem:32").says(0, `meseta run busy, role \*`, `meseta run waits, role \*`)
	busy.signal(syscall.SIGINT)
	busy.ends(130)
	p.ends(0)
}

// idOf is the id of the agent on a host.
func (c *testCluster) idOf(host string) string {
	c.t.Helper()
	out := c.meseta("agents").out.String()
	m := regexp.MustCompile(`(?m)^(\S+) +` + host + ` `).FindStringSubmatch(out)
	if m == nil {
		c.t.Fatalf("no agent %s:\n%s", host, out)
	}
	return m[1]
}

// post makes a call of the operator API, and returns its status.
func (c *testCluster) post(call string) int {
	c.t.Helper()
	r, err := http.Post("http://"+c.at+"/api/v1", "application/json", strings.NewReader(call))
	if err != nil {
		c.t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		said, _ := io.ReadAll(r.Body)
		c.t.Logf("%s", said)
	}
	return r.StatusCode
}

func TestQuotaAndDrainAreDescribed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.agent.sees(c.agent.err, `a member of the cluster`)
	if code := c.post(`{"type":"UPDATE_QUOTA","update_quota":{"quota_configs":[{"role":"ads","guarantees":{"cpus":{"value":1}},"limits":{"cpus":{"value":2},"mem":{"value":1024}}}]}}`); code != http.StatusOK {
		t.Fatalf("quota: %d", code)
	}
	c.meseta("roles").says(0, `ads +1 +0 .* cpus:1 +cpus:2 mem:1024`)
	c.meseta("describe", "ads").says(0, `Guaranteed +cpus:1`, `At most +cpus:2\n +mem:1024`)
	if code := c.post(`{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"` + c.idOf(`a\.example`) + `"},"max_grace_period":{"seconds":60}}}`); code != http.StatusOK {
		t.Fatalf("drain: %d", code)
	}
	await(t, "it is drained", func() bool { return strings.Contains(c.meseta("status").out.String(), "1 drained") })
	c.meseta("describe", "a.example").says(0, `Draining +drained.*tasks may take 1m0s to end`)
	b := start(t, c.dir, "agent", "--master="+c.at, "--ip=127.0.0.1", "--port=0", "--work_dir=B", "--hostname=b.example", "--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096")
	b.sees(b.err, "a member of the cluster")
	if code := c.post(`{"type":"UPDATE_MAINTENANCE_SCHEDULE","update_maintenance_schedule":{"schedule":{"windows":[{"machine_ids":[{"hostname":"b.example","ip":"127.0.0.1"}],"unavailability":{"start":{"nanoseconds":4102444800000000000},"duration":{"nanoseconds":3600000000000}}}]}}}`); code != http.StatusOK {
		t.Fatalf("maintenance: %d", code)
	}
	c.meseta("describe", "b.example").says(0, `Unavailable +from (2100-01-01|2099-12-31) \S+ for 1h`)
}
