package sweep

import (
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit/cast"
)

// History watches each life of each master as those do who serve operators' event streams. Events come without a gap, so
// that whoever has the first n can have the rest; and what they tell adds up to what the master shows at that moment.
var History = Checker{"I11: an observer sees a prefix of history, and can resume without a gap", history}

const noGap = "an observer sees a prefix of history"

func history(r *Run) {
	r.watch(func(m *cast.Master) master.Watcher {
		return &observer{r: r, m: m, frameworks: map[string]bool{}, tasks: map[string]mesospb.TaskState{}}
	})
}

// watch has each life of each master, the present ones too, watched.
func (r *Run) watch(with func(m *cast.Master) master.Watcher) {
	r.booted = append(r.booted, func(m *cast.Master) { m.Client.Watch(with(m)) })
	for _, m := range r.Masters {
		if m.Up() {
			m.Client.Watch(with(m))
		}
	}
}

// observer adds up what one life of a master tells.
type observer struct {
	r          *Run
	m          *cast.Master
	begun      bool
	last       uint64
	frameworks map[string]bool
	tasks      map[string]mesospb.TaskState // by framework and id
}

// Published implements master.Watcher.
func (o *observer) Published(v *master.View, events []*master.Event) {
	if !o.begun {
		o.begin(v)
		return
	}
	for _, e := range events {
		if e.Sequence != o.last+1 {
			o.r.violated(noGap, "%s tells event %d after event %d", o.m.Name(), e.Sequence, o.last)
		}
		o.last = e.Sequence
		o.add(e.Message)
	}
	if v.Sequence != o.last {
		o.r.violated(noGap, "%s shows what is after event %d, and has told %d", o.m.Name(), v.Sequence, o.last)
	}
	if len(events) > 0 {
		o.compare(v)
	}
}

// begin takes over the snapshot.
func (o *observer) begin(v *master.View) {
	o.begun, o.last = true, v.Sequence
	for id := range v.Frameworks.All() {
		o.frameworks[id] = true
	}
	for _, t := range v.Tasks.All() {
		o.tasks[taskOf(t)] = t.GetState()
	}
}

func taskOf(t *mesospb.Task) string {
	return t.GetFrameworkId().GetValue() + "/" + t.GetTaskId().GetValue()
}

func (o *observer) add(e *masterpb.Event) {
	switch e.GetType() {
	case masterpb.Event_FRAMEWORK_ADDED:
		o.frameworks[e.GetFrameworkAdded().GetFramework().GetFrameworkInfo().GetId().GetValue()] = true
	case masterpb.Event_FRAMEWORK_REMOVED:
		delete(o.frameworks, e.GetFrameworkRemoved().GetFrameworkInfo().GetId().GetValue())
	case masterpb.Event_TASK_ADDED:
		t := e.GetTaskAdded().GetTask()
		o.tasks[taskOf(t)] = t.GetState()
	case masterpb.Event_TASK_UPDATED:
		u := e.GetTaskUpdated()
		o.tasks[u.GetFrameworkId().GetValue()+"/"+u.GetStatus().GetTaskId().GetValue()] = u.GetState()
	}
}

func (o *observer) compare(v *master.View) {
	for id := range v.Frameworks.All() {
		if !o.frameworks[id] {
			o.r.violated(noGap, "%s shows framework %s and has not told of it", o.m.Name(), id)
		}
	}
	if v.Frameworks.Len() != len(o.frameworks) {
		o.r.violated(noGap, "%s shows %d frameworks and has told of %d", o.m.Name(), v.Frameworks.Len(), len(o.frameworks))
	}
	for _, t := range v.Tasks.All() {
		if told, known := o.tasks[taskOf(t)]; !known || told != t.GetState() {
			o.r.violated(noGap, "%s shows task %s as %s and has told %s", o.m.Name(), taskOf(t), t.GetState(), told)
		}
	}
}
