package scheduler

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Plan is what a framework means to do with offers of one agent. It keeps count of what they have left, so that an
// author only says what to run:
//
//	plan := scheduler.NewPlan(offer)
//	for len(queue) > 0 && plan.Launch(queue[0]) {
//		queue = queue[1:]
//	}
//	d.Accept(plan)
type Plan struct {
	offers     []*mesospb.Offer
	left       resources.Resources // without their allocation
	role       string              // to which the offers are allocated
	tasks      []*mesospb.TaskInfo // of a LAUNCH that is not closed yet
	operations []*mesospb.Offer_Operation
	filters    *mesospb.Filters
}

// NewPlan begins a plan with offers of one agent and role.
func NewPlan(offers ...*mesospb.Offer) *Plan {
	p := &Plan{offers: offers}
	for _, o := range offers {
		p.left = p.left.Add(resources.FromValid(o.GetResources()).Unallocate())
		p.role = o.GetAllocationInfo().GetRole()
	}
	return p
}

// Left is what the offers have left, with its reservations and without its allocation.
func (p *Plan) Left() resources.Resources { return p.left }

// Fits says whether there is room for so much, reserved or not.
func (p *Plan) Fits(want resources.Resources) bool {
	_, ok := p.left.Find(want.Unallocate())
	return ok
}

// Launch adds a task if there is room for it and its executor, and says whether there was. The task names what it
// needs without reservations, "cpus:1;mem:64": the plan finds it, reserved to the framework's role or not. The plan
// works on a copy, in which it also sets the agent.
func (p *Plan) Launch(task *mesospb.TaskInfo) bool {
	task = proto.CloneOf(task)
	left := p.left
	if !p.place(task) {
		return false
	}
	if e := task.GetExecutor(); e != nil {
		found, ok := p.take(e.GetResources())
		if !ok {
			p.left = left
			return false
		}
		e.Resources = found
	}
	p.tasks = append(p.tasks, task)
	return true
}

// LaunchGroup adds tasks that live and die together in one executor, if there is room for all of them.
func (p *Plan) LaunchGroup(executor *mesospb.ExecutorInfo, tasks ...*mesospb.TaskInfo) bool {
	left := p.left
	executor = proto.CloneOf(executor)
	found, ok := p.take(executor.GetResources())
	executor.Resources = found
	group := &mesospb.TaskGroupInfo{}
	for _, task := range tasks {
		task = proto.CloneOf(task)
		ok = ok && p.place(task)
		group.Tasks = append(group.Tasks, task)
	}
	if !ok {
		p.left = left
		return false
	}
	p.append(&mesospb.Offer_Operation{
		Type:        mesospb.Offer_Operation_LAUNCH_GROUP.Enum(),
		LaunchGroup: &mesospb.Offer_Operation_LaunchGroup{Executor: executor, TaskGroup: group},
	})
	return true
}

// place gives a task its agent and its resources.
func (p *Plan) place(task *mesospb.TaskInfo) bool {
	found, ok := p.take(task.GetResources())
	if !ok {
		return false
	}
	task.Resources, task.AgentId = found, p.agent()
	return true
}

// take finds what is wanted and takes it away from what is left.
func (p *Plan) take(want []*mesospb.Resource) ([]*mesospb.Resource, bool) {
	wanted, err := resources.FromProto(want)
	if err != nil {
		return nil, false
	}
	found, ok := p.left.Find(wanted.Unallocate())
	if !ok {
		return nil, false
	}
	p.left = p.left.Subtract(found)
	if p.role != "" {
		found = found.Allocate(p.role)
	}
	return found.Proto(), true
}

// Add appends any operation, such as RESERVE or CREATE, after what was planned so far. It returns why the offers
// cannot bear it.
func (p *Plan) Add(o *mesospb.Offer_Operation) error {
	left := p.left
	if p.role != "" {
		left = left.Allocate(p.role)
	}
	left, err := left.Apply(o)
	if err != nil {
		return err
	}
	p.left = left.Unallocate()
	p.append(o)
	return nil
}

// append closes the LAUNCH that is open, so that operations keep their order.
func (p *Plan) append(o *mesospb.Offer_Operation) {
	p.operations = append(p.Operations(), o)
	p.tasks = nil
}

// Refuse sets how long what is left is not to be offered again.
func (p *Plan) Refuse(d time.Duration) *Plan {
	p.filters = Refuse(d)
	return p
}

// Operations is the plan as the master is told it.
func (p *Plan) Operations() []*mesospb.Offer_Operation {
	if len(p.tasks) == 0 {
		return p.operations
	}
	return append(p.operations[:len(p.operations):len(p.operations)], &mesospb.Offer_Operation{
		Type:   mesospb.Offer_Operation_LAUNCH.Enum(),
		Launch: &mesospb.Offer_Operation_Launch{TaskInfos: p.tasks},
	})
}

// IsEmpty says that nothing is planned: accepting it declines the offers.
func (p *Plan) IsEmpty() bool { return len(p.tasks) == 0 && len(p.operations) == 0 }

// Call is the plan as an ACCEPT, for frameworks that speak with the master by other means than a Driver.
func (p *Plan) Call() *schedulerpb.Call_Accept {
	return &schedulerpb.Call_Accept{OfferIds: p.ids(), Operations: p.Operations(), Filters: p.filters}
}

func (p *Plan) ids() []*mesospb.OfferID { return offerIDs(p.offers) }

func (p *Plan) agent() *mesospb.AgentID {
	if len(p.offers) == 0 {
		return nil
	}
	return p.offers[0].GetAgentId()
}

// Shell describes a task that runs a command line in a shell: an id that the framework has not used before, the
// line, and what it needs, such as resources.Parse("cpus:0.1;mem:32").
func Shell(id, line string, needs resources.Resources) *mesospb.TaskInfo {
	return &mesospb.TaskInfo{
		Name:      proto.String(id),
		TaskId:    &mesospb.TaskID{Value: proto.String(id)},
		AgentId:   &mesospb.AgentID{Value: proto.String("")}, // Plan.Launch sets it
		Command:   &mesospb.CommandInfo{Value: proto.String(line)},
		Resources: needs.Proto(),
	}
}

// Command describes a task that runs a program with arguments, without a shell.
func Command(id string, argv []string, needs resources.Resources) *mesospb.TaskInfo {
	task := Shell(id, "", needs)
	task.Command = &mesospb.CommandInfo{Shell: proto.Bool(false), Arguments: argv}
	if len(argv) > 0 {
		task.Command.Value = proto.String(argv[0])
	}
	return task
}
