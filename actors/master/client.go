package master

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/validation"
)

// Client is what others in the same runtime ask a master. Its methods may be called from anywhere.
//
// Whoever changes something reads it afterwards: a change is in the published view before its future completes.
type Client struct {
	master process.Ref[*Master]
	views  *process.Published[View]
	config *Config

	authorizer authorization.Authorizer
	writer     registrar.Client
	reacher    cluster.Reacher
}

// UPID is the master's actor.
func (c Client) UPID() process.UPID { return c.master.UPID }

// View is the latest published view, never nil.
func (c Client) View() *View { return c.views.Load() }

// Reach is how it stands with the service that elects masters.
func (c Client) Reach() cluster.Reach { return reachOf(c.reacher) }

// Config is what the master was started with.
func (c Client) Config() Config { return *c.config }

// Registry is what the store holds of the cluster at the moment. It is asked of the registrar, not of the master.
func (c Client) Registry() process.Future[*registrar.Registry] { return c.writer.Registry() }

// Ask is the v1 operator API, all of it that is the master's: what is read is answered from the latest view in the
// goroutine of the caller, and what is to be changed is passed on to the master. Errors carry their class and Mesos'
// sentence.
func (c Client) Ask(who authorization.Subject, call *masterpb.Call) process.Future[*masterpb.Response] {
	if err := validation.MasterCall(call); err != nil {
		return process.Failed[*masterpb.Response](err)
	}
	if answer := answers[call.GetType()]; answer != nil {
		return c.read(answer, who, call)
	}
	order := orders[call.GetType()]
	if order == nil {
		return process.Failed[*masterpb.Response](fmt.Errorf("%s is not answered by this master: %w", call.GetType(), fault.ErrUnsupported))
	}
	return process.Entrust(c.master, func(m *Master, done *process.Promise[*masterpb.Response]) {
		m.carryOut(order, who, call, done)
	})
}

func (c Client) read(answer reading, who authorization.Subject, call *masterpb.Call) process.Future[*masterpb.Response] {
	view := c.ViewFor(who)
	if !view.Serving && needsLeader(call.GetType()) {
		return process.Failed[*masterpb.Response](errRecovering)
	}
	if call.GetType() == masterpb.Call_GET_FLAGS {
		if err := c.Allows(who, authorization.ViewFlags, authorization.Object{}); err != nil {
			return process.Failed[*masterpb.Response](err)
		}
	}
	r := answer(view, c.config)
	r.Type = masterpb.Response_Type(masterpb.Response_Type_value[call.GetType().String()]).Enum()
	return process.Ready(r)
}

// Say is a call of a scheduler that came in by another way than actors' mail; from is the actor that stands in for
// it and gets its events, and who is what the scheduler has proven. The calls of one connection are obeyed in the order
// in which they were said. The future has the reason for which a call was refused; a subscription that is refused
// gets an ERROR event too.
func (c Client) Say(from process.UPID, who authorization.Subject, call *schedulerpb.Call) process.Future[struct{}] {
	return process.Entrust(c.master, func(m *Master, done *process.Promise[struct{}]) {
		m.guest(from, who, call, func(err error) {
			m.desk.afterwards(func() { done.Complete(struct{}{}, err) })
		})
	})
}

// Whitelist offers only agents on these hosts from now on; nil offers all, an empty list none.
func (c Client) Whitelist(hostnames []string) {
	process.Dispatch(c.master, func(m *Master) { m.allocator.Whitelist(hostnames) })
}

// order is something that an operator wants changed. Its future completes when that is done, from anywhere.
type order func(m *Master, who authorization.Subject, c *masterpb.Call) process.Future[struct{}]

// orders are the calls that change something, each in the file of its noun.
var orders = map[masterpb.Call_Type]order{
	masterpb.Call_TEARDOWN:                    (*Master).teardown,
	masterpb.Call_MARK_AGENT_GONE:             (*Master).markGone,
	masterpb.Call_UPDATE_WEIGHTS:              (*Master).updateWeights,
	masterpb.Call_UPDATE_QUOTA:                (*Master).updateQuota,
	masterpb.Call_SET_QUOTA:                   (*Master).setQuotaOnce,
	masterpb.Call_REMOVE_QUOTA:                (*Master).removeQuota,
	masterpb.Call_UPDATE_MAINTENANCE_SCHEDULE: (*Master).updateSchedule,
	masterpb.Call_START_MAINTENANCE:           (*Master).startMaintenance,
	masterpb.Call_STOP_MAINTENANCE:            (*Master).stopMaintenance,
	masterpb.Call_DRAIN_AGENT:                 (*Master).drainAgent,
	masterpb.Call_DEACTIVATE_AGENT:            (*Master).deactivateAgent,
	masterpb.Call_REACTIVATE_AGENT:            (*Master).reactivateAgent,
	masterpb.Call_RESERVE_RESOURCES:           (*Master).changeResources,
	masterpb.Call_UNRESERVE_RESOURCES:         (*Master).changeResources,
	masterpb.Call_CREATE_VOLUMES:              (*Master).changeResources,
	masterpb.Call_DESTROY_VOLUMES:             (*Master).changeResources,
	masterpb.Call_GROW_VOLUME:                 (*Master).changeResources,
	masterpb.Call_SHRINK_VOLUME:               (*Master).changeResources,
}

// carryOut does what an operator wants, and answers when it is done and can be seen. Mesos answers 200 without a
// body: the empty response stands for that.
func (m *Master) carryOut(o order, who authorization.Subject, c *masterpb.Call, done *process.Promise[*masterpb.Response]) {
	if !m.serving {
		done.Complete(nil, errRecovering)
		return
	}
	process.Then(m.Base, o(m, who, c), func(_ struct{}, err error) {
		m.orderDone(who, c, err)
		m.desk.afterwards(func() {
			if err != nil {
				done.Complete(nil, err)
				return
			}
			done.Complete(&masterpb.Response{}, nil)
		})
	})
}
