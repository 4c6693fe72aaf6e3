package agent

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// over is a task that has ended by an update of its executor's.
func over(id string) *task {
	t := newTask(&mesospb.TaskInfo{TaskId: &mesospb.TaskID{Value: proto.String(id)}})
	r := received("f" + id)
	r.Status.Source = mesospb.TaskStatus_SOURCE_EXECUTOR.Enum()
	t.stream.receive(r)
	t.enter(r.Status)
	return t
}

// An executor that runs tasks for years has a journal that does not grow for years. What it has not heard stays, however
// much that is.
func TestTheJournalOfABusyExecutor(t *testing.T) {
	e := &executor{
		framework: newFramework(&mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("f")}),
		info:      &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}},
		run:       run{"a", "f", "e", "c"}, sandbox: "/s",
		process: containerizer.Process{ContainerID: "c", PID: 7, StartTicks: 9},
		home:    process.UPID{ID: "executor(1)", Addr: "10.0.0.1:5"},
	}
	var journal []byte
	apply := func(changes ...Change) {
		for _, c := range changes {
			switch c.Kind {
			case Put:
				journal = c.Data
			case Append:
				journal = append(journal, c.Data...)
			}
		}
	}
	read := func() *executor {
		t.Helper()
		record, good, err := decodeExecutor(journal)
		if err != nil || good != len(journal) || record.GetPid() != 7 || record.GetStartTicks() != 9 || record.GetSandbox() != "/s" {
			t.Fatalf("%v, %v", record, err)
		}
		back := savedExecutor{run: e.run, record: record}.revive(e.framework)
		if back.upid != e.home || !back.spoken {
			t.Errorf("it is revived as %+v", back)
		}
		return back
	}
	apply(executorChange(e), launchedChange(e), subscribedChange(e))
	longest := 0
	for i := range 5000 {
		apply(e.settle(over(fmt.Sprint(i)))...)
		e.settled.answered(e.settled.count - min(10, e.settled.count))
		longest = max(longest, len(journal))
	}
	if back := read(); len(e.settled.tasks) > settledTasks || longest > 50_000 || back.settled.find([]byte("f4999")) == nil || back.settled.find([]byte("f4801")) == nil {
		t.Errorf("%d are kept, of %d bytes", len(e.settled.tasks), longest)
	}
	for i := range 2000 { // it does not answer any more
		apply(e.settle(over(fmt.Sprint("n", i)))...)
	}
	for i, back := range []*executor{e, read()} {
		for n := range 2000 {
			if back.settled.find([]byte(fmt.Sprint("fn", n))) == nil {
				t.Fatalf("%d: task n%d is forgotten", i, n)
			}
		}
	}
	// One that has to be told again is not heard of, whatever comes meanwhile.
	first := e.settled.find([]byte("fn0"))
	e.settled.repeated(first)
	e.settled.answered(e.settled.count)
	for i := range 300 {
		e.settle(over(fmt.Sprint("m", i)))
	}
	if e.settled.find([]byte("fn0")) == nil || e.settled.find([]byte("fn1")) != nil {
		t.Error("what was to be told again is forgotten, or what was heard is not")
	}
	e.settled.told(first)
	e.settled.answered(e.settled.count)
	for i := range 600 {
		e.settle(over(fmt.Sprint("k", i)))
	}
	if len(e.settled.tasks) > 600 || e.settled.find([]byte("fn0")) != nil {
		t.Error("what it has been told again is kept for ever")
	}
}

// What an executor never spoke of it cannot repeat; and an executor that has been given nothing may be ended.
func TestATaskThatTheExecutorNeverHadIsNotSettled(t *testing.T) {
	e := &executor{run: run{"a", "f", "e", "c"}}
	u := over("1")
	u.statuses[0].Source = mesospb.TaskStatus_SOURCE_AGENT.Enum()
	if changes := e.settle(u); len(changes) != 1 || changes[0].Kind != Remove || len(e.settled.tasks) != 0 {
		t.Errorf("%v", changes)
	}
}

// An id may be used again.
func TestATaskWithTheIDOfOneThatIsOver(t *testing.T) {
	all := []*controlpb.SettledTask{{TaskId: &mesospb.TaskID{Value: proto.String("t")}, Uuids: [][]byte{[]byte("r1"), []byte("f1")}}}
	for _, c := range []struct {
		ids  []string
		want bool
	}{{nil, false}, {[]string{"r2"}, false}, {[]string{"r2", "f2"}, false}, {[]string{"r1", "f1"}, true}} {
		var records []*controlpb.UpdateRecord
		for _, id := range c.ids {
			records = append(records, receivedRecord(received(id)), acknowledgedRecord([]byte(id)))
		}
		if got := isSettled(all, records); got != c.want {
			t.Errorf("%v: %v", c.ids, got)
		}
	}
}
