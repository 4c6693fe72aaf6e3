package master

import (
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Lens is what one subject may see of a view. Lists, streams and searches look through the same, so that none shows
// what another hides. It may be kept: it goes by the rules that hold when it is asked.
type Lens struct {
	all                              bool // for ever
	unlimited                        func() bool
	framework, task, executor, roles authorization.Approver
}

// Lens is what a subject may see.
func (c Client) Lens(who authorization.Subject) *Lens {
	by := c.authorizer
	return &Lens{
		all:       by == authorization.Everything && len(who.Claims) == 0,
		unlimited: func() bool { return authorization.Unlimited(by, who, lensed...) },
		framework: by.Approver(who, authorization.ViewFramework),
		task:      by.Approver(who, authorization.ViewTask),
		executor:  by.Approver(who, authorization.ViewExecutor),
		roles:     by.Approver(who, authorization.ViewRole),
	}
}

// Clear is whether it hides nothing.
func (l *Lens) Clear() bool { return l.all }

// Through is a view without what cannot be seen: the view itself where nothing is hidden, so that those who see
// everything share what is made of it.
func (l *Lens) Through(v *View) *View {
	if l.unlimited() {
		return v
	}
	return l.through(v)
}

// Framework is whether a framework can be seen.
func (l *Lens) Framework(f *mesospb.FrameworkInfo) bool {
	return l.all || l.framework(authorization.Object{Framework: f})
}

// Task is whether a task can be seen by those who see its framework.
func (l *Lens) Task(t *mesospb.Task, f *mesospb.FrameworkInfo) bool {
	return l.all || l.task(authorization.Object{Task: t, Framework: f})
}

// Executor is whether an executor can be seen by those who see its framework.
func (l *Lens) Executor(e *mesospb.ExecutorInfo, f *mesospb.FrameworkInfo) bool {
	return l.all || l.executor(authorization.Object{Executor: e, Framework: f})
}

// Role is whether a role can be seen.
func (l *Lens) Role(name string) bool {
	return l.all || l.roles(authorization.Role(name))
}

// Event is an event as it can be seen, nil if it cannot.
func (l *Lens) Event(e *Event) *masterpb.Event {
	switch {
	case l.all:
	case e.framework != nil && !l.Framework(e.framework), e.task != nil && !l.Task(e.task, e.framework):
		return nil
	case e.Message.GetAgentAdded() != nil:
		seen := l.Agent(e.Message.GetAgentAdded().GetAgent())
		if seen == e.Message.GetAgentAdded().GetAgent() {
			return e.Message
		}
		return &masterpb.Event{Type: e.Message.Type, AgentAdded: &masterpb.Event_AgentAdded{Agent: seen}}
	}
	return e.Message
}

// Agent is an agent without the resources of roles that cannot be seen; the very same if there are none.
func (l *Lens) Agent(a *masterpb.Response_GetAgents_Agent) *masterpb.Response_GetAgents_Agent {
	if l.all {
		return a
	}
	info, total, allocated, offered := l.AgentInfo(a.GetAgentInfo()), l.resources(a.GetTotalResources()),
		l.resources(a.GetAllocatedResources()), l.resources(a.GetOfferedResources())
	if info == a.GetAgentInfo() && len(a.GetResourceProviders()) == 0 && len(total) == len(a.GetTotalResources()) &&
		len(allocated) == len(a.GetAllocatedResources()) && len(offered) == len(a.GetOfferedResources()) {
		return a
	}
	seen := proto.CloneOf(a)
	seen.AgentInfo, seen.TotalResources, seen.AllocatedResources, seen.OfferedResources = info, total, allocated, offered
	for _, p := range seen.ResourceProviders {
		p.TotalResources = l.resources(p.TotalResources)
	}
	return seen
}

// AgentInfo is what an agent says of itself, without the resources of roles that cannot be seen.
func (l *Lens) AgentInfo(info *mesospb.AgentInfo) *mesospb.AgentInfo {
	seen := l.resources(info.GetResources())
	if len(seen) == len(info.GetResources()) {
		return info
	}
	info = proto.CloneOf(info)
	info.Resources = seen
	return info
}

func (l *Lens) resources(list []*mesospb.Resource) []*mesospb.Resource {
	for i, r := range list {
		if l.resource(r) {
			continue
		}
		seen := append([]*mesospb.Resource(nil), list[:i]...)
		for _, r := range list[i+1:] {
			if l.resource(r) {
				seen = append(seen, r)
			}
		}
		return seen
	}
	return list
}

// resource is whether all the roles can be seen that a resource is reserved and allocated to. Agents that have yet to come
// back are known with the old form of a reservation.
func (l *Lens) resource(r *mesospb.Resource) bool {
	if role := r.GetRole(); role != "" && role != "*" && !l.Role(role) {
		return false
	}
	for _, one := range r.GetReservations() {
		if !l.Role(one.GetRole()) {
			return false
		}
	}
	return r.GetAllocationInfo() == nil || l.Role(r.GetAllocationInfo().GetRole())
}
