package agent_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// The executor has not heard that its updates are safe when its agent dies, and its framework has acknowledged all of
// them. It says them again to the next agent, which tells it so, and the framework nothing.
func TestWhatIsOverIsNotToldAgainAfterARestart(t *testing.T) {
	w, e := pretender(t)
	updates := []*executorpb.Call_Update{said("t1", running, "0123456789abcdef"), said("t1", finished, "fedcba9876543210")}
	for _, u := range updates {
		e.Send(w.a.UPID(), &executorpb.Call{Type: executorpb.Call_UPDATE.Enum(), FrameworkId: framework().Id,
			ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Update: u})
	}
	w.status("t1", running)
	w.status("t1", finished)
	w.Advance(time.Minute)
	for range 2 {
		w.restart()
		e.Forget()
		e.Expect(testkit.Of[*controlpb.ReconnectExecutor]())
		e.Send(w.a.UPID(), &executorpb.Call{Type: executorpb.Call_SUBSCRIBE.Enum(), FrameworkId: framework().Id,
			ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, Subscribe: &executorpb.Call_Subscribe{UnacknowledgedUpdates: updates}})
		for range updates {
			e.Expect(testkit.That("ACKNOWLEDGED", acknowledgedEvent))
		}
		if back := w.returned(); len(back.GetTasks()) != 0 || len(back.GetExecutors()) != 1 {
			t.Errorf("it came back with %v", back)
		}
		w.quiet(15 * time.Minute)
	}
	w.run(custom("t2", "e1", "mute")) // it still is the executor for it
	e.Expect(testkit.That("LAUNCH", launchEvent))
}

// The same with the executor that everybody uses, which forgets what it hears to be safe, and with the agent dying in each
// of the writes that the last acknowledgement leads to.
func TestTheLastAcknowledgementAndACrash(t *testing.T) {
	for _, c := range []struct {
		name  string
		dies  func(w testkit.Write, tail string) bool
		again int // how often the end is told after that
	}{
		{"before it is written", func(w testkit.Write, tail string) bool { return tail == "executor.info" }, 1},
		{"before the task is removed", func(_ testkit.Write, tail string) bool { return tail == "t1" || strings.HasPrefix(tail, "task.") }, 0},
		{"later", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := withPuppet(t)
			deaf := w.Drop(testkit.That("an acknowledgement to the executor", acknowledgedEvent))
			w.update("t1", running)
			w.status("t1", running)
			w.Advance(time.Second)
			w.silent = true
			w.update("t1", finished)
			last := w.status("t1", finished)
			dead := false
			w.a.Disk().Intercept = func(x testkit.Write) (int, error) {
				if c.dies == nil || dead || !c.dies(x, x.Path[strings.LastIndex(x.Path, "/")+1:]) {
					return 0, nil
				}
				dead = true
				w.a.Crash()
				return 0, errors.New("the process died")
			}
			w.silent = false
			w.send(w.acknowledgement(last))
			w.Advance(5 * time.Second)
			if dead != (c.dies != nil) {
				t.Fatalf("the agent has died: %v", dead)
			}
			if c.dies == nil {
				w.a.Crash()
			}
			deaf.Stop()
			w.master.Forget()
			heard := w.Watch(testkit.That("an acknowledgement to the executor", acknowledgedEvent))
			var repeats []int
			w.Observe(func(m testkit.Message) {
				if x, ok := m.Msg.(*executorpb.Call); ok && x.GetType() == executorpb.Call_SUBSCRIBE {
					repeats = append(repeats, len(x.GetSubscribe().GetUnacknowledgedUpdates()))
				}
			})
			w.a.Restart()
			for range c.again {
				w.status("t1", finished)
			}
			w.quiet(15 * time.Minute)
			if heard.Count() != 2 || w.puppet.shutdown {
				t.Errorf("the executor was told %d times that its updates are safe; it was shut down: %v", heard.Count(), w.puppet.shutdown)
			}
			if w.onDisk("task.info") {
				t.Error("the task's folder is still there")
			}
			w.restart()
			w.returned()
			w.quiet(time.Minute)
			if n := len(repeats); n < 2 || repeats[0] != 2 || repeats[n-1] != 0 {
				t.Errorf("it said so many updates again: %v", repeats)
			}
		})
	}
}

// An executor between two tasks is not ended because its agent was restarted.
func TestAnIdleExecutorStays(t *testing.T) {
	w := withPuppet(t)
	w.update("t1", finished)
	w.status("t1", finished)
	w.Advance(time.Second)
	w.restart()
	w.returned()
	w.run(custom("t2", "e1", "puppet"))
	w.Until("it gets the next", time.Minute, func() bool { return len(w.puppet.launched) == 2 })
	if w.puppet.shutdown || len(w.a.Machine.Running()) != 1 {
		t.Error("it was shut down")
	}
}
