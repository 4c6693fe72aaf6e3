package agent

import (
	"testing"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// silent takes a task through everything that tells of it, with nobody listening.
func silent() func() {
	a, f := &Agent{}, &framework{}
	e, t := &executor{framework: f}, &task{}
	status := &mesospb.TaskStatus{State: mesospb.TaskState_TASK_RUNNING.Enum(), Uuid: make([]byte, 16)}
	update := &controlpb.UpdateReceived{Status: status}
	return func() {
		t.passage = a.passageFrom()
		a.traceStored(e, t, "")
		a.traceBegun(e)
		a.traceLaunched(e, nil)
		a.traceRegistered(e, "")
		a.traceHanded(t)
		a.traceUpdate(f, e, t, status)
		a.traceAcknowledged(f, e, t, update)
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
