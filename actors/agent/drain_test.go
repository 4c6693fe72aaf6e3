package agent_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// drain has the agent drain; most is the grace period that is granted, negative for none said.
func (w *town) drain(most time.Duration, gone bool) {
	config := &mesospb.DrainConfig{MarkGone: proto.Bool(gone)}
	if most >= 0 {
		config.MaxGracePeriod = &mesospb.DurationInfo{Nanoseconds: proto.Int64(int64(most))}
	}
	w.send(&controlpb.DrainAgent{AgentId: agentID, Config: config, Epoch: &w.epoch})
}

// draining checks that an update gives the drain as its reason, whoever it is of.
func draining(u *controlpb.StatusUpdate) error {
	if r := u.GetStatus().GetReason(); r != mesospb.TaskStatus_REASON_AGENT_DRAINING {
		return errReason{r}
	}
	return nil
}

type errReason struct{ r mesospb.TaskStatus_Reason }

func (e errReason) Error() string { return "the reason is " + e.r.String() }

const goneByOperator = mesospb.TaskState_TASK_GONE_BY_OPERATOR

func TestDrainKillsRunningTask(t *testing.T) {
	for _, c := range []struct {
		name string
		gone bool
		ends mesospb.TaskState
	}{{"the agent comes back", false, killed}, {"the agent goes for good", true, goneByOperator}} {
		t.Run(c.name, func(t *testing.T) {
			w := joined(t)
			w.run(command("t1", "sleep 1000"))
			w.status("t1", running)
			w.drain(-1, c.gone)
			w.status("t1", killing, draining)
			w.status("t1", c.ends, draining)
			w.Advance(time.Minute)
			if n := len(w.a.Machine.Running()); n != 0 {
				t.Errorf("%d processes are left", n)
			}
		})
	}
}

// What the operator grants is the most that a task gets; one that asks for less has its way.
func TestDrainGracePeriod(t *testing.T) {
	for _, c := range []struct {
		name              string
		own, most, expect time.Duration
	}{
		{"the operator's is shorter", 100 * time.Second, 10 * time.Second, 10 * time.Second},
		{"the task's is shorter", 10 * time.Second, 100 * time.Second, 10 * time.Second},
		{"the operator says nothing", 20 * time.Second, -1, 20 * time.Second},
		{"no time at all", 100 * time.Second, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := joined(t)
			w.run(command("t1", "trap '' TERM; sleep 1000", func(t *mesospb.TaskInfo) { t.KillPolicy = grace(c.own) }))
			w.status("t1", running)
			began := w.Elapsed()
			w.drain(c.most, false)
			w.master.ExpectWithin(3*time.Minute, update("t1", killed, draining))
			if took := w.Elapsed() - began; took < c.expect || took > c.expect+time.Second {
				t.Errorf("it was killed after %v", took)
			}
		})
	}
}

// A task whose executor has yet to subscribe never begins.
func TestDrainKillsQueuedTask(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e1", "mute"))
	w.Advance(time.Second)
	w.drain(-1, true)
	w.status("t1", goneByOperator, because(mesospb.TaskStatus_REASON_AGENT_DRAINING))
}

// A task that is killed before its checkpoint is on disk, let alone its executor started.
func TestDrainKillsPendingTask(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "sleep 1000"))
	w.drain(-1, true)
	w.status("t1", goneByOperator, draining)
	w.Advance(time.Minute)
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestDrainingAgentRefuses(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "trap '' TERM; sleep 1000", func(t *mesospb.TaskInfo) { t.KillPolicy = grace(time.Minute) }))
	w.status("t1", running)
	w.drain(-1, false)
	w.run(command("t2", "sleep 1000"))
	w.status("t2", dropped, because(mesospb.TaskStatus_REASON_AGENT_DRAINING))
	w.master.ExpectWithin(3*time.Minute, update("t1", killed, draining))
	w.Advance(time.Minute)
	// Nothing is left, so it is over: an operator may have the agent back.
	if w.onDisk("drain.config") {
		t.Error("the drain is still written down")
	}
	w.run(command("t3", "sleep 1000"))
	w.status("t3", running)
}

// An agent without work forgets at once that it is drained.
func TestDrainOfIdleAgent(t *testing.T) {
	w := joined(t)
	w.drain(-1, false)
	w.Advance(time.Second)
	if w.onDisk("drain.config") {
		t.Error("the drain is still written down")
	}
	w.run(command("t1", "sleep 1000"))
	w.status("t1", running)
}

// An agent that is restarted while it drains goes on with it before it is told again.
func TestDrainSurvivesRestart(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "trap '' TERM; sleep 1000", func(t *mesospb.TaskInfo) { t.KillPolicy = grace(100 * time.Second) }))
	w.status("t1", running)
	w.drain(-1, false)
	w.status("t1", killing, draining)
	if !w.onDisk("drain.config") {
		t.Fatal("the drain is not written down")
	}
	if a := w.get(agentpb.Call_GET_AGENT).GetGetAgent(); a.DrainConfig == nil || a.EstimatedDrainStartTime == nil {
		t.Errorf("it is shown as %v", a)
	}
	w.a.Crash()
	w.Advance(time.Second)
	w.a.Restart()
	w.master.Expect(testkit.Of[*controlpb.ReregisterAgent]())
	w.Advance(10 * time.Second)
	w.run(command("t2", "sleep 1000"))
	w.status("t2", dropped, because(mesospb.TaskStatus_REASON_AGENT_DRAINING))
	w.master.ExpectWithin(3*time.Minute, update("t1", killed, draining))
}

// The order of a master that does not lead, or for another agent, drains nothing.
func TestDrainOrdersAreChecked(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "sleep 1000"))
	w.status("t1", starting)
	w.status("t1", running)
	old := uint64(0)
	w.send(&controlpb.DrainAgent{AgentId: agentID, Config: &mesospb.DrainConfig{}, Epoch: &old})
	w.send(&controlpb.DrainAgent{AgentId: &mesospb.AgentID{Value: proto.String("other")}, Config: &mesospb.DrainConfig{}, Epoch: &w.epoch})
	w.quiet(time.Minute)
}
