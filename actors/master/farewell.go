package master

import (
	"maps"
	"slices"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// frameworkExited is the end of a framework's connection. Its tasks go on; its offers go to others; it has
// failover_timeout to come back, which is nothing unless it asked for more.
func (m *Master) frameworkExited(f *framework) {
	if !f.connected {
		return
	}
	m.Log().Info("framework disconnected", "framework", f.id, "at", f.pid, "failover_timeout", failoverTimeout(f.info))
	m.disconnect(f)
	m.allocator.DeactivateFramework(f.id)
	for _, o := range f.sortedOffers() {
		m.endOffer(o, nil, false)
	}
	m.dropInverse(f)
	f.failover = m.Delay(failoverTimeout(f.info), func() { m.failoverOver(f) })
	m.desk.touchFramework(f.id)
}

func (m *Master) disconnect(f *framework) {
	if m.frameworks.pids[f.pid] == f.id {
		delete(m.frameworks.pids, f.pid)
		m.part(f.pid)
	}
	f.connected = false
	f.tally.subscribed.Set(0)
	if f.heartbeat != nil {
		f.heartbeat.Stop()
		f.heartbeat = nil
	}
}

func (m *Master) failoverOver(f *framework) {
	f.failover = nil
	if m.frameworks.registered[f.id] == f && !f.connected {
		m.removeFramework(f, "it did not come back within its failover timeout")
	}
}

// removeFramework ends a framework for ever: everything of it is shut down, and its id is refused from now
// on. Its scheduler, if there is one, knows; its tasks are recorded as killed and nobody is told.
func (m *Master) removeFramework(f *framework, why string) {
	m.Log().Info("framework removed", "framework", f.id, "because", why)
	if f.failover != nil {
		f.failover.Stop()
	}
	m.disconnect(f)
	for _, o := range f.sortedOffers() {
		m.endOffer(o, nil, false)
	}
	for _, a := range m.agents.sorted() {
		if len(a.tasks[f.id])+len(a.executors[f.id]) == 0 {
			continue
		}
		if a.connected {
			m.Send(a.pid, &controlpb.ShutdownFramework{FrameworkId: f.info.Id, Epoch: m.stamp()})
		}
		for _, id := range slices.Sorted(maps.Keys(a.executors[f.id])) {
			m.removeExecutor(a, f.id, id)
		}
		delete(a.killed, f.id)
	}
	for _, id := range slices.Sorted(maps.Keys(f.tasks)) {
		t := f.tasks[id]
		// Said also of one that has ended and whose end nobody acknowledged, as a real Mesos was recorded to do: its state
		// stays the end that it had.
		m.setState(f, t, m.status(t.info, mesospb.TaskState_TASK_KILLED, mesospb.TaskStatus_REASON_FRAMEWORK_REMOVED, "the framework was removed"), nil)
		m.removeTask(f, t, &f.completed)
	}
	m.dropInverse(f)
	m.leftAgents(f.id)
	for _, a := range m.agents.sorted() {
		m.checkDrained(a)
	}
	m.endOperations(f)
	m.allocator.RemoveFramework(f.id)
	m.attend(f, "")
	f.unregistered = m.Now()
	forgotten := m.frameworks.retire(f, m.config.MaxCompletedFrameworks)
	m.desk.frameworkRemoved(f)
	m.desk.retire(f, forgotten)
	if forgotten != nil {
		forgotten.tally.forget()
	}
}
