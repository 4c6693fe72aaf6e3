package agent_test

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// withPuppet is a town in which the puppet has a task t1 that it has said nothing about.
func withPuppet(t *testing.T) *town {
	t.Helper()
	w := joined(t)
	w.run(custom("t1", "e1", "puppet"))
	w.Until("t1 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
	return w
}

func TestUpdatesAreStoredBeforeTheyAreTold(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	stored := false
	w.Observe(func(m testkit.Message) {
		if u, ok := m.Msg.(*controlpb.StatusUpdate); ok && u.GetStatus().GetState() == running {
			stored = w.onDisk("tasks/t1/task.updates")
		}
	})
	w.update("t1", running)
	w.status("t1", running)
	if !stored {
		t.Error("it was told before it was stored")
	}
	w.Settle()
}

func TestUpdatesAreSentUntilTheyAreAcknowledged(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", running)
	first := w.status("t1", running)
	for _, wait := range []time.Duration{10, 20, 40} {
		w.master.ExpectNone(wait*time.Second-time.Second, testkit.Of[*controlpb.StatusUpdate]())
		again := w.status("t1", running)
		if string(again.Status.Uuid) != string(first.Status.Uuid) {
			t.Fatal("another uuid")
		}
	}
	w.send(w.acknowledgement(first))
	w.quiet(15 * time.Minute)
}

func TestOneUpdateIsInFlight(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", starting)
	w.update("t1", running)
	first := w.status("t1", starting)
	w.master.ExpectNone(5*time.Second, update("t1", running))
	w.send(w.acknowledgement(first))
	w.status("t1", running)
}

func TestLatestState(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", running)
	w.status("t1", running)
	w.update("t1", finished)
	// What is sent again is the first update; the newest state goes with it.
	w.status("t1", running, func(u *controlpb.StatusUpdate) error {
		if u.GetLatestState() != finished {
			return fmt.Errorf("the latest state is %v", u.GetLatestState())
		}
		return nil
	})
}

func TestDuplicateUpdates(t *testing.T) {
	for _, c := range []struct {
		name  string
		state mesospb.TaskState
	}{
		{"before the acknowledgement", running},
		{"terminal, before the acknowledgement", finished},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := withPuppet(t)
			w.silent = true
			// The executor does not hear that its update is stored; so it says it again when it comes back.
			w.Drop(testkit.That("an acknowledgement to the executor", acknowledgedEvent)).Times(1)
			w.update("t1", c.state)
			first := w.status("t1", c.state)
			acks := w.Watch(testkit.That("an acknowledgement to the executor", acknowledgedEvent))
			w.Cut(w.a, w.puppetNode())
			w.Advance(time.Minute)
			w.Heal(w.a, w.puppetNode())
			w.Until("the executor is back", time.Minute, func() bool { return w.puppet.welcomes == 2 })
			w.Advance(time.Second)
			if acks.Count() != 1 {
				t.Error("the executor was not told that the duplicate is stored")
			}
			w.master.Forget()
			w.send(w.acknowledgement(first))
			w.quiet(15 * time.Minute)
		})
	}
}

// puppetNode is the process of the only executor.
func (w *town) puppetNode() *testkit.Node {
	for _, p := range w.a.Machine.Running() {
		if p.Node != nil {
			return p.Node
		}
	}
	w.t.Fatal("no executor runs")
	return nil
}

func TestAfterTheEndOnlyTheExecutorHears(t *testing.T) {
	w := withPuppet(t)
	w.update("t1", finished)
	w.status("t1", finished)
	w.Advance(time.Second)
	// The task is forgotten by now. Mesos passes such an update on, and so do we.
	w.update("t1", killed)
	w.status("t1", killed)
	w.quiet(15 * time.Minute)
}

func TestASecondTerminalUpdateIsNotTold(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", finished)
	first := w.status("t1", finished)
	w.update("t1", killed)
	w.Advance(time.Second)
	w.send(w.acknowledgement(first))
	w.quiet(15 * time.Minute)
	if done := w.get(agentpb.Call_GET_TASKS).GetGetTasks().GetCompletedTasks(); len(done) != 1 || done[0].GetState() != finished {
		t.Errorf("completed: %v", done)
	}
}

func TestWrongAcknowledgementsAreIgnored(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", running)
	first := w.status("t1", running)
	w.update("t1", finished)
	other := w.acknowledgement(first)
	other.Uuid = []byte("another uuid ...")
	w.send(other)
	w.status("t1", running) // again, after ten seconds
	w.send(w.acknowledgement(first))
	w.send(w.acknowledgement(first))
	last := w.status("t1", finished)
	w.send(w.acknowledgement(first))
	w.status("t1", finished) // again: the old acknowledgement did not release it
	w.send(w.acknowledgement(last))
	w.quiet(15 * time.Minute)
}

func TestOnlyTheLeaderAcknowledges(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t1", running)
	first := w.status("t1", running)
	stranger := w.Probe("stranger")
	stranger.Send(w.a.UPID(), w.acknowledgement(first))
	w.status("t1", running)
	// Nor does a master of an older term, under the same name.
	w.epoch = 0
	w.send(w.acknowledgement(first))
	w.status("t1", running)
	w.epoch = 1
	w.send(w.acknowledgement(first))
	w.quiet(15 * time.Minute)
}

func TestUpdatesWaitForTheMaster(t *testing.T) {
	w := withPuppet(t)
	w.Cut(w.a, w.master)
	w.Advance(2 * time.Minute)
	w.update("t1", running)
	w.Advance(time.Hour)
	w.master.Forget()
	w.Heal(w.a, w.master)
	back := w.master.Expect(testkit.Of[*controlpb.ReregisterAgent]())[0].Msg.(*controlpb.ReregisterAgent)
	if len(back.GetTasks()) != 1 || back.GetTasks()[0].GetState() != running || back.GetTasks()[0].GetStatusUpdateState() != running ||
		len(back.GetTasks()[0].GetStatusUpdateUuid()) != 16 {
		t.Errorf("came back with %v", back.GetTasks())
	}
	w.status("t1", running)
	w.quiet(15 * time.Minute)
}

// What an executor says of a task that nobody launched is passed on as everything else, until it is acknowledged: the
// framework may know what it means.
func TestUpdatesOfATaskThatNobodyLaunched(t *testing.T) {
	w := withPuppet(t)
	w.silent = true
	w.update("t2", running)
	first := w.status("t2", running)
	if e := first.GetStatus().GetExecutorId().GetValue(); e != "e1" {
		t.Errorf("of executor %q", e)
	}
	if again := w.status("t2", running); string(again.Status.Uuid) != string(first.Status.Uuid) {
		t.Error("another uuid")
	}
	w.send(w.acknowledgement(first))
	w.quiet(15 * time.Minute)
}

func TestWhatTheAgentAddsToUpdates(t *testing.T) {
	w := withPuppet(t)
	w.update("t1", running, func(s *mesospb.TaskStatus) {
		s.Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k"), Value: proto.String("v")}}}
		s.Data = []byte("data")
		s.Healthy = proto.Bool(true)
	})
	s := w.status("t1", running).Status
	c := s.GetContainerStatus()
	switch {
	case s.GetSource() != mesospb.TaskStatus_SOURCE_EXECUTOR, s.GetAgentId().GetValue() != "A1", s.GetExecutorId().GetValue() != "e1":
		t.Errorf("who: %v", s)
	case s.GetTimestamp() == 0, len(s.GetUuid()) != 16:
		t.Errorf("when and which: %v", s)
	case c.GetContainerId().GetValue() == "", c.GetNetworkInfos()[0].GetIpAddresses()[0].GetIpAddress() != "a", c.GetExecutorPid() == 0:
		t.Errorf("container status: %v", c)
	case s.GetLabels().GetLabels()[0].GetValue() != "v", string(s.GetData()) != "data", !s.GetHealthy():
		t.Errorf("what the executor said: %v", s)
	}
}
