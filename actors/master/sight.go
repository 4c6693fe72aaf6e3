package master

import (
	"slices"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
)

// sighted are the actions that decide about what is in a view.
var sighted = append(slices.Clip(lensed), authorization.GetQuota, authorization.GetMaintenanceSchedule, authorization.GetMaintenanceStatus)

// lensed are those that a lens goes by.
var lensed = []authorization.Action{authorization.ViewFramework, authorization.ViewTask, authorization.ViewExecutor, authorization.ViewRole}

// ViewFor is the latest view as somebody may see it, never nil: nothing is in it that he may not see. Whoever answers from
// it cannot show too much, because lists, single things and sums begin with the same maps. It costs next to nothing
// until somebody looks, and nothing where nobody is limited.
func (c Client) ViewFor(who authorization.Subject) *View {
	v := c.View()
	if authorization.Unlimited(c.authorizer, who, sighted...) {
		return v
	}
	seen := c.Lens(who).through(v)
	if !c.authorizer.Approver(who, authorization.GetMaintenanceSchedule)(authorization.Object{}) {
		seen.Schedule = nil
	}
	if !c.authorizer.Approver(who, authorization.GetMaintenanceStatus)(authorization.Object{}) {
		seen.Maintenance = nil
	}
	quota := c.authorizer.Approver(who, authorization.GetQuota)
	seen.Quotas = v.Quotas.Through(func(role string, q *quotapb.QuotaConfig) (*quotapb.QuotaConfig, bool) {
		return q, quota(authorization.Role(role))
	})
	return seen
}

// through is a view without what cannot be seen. A task or executor is seen by those who see its framework; one whose
// framework nobody knows is seen by nobody.
func (l *Lens) through(v *View) *View {
	of := frameworkInfos(v)
	seen := *v
	seen.lens = l
	seen.Agents = v.Agents.Through(func(_ string, a *masterpb.Response_GetAgents_Agent) (*masterpb.Response_GetAgents_Agent, bool) {
		return l.Agent(a), true
	})
	seen.Recovered = v.Recovered.Through(func(_ string, a *mesospb.AgentInfo) (*mesospb.AgentInfo, bool) { return l.AgentInfo(a), true })
	framework := func(_ string, f *masterpb.Response_GetFrameworks_Framework) (*masterpb.Response_GetFrameworks_Framework, bool) {
		return f, l.Framework(f.GetFrameworkInfo())
	}
	seen.Frameworks, seen.Past = v.Frameworks.Through(framework), v.Past.Through(framework)
	task := func(_ string, t *mesospb.Task) (*mesospb.Task, bool) {
		f := of[t.GetFrameworkId().GetValue()]
		return t, f != nil && l.Framework(f) && l.Task(t, f)
	}
	seen.Tasks, seen.Unreachable, seen.Completed = v.Tasks.Through(task), v.Unreachable.Through(task), v.Completed.Through(task)
	seen.Executors = v.Executors.Through(func(_ string, e *masterpb.Response_GetExecutors_Executor) (*masterpb.Response_GetExecutors_Executor, bool) {
		info := e.GetExecutorInfo()
		f := of[info.GetFrameworkId().GetValue()]
		return e, f != nil && l.Framework(f) && l.Executor(info, f)
	})
	seen.Pids = v.Pids.Through(func(id, pid string) (string, bool) { return pid, of[id] != nil && l.Framework(of[id]) })
	seen.Operations = v.Operations.Through(func(_ string, o *mesospb.Operation) (*mesospb.Operation, bool) {
		f := of[o.GetFrameworkId().GetValue()]
		return o, (o.FrameworkId == nil || f != nil && l.Framework(f)) && l.operation(o.GetInfo())
	})
	seen.Roles = v.Roles.Through(func(role string, weight float64) (float64, bool) { return weight, l.Role(role) })
	return &seen
}

// operation is whether the roles can be seen of all that an operation is about.
func (l *Lens) operation(op *mesospb.Offer_Operation) bool {
	asks, _ := questions(op)
	for _, a := range asks {
		if !l.resource(a.resource) {
			return false
		}
	}
	return true
}

// frameworkInfos are all frameworks that are known, by id.
func frameworkInfos(v *View) map[string]*mesospb.FrameworkInfo {
	all := map[string]*mesospb.FrameworkInfo{}
	for _, f := range v.Past.All() {
		all[f.GetFrameworkInfo().GetId().GetValue()] = f.GetFrameworkInfo()
	}
	for _, f := range v.Frameworks.All() {
		all[f.GetFrameworkInfo().GetId().GetValue()] = f.GetFrameworkInfo()
	}
	return all
}

// ShowsRole says whether whoever looks at this view may see a role. Roles are named in many places, not only where they
// have an entry of their own.
func (v *View) ShowsRole(name string) bool { return v.lens == nil || v.lens.Role(name) }

// Allows refuses somebody who may not do something, with the words for him.
func (c Client) Allows(who authorization.Subject, what authorization.Action, object authorization.Object) error {
	if !c.authorizer.Approver(who, what)(object) {
		return authorization.Refusal(who, what)
	}
	return nil
}
