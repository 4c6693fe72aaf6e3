package legacy

import (
	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"github.com/meseta-io/meseta/messages/wire"
)

// described is a framework as a view has it.
type described = masterpb.Response_GetFrameworks_Framework

// frameworkSummary opens an object with what a framework is.
func frameworkSummary(b []byte, v *master.View, f *described) []byte {
	info := f.GetFrameworkInfo()
	id := info.GetId().GetValue()
	b = str(b, `{"id":`, id)
	b = str(b, `,"name":`, info.GetName())
	if pid, ok := v.Pids.Get(id); ok {
		b = str(b, `,"pid":`, pid)
	}
	b = summary(append(b, `,"used_resources":`...), f.GetAllocatedResources())
	b = summary(append(b, `,"offered_resources":`...), f.GetOfferedResources())
	b = enums(b, `,"capabilities":`, info.GetCapabilities())
	b = str(b, `,"hostname":`, info.GetHostname())
	b = str(b, `,"webui_url":`, info.GetWebuiUrl())
	b = yes(b, `,"active":`, f.GetActive())
	b = yes(b, `,"connected":`, f.GetConnected())
	return yes(b, `,"recovered":`, f.GetRecovered())
}

// frameworkHead goes on with everything that stands before the lists.
func frameworkHead(b []byte, f *described) []byte {
	info := f.GetFrameworkInfo()
	b = str(b, `,"user":`, info.GetUser())
	b = num(b, `,"failover_timeout":`, info.GetFailoverTimeout())
	b = yes(b, `,"checkpoint":`, info.GetCheckpoint())
	b = num(b, `,"registered_time":`, seconds(f.GetRegisteredTime()))
	b = num(b, `,"unregistered_time":`, seconds(f.GetUnregisteredTime()))
	if info.Principal != nil {
		b = str(b, `,"principal":`, info.GetPrincipal())
	}
	b = summary(append(b, `,"resources":`...), f.GetAllocatedResources(), f.GetOfferedResources())
	if f.ReregisteredTime != nil && f.GetReregisteredTime().GetNanoseconds() != f.GetRegisteredTime().GetNanoseconds() {
		b = num(b, `,"reregistered_time":`, seconds(f.GetReregisteredTime()))
	}
	if validation.HasCapability(info, mesospb.FrameworkInfo_Capability_MULTI_ROLE) {
		return strs(b, `,"roles":`, info.GetRoles())
	}
	role := info.GetRole()
	if role == "" {
		role = "*"
	}
	return str(b, `,"role":`, role)
}

func offer(b []byte, o *mesospb.Offer) []byte {
	b = str(b, `{"id":`, o.GetId().GetValue())
	b = str(b, `,"framework_id":`, o.GetFrameworkId().GetValue())
	b = msg(b, `,"allocation_info":`, o.GetAllocationInfo())
	b = str(b, `,"slave_id":`, o.GetAgentId().GetValue())
	return append(summary(append(b, `,"resources":`...), o.GetResources()), '}')
}

// frameworkTail goes on after the lists of tasks.
func frameworkTail(b []byte, f *described, executors []*masterpb.Response_GetExecutors_Executor) []byte {
	b = append(b, `,"offers":[`...)
	for _, o := range f.GetOffers() {
		b = append(offer(b, o), ',')
	}
	b = append(bare(b), `],"executors":[`...)
	for _, e := range executors {
		b = append(executor(b, e.GetExecutorInfo(), e.GetAgentId().GetValue()), ',')
	}
	b = append(bare(b), ']')
	info := f.GetFrameworkInfo()
	if info.Labels != nil {
		b = labels(b, `,"labels":`, info.Labels)
	}
	b = append(b, `,"offer_constraints":`...)
	if f.OfferConstraints == nil {
		return append(b, "{}}"...)
	}
	return append(wire.AppendJSON(b, f.OfferConstraints), '}')
}

// How many tasks are written at a time, and with how many a framework is written in one piece.
const (
	inOneGo = 1024
	small   = 64
)

// framework adds the jobs that write one framework with everything that it has. Most are one job; one with many tasks
// is several.
func (d *document) framework(shelf *press.Shelf, f *described) {
	id := f.GetFrameworkInfo().GetId().GetValue()
	running, unreachable, completed := d.view.TasksOf(id)
	if running.Len()+unreachable.Len()+completed.Len() <= small {
		d.add(func(b []byte) []byte {
			b = append(frameworkHead(frameworkSummary(b, d.view, f), f), `,"tasks":[`...)
			b = append(bare(d.tasksOf(b, d.view.Tasks, running)), `],"unreachable_tasks":[`...)
			b = append(bare(d.tasksOf(b, d.view.Unreachable, unreachable)), `],"completed_tasks":[`...)
			b = append(bare(d.tasksOf(b, d.view.Completed, completed)), ']')
			return append(frameworkTail(b, f, d.executors[id]), ',')
		})
		return
	}
	d.add(func(b []byte) []byte {
		return append(frameworkHead(frameworkSummary(b, d.view, f), f), `,"tasks":[`...)
	})
	one := func(b []byte, _ string, t *mesospb.Task) []byte { return task(b, t) }
	spread(d, d.view.Tasks, running, shelf, inOneGo, one)
	d.text(`],"unreachable_tasks":[`)
	spread(d, d.view.Unreachable, unreachable, shelf, inOneGo, one)
	d.text(`],"completed_tasks":[`)
	spread(d, d.view.Completed, completed, shelf, inOneGo, one)
	d.add(func(b []byte) []byte { return append(frameworkTail(append(b, ']'), f, d.executors[id]), ',') })
}

// tasksOf writes tasks, with a comma behind each.
func (d *document) tasksOf(b []byte, t tasks, s master.Span) []byte {
	for _, one := range t.Range(s.From, s.To) {
		b = append(task(b, one), ',')
	}
	return b
}
