package main_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/exam"
	"github.com/meseta-io/meseta/isolators/sample"
)

// The live table: rows come and go, keys sort them, and the terminal is as it was when it is over.
func TestTop(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	id, p := c.job("busy", "echo in; while sleep 0.01; do :; done")
	defer p.signal(syscall.SIGINT)

	screen := newTerminal(t)
	size := unix.Winsize{Row: 12, Col: 150}
	if err := unix.IoctlSetWinsize(int(screen.tty.Fd()), unix.TIOCSWINSZ, &size); err != nil {
		t.Fatal(err)
	}
	before, err := unix.IoctlGetTermios(int(screen.tty.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	top := c.on(screen, []string{"NO_COLOR=1"}, "top", "--interval=500ms")
	screen.shows(t, `1 container on 1 agent: [0-9.]+ cpus`)
	screen.shows(t, `TASK +AGENT +CPU▾ +WAIT +MEMORY`)
	screen.shows(t, regexp.QuoteMeta(id)+` +a\.example +[0-9.]+ .* (█|▇)`)
	_, _ = screen.keyboard.WriteString("\x1b[C")
	screen.shows(t, `CPU +WAIT▾`)
	_, _ = screen.keyboard.WriteString("tr")
	screen.shows(t, `TASK▴ +AGENT`)
	_, _ = screen.keyboard.WriteString("p")
	screen.shows(t, `\(paused\)`)
	_, _ = screen.keyboard.WriteString("q")
	top.ends(0)
	after, err := unix.IoctlGetTermios(int(screen.tty.Fd()), unix.TCGETS)
	if err != nil || *after != *before {
		t.Errorf("the terminal is not what it was: %v, %v", after, err)
	}
	screen.shows(t, regexp.QuoteMeta("\x1b[?25h\x1b[?1049l")+"$")
}

// Where nobody looks there is one table, or JSON.
func TestStatsAndTopOfATask(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	id, p := c.job("busy", "echo in; while sleep 0.01; do :; done")
	defer p.signal(syscall.SIGINT)
	for _, x := range []struct {
		args     []string
		code     int
		patterns []string
	}{
		{[]string{"stats", id}, 0, []string{`Task +meseta run busy/` + id + ` \(running on a\.example\)`, `Processors +[0-9.]+ s \(.* in the program, .* in the kernel\) with 0\.2 cpus`, `Memory +\S+ MB of \d+ MB`}},
		{[]string{"stats", "nobody"}, 1, []string{`no task is called nobody`}},
		{[]string{"top", "--interval=500ms"}, 0, []string{`^1 container on 1 agent`, `(?m)^` + id + ` +a\.example +\d\.\d\d`}},
		{[]string{"top", "--sort=beauty"}, 2, []string{`--sort=beauty: there is no such column; there are task, agent, cpu`}},
		{[]string{"top", "--interval=1ms"}, 2, []string{`--interval=1ms: at least 500 ms`}},
		{[]string{"top", "--agent=nowhere"}, 1, []string{`no agent is called nowhere`}},
	} {
		c.meseta(x.args...).says(x.code, x.patterns...)
	}
	for _, args := range [][]string{{"stats", id, "-o", "json"}, {"top", "-o", "json"}} {
		out := c.meseta(args...).says(0).out.String()
		for _, key := range []string{`"container_id"`, `"statistics"`, `"id":"` + id + `"`} {
			if !strings.Contains(strings.ReplaceAll(out, `": `, `":`), key) {
				t.Errorf("%v: %s is not in %s", args, key, out)
			}
		}
	}
}

// What the kernel counts goes on being counted while there is no agent, and the next one shows it all.
func TestNoCounterIsLost(t *testing.T) {
	exam.Skip(t, exam.Root, exam.BTF, exam.Unified)
	c := newIsolatedCluster(t)
	port := c.agentAt[strings.LastIndexByte(c.agentAt, ':')+1:]
	id, p := c.job("busy", "echo in; while sleep 0.02; do :; done")
	counted := func() *sample.Sample {
		var r struct {
			Containers []struct{ Sample *sample.Sample }
		}
		if json.Unmarshal(bodyOf("http://"+c.agentAt+"/usage"), &r) != nil || len(r.Containers) != 1 {
			return nil
		}
		return r.Containers[0].Sample
	}
	var before, after *sample.Sample
	await(t, "processes are counted", func() bool { before = counted(); return before != nil && before.Processes.Started > 20 })
	c.meseta("stats", id).says(0, `Waits +.* for processors; half within`, `Processes +\d+ began, \d+ ended`, `Network +received`)
	c.meseta("top", "--interval=500ms").says(0, `(?m)^`+id+` +a\.example +\d\.\d\d +\d\.\d\d`)
	kill(t, fmt.Sprint(c.agent.cmd.Process.Pid))
	<-c.agent.exited
	c.startAgent(port, "--launcher=linux")
	c.agent.sees(c.agent.err, "msg=recovered")
	await(t, "it is measured again", func() bool { after = counted(); return after != nil })
	if after.Processes.Started < before.Processes.Started || after.CPU.Used < before.CPU.Used || after.CPU.Voluntary < before.CPU.Voluntary {
		t.Errorf("%+v, and before %+v", after, before)
	}
	p.signal(syscall.SIGINT)
	<-p.exited
	await(t, "nothing is pinned any more", func() bool { return len(mountsIn(c.dir)) == 0 })
}
