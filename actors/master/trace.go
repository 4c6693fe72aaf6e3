package master

import (
	"time"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/messages/tracing"
)

// journey is what the master remembers of a task's way to running, if somebody listens: from its offer until the
// acknowledgement of TASK_RUNNING, or of its end if that comes first. A master that learns of a task from its agent
// knows nothing of the beginning, and tells nothing.
type journey struct {
	offer, role      string
	offered, arrived time.Time
	over             string // the uuid of the status that ended it
}

// setOut begins the journeys of the tasks of an ACCEPT; nil if nobody listens. The first offer counts.
func (m *Master) setOut(offers []*offer) *journey {
	if m.parts.Tracer == nil {
		return nil
	}
	j := &journey{arrived: m.Now()}
	j.offered = j.arrived
	if len(offers) > 0 {
		j.offer, j.role, j.offered = offers[0].id, offers[0].role, offers[0].made
	}
	return j
}

// note tells what every fact of a journey has in common, and what change says.
func (m *Master) note(j *journey, framework, agent, task string, fact tracing.Fact) {
	fact.Framework, fact.Agent, fact.Task, fact.Offer, fact.Role = framework, agent, task, j.offer, j.role
	if fact.To.IsZero() {
		fact.To = m.Now()
	}
	m.parts.Tracer.Note(fact)
}

// traceSent tells of a task that is on its way to its agent.
func (m *Master) traceSent(s *spending, task string) {
	if s.journey == nil {
		return
	}
	m.traceAccept(s.journey, s.framework.id, s.agent.id, task, "")
	if t := s.framework.tasks[task]; t != nil {
		own := *s.journey
		t.journey = &own
	}
}

func (m *Master) traceAccept(j *journey, framework, agent, task, failure string) {
	if j.offer != "" {
		m.note(j, framework, agent, task, tracing.Fact{Step: tracing.Offer, From: j.offered, To: j.arrived})
	}
	m.note(j, framework, agent, task, tracing.Fact{Step: tracing.Accept, From: j.arrived, Failure: failure})
}

// traceRefused tells of a task that went nowhere.
func (m *Master) traceRefused(s *spending, t *mesospb.TaskInfo, status *mesospb.TaskStatus) {
	if s.journey == nil {
		return
	}
	agent, id := t.GetAgentId().GetValue(), t.GetTaskId().GetValue()
	m.traceAccept(s.journey, s.framework.id, agent, id, status.GetMessage())
	if s.framework.tasks[id] != nil {
		return // another one has the id, and its way is not over
	}
	m.note(s.journey, s.framework.id, agent, id, tracing.Fact{Step: tracing.Task, From: s.journey.offered,
		State: status.GetState().String(), Failure: status.GetMessage()})
}

// traceUpdate tells that a status was passed on, and of the end of the way if it is that.
func (m *Master) traceUpdate(t *task, status *mesospb.TaskStatus) {
	if t.journey == nil || t.journey.over != "" {
		return
	}
	now, update := m.Now(), string(status.GetUuid())
	m.note(t.journey, t.framework, t.agent, t.id, tracing.Fact{Step: tracing.Forward, Update: update, From: now, State: status.GetState().String()})
	if status.GetState() == mesospb.TaskState_TASK_RUNNING || taskstate.Terminal(status.GetState()) {
		m.traceOver(t, status.GetState(), status.GetMessage())
		if t.journey.over = update; update == "" {
			t.journey = nil // nobody acknowledges it
		}
	}
}

// traceOver tells of the whole way.
func (m *Master) traceOver(t *task, state mesospb.TaskState, message string) {
	fact := tracing.Fact{Step: tracing.Task, From: t.journey.offered, State: state.String()}
	if state != mesospb.TaskState_TASK_RUNNING && state != mesospb.TaskState_TASK_FINISHED {
		fact.Failure = message
		if message == "" {
			fact.Failure = state.String()
		}
	}
	m.note(t.journey, t.framework, t.agent, t.id, fact)
}

// traceAcknowledged tells that an acknowledgement goes back, and forgets the journey with its last one.
func (m *Master) traceAcknowledged(t *task, uuid []byte) {
	if t.journey == nil {
		return
	}
	m.note(t.journey, t.framework, t.agent, t.id, tracing.Fact{Step: tracing.Acknowledge, Update: string(uuid), From: m.Now()})
	if t.journey.over == string(uuid) {
		t.journey = nil
	}
}

// traceRemoved ends a journey that was cut short: the agent is lost, or the framework is over.
func (m *Master) traceRemoved(t *task) {
	if t.journey == nil {
		return
	}
	if t.journey.over == "" {
		message := ""
		if n := len(t.info.GetStatuses()); n > 0 {
			message = t.info.GetStatuses()[n-1].GetMessage()
		}
		m.traceOver(t, t.info.GetState(), message)
	}
	t.journey = nil
}
