package scheduler_test

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/uuid"
)

// agent is an agent that runs nothing: it says RUNNING of each task, and KILLED of each that it is told to kill.
type agent struct {
	*process.Base
	h    *house
	info *mesospb.AgentInfo
	// heard is what the master sent, but pings.
	heard chan proto.Message
	quiet bool // reports nothing
	ref   process.Ref[*agent]
}

// agent starts one and waits until the master has it.
func (h *house) agent(text string, change ...func(*agent)) *agent {
	h.t.Helper()
	rs, err := resources.Parse(text)
	h.must(err)
	h.agents++
	name := fmt.Sprintf("slave(%d)", h.agents)
	a := &agent{h: h, heard: make(chan proto.Message, 1<<12), info: &mesospb.AgentInfo{Hostname: proto.String(name), Resources: rs.Proto()}}
	for _, f := range change {
		f(a)
	}
	a.ref, err = process.Spawn(h.rt, name, a)
	h.must(err)
	expect[*controlpb.AgentRegistered](a)
	return a
}

func (a *agent) Initialize(b *process.Base) {
	a.Base = b
	process.Install(b, func(from process.UPID, _ *controlpb.Ping) { b.Send(from, &controlpb.Pong{AgentId: a.info.Id}) })
	process.Install(b, func(_ process.UPID, m *controlpb.AgentRegistered) {
		a.info = proto.CloneOf(a.info) // the master may still read the other
		a.info.Id = m.AgentId
		a.heard <- m
	})
	process.Install(b, func(_ process.UPID, m *controlpb.RunTask) {
		a.heard <- m
		a.update(m.GetFramework().GetId(), m.GetTask().GetTaskId(), mesospb.TaskState_TASK_RUNNING)
	})
	process.Install(b, func(_ process.UPID, m *controlpb.KillTask) {
		a.heard <- m
		a.update(m.FrameworkId, m.TaskId, mesospb.TaskState_TASK_KILLED)
	})
	process.InstallAny(b, func(_ process.UPID, m proto.Message) { a.heard <- m })
	var capabilities []*mesospb.AgentInfo_Capability
	for t := mesospb.AgentInfo_Capability_MULTI_ROLE; t <= mesospb.AgentInfo_Capability_TASK_RESOURCE_LIMITS; t++ {
		capabilities = append(capabilities, &mesospb.AgentInfo_Capability{Type: t.Enum()})
	}
	b.Send(a.h.master.UPID(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: capabilities})
}

// update reports a state as the head of a task's stream.
func (a *agent) update(framework *mesospb.FrameworkID, task *mesospb.TaskID, state mesospb.TaskState) {
	if a.quiet {
		return
	}
	id := uuid.New(a.Rand())
	a.Send(a.h.master.UPID(), &controlpb.StatusUpdate{FrameworkId: framework, AgentId: a.info.Id, LatestState: state.Enum(),
		Status: &mesospb.TaskStatus{TaskId: task, State: state.Enum(), Uuid: id[:], Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum()}})
}

// expect waits for a message of a type, past those of others.
func expect[M proto.Message](a *agent) M {
	a.h.t.Helper()
	late := a.h.late()
	for {
		select {
		case m := <-a.heard:
			if wanted, ok := m.(M); ok {
				return wanted
			}
		case <-late:
			var none M
			a.h.t.Fatalf("the agent hears no %T", none)
		}
	}
}

// native is a scheduler that is an actor.
type native struct {
	*process.Base
	h      *house
	events chan *schedulerpb.Event
	id     *mesospb.FrameworkID
	ref    process.Ref[*native]
}

func (n *native) Initialize(b *process.Base) {
	n.Base = b
	process.Install(b, func(_ process.UPID, e *schedulerpb.Event) { n.events <- e })
	process.InstallAny(b, func(process.UPID, proto.Message) {})
}

// native subscribes one.
func (h *house) native(name string, info *mesospb.FrameworkInfo) *native {
	h.t.Helper()
	n := &native{h: h, events: make(chan *schedulerpb.Event, 1<<12)}
	var err error
	n.ref, err = process.Spawn(h.rt, name, n)
	h.must(err)
	process.Dispatch(n.ref, func(n *native) { n.Send(h.master.UPID(), subscription(info)) })
	n.id = n.wants(schedulerpb.Event_SUBSCRIBED).GetSubscribed().GetFrameworkId()
	return n
}

func (n *native) wants(t schedulerpb.Event_Type) *schedulerpb.Event {
	n.h.t.Helper()
	late := n.h.late()
	for {
		select {
		case e := <-n.events:
			if e.GetType() == t {
				return e
			}
		case <-late:
			n.h.t.Fatalf("the native scheduler hears no %s", t)
		}
	}
}
