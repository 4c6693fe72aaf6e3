package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// rotating is a cluster whose agent keeps the end of what tasks print, in files of a page.
func rotating(t *testing.T) (c *testCluster, flags []string) {
	t.Helper()
	flags = []string{"--container_logger=org_apache_mesos_LogrotateContainerLogger", "--container_logger_max_stdout_size=4KB",
		"--container_logger_logrotate_stdout_options=rotate 4"}
	c = &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	t.Cleanup(func() {
		for _, p := range processesIn(t, c.dir) {
			pid, _, _ := strings.Cut(p, " ")
			kill(t, pid)
		}
	})
	c.startMaster("0")
	c.startAgent("0", flags...)
	return c, flags
}

// sandbox is the only one of the agent.
func (c *testCluster) sandbox() string {
	c.t.Helper()
	found, err := filepath.Glob(c.dir + "/A/slaves/*/frameworks/*/executors/*/runs/latest")
	if err != nil || len(found) != 1 {
		c.t.Fatalf("the sandboxes are %v, %v", found, err)
	}
	return found[0]
}

// A task prints through a hundred rotations, a part of it while its agent is killed and gone. Every line is on disk
// once, and `meseta run`, which follows it all the time, prints every line once.
func TestRotationLosesNoLine(t *testing.T) {
	c, flags := rotating(t)
	// Each part waits for its word, so that the second is printed while there is no agent.
	script := `until [ -e "$STEPS/1" ]; do sleep 0.02; done; seq 1 20000; touch "$STEPS/one"
		until [ -e "$STEPS/2" ]; do sleep 0.02; done; seq 20001 40000; touch "$STEPS/two"
		until [ -e "$STEPS/3" ]; do sleep 0.02; done; seq 40001 60000; echo the end >&2`
	steps := t.TempDir()
	say := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(steps, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	heard := func(name string) {
		t.Helper()
		await(t, "the task is done with part "+name, func() bool { _, err := os.Stat(filepath.Join(steps, name)); return err == nil })
	}
	p := c.run("-q", "--env=STEPS="+steps, "--env=CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS=rotate 999", "--", script)
	say("1")
	heard("one")
	c.agent.signal(syscall.SIGKILL)
	<-c.agent.exited
	say("2")
	heard("two")
	c.startAgent(portOf(t, c.agentAt), flags...)
	say("3")
	p.ends(0)

	var want strings.Builder
	for i := 1; i <= 60000; i++ {
		fmt.Fprintln(&want, i)
	}
	if got := p.out.String(); got != want.String() {
		t.Errorf("run printed %d bytes of %d, or others", len(got), want.Len())
	}
	var kept []byte
	files := 0
	for i := 999; i >= 0; i-- {
		name := c.sandbox() + "/stdout"
		if i > 0 {
			name += fmt.Sprint(".", i)
		}
		data, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		if len(data) > 4096 {
			t.Errorf("%s has %d bytes", name, len(data))
		}
		kept = append(kept, data...)
		files++
	}
	if string(kept) != want.String() || files < 80 {
		t.Errorf("%d bytes of %d are kept, in %d files", len(kept), want.Len(), files)
	}
	if got := strings.Join(lines(t, c.sandbox()+"/stderr"), "\n"); !strings.Contains(got, "the end") {
		t.Errorf("stderr has %q", got)
	}
	await(t, "the loggers have ended", func() bool {
		for _, p := range processesIn(t, c.dir+"/A") {
			if strings.Contains(p, " logger ") {
				return false
			}
		}
		return true
	})
}

// With the agent's own settings there are five files, and the oldest lines are gone.
func TestRotationBoundsWhatIsKept(t *testing.T) {
	c, _ := rotating(t)
	c.run("-q", "--", "seq 1 60000; [ ! -t 1 ]").ends(0)
	names, err := filepath.Glob(c.sandbox() + "/stdout*")
	if err != nil || len(names) != 5 {
		t.Errorf("the files are %v, %v", names, err)
	}
	all, size := "", 0
	for i := 4; i >= 0; i-- {
		data, err := os.ReadFile(c.sandbox() + "/" + strings.TrimSuffix(fmt.Sprint("stdout.", i), ".0"))
		if err != nil {
			t.Fatal(err)
		}
		size = max(size, len(data))
		all += string(data)
	}
	if !strings.HasSuffix(all, "59999\n60000\n") || size > 4096 || len(all) < 4*3500 {
		t.Errorf("%d bytes are kept, in files of up to %d, and end with %q", len(all), size, all[len(all)-12:])
	}
}

// Options are words, not a program: a script in them is not run, and its task says why it does not run either.
func TestRotationRunsNoScript(t *testing.T) {
	c, _ := rotating(t)
	trap := filepath.Join(t.TempDir(), "ran")
	p := c.run("--env=CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS=rotate 9\npostrotate\ntouch "+trap+"\nendscript", "--", "seq 1 60000")
	p.sees(p.err, `CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS: option "postrotate" is not supported: rotate N, compress and delaycompress are`)
	p.code()
	if _, err := os.Stat(trap); err == nil {
		t.Error("it was run")
	}
}
