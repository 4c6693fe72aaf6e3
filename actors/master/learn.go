package master

import (
	"cmp"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// report is what a returning agent says that it has, by framework and id.
type report struct {
	infos     map[string]*mesospb.FrameworkInfo
	tasks     map[string]map[string]*mesospb.Task
	executors map[string]map[string]*mesospb.ExecutorInfo
}

func index(r *controlpb.ReregisterAgent) report {
	rep := report{map[string]*mesospb.FrameworkInfo{}, map[string]map[string]*mesospb.Task{}, map[string]map[string]*mesospb.ExecutorInfo{}}
	for _, info := range r.GetFrameworks() {
		rep.infos[info.GetId().GetValue()] = info
	}
	for _, t := range r.GetTasks() {
		put(rep.tasks, t.GetFrameworkId().GetValue(), t.GetTaskId().GetValue(), t)
	}
	for _, e := range r.GetExecutors() {
		put(rep.executors, e.GetFrameworkId().GetValue(), e.GetExecutorId().GetValue(), e)
	}
	return rep
}

// put sets m[a][b].
func put[V any](m map[string]map[string]V, a, b string, v V) {
	if m[a] == nil {
		m[a] = map[string]V{}
	}
	m[a][b] = v
}

// drop deletes m[a][b], and m[a] when it becomes empty.
func drop[V any](m map[string]map[string]V, a, b string) {
	delete(m[a], b)
	if len(m[a]) == 0 {
		delete(m, a)
	}
}

// each walks m in sorted order.
func each[V any](m map[string]map[string]V, f func(a, b string, v V)) {
	for _, a := range slices.Sorted(maps.Keys(m)) {
		for _, b := range slices.Sorted(maps.Keys(m[a])) {
			if v, ok := m[a][b]; ok {
				f(a, b, v)
			}
		}
	}
}

// frameworks are all that are mentioned, sorted.
func (r report) frameworks() []string {
	ids := slices.Concat(slices.Collect(maps.Keys(r.infos)), slices.Collect(maps.Keys(r.tasks)), slices.Collect(maps.Keys(r.executors)))
	slices.Sort(ids)
	return slices.Compact(ids)
}

// learn takes in what the agent has and the master has not, and returns those tasks. What belongs to a
// completed framework is left out: it is about to be shut down. So is what names a framework that the agent
// does not describe, because without its capabilities nobody could speak of its tasks.
func (m *Master) learn(a *agent, rep report) (learnt []*task) {
	for _, id := range slices.Sorted(maps.Keys(rep.infos)) {
		if m.frameworks.registered[id] == nil && !m.frameworks.completed(id) {
			m.recoverFramework(rep.infos[id])
		}
	}
	each(rep.executors, func(framework, id string, info *mesospb.ExecutorInfo) {
		if m.frameworks.registered[framework] != nil && a.executor(framework, id) == nil {
			m.addExecutor(a, framework, info)
		}
	})
	held := map[string]*resources.Builder{} // by framework: booked at once, because there may be many
	each(rep.tasks, func(framework, id string, info *mesospb.Task) {
		f := m.frameworks.registered[framework]
		if f == nil || a.task(framework, id) != nil {
			return
		}
		if other := f.tasks[id]; other != nil {
			m.Log().Error("task runs on two agents", "framework", framework, "task", id, "here", a.id, "there", other.agent)
			return
		}
		t := m.enterTask(f, a, info)
		if held[framework] == nil {
			held[framework] = &resources.Builder{}
		}
		held[framework].Add(t.held)
		learnt = append(learnt, t)
	})
	for _, framework := range slices.Sorted(maps.Keys(held)) {
		m.hold(a, framework, held[framework].Resources())
	}
	return learnt
}

// dropEnded takes tasks out of a report that are over and that the master does not have on a registered agent: the
// report was on its way when their end was acknowledged. Taken in, they would be missed in the next report and asked
// about, and the framework would hear DROPPED of what it knows to be FINISHED. An end that is not acknowledged after all
// comes again by itself.
func (a *agent) dropEnded(rep report) {
	each(rep.tasks, func(framework, id string, t *mesospb.Task) {
		if taskstate.Terminal(t.GetStatusUpdateState()) && a.task(framework, id) == nil {
			drop(rep.tasks, framework, id)
		}
	})
}

// dropExecutors forgets executors that the agent does not have any more; it had no way to say so before.
func (m *Master) dropExecutors(a *agent, rep report) {
	each(a.executors, func(framework, id string, _ *executor) {
		if rep.executors[framework][id] == nil {
			m.removeExecutor(a, framework, id)
		}
	})
}

// questions are the tasks that the master has on the agent and the agent did not mention. It answers for
// each that it does not have.
func (m *Master) questions(a *agent, rep report) (lists []*controlpb.ReconcileTasks) {
	each(a.tasks, func(framework, id string, t *task) {
		if rep.tasks[framework][id] != nil {
			return
		}
		if n := len(lists); n == 0 || lists[n-1].GetFramework().GetId().GetValue() != framework {
			f := m.frameworks.registered[framework]
			if f == nil {
				return
			}
			lists = append(lists, &controlpb.ReconcileTasks{Framework: f.info})
		}
		list := lists[len(lists)-1]
		list.Statuses = append(list.Statuses, &mesospb.TaskStatus{
			TaskId: t.info.TaskId, AgentId: a.idpb(), ExecutorId: t.info.ExecutorId, State: t.told().Enum(),
			Source: mesospb.TaskStatus_SOURCE_MASTER.Enum(), Reason: mesospb.TaskStatus_REASON_RECONCILIATION.Enum(),
			Message: proto.String("the agent did not mention this task when it re-registered"),
		})
	})
	return lists
}

// killAgain repeats the kills that were asked for while the agent was away.
func (m *Master) killAgain(a *agent, rep report) {
	each(a.killed, func(framework, id string, policy *mesospb.KillPolicy) {
		if t := rep.tasks[framework][id]; t != nil && !taskstate.Terminal(t.GetState()) {
			m.Send(a.pid, &controlpb.KillTask{FrameworkId: frameworkID(framework), TaskId: t.TaskId, KillPolicy: policy, Epoch: m.stamp()})
		}
	})
	clear(a.killed)
}

// tellReturned says how tasks are that their frameworks had to believe lost.
func (m *Master) tellReturned(tasks []*task) {
	slices.SortFunc(tasks, func(a, b *task) int {
		return cmp.Or(cmp.Compare(a.framework, b.framework), cmp.Compare(a.id, b.id))
	})
	for _, t := range tasks {
		f := m.frameworks.registered[t.framework]
		if f == nil {
			continue
		}
		status := m.status(t.info, t.told(), mesospb.TaskStatus_REASON_AGENT_REREGISTERED, "the agent re-registered")
		copyLast(status, t.info)
		m.tellUpdate(f, status)
	}
}

// addExecutor books an executor and what it holds.
func (m *Master) addExecutor(a *agent, framework string, info *mesospb.ExecutorInfo) *executor {
	e := &executor{info: info, held: resources.FromValid(info.GetResources())}
	put(a.executors, framework, info.GetExecutorId().GetValue(), e)
	m.hold(a, framework, e.held)
	m.desk.setExecutor(a, framework, e)
	return e
}

// removeExecutor forgets an executor and frees what it held.
func (m *Master) removeExecutor(a *agent, framework, id string) {
	e := a.executor(framework, id)
	if e == nil {
		return
	}
	drop(a.executors, framework, id)
	m.free(a, framework, e.held)
	m.desk.dropExecutor(a.id, framework, id)
}

// hold books resources in use.
func (m *Master) hold(a *agent, framework string, rs resources.Resources) {
	if rs.IsEmpty() {
		return
	}
	a.hold(framework, rs)
	if f := m.frameworks.registered[framework]; f != nil {
		f.used = f.used.Add(rs)
	}
	m.desk.touchAgent(a.id)
	m.desk.touchFramework(framework)
}

// free gives resources back that are not in use any more.
func (m *Master) free(a *agent, framework string, rs resources.Resources) {
	if rs.IsEmpty() {
		return
	}
	a.release(framework, rs)
	if f := m.frameworks.registered[framework]; f != nil {
		f.used = f.used.Subtract(rs)
	}
	m.allocator.Recover(framework, a.id, rs, nil)
	m.desk.touchAgent(a.id)
	m.desk.touchFramework(framework)
}
