package agent

import (
	"bytes"
	"math"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// settlements are the tasks of an executor that are over: ended, and everything is acknowledged. The executor may not
// have heard that its updates are safe, and says them again when its connection or its agent is back; the framework
// hears none of it again. They are written into the executor's journal with the last acknowledgement.
//
// One is forgotten when there are many and the executor has heard: it has answered a task that was handed to it later,
// and what it is told arrives in order.
type settlements struct {
	tasks []*settlement
	count uint64 // endings and repetitions so far
	heard uint64 // the executor has heard of those up to this one
	lines int    // in its journal, of tasks that are over
}

// settlement is one task that is over.
type settlement struct {
	record *controlpb.SettledTask
	seq    uint64 // count when the executor was told last; unheard while that is on its way
}

const unheard = math.MaxUint64

// settledTasks is how many are kept even if the executor has heard of them.
const settledTasks = maxCompletedTasks

// add notes a task that is over.
func (s *settlements) add(record *controlpb.SettledTask) {
	s.count++
	s.lines++
	s.tasks = append(s.tasks, &settlement{record, s.count})
	for len(s.tasks) > settledTasks && s.tasks[0].seq <= s.heard {
		s.tasks = s.tasks[1:]
	}
}

// find is the task that an update was of; nil if it was of none.
func (s *settlements) find(uuid []byte) *settlement {
	same := func(id []byte) bool { return bytes.Equal(id, uuid) }
	for _, t := range s.tasks {
		if slices.ContainsFunc(t.record.GetUuids(), same) {
			return t
		}
	}
	return nil
}

// repeated notes that the executor has not heard and is about to be told again; told that it was.
func (s *settlements) repeated(t *settlement) {
	s.tasks = append(slices.DeleteFunc(s.tasks, func(other *settlement) bool { return other == t }), t)
	t.seq = unheard
}

func (s *settlements) told(t *settlement) {
	s.count++
	t.seq = s.count
}

// answered notes that the executor has got what it was told up to here.
func (s *settlements) answered(upTo uint64) { s.heard = max(s.heard, upTo) }

// crowded tells whether most lines in the journal are of tasks that are forgotten.
func (s *settlements) crowded() bool { return s.lines > 2*len(s.tasks)+settledTasks }

func (s *settlements) records() (all []*controlpb.SettledTask) {
	for _, t := range s.tasks {
		all = append(all, t.record)
	}
	return all
}

// restored is what a journal says.
func restored(all []*controlpb.SettledTask) (s settlements) {
	for _, record := range all {
		s.add(record)
	}
	return s
}

// settle is what the last acknowledgement of a task leaves on disk: nothing but the ids of its updates, if the executor
// has said any.
func (e *executor) settle(t *task) []Change {
	gone := Change{Kind: Remove, Path: taskMeta(e.run, t.id())}
	if !t.answered() {
		return []Change{gone}
	}
	record := &controlpb.SettledTask{TaskId: t.name, Uuids: t.stream.order}
	e.settled.add(record)
	if e.settled.crowded() {
		e.settled.lines = len(e.settled.tasks)
		return []Change{wholeExecutor(e), gone}
	}
	return []Change{learned(e.run, &controlpb.ExecutorCheckpoint{Settled: []*controlpb.SettledTask{record}}), gone}
}

// answered tells whether the executor has said anything of a task.
func (t *task) answered() bool {
	return slices.ContainsFunc(t.statuses, func(s *mesospb.TaskStatus) bool {
		return s.GetSource() == mesospb.TaskStatus_SOURCE_EXECUTOR
	})
}

// wholeExecutor begins the journal of an executor anew.
func wholeExecutor(e *executor) Change {
	record := beginning(e)
	if e.process.PID != 0 {
		proto.Merge(record, whereItRuns(e))
	}
	if e.http || !e.home.IsZero() {
		proto.Merge(record, whoItIs(e))
	}
	record.Settled = e.settled.records()
	whole := journal(runMeta(e.run)+"/"+executorFile, record)
	whole.Kind = Put
	return whole
}

// isSettled tells of a task in a work directory whether it is over: the crash came before its folder was removed. A
// later task may have the same id.
func isSettled(all []*controlpb.SettledTask, records []*controlpb.UpdateRecord) bool {
	same := func(r *controlpb.UpdateRecord) bool {
		return slices.ContainsFunc(all, func(over *controlpb.SettledTask) bool {
			return slices.ContainsFunc(over.GetUuids(), func(id []byte) bool { return bytes.Equal(id, r.GetReceived().GetStatus().GetUuid()) })
		})
	}
	return slices.ContainsFunc(records, func(r *controlpb.UpdateRecord) bool { return r.GetReceived() != nil && same(r) })
}
