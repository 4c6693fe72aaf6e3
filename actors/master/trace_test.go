package master

import (
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// silent takes a task through everything that tells of it, with nobody listening.
func silent() func() {
	m, s := &Master{}, &spending{framework: &framework{}, agent: &agent{}}
	t, info := &task{info: &mesospb.Task{}}, &mesospb.TaskInfo{}
	status := &mesospb.TaskStatus{State: mesospb.TaskState_TASK_RUNNING.Enum(), Uuid: make([]byte, 16)}
	return func() {
		s.journey = m.setOut(nil)
		m.traceSent(s, "t")
		m.traceRefused(s, info, status)
		m.traceUpdate(t, status)
		m.traceAcknowledged(t, status.Uuid)
		m.traceRemoved(t)
	}
}

func TestTracesCostNothingWithoutAListener(t *testing.T) {
	if n := testing.AllocsPerRun(100, silent()); n != 0 {
		t.Errorf("%v allocations for each task", n)
	}
}

// All calls of one task together.
func BenchmarkTracesWithoutAListener(b *testing.B) {
	way := silent()
	b.ReportAllocs()
	for b.Loop() {
		way()
	}
}
