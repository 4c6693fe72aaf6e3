package scheduler

import (
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/capabilities"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// call sends a call to the master. It reports false, and the call is gone, when there is none.
func (d *Driver) call(c *schedulerpb.Call) bool {
	if d.state != subscribed {
		return false
	}
	c.FrameworkId = d.info.GetId()
	d.Send(d.master, c)
	return true
}

// Refuse makes a filter: what is left of an offer, or was declined, is not offered again for so long. Without a
// filter the master refuses for five seconds.
func Refuse(d time.Duration) *mesospb.Filters {
	return &mesospb.Filters{RefuseSeconds: proto.Float64(d.Seconds())}
}

// Accept carries out a plan; whatever its offers have left is declined. An empty plan declines all of it.
func (d *Driver) Accept(p *Plan) { d.AcceptOffers(p.filters, p.ids(), p.Operations()...) }

// AcceptOffers accepts offers of one agent and uses them for operations, in order. A nil filter means Mesos'
// five seconds. Tasks that cannot be launched because there is no master come back lost.
func (d *Driver) AcceptOffers(f *mesospb.Filters, offers []*mesospb.OfferID, operations ...*mesospb.Offer_Operation) {
	sent := d.call(&schedulerpb.Call{
		Type:   schedulerpb.Call_ACCEPT.Enum(),
		Accept: &schedulerpb.Call_Accept{OfferIds: offers, Operations: operations, Filters: f},
	})
	if !sent && d.state != stopped {
		d.lose(tasksOf(operations))
	}
}

// Decline gives offers back. A nil filter means Mesos' five seconds.
func (d *Driver) Decline(f *mesospb.Filters, offers ...*mesospb.Offer) {
	d.call(&schedulerpb.Call{
		Type:    schedulerpb.Call_DECLINE.Enum(),
		Decline: &schedulerpb.Call_Decline{OfferIds: offerIDs(offers), Filters: f},
	})
}

func offerIDs(offers []*mesospb.Offer) []*mesospb.OfferID {
	ids := make([]*mesospb.OfferID, len(offers))
	for i, o := range offers {
		ids[i] = o.GetId()
	}
	return ids
}

// AcceptInverseOffers promises to give back what is asked for.
func (d *Driver) AcceptInverseOffers(f *mesospb.Filters, ids ...*mesospb.OfferID) {
	d.call(&schedulerpb.Call{
		Type:                schedulerpb.Call_ACCEPT_INVERSE_OFFERS.Enum(),
		AcceptInverseOffers: &schedulerpb.Call_AcceptInverseOffers{InverseOfferIds: ids, Filters: f},
	})
}

// DeclineInverseOffers says that the framework will not leave by itself.
func (d *Driver) DeclineInverseOffers(f *mesospb.Filters, ids ...*mesospb.OfferID) {
	d.call(&schedulerpb.Call{
		Type:                 schedulerpb.Call_DECLINE_INVERSE_OFFERS.Enum(),
		DeclineInverseOffers: &schedulerpb.Call_DeclineInverseOffers{InverseOfferIds: ids, Filters: f},
	})
}

// Revive asks for offers again: it lifts the filters and the suppression of the roles, of all if none is given.
func (d *Driver) Revive(roles ...string) {
	if len(roles) == 0 {
		d.quiet = nil
	}
	d.quiet = slices.DeleteFunc(slices.Clone(d.quiet), func(r string) bool { return slices.Contains(roles, r) })
	d.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), Revive: &schedulerpb.Call_Revive{Roles: roles}})
}

// Suppress wants no offers for the roles, for all if none is given, until Revive. It holds across reconnections.
func (d *Driver) Suppress(roles ...string) {
	quiet := roles
	if len(roles) == 0 {
		quiet = rolesOf(d.info)
	}
	d.quiet = sortedSet(slices.Concat(d.quiet, quiet))
	d.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{Roles: roles}})
}

// rolesOf are the framework's roles. Without the capability MULTI_ROLE it has one, "*" unless it says otherwise.
func rolesOf(f *mesospb.FrameworkInfo) []string {
	if capabilities.OfFramework(f.GetCapabilities()).Has(mesospb.FrameworkInfo_Capability_MULTI_ROLE) {
		return f.GetRoles()
	}
	//lint:ignore SA1019 it is deprecated in favour of roles, but frameworks without MULTI_ROLE have nothing else
	return []string{f.GetRole()}
}

// Kill ends a task. The agent may be nil, and so may the policy, which replaces the task's own. A task that the
// cluster does not know is answered as Reconcile would. The kill is said again after each subscription until an
// update says that the task has ended.
func (d *Driver) Kill(task *mesospb.TaskID, agent *mesospb.AgentID, policy *mesospb.KillPolicy) {
	kill := &schedulerpb.Call_Kill{TaskId: task, AgentId: agent, KillPolicy: policy}
	d.kills[task.GetValue()] = kill
	d.call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: kill})
}

// resendKills repeats what the master may not have heard, in order of ids so that two runs of one seed agree.
func (d *Driver) resendKills() {
	for _, task := range slices.Sorted(maps.Keys(d.kills)) {
		d.call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: d.kills[task]})
	}
}

// ShutdownExecutor ends an executor and its tasks.
func (d *Driver) ShutdownExecutor(agent *mesospb.AgentID, executor *mesospb.ExecutorID) {
	d.call(&schedulerpb.Call{
		Type:     schedulerpb.Call_SHUTDOWN.Enum(),
		Shutdown: &schedulerpb.Call_Shutdown{ExecutorId: executor, AgentId: agent},
	})
}

// Reconcile asks what became of tasks; with none given, of all that the master knows. The answers are updates. A
// framework does so after each subscription, because updates and launches may have been lost while it was away.
func (d *Driver) Reconcile(tasks ...*schedulerpb.Call_Reconcile_Task) {
	d.call(&schedulerpb.Call{
		Type:      schedulerpb.Call_RECONCILE.Enum(),
		Reconcile: &schedulerpb.Call_Reconcile{Tasks: tasks},
	})
}

// ReconcileOperations asks what became of operations; with none given, of all that the master knows.
func (d *Driver) ReconcileOperations(operations ...*schedulerpb.Call_ReconcileOperations_Operation) {
	d.call(&schedulerpb.Call{
		Type:                schedulerpb.Call_RECONCILE_OPERATIONS.Enum(),
		ReconcileOperations: &schedulerpb.Call_ReconcileOperations{Operations: operations},
	})
}

// SendMessage carries bytes to an executor. They may be lost on the way.
func (d *Driver) SendMessage(agent *mesospb.AgentID, executor *mesospb.ExecutorID, data []byte) {
	d.call(&schedulerpb.Call{
		Type:    schedulerpb.Call_MESSAGE.Enum(),
		Message: &schedulerpb.Call_Message{AgentId: agent, ExecutorId: executor, Data: data},
	})
}

// Request hints at what the framework would like to be offered. Mesos' allocator accepts hints and ignores them.
func (d *Driver) Request(requests ...*mesospb.Request) {
	d.call(&schedulerpb.Call{Type: schedulerpb.Call_REQUEST.Enum(), Request: &schedulerpb.Call_Request{Requests: requests}})
}

// UpdateFramework changes how the framework is described, its suppressed roles and its offer constraints, all at
// once. They hold for later subscriptions too. The id stays.
func (d *Driver) UpdateFramework(f *mesospb.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) {
	f = proto.CloneOf(f)
	f.Id = d.info.GetId()
	if f.User == nil {
		f.User = d.info.User
	}
	d.info, d.quiet, d.config.OfferConstraints = f, sortedSet(suppressed), constraints
	d.call(&schedulerpb.Call{
		Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(),
		UpdateFramework: &schedulerpb.Call_UpdateFramework{
			FrameworkInfo: f, SuppressedRoles: d.quiet, OfferConstraints: constraints,
		},
	})
}
