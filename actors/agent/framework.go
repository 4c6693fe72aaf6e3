package agent

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
)

// framework is one with work on this agent. It goes when its last executor is gone and its last update is
// acknowledged.
type framework struct {
	info      *mesospb.FrameworkInfo
	executors map[string]*executor
	// strays are updates of tasks that no executor has: refused before they had one, or unknown. They live in
	// memory only; after a restart the master asks for the truth about such a task.
	strays map[string]*task
	// written: it is on disk. One that is first met by a refused task is not, until it has an executor here.
	written bool
	// leaving: the master said that the framework is over. Nothing new is taken and nobody is told any more.
	leaving   bool
	completed []*ExecutorView // the oldest first
}

// maxCompletedFrameworks is Mesos' number.
const maxCompletedFrameworks = 50

func newFramework(info *mesospb.FrameworkInfo) *framework {
	return &framework{info: info, executors: map[string]*executor{}, strays: map[string]*task{}}
}

func (f *framework) id() string { return f.info.GetId().GetValue() }

// can tells whether the framework has a capability.
func (f *framework) can(c mesospb.FrameworkInfo_Capability_Type) bool {
	return validation.HasCapability(f.info, c)
}

// word is the state that this framework understands: those who do not know of partitions hear TASK_LOST.
func (f *framework) word(s mesospb.TaskState) mesospb.TaskState {
	if f.can(mesospb.FrameworkInfo_Capability_PARTITION_AWARE) {
		return s
	}
	switch s {
	case mesospb.TaskState_TASK_DROPPED, mesospb.TaskState_TASK_GONE, mesospb.TaskState_TASK_GONE_BY_OPERATOR:
		return mesospb.TaskState_TASK_LOST
	}
	return s
}

// sorted walks executors by id, because map order would make two runs of one seed differ.
func (f *framework) sorted() []*executor {
	var all []*executor
	for _, id := range slices.Sorted(maps.Keys(f.executors)) {
		all = append(all, f.executors[id])
	}
	return all
}

// task finds a task and its executor; both nil for one that is unknown, the executor nil for a stray.
func (f *framework) task(id string) (*executor, *task) {
	for _, e := range f.executors {
		if t := e.tasks[id]; t != nil {
			return e, t
		}
	}
	return nil, f.strays[id]
}

func (f *framework) sortedStrays() []*task {
	var all []*task
	for _, id := range slices.Sorted(maps.Keys(f.strays)) {
		all = append(all, f.strays[id])
	}
	return all
}

// sortedFrameworks walks frameworks by id.
func (a *Agent) sortedFrameworks() []*framework {
	var all []*framework
	for _, id := range slices.Sorted(maps.Keys(a.frameworks)) {
		all = append(all, a.frameworks[id])
	}
	return all
}

// adopt is the framework with this id, made when it is new here.
func (a *Agent) adopt(info *mesospb.FrameworkInfo) *framework {
	if f := a.frameworks[info.GetId().GetValue()]; f != nil {
		return f
	}
	f := newFramework(info)
	a.frameworks[f.id()] = f
	a.changed = true
	return f
}

// forgetIfIdle drops a framework that has nothing left here.
func (a *Agent) forgetIfIdle(f *framework) {
	if len(f.executors) > 0 || len(f.strays) > 0 || a.frameworks[f.id()] != f {
		return
	}
	delete(a.frameworks, f.id())
	a.changed = true
	a.write([]Change{{Kind: Remove, Path: frameworkMeta(a.id(), f.id())}}, nil)
	if len(f.completed) > 0 {
		a.completed = last(append(a.completed, f.view()), maxCompletedFrameworks)
	}
	a.endIfLeft()
}

// last keeps the newest n.
func last[T any](list []T, n int) []T {
	if len(list) <= n {
		return list
	}
	return append([]T(nil), list[len(list)-n:]...)
}

// updateFramework takes what the master says about a framework that works here.
func (a *Agent) updateFramework(from process.UPID, m *controlpb.UpdateFramework) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	f := a.frameworks[m.GetFramework().GetId().GetValue()]
	if f == nil || f.leaving || proto.Equal(f.info, m.GetFramework()) {
		return
	}
	f.info = m.GetFramework()
	a.changed = true
	a.write([]Change{a.frameworkChange(f)}, nil)
}

// shortName says which framework in a log line or a message.
func (f *framework) String() string { return fmt.Sprintf("%s (%s)", f.id(), f.info.GetName()) }
