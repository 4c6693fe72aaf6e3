package master

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Event is a change of the cluster as those hear of it who watch. It never changes.
type Event struct {
	// Sequence counts the events of this master, from 1 on and without a gap.
	Sequence uint64
	// Message is what operators are told.
	Message *masterpb.Event

	framework *mesospb.FrameworkInfo // whose it is; nil for those about agents
	task      *mesospb.Task          // which it is about; nil for those about no task
}

// Watcher hears of every event. Its method is called by the master and must not wait for anything.
type Watcher interface {
	// Published is called after a view was published, with the events that lie between it and the view before. The first
	// time there are none: that view is where the watcher begins.
	Published(v *View, events []*Event)
}

// Watch makes w hear of everything from now on.
func (c Client) Watch(w Watcher) {
	process.Dispatch(c.master, func(m *Master) {
		m.desk.late = append(m.desk.late, w)
		m.desk.touchMaster()
	})
}

// record remembers an event until the next publication. It is built only if somebody watches, but it always counts.
func (d *desk) record(f *mesospb.FrameworkInfo, t *mesospb.Task, message func() *masterpb.Event) {
	d.view.Sequence++
	d.changed = true
	if len(d.watchers) > 0 {
		d.events = append(d.events, &Event{Sequence: d.view.Sequence, Message: message(), framework: f, task: t})
	}
}

// announce tells the watchers of a view.
func (d *desk) announce(v *View) {
	events := d.events
	d.events = nil // they belong to the watchers
	for _, w := range d.watchers {
		w.Published(v, events)
	}
	for _, w := range d.late {
		w.Published(v, nil)
	}
	d.watchers = append(d.watchers, d.late...)
	d.late = nil
}

func (d *desk) taskAdded(f *framework, t *task) {
	d.record(f.info, t.info, func() *masterpb.Event {
		return &masterpb.Event{Type: masterpb.Event_TASK_ADDED.Enum(), TaskAdded: &masterpb.Event_TaskAdded{Task: t.info}}
	})
}

// taskUpdated tells of a task's next status, and of what its checks found; one that only repeats the state of the last one
// is of no interest to those who watch, unless it came with the news that the task is further than that.
func (d *desk) taskUpdated(f *framework, t *task, was *mesospb.Task, s *mesospb.TaskStatus) {
	before := was.GetStatuses()
	checked := s.GetReason() == mesospb.TaskStatus_REASON_TASK_CHECK_STATUS_UPDATED ||
		s.GetReason() == mesospb.TaskStatus_REASON_TASK_HEALTH_CHECK_STATUS_UPDATED
	if n := len(before); n > 0 && before[n-1].GetState() == s.GetState() && was.GetState() == t.info.GetState() && !checked {
		return
	}
	d.record(f.info, t.info, func() *masterpb.Event {
		return &masterpb.Event{Type: masterpb.Event_TASK_UPDATED.Enum(), TaskUpdated: &masterpb.Event_TaskUpdated{
			FrameworkId: f.info.Id, Status: s, State: t.info.State}}
	})
}

func (d *desk) frameworkAdded(f *framework) {
	d.record(f.info, nil, func() *masterpb.Event {
		return &masterpb.Event{Type: masterpb.Event_FRAMEWORK_ADDED.Enum(),
			FrameworkAdded: &masterpb.Event_FrameworkAdded{Framework: sketchFramework(f)}}
	})
}

func (d *desk) frameworkUpdated(f *framework) {
	d.record(f.info, nil, func() *masterpb.Event {
		return &masterpb.Event{Type: masterpb.Event_FRAMEWORK_UPDATED.Enum(),
			FrameworkUpdated: &masterpb.Event_FrameworkUpdated{Framework: sketchFramework(f)}}
	})
}

func (d *desk) frameworkRemoved(f *framework) {
	d.record(f.info, nil, func() *masterpb.Event {
		return &masterpb.Event{Type: masterpb.Event_FRAMEWORK_REMOVED.Enum(),
			FrameworkRemoved: &masterpb.Event_FrameworkRemoved{FrameworkInfo: f.info}}
	})
}

func (d *desk) agentAdded(a *agent) {
	d.record(nil, nil, func() *masterpb.Event {
		return &masterpb.Event{Type: masterpb.Event_AGENT_ADDED.Enum(), AgentAdded: &masterpb.Event_AgentAdded{Agent: describeAgent(a)}}
	})
}

// agentRemoved is not for agents that become unreachable or are marked gone: of those Mesos' operators hear nothing.
func (d *desk) agentRemoved(a *agent) {
	d.record(nil, nil, func() *masterpb.Event {
		return &masterpb.Event{Type: masterpb.Event_AGENT_REMOVED.Enum(), AgentRemoved: &masterpb.Event_AgentRemoved{AgentId: a.idpb()}}
	})
}

// sketchFramework is a framework without what it holds, and with a time of its end even if that is yet to come.
func sketchFramework(f *framework) *masterpb.Response_GetFrameworks_Framework {
	pb := &masterpb.Response_GetFrameworks_Framework{
		FrameworkInfo: f.info, Active: proto.Bool(f.active()), Connected: proto.Bool(f.connected), Recovered: proto.Bool(f.recovered),
		UnregisteredTime: &mesospb.TimeInfo{Nanoseconds: proto.Int64(0)},
	}
	if !f.registered.IsZero() {
		pb.RegisteredTime = timeInfo(f.registered)
	}
	if !f.reregistered.IsZero() {
		pb.ReregisteredTime = timeInfo(f.reregistered)
	}
	if !f.unregistered.IsZero() {
		pb.UnregisteredTime = timeInfo(f.unregistered)
	}
	return pb
}
