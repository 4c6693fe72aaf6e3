// Package job is the framework behind `meseta run` and `meseta demo`: it runs a list of tasks, each once, tells
// what happens to them, and then leaves the cluster.
package job

import (
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// Event is something that happened to the job. Only the field of its kind is set, and Task and Place with those
// of a task.
type Event struct {
	Subscribed   bool
	Framework    *mesospb.FrameworkID // with Subscribed: who the job is in the cluster
	Disconnected bool
	Failed       string // why the cluster does not want the job
	AgentLost    string // the id of an agent that the job has tasks on

	Task   *mesospb.TaskInfo
	Place  Place
	Placed bool                // the task was given to its agent
	Status *mesospb.TaskStatus // the task's new state
}

// Place is where a task runs.
type Place struct {
	Framework *mesospb.FrameworkID
	Agent     *mesospb.AgentID
	Host      string
	UPID      process.UPID // of the agent; zero if the offer did not say
}

// Job is the framework. Its fields are set before it is spawned.
type Job struct {
	// Tasks are run as there is room, the first first.
	Tasks []*mesospb.TaskInfo
	// Executor, unless nil, makes the tasks a group: it runs all of them or none.
	Executor *mesospb.ExecutorInfo
	// PerOffer is how many tasks are put into one offer, to spread them; 0: as many as fit.
	PerOffer int
	// Tell is called on the job's actor, and must not wait.
	Tell func(Event)

	queue []*mesospb.TaskInfo
	live  map[string]*placed
	ended int
}

type placed struct {
	task  *mesospb.TaskInfo
	place Place
}

// Started implements scheduler.Starter.
func (j *Job) Started(*scheduler.Driver) {
	j.queue = append(j.queue, j.Tasks...)
	j.live = map[string]*placed{}
}

// Subscribed implements scheduler.Subscriber. What happened while the job was away is asked for.
func (j *Job) Subscribed(d *scheduler.Driver, s scheduler.Subscription) {
	j.Tell(Event{Subscribed: true, Framework: s.FrameworkID})
	if !s.Again {
		return
	}
	var ask []*schedulerpb.Call_Reconcile_Task
	for _, t := range j.Tasks {
		if p := j.live[t.GetTaskId().GetValue()]; p != nil {
			ask = append(ask, &schedulerpb.Call_Reconcile_Task{TaskId: t.GetTaskId(), AgentId: p.place.Agent})
		}
	}
	if len(ask) > 0 {
		d.Reconcile(ask...)
	}
}

// Disconnected implements scheduler.Subscriber.
func (j *Job) Disconnected(*scheduler.Driver) { j.Tell(Event{Disconnected: true}) }

// Failed implements scheduler.Failer.
func (j *Job) Failed(_ *scheduler.Driver, reason string) { j.Tell(Event{Failed: reason}) }

// AgentLost implements scheduler.Loser.
func (j *Job) AgentLost(_ *scheduler.Driver, agent *mesospb.AgentID) {
	for _, p := range j.live {
		if p.place.Agent.GetValue() == agent.GetValue() {
			j.Tell(Event{AgentLost: agent.GetValue()})
			return
		}
	}
}

// ExecutorLost implements scheduler.Loser. The tasks' own updates say more.
func (j *Job) ExecutorLost(*scheduler.Driver, *mesospb.AgentID, *mesospb.ExecutorID, int) {}

// Offers implements scheduler.Scheduler.
func (j *Job) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	for _, offer := range offers {
		plan := scheduler.NewPlan(offer)
		here := j.use(plan, offer)
		if len(j.queue) > 0 {
			plan.Refuse(time.Second) // soon again: room may come free at any time
		}
		d.Accept(plan)
		for _, task := range here {
			p := &placed{task, placeOf(offer)}
			j.live[task.GetTaskId().GetValue()] = p
			j.Tell(Event{Task: task, Place: p.place, Placed: true})
		}
	}
	if len(j.queue) == 0 {
		d.Suppress()
	}
}

// use puts tasks that wait into a plan, and says which.
func (j *Job) use(plan *scheduler.Plan, offer *mesospb.Offer) (here []*mesospb.TaskInfo) {
	if j.Executor != nil {
		executor := proto.CloneOf(j.Executor)
		executor.FrameworkId = offer.GetFrameworkId()
		if len(j.queue) == len(j.Tasks) && plan.LaunchGroup(executor, j.queue...) {
			here, j.queue = j.queue, nil
		}
		return here
	}
	for len(j.queue) > 0 && (j.PerOffer == 0 || len(here) < j.PerOffer) && plan.Launch(j.queue[0]) {
		here = append(here, j.queue[0])
		j.queue = j.queue[1:]
	}
	return here
}

// placeOf reads an offer. Its url names the agent: an address, and the agent's id as the path.
func placeOf(o *mesospb.Offer) Place {
	p := Place{Framework: o.GetFrameworkId(), Agent: o.GetAgentId(), Host: o.GetHostname()}
	address := o.GetUrl().GetAddress()
	host := address.GetIp()
	if host == "" {
		host = address.GetHostname()
	}
	id := strings.Trim(o.GetUrl().GetPath(), "/")
	if host != "" && id != "" {
		p.UPID = process.UPID{ID: id, Addr: joinHostPort(host, address.GetPort())}
	}
	return p
}

// Update implements scheduler.Scheduler.
func (j *Job) Update(d *scheduler.Driver, s *mesospb.TaskStatus) {
	id := s.GetTaskId().GetValue()
	p := j.live[id]
	if p == nil {
		return // it has ended before
	}
	if neverRan(s) {
		// The offer was void by the time it was used. Nothing was begun, so the same task may be tried again.
		delete(j.live, id)
		j.queue = append(j.queue, p.task)
		d.Revive()
		return
	}
	if scheduler.Terminal(s.GetState()) {
		delete(j.live, id)
		j.ended++
	}
	j.Tell(Event{Task: p.task, Place: p.place, Status: s})
}

// neverRan says that a task was lost on its way for a reason that will not be there the next time.
func neverRan(s *mesospb.TaskStatus) bool {
	if s.GetState() != mesospb.TaskState_TASK_DROPPED {
		return false
	}
	switch s.GetReason() {
	case mesospb.TaskStatus_REASON_INVALID_OFFERS, mesospb.TaskStatus_REASON_MASTER_DISCONNECTED,
		mesospb.TaskStatus_REASON_AGENT_DISCONNECTED, mesospb.TaskStatus_REASON_AGENT_REMOVED:
		return true
	}
	return false
}

// Kill ends a task, whether it runs or waits. It is for process.Dispatch.
func (j *Job) Kill(d *scheduler.Driver, id string, policy *mesospb.KillPolicy) {
	for i, t := range j.queue {
		if t.GetTaskId().GetValue() == id {
			j.queue = append(j.queue[:i:i], j.queue[i+1:]...)
			j.ended++
			j.Tell(Event{Task: t, Status: &mesospb.TaskStatus{TaskId: t.GetTaskId(), State: mesospb.TaskState_TASK_KILLED.Enum()}})
			return
		}
	}
	if p := j.live[id]; p != nil {
		d.Kill(p.task.GetTaskId(), p.place.Agent, policy)
	}
}

// Replace runs a task in place of one that has ended, or that may have: should that one be heard of again, it is
// killed. It is for process.Dispatch.
func (j *Job) Replace(d *scheduler.Driver, id string, task *mesospb.TaskInfo) {
	if p := j.live[id]; p != nil {
		delete(j.live, id)
		d.Kill(p.task.GetTaskId(), p.place.Agent, nil)
	}
	j.Tasks = append(j.Tasks, task)
	j.queue = append(j.queue, task)
	d.Revive()
}

// Waiting lists the tasks that have no place yet.
func (j *Job) Waiting() []*mesospb.TaskInfo { return append([]*mesospb.TaskInfo(nil), j.queue...) }
