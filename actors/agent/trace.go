package agent

import (
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/messages/tracing"
)

// passage is what the agent remembers of a task's way to running, if somebody listens: from its arrival until the
// acknowledgement of TASK_RUNNING, or of its end if that comes first. A restart forgets it.
type passage struct {
	arrived time.Time
	handed  time.Time // to its executor; zero before, and once the executor has said something of it
	over    string    // the uuid of the status that ended it
}

// birth is the same of an executor: from its launch to its first word.
type birth struct {
	began, launched time.Time // launched is zero until it is
	over            bool      // it has spoken, or never will
}

// passageFrom begins a passage; nil if nobody listens.
func (a *Agent) passageFrom() *passage {
	if a.parts.Tracer == nil {
		return nil
	}
	return &passage{arrived: a.b.Now()}
}

// note tells what every fact of a task has in common, and what fact says.
func (a *Agent) note(f *framework, e *executor, t *task, fact tracing.Fact) {
	fact.Framework, fact.Agent, fact.Task = f.id(), a.id(), t.id()
	if e != nil {
		fact.Executor, fact.Container = e.id(), e.run.container
	}
	if fact.To.IsZero() {
		fact.To = a.b.Now()
	}
	a.parts.Tracer.Note(fact)
}

// traceStored tells that a task was written down, or why not.
func (a *Agent) traceStored(e *executor, t *task, failure string) {
	if t.passage != nil {
		a.note(e.framework, e, t, tracing.Fact{Step: tracing.Checkpoint, From: t.passage.arrived, Failure: failure})
	}
}

// traceBegun remembers that an executor is being launched.
func (a *Agent) traceBegun(e *executor) {
	if a.parts.Tracer != nil {
		e.birth = &birth{began: a.b.Now()}
	}
}

// traceLaunched tells how the launch of an executor went, to each task that waits for it.
func (a *Agent) traceLaunched(e *executor, err error) {
	if e.birth == nil {
		return
	}
	failure := ""
	if err != nil {
		failure, e.birth.over = err.Error(), true
	}
	e.birth.launched = a.b.Now()
	a.traceWaiting(e, tracing.Fact{Step: tracing.Launch, From: e.birth.began, To: e.birth.launched, Failure: failure})
}

// traceRegistered tells that an executor has said its first word, or why it never will. One that is quick says it before
// the agent knows that it was launched.
func (a *Agent) traceRegistered(e *executor, failure string) {
	if e.birth == nil || e.birth.over {
		return
	}
	e.birth.over = true
	from := e.birth.launched
	if from.IsZero() {
		from = e.birth.began
	}
	a.traceWaiting(e, tracing.Fact{Step: tracing.Register, From: from, Failure: failure})
}

// traceWaiting tells each task that waits for an executor what happened, from its own arrival on if that is later.
func (a *Agent) traceWaiting(e *executor, fact tracing.Fact) {
	for _, t := range e.sorted() {
		if t.passage == nil || t.passage.over != "" {
			continue
		}
		own := fact
		if t.passage.arrived.After(own.From) {
			own.From = t.passage.arrived
		}
		a.note(e.framework, e, t, own)
	}
}

// traceHanded remembers that a task was handed to its executor.
func (a *Agent) traceHanded(t *task) {
	if t.passage != nil {
		t.passage.handed = a.b.Now()
	}
}

// traceUpdate tells that an executor knows what became of its task, at the first status.
func (a *Agent) traceUpdate(f *framework, e *executor, t *task, s *mesospb.TaskStatus) {
	if t.passage == nil {
		return
	}
	if !t.passage.handed.IsZero() {
		a.note(f, e, t, tracing.Fact{Step: tracing.Execute, From: t.passage.handed, State: s.GetState().String(), Failure: failure(s)})
		t.passage.handed = time.Time{}
	}
	if t.passage.over == "" && (s.GetState() == mesospb.TaskState_TASK_RUNNING || taskstate.Terminal(s.GetState())) {
		t.passage.over = string(s.GetUuid())
		a.note(f, e, t, tracing.Fact{Step: tracing.Agent, From: t.passage.arrived, State: s.GetState().String(), Failure: failure(s)})
	}
}

// traceAcknowledged tells of a status that its framework has acknowledged, and forgets the passage with its last one.
func (a *Agent) traceAcknowledged(f *framework, e *executor, t *task, u *controlpb.UpdateReceived) {
	if t.passage == nil {
		return
	}
	s := u.GetStatus()
	a.note(f, e, t, tracing.Fact{Step: tracing.Update, Update: string(s.GetUuid()), From: time.Unix(0, int64(u.GetTimestamp()*1e9)),
		State: s.GetState().String(), Failure: failure(s)})
	if t.passage.over == string(s.GetUuid()) {
		t.passage = nil
	}
}

// failure is why a status is no good news; empty if it is.
func failure(s *mesospb.TaskStatus) string {
	switch {
	case !taskstate.Terminal(s.GetState()) || s.GetState() == mesospb.TaskState_TASK_FINISHED:
		return ""
	case s.GetMessage() != "":
		return s.GetMessage()
	}
	return s.GetState().String()
}
