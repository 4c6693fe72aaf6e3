package cast

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
)

// Framework is a scheduler that a test speaks for: a probe that has subscribed, acknowledges updates, and keeps
// each offer of an OFFERS event as an event of its own. Heartbeats are left out.
type Framework struct {
	*testkit.Probe
	Info *mesospb.FrameworkInfo
	w    *World
	// Silent stops the acknowledging.
	Silent bool
	// master is whom it subscribed to.
	master process.UPID
}

// Framework makes a framework on a node of its own and subscribes it at the leading master, as soon as there is
// one, with capabilities PARTITION_AWARE and MULTI_ROLE, role "*", and a failover timeout of a week.
func (w *World) Framework(name string, change ...func(*mesospb.FrameworkInfo)) *Framework {
	w.T().Helper()
	f := w.Stranger(name, change...)
	f.Subscribe()
	return f
}

// Stranger is a Framework that does not subscribe by itself.
func (w *World) Stranger(name string, change ...func(*mesospb.FrameworkInfo)) *Framework {
	w.T().Helper()
	f := &Framework{w: w, Probe: w.Probe(name), Info: &mesospb.FrameworkInfo{
		Name: proto.String(name), User: proto.String("nobody"), Roles: []string{"*"}, Checkpoint: proto.Bool(true),
		FailoverTimeout: proto.Float64(7 * 24 * 3600),
		Capabilities: []*mesospb.FrameworkInfo_Capability{
			{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()},
			{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()},
		},
	}}
	for _, c := range change {
		c(f.Info)
	}
	f.Split(oneOfferEach)
	f.Reply(testkit.Of(func(e *schedulerpb.Event) bool { return len(e.GetUpdate().GetStatus().GetUuid()) > 0 }), f.acknowledge)
	return f
}

func oneOfferEach(m proto.Message) []proto.Message {
	e, ok := m.(*schedulerpb.Event)
	switch {
	case ok && e.GetType() == schedulerpb.Event_HEARTBEAT:
		return nil
	case ok && e.GetType() == schedulerpb.Event_OFFERS:
		var parts []proto.Message
		for _, o := range e.GetOffers().GetOffers() {
			parts = append(parts, &schedulerpb.Event{Type: e.Type, Offers: &schedulerpb.Event_Offers{Offers: []*mesospb.Offer{o}}})
		}
		return parts
	}
	return []proto.Message{m}
}

func (f *Framework) acknowledge(m testkit.Message) proto.Message {
	if f.Silent {
		return nil
	}
	return f.acknowledgement(m.Msg.(*schedulerpb.Event).GetUpdate().GetStatus())
}

func (f *Framework) acknowledgement(s *mesospb.TaskStatus) *schedulerpb.Call {
	return &schedulerpb.Call{FrameworkId: f.Info.Id, Type: schedulerpb.Call_ACKNOWLEDGE.Enum(),
		Acknowledge: &schedulerpb.Call_Acknowledge{AgentId: s.GetAgentId(), TaskId: s.GetTaskId(), Uuid: s.GetUuid()}}
}

// Acknowledge acknowledges an update, for a framework that is Silent.
func (f *Framework) Acknowledge(s *mesospb.TaskStatus) { f.Call(f.acknowledgement(s)) }

// leader finds the master that leads.
func (f *Framework) leader() process.UPID {
	var found process.UPID
	f.w.Until("somebody leads", time.Minute, func() bool {
		found = f.w.Leader()
		return !found.IsZero()
	})
	return found
}

// Subscribe subscribes at the leading master, again after a failover, and asks again until it is answered.
func (f *Framework) Subscribe() {
	f.w.T().Helper()
	f.master = f.leader()
	f.Link(f.master)
	for range 60 {
		f.Send(f.master, &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), FrameworkId: f.Info.Id,
			Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: f.Info}})
		f.w.Advance(time.Second)
		i := slices.IndexFunc(f.Messages(), func(m testkit.Message) bool {
			e, _ := m.Msg.(*schedulerpb.Event)
			return e.GetType() == schedulerpb.Event_SUBSCRIBED
		})
		if i >= 0 {
			f.Info.Id = f.Expect(Subscribed)[0].Msg.(*schedulerpb.Event).GetSubscribed().GetFrameworkId()
			return
		}
	}
	f.w.Fail("%s is not subscribed within a minute", f)
}

// Call sends a call with the framework's id.
func (f *Framework) Call(c *schedulerpb.Call) {
	c.FrameworkId = f.Info.Id
	f.Send(f.master, c)
}

// ExpectOffer waits for an offer of an agent with exactly these resources.
func (f *Framework) ExpectOffer(a *Agent, text string) *mesospb.Offer {
	f.w.T().Helper()
	return f.Expect(Offer(a, text))[0].Msg.(*schedulerpb.Event).GetOffers().GetOffers()[0]
}

// Task describes a command task on the agent of an offer.
func Task(o *mesospb.Offer, id, needs, script string) *mesospb.TaskInfo {
	r, err := resources.Parse(needs)
	if err != nil {
		panic(fmt.Sprintf("resources %q: %v", needs, err))
	}
	task := scheduler.Shell(id, script, r)
	task.AgentId = o.GetAgentId()
	for _, r := range task.Resources {
		r.AllocationInfo = o.GetAllocationInfo()
	}
	return task
}

// Launch accepts an offer with one task; the rest of the offer is declined for no time at all.
func (f *Framework) Launch(o *mesospb.Offer, id, needs, script string) {
	f.Accept(o, Task(o, id, needs, script))
}

// Accept accepts an offer with tasks. What is left of it is offered again at once.
func (f *Framework) Accept(o *mesospb.Offer, tasks ...*mesospb.TaskInfo) {
	f.Call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
		OfferIds: []*mesospb.OfferID{o.GetId()}, Filters: scheduler.Refuse(0),
		Operations: []*mesospb.Offer_Operation{{Type: mesospb.Offer_Operation_LAUNCH.Enum(),
			Launch: &mesospb.Offer_Operation_Launch{TaskInfos: tasks}}},
	}})
}

// Decline declines an offer for some time.
func (f *Framework) Decline(o *mesospb.Offer, refuse time.Duration) {
	f.Call(&schedulerpb.Call{Type: schedulerpb.Call_DECLINE.Enum(), Decline: &schedulerpb.Call_Decline{
		OfferIds: []*mesospb.OfferID{o.GetId()}, Filters: scheduler.Refuse(refuse)}})
}

// Kill kills a task.
func (f *Framework) Kill(task string) {
	f.Call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(),
		Kill: &schedulerpb.Call_Kill{TaskId: &mesospb.TaskID{Value: proto.String(task)}}})
}

// Reconcile asks for the state of tasks, or of all.
func (f *Framework) Reconcile(tasks ...string) {
	r := &schedulerpb.Call_Reconcile{}
	for _, t := range tasks {
		r.Tasks = append(r.Tasks, &schedulerpb.Call_Reconcile_Task{TaskId: &mesospb.TaskID{Value: proto.String(t)}})
	}
	f.Call(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: r})
}
