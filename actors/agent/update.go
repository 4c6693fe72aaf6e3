package agent

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/messages/uuid"
)

// executorUpdate takes an update from an executor. It is stored before the executor hears that it is safe and
// before the master hears it at all.
func (a *Agent) executorUpdate(e *executor, s *mesospb.TaskStatus) {
	f := e.framework
	t := e.tasks[s.GetTaskId().GetValue()]
	if t == nil {
		a.strayUpdate(e, s)
		return
	}
	uuid := s.GetUuid()
	acknowledge := func() { a.heard(e, t.name, uuid) }
	if t.stream.closing() {
		// Whoever looks a moment later finds no such task. The disk decides about no answer.
		a.write(nil, func() { a.executorUpdate(e, s) })
		return
	}
	if _, had := t.stream.known[string(uuid)]; had || taskstate.Terminal(t.state) {
		// Nothing new, or news after the end. It is safe once everything decided before it is written.
		a.write(nil, acknowledge)
		return
	}
	e.unqueue(t)
	e.spoken = true
	e.settled.answered(t.after)
	a.receive(f, e, t, a.decorate(e, s), acknowledge)
}

// heard tells an executor that an update is safe.
func (a *Agent) heard(e *executor, task *mesospb.TaskID, uuid []byte) {
	if !e.upid.IsZero() {
		a.b.Send(e.upid, acknowledgedEvent(task, uuid))
	}
}

// decorate adds what only the agent knows. What the executor says of the source is not believed. When it does not say
// what the time was, as in Mesos only the envelope does.
func (a *Agent) decorate(e *executor, s *mesospb.TaskStatus) *mesospb.TaskStatus {
	s = proto.CloneOf(s)
	s.Source = mesospb.TaskStatus_SOURCE_EXECUTOR.Enum()
	s.AgentId = a.info.GetId()
	s.ExecutorId = e.info.GetExecutorId()
	if s.ContainerStatus == nil {
		s.ContainerStatus = &mesospb.ContainerStatus{}
	}
	a.containerStatus(e, s.ContainerStatus)
	a.explain(e.framework, s)
	return s
}

// containerStatus fills in the container's id and address. Without networks of its own a container has the
// agent's.
func (a *Agent) containerStatus(e *executor, c *mesospb.ContainerStatus) {
	c.ContainerId = e.containerID()
	if e.status != nil {
		proto.Merge(c, e.status)
	}
	if len(c.NetworkInfos) == 0 {
		c.NetworkInfos = []*mesospb.NetworkInfo{{IpAddresses: []*mesospb.NetworkInfo_IPAddress{
			{Protocol: protocolOf(a.b.Self().Addr), IpAddress: proto.String(hostOf(a.b.Self().Addr))}}}}
	}
	if e.process.PID != 0 && c.ExecutorPid == nil {
		c.ExecutorPid = proto.Uint32(uint32(e.process.PID))
	}
}

// protocolOf tells IPv6 addresses by their colons. IPv4 is what the field says when it is not set, and Mesos does not
// set it.
func protocolOf(addr string) *mesospb.NetworkInfo_Protocol {
	if strings.Contains(hostOf(addr), ":") {
		return mesospb.NetworkInfo_IPv6.Enum()
	}
	return nil
}

// strayUpdate passes on an update for a task that this executor does not have: it was never launched, or is
// forgotten. As in Mesos the scheduler hears it, and the executor is not told that it was stored, because it was not.
func (a *Agent) strayUpdate(e *executor, s *mesospb.TaskStatus) {
	f := e.framework
	if over := e.settled.find(s.GetUuid()); over != nil {
		// The executor had not heard yet that it is safe. A framework does not hear again what it has acknowledged.
		id, uuid := s.GetTaskId(), s.GetUuid()
		e.settled.repeated(over)
		a.write(nil, func() {
			a.heard(e, id, uuid)
			e.settled.told(over)
		})
		return
	}
	owner, t := f.task(s.GetTaskId().GetValue())
	if owner != nil || f.leaving {
		return // another executor's task is none of this one's business
	}
	a.counters.invalidUpdates++
	a.log(e).Warn("an update for a task that is not here", "task", s.GetTaskId().GetValue(), "state", s.GetState())
	s = a.decorate(e, s)
	s.ContainerStatus = nil
	if t == nil {
		t = newStray(s.GetTaskId())
		f.strays[t.id()] = t
	}
	a.receive(f, e, t, s, nil)
}

// conclude makes an update of the agent's own: the end of a task that no executor can tell. It says nothing of the
// container, which has ended or never was the task's.
func (a *Agent) conclude(f *framework, e *executor, t *task, v verdictOnTasks) {
	id := uuid.New(a.b.Rand())
	s := &mesospb.TaskStatus{
		TaskId:    t.name,
		State:     v.state.Enum(),
		Source:    mesospb.TaskStatus_SOURCE_AGENT.Enum(),
		Reason:    v.reason.Enum(),
		AgentId:   a.info.GetId(),
		Timestamp: proto.Float64(seconds(a.b.Now())),
		Uuid:      id[:],
	}
	if v.message != "" {
		s.Message = proto.String(v.message)
	}
	if e != nil {
		e.unqueue(t)
		s.ExecutorId = e.info.GetExecutorId()
		if e.broken != nil {
			s.Limitation = &mesospb.TaskResourceLimitation{Resources: e.broken.Resources}
		}
	}
	a.receive(f, e, t, s, nil)
}

// receive stores an update, and then tells: whoever sent it through stored, and the master. A framework that is
// over has nobody to tell.
func (a *Agent) receive(f *framework, e *executor, t *task, s *mesospb.TaskStatus, stored func()) {
	record := &controlpb.UpdateReceived{FrameworkId: f.info.GetId(), Status: s, Timestamp: proto.Float64(seconds(a.b.Now()))}
	if e != nil {
		record.ExecutorId = e.info.GetExecutorId()
	}
	if t.stream.receive(record) != accepted {
		return
	}
	t.enter(s)
	a.traceUpdate(f, e, t, s)
	a.touch(e)
	a.counters.update(s.GetState())
	if f.leaving {
		a.write(nil, stored)
		a.forget(f, e, t)
		return
	}
	var changes []Change
	if t.journaled {
		changes = append(changes, journal(taskMeta(e.run, t.id())+"/"+journalFile, receivedRecord(record)))
	}
	a.writeFor(e, changes, func() {
		t.stream.store(s.GetUuid())
		if stored != nil {
			stored()
		}
		if h := t.stream.head(); h == record {
			a.forward(t)
		}
		if e != nil && !e.command && taskstate.Terminal(s.GetState()) {
			a.resize(e)
		}
		t.shown = nil
		a.touch(e)
	})
}

// forward sends the head of a task's stream to the master, now and again until it is acknowledged. One whose acknowledgement is on its
// way to the disk is not sent again to a master that the agent meets meanwhile.
func (a *Agent) forward(t *task) {
	h := t.stream.head()
	if h == nil || t.stream.updates[0].releasing || a.phase != member {
		return
	}
	a.b.Send(a.membership.master, &controlpb.StatusUpdate{
		FrameworkId: h.FrameworkId,
		AgentId:     a.info.GetId(),
		ExecutorId:  h.ExecutorId,
		Status:      h.Status,
		LatestState: t.state.Enum(),
		Timestamp:   h.Timestamp,
	})
	if t.retry != nil {
		t.retry.Stop()
	}
	t.retry = a.b.Delay(t.stream.wait(), func() { a.forward(t) })
}

// pauseUpdates stops sending: there is no master. resumeUpdates begins anew, at once and with short waits.
func (a *Agent) pauseUpdates() {
	a.eachTask(func(t *task) {
		if t.retry != nil {
			t.retry.Stop()
			t.retry = nil
		}
	})
}

func (a *Agent) resumeUpdates() {
	a.eachTask(func(t *task) {
		t.stream.retry = firstRetry
		a.forward(t)
	})
}

// eachTask walks all tasks in a fixed order.
func (a *Agent) eachTask(do func(*task)) {
	for _, f := range a.sortedFrameworks() {
		for _, e := range f.sorted() {
			for _, t := range e.sorted() {
				do(t)
			}
		}
		for _, t := range f.sortedStrays() {
			do(t)
		}
	}
}

// acknowledgeStatus releases the head of a stream, once the acknowledgement is on disk: an acknowledged update
// never returns, not even after a restart.
func (a *Agent) acknowledgeStatus(from process.UPID, m *controlpb.AcknowledgeStatus) {
	if !a.obey(from, m.GetEpoch()) || m.GetAgentId().GetValue() != a.id() {
		return
	}
	f := a.frameworks[m.GetFrameworkId().GetValue()]
	if f == nil {
		return
	}
	e, t := f.task(m.GetTaskId().GetValue())
	if t == nil || t.stream.release(m.GetUuid()) != accepted {
		return // late, or of an update that is not in flight
	}
	if t.retry != nil {
		t.retry.Stop()
		t.retry = nil
	}
	var changes []Change
	if t.journaled {
		changes = e.released(t, m.GetUuid())
	}
	a.writeFor(e, changes, func() { a.acknowledged(f, e, t) })
}

// writeFor is write for what concerns an executor. What concerns none is not written, and so does not wait for room.
func (a *Agent) writeFor(e *executor, changes []Change, then func()) {
	if e == nil && a.writer.full != nil {
		then()
		return
	}
	a.write(changes, then)
}

// released is what the acknowledgement of the head of a stream leaves on disk: a line in the task's journal, or when it
// was the last one, in the executor's.
func (e *executor) released(t *task, uuid []byte) []Change {
	if taskstate.Terminal(t.stream.head().GetStatus().GetState()) {
		return e.settle(t)
	}
	return []Change{journal(taskMeta(e.run, t.id())+"/"+journalFile, acknowledgedRecord(uuid))}
}

func (a *Agent) acknowledged(f *framework, e *executor, t *task) {
	if len(t.stream.updates) == 0 {
		return // forgotten meanwhile, with its framework
	}
	a.traceAcknowledged(f, e, t, t.stream.head())
	t.stream.released()
	t.shown = nil
	a.touch(e)
	if t.stream.ended || e == nil && t.stream.head() == nil {
		a.forget(f, e, t)
		return
	}
	a.forward(t)
}

// forget drops a task that has nothing left to tell.
func (a *Agent) forget(f *framework, e *executor, t *task) {
	if t.retry != nil {
		t.retry.Stop()
		t.retry = nil
	}
	a.touch(e)
	if e == nil || !t.journaled {
		if f.strays[t.id()] == t {
			delete(f.strays, t.id())
			a.forgetIfIdle(f)
		}
		return
	}
	if !taskstate.Terminal(t.state) || e.tasks[t.id()] != t {
		return
	}
	delete(e.tasks, t.id())
	e.completed = last(append(e.completed, t.message(e)), maxCompletedTasks)
	e.shown = nil
	a.forgetExecutorIfDone(e)
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
