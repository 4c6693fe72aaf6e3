package agent_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// An agent that is stopped while it recovers does not hold its own sleep against its executors. Found by seed 46 of the sweep.
func TestATaskOutlivesAnAgentThatSleepsWhileItRecovers(t *testing.T) {
	w := cast.New(t, testkit.Seed(46))
	w.Master("m1")
	a, f := w.Agent("a1", "cpus:4;mem:4096"), w.Framework("f1")
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 60")
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
	a.Crash()
	w.Advance(time.Second)
	asked := w.Watch(testkit.Of[*controlpb.ReconnectExecutor]())
	a.Restart()
	asked.Await(1)
	a.Pause()
	w.Advance(5 * time.Second)
	a.Continue()
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_FINISHED))
	f.ExpectNone(time.Minute, cast.Update("t1", mesospb.TaskState_TASK_GONE))
}
