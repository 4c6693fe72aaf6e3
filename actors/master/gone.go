package master

import (
	"errors"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/controlpb"
)

// makeGone writes that an agent is gone, tells everybody, and answers.
func (m *Master) makeGone(id string) process.Future[struct{}] {
	done, future := process.NewPromise[struct{}](m.Base)
	since := m.Now()
	m.agents.busy[id] = losing
	m.awaited(id)
	process.Then(m.Base, m.registrar.Apply(m.Base, registrar.MarkGone(id, since)), func(_ struct{}, err error) {
		delete(m.agents.busy, id)
		defer done.Complete(struct{}{}, err)
		if errors.Is(err, registrar.ErrStore) {
			m.Fatal(err)
			return
		}
		if err != nil {
			return
		}
		m.agents.gone[id] = &controlpb.GoneAgent{AgentId: agentID(id), Since: timeInfo(since)}
		m.madeGone(id)
	})
	return future
}

func (m *Master) madeGone(id string) {
	m.Log().Warn("agent gone", "agent", id)
	const why = "the agent was marked gone by an operator"
	switch a := m.agents.registered[id]; {
	case a != nil:
		m.shutdownAgent(a.pid, why)
		m.loseAgent(a, lostGone(why))
	case m.agents.unreachable[id] != nil:
		delete(m.agents.unreachable, id)
		m.goneUnreachable(id, lostGone(why))
	default:
		delete(m.agents.recovered, id)
		m.desk.touchRecovered(id)
		m.tellAgentLost(id)
		m.returned()
	}
}

// goneUnreachable tells of the tasks that were unreachable with the agent: now they will never return.
func (m *Master) goneUnreachable(id string, why loss) {
	for _, f := range m.frameworks.sorted() {
		for _, e := range f.unreachable.entries {
			if e.task.GetAgentId().GetValue() != id {
				continue
			}
			state, reason := why.of(f)
			status := m.status(e.task, state, reason, why.message)
			next, _ := advance(e.task, status, nil)
			f.unreachable.remove(e.number)
			f.end(e.task, status.GetState())
			m.desk.dropPast(unreachableTasks, f.id, e.number)
			number, forgotten := f.completed.add(next)
			m.desk.setPast(completedTasks, f.id, number, next)
			for _, n := range forgotten {
				m.desk.dropPast(completedTasks, f.id, n)
			}
			m.counts.ended(status)
			f.tally.end(status.GetState())
			m.desk.taskUpdated(f, &task{info: next}, e.task, status)
			m.tellUpdate(f, status)
		}
	}
}
