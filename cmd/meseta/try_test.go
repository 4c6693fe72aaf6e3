package main_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
)

// nothingLeft checks that a program has taken all of its processes and files with it.
func nothingLeft(t *testing.T, dir string) {
	t.Helper()
	await(t, "its processes are gone", func() bool { return len(processesIn(t, dir)) == 0 })
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) > 0 {
		t.Errorf("it left %q behind, %v", left, err)
	}
}

func TestDevSaysWhatToTypeAndLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dev := startAs(t, binary, dir, []string{"TMPDIR=" + dir}, "dev", "--agents=2", "--port=0")
	line := dev.sees(dev.out, `type: (meseta run --master=\S+ -- echo hi) `)
	p := start(t, t.TempDir(), strings.Fields(line)[1:]...).ends(0)
	if p.out.String() != "hi\n" {
		t.Errorf("%s printed %q", line, p.out)
	}
	master := regexp.MustCompile(`--master=\S+`).FindString(line)
	p = start(t, t.TempDir(), "agents", master).ends(0)
	if got := p.out.String(); !strings.Contains(got, "agent1") || !strings.Contains(got, "agent2") {
		t.Errorf("the agents are\n%s", got)
	}
	// Ctrl-C also ends what still runs.
	p = start(t, t.TempDir(), "run", master, "--", "echo in; (trap '' TERM INT; sleep 1000) & sleep 1000")
	p.sees(p.out, "in\n")
	dev.signal(syscall.SIGINT)
	dev.ends(0)
	nothingLeft(t, dir)
	p.signal(syscall.SIGINT)
	p.signal(syscall.SIGINT)
}

func TestDemoShowsTheWholeStory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startAs(t, binary, dir, []string{"TMPDIR=" + dir}, "demo").ends(0)
	for _, pattern := range []string{
		`(?m)^TASK +AGENT +STATE +LASTED +CPU +MEMORY +PRINTED$`,
		`(?m)^hello +agent[12] +finished +.* s +\d+ MB +\d+ B$`,
		`(?m)^forever +agent[12] +killed `, `(?m)^failure +agent[12] +failed `, `(?m)^chatter +agent[12] +finished .* KB$`,
		`(?m)^\S+ +agent1 `, `(?m)^\S+ +agent2 `, `10 of 12 finished`, `never ends, so it is killed`,
	} {
		if !regexp.MustCompile(pattern).MatchString(p.out.String()) {
			t.Errorf("%s is not in\n%s", pattern, p.out)
		}
	}
	nothingLeft(t, dir)
}

func TestAnInterruptedDemoLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := startAs(t, binary, dir, []string{"TMPDIR=" + dir}, "demo")
	p.sees(p.out, "forever +runs")
	p.signal(os.Interrupt)
	p.ends(130)
	nothingLeft(t, dir)
}

// A cluster that is killed cannot clean up, but its executors end by themselves.
func TestAKilledDevLeavesNoProcesses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	dev := startAs(t, binary, dir, []string{"TMPDIR=" + dir}, "dev", "--port=0")
	master := dev.sees(dev.out, `(--master=\S+) `)
	p := start(t, t.TempDir(), "run", master, "--", "echo in; sleep 1000")
	p.sees(p.out, "in\n")
	dev.signal(syscall.SIGKILL)
	<-dev.exited
	await(t, "its processes are gone", func() bool { return len(processesIn(t, dir)) == 0 })
	p.signal(syscall.SIGINT)
	p.signal(syscall.SIGINT)
}
