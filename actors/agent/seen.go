package agent

import (
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Seen is the view as far as somebody may know it: frameworks, executors and tasks that they may not see are not
// there. A framework that is hidden hides all that it has.
func (v *View) Seen(by authorization.Authorizer, who authorization.Subject) *View {
	if by == nil {
		by = authorization.Everything
	}
	if by == authorization.Everything && who.IsAnonymous() {
		return v // nobody is held to anything, which is worth not walking a thousand executors
	}
	s := sight{
		framework: by.Approver(who, authorization.ViewFramework),
		executor:  by.Approver(who, authorization.ViewExecutor),
		task:      by.Approver(who, authorization.ViewTask),
	}
	seen := *v
	seen.Frameworks, seen.Completed = s.frameworks(v.Frameworks), s.frameworks(v.Completed)
	return &seen
}

// sight is what one subject may see.
type sight struct{ framework, executor, task authorization.Approver }

func (s sight) frameworks(all []*FrameworkView) []*FrameworkView {
	var seen []*FrameworkView
	for _, f := range all {
		if !s.framework(authorization.Object{Framework: f.Info}) {
			continue
		}
		seen = append(seen, &FrameworkView{Info: f.Info,
			Executors: s.executors(f.Info, f.Executors), Completed: s.executors(f.Info, f.Completed)})
	}
	return seen
}

// executors keeps an executor that may not be seen if one of its tasks may: the two are granted apart, and lists of
// tasks are made from executors.
func (s sight) executors(f *mesospb.FrameworkInfo, all []*ExecutorView) []*ExecutorView {
	var seen []*ExecutorView
	for _, e := range all {
		x := *e
		x.Hidden = !s.executor(authorization.Object{Framework: f, Executor: e.Info})
		x.Queued, x.Launched = s.tasks(f, e.Queued), s.tasks(f, e.Launched)
		x.Ended, x.Completed = s.tasks(f, e.Ended), s.tasks(f, e.Completed)
		x.Waiting = nil
		for _, t := range e.Waiting {
			if s.task(authorization.Object{Framework: f, TaskInfo: t}) {
				x.Waiting = append(x.Waiting, t)
			}
		}
		seen = append(seen, &x)
	}
	return seen
}

func (s sight) tasks(f *mesospb.FrameworkInfo, all []*mesospb.Task) []*mesospb.Task {
	var seen []*mesospb.Task
	for _, t := range all {
		if s.task(authorization.Object{Framework: f, Task: t}) {
			seen = append(seen, t)
		}
	}
	return seen
}
