package cast_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Over Consul a master that dies is followed by another once its session is over; it finds the registry, and the agents find it.
func TestOverConsul(t *testing.T) {
	w := cast.New(t)
	w.OverConsul(3)
	one := w.Master("m1")
	w.Advance(time.Second)
	two := w.Master("m2")
	a := w.Agent("a1", "cpus:4;mem:4096")
	f := w.Framework("f1")
	f.Launch(f.ExpectOffer(a, "cpus:4;mem:4096"), "t1", "cpus:1;mem:64", "sleep 1000")
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_RUNNING))
	before, records := w.Lead(), w.Records()
	if w.Leader() != one.UPID() || len(records) == 0 || w.Writes() == 0 {
		t.Fatalf("%v leads, and there are %d records after %d writes", w.Leader(), len(records), w.Writes())
	}

	one.Crash()
	began := w.Elapsed()
	w.Until("the other leads", 21*time.Second, func() bool { return w.Leader() == two.UPID() })
	if took := w.Elapsed() - began; took < 15*time.Second {
		t.Errorf("it leads after %v, when the session of the dead one lasts", took)
	}
	if now := w.Lead(); now.Epoch <= before.Epoch {
		t.Errorf("epoch %d after %d", now.Epoch, before.Epoch)
	}
	f.Subscribe()
	f.Kill("t1")
	f.Expect(cast.Update("t1", mesospb.TaskState_TASK_KILLED))

	one.Restart()
	two.Mortal = true
	w.Depose(nil)
	w.Until("it ends with its term", time.Second, func() bool { return !two.Up() })
	w.Until("the first leads again", 10*time.Second, func() bool { return w.Leader() == one.UPID() })
}
