package main_test

import (
	"strings"
	"syscall"
	"testing"
)

// A cluster of the first landing of this repository becomes one of today, as docs/operations.md says: the master first,
// over the old one's registry, then the agent. Tasks of that day run on all the while, those of an old command and those
// of a framework that was upgraded before everything else; what ends in between is told once.
func TestAClusterIsUpgradedUnderItsTasks(t *testing.T) {
	t.Parallel()
	old := earlier(t, "e3d2d85")
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	t.Cleanup(c.clean)
	c.master = startAs(t, old, c.dir, nil, "master", "--ip="+c.ip, "--port=0", "--work_dir=M")
	c.at = c.master.sees(c.master.out, `listening on (\S+?),`)
	c.agent = startAs(t, old, c.dir, nil, "agent", "--master="+c.at, "--ip="+c.ip, "--port=0", "--work_dir=A", "--hostname=a.example",
		"--registration_backoff_factor=10ms", "--resources=cpus:4;mem:4096;disk:8192;ports:[31000-32000]")
	c.agentAt = c.agent.sees(c.agent.out, `listening on (\S+?),`)
	agent := c.agent.sees(c.agent.err, `msg=registered.* agent=(\S+)`)

	first, firstMarks, firstGate := gated(t.TempDir(), 2)
	second, secondMarks, secondGate := gated(t.TempDir(), 2)
	command, commandMarks, commandGate := gated(t.TempDir(), 1)
	w := witnessed(t, c.at, append(first, second...)...)
	run := startAs(t, old, c.dir, nil, "run", "--master="+c.at, "--cpus=0.1", "--mem=32", "--", command[0])
	await(t, "the tasks run", func() bool { return w.running(4) && len(lines(t, commandMarks[0])) == 1 })

	c.master.signal(syscall.SIGTERM)
	<-c.master.exited
	c.startMaster(portOf(t, c.at))
	c.master.sees(c.master.err, `"?agent returned"?.*tasks=5`)
	open(t, firstGate)
	await(t, "the first tasks have ended", func() bool { return w.finished() == 2 })
	again := c.run("--cpus=0.1", "--mem=32", "--", "echo again and again").ends(0) // agents of that day show nothing of the output
	id := again.sees(again.err, `meseta: (\S+) goes to`)
	c.meseta("agents").says(0, "active")

	c.agent.signal(syscall.SIGTERM)
	<-c.agent.exited
	c.startAgent(portOf(t, c.agentAt))
	c.agent.sees(c.agent.err, "a member of the cluster")
	open(t, secondGate)
	open(t, commandGate)
	w.once(t, append(firstMarks, secondMarks...))
	run.ends(0)
	c.meseta("logs", id).says(0, "again and again") // but those of today, as soon as they are there
	if ran := lines(t, commandMarks[0]); len(ran) != 2 {
		t.Errorf("the command ran as %q", ran)
	}
	if now := c.agent.sees(c.agent.err, `a member of the cluster.* agent=(\S+)`); now != agent {
		t.Errorf("the agent is %s, and was %s", now, agent)
	}
	for _, p := range []*program{c.master, c.agent} {
		if strings.Contains(p.err.String(), "panic") {
			t.Errorf("%s printed %s", p.cmd, p.err)
		}
	}
}
