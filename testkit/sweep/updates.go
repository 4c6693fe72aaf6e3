package sweep

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Updates follows every update from the executor that makes it to the framework that is told.
var Updates = Checker{"I2: an acknowledged update never returns, none is lost, and a task's updates arrive in order", updates}

func updates(r *Run) {
	u := &updateChecker{r: r, stored: map[taskKey]*storedUpdates{}, came: map[string]time.Duration{}}
	r.Observe(u.sent)
	r.ObserveArrivals(u.arrived)
	r.told = append(r.told, u.told)
	r.atEnd("an update that an executor was promised to be stored is never lost", u.allTold)
}

type updateChecker struct {
	r *Run
	// stored is what agents told executors to have stored, by task.
	stored map[taskKey]*storedUpdates
	// came is when acknowledgements reached their agent, by uuid. It may have ignored them.
	came map[string]time.Duration
}

type storedUpdates struct {
	on    *cast.Agent
	uuids []string
	next  int // the first that the framework has not been told
}

func (u *updateChecker) sent(m testkit.Message) {
	switch say := m.Msg.(type) {
	case *executorpb.Event:
		if say.GetType() == executorpb.Event_ACKNOWLEDGED {
			u.store(m, say.GetAcknowledged())
		}
	case *controlpb.StatusUpdate:
		u.mustBeOpen(m, say)
	}
}

// store notes an agent's promise to an executor.
func (u *updateChecker) store(m testkit.Message, a *executorpb.Event_Acknowledged) {
	agent := u.r.agentAt(m.From.Addr)
	task := u.taskOf(agent, m.To.Addr)
	if agent == nil || task == (taskKey{}) {
		return
	}
	s := u.stored[task]
	if s == nil {
		s = &storedUpdates{on: agent}
		u.stored[task] = s
	}
	if !slices.Contains(s.uuids, string(a.GetUuid())) {
		s.uuids = append(s.uuids, string(a.GetUuid()))
	}
}

// taskOf finds the task of the executor at an address.
func (u *updateChecker) taskOf(a *cast.Agent, addr string) taskKey {
	if a == nil {
		return taskKey{}
	}
	for _, p := range a.Machine.Running() {
		if p.Node != nil && p.Node.String() == addr {
			return taskKey{p.Getenv("MESOS_FRAMEWORK_ID"), p.Getenv("MESOS_EXECUTOR_ID")}
		}
	}
	return taskKey{}
}

// arrived notes an acknowledgement that has reached its agent.
func (u *updateChecker) arrived(m testkit.Message) {
	if a, ok := m.Msg.(*controlpb.AcknowledgeStatus); ok {
		u.came[string(a.GetUuid())] = m.At
	}
}

// mustBeOpen checks that an update that goes out is not one whose acknowledgement is on the agent's disk.
func (u *updateChecker) mustBeOpen(m testkit.Message, s *controlpb.StatusUpdate) {
	uuid := string(s.GetStatus().GetUuid())
	at, came := u.came[uuid]
	agent := u.r.agentAt(m.From.Addr)
	task := taskKey{s.GetFrameworkId().GetValue(), s.GetStatus().GetTaskId().GetValue()}
	stored := u.stored[task]
	if !came || agent == nil || stored == nil || !slices.Contains(stored.uuids, uuid) || !closed(agent, task, uuid) {
		return
	}
	u.r.violated("an acknowledged update never returns", "%s sends %s of task %s again, %v after its acknowledgement came",
		agent.Name(), s.GetStatus().GetState(), task, m.At-at)
}

// closed says whether an agent has written down that an update is acknowledged: its journal names the uuid a second
// time, or is no more.
func closed(a *cast.Agent, task taskKey, uuid string) bool {
	for _, p := range a.Disk().Paths() {
		if strings.Contains(p, "/"+task.framework+"/") && strings.HasSuffix(p, "/tasks/"+task.task+"/task.updates") {
			journal, _ := a.Disk().Read(p)
			return bytes.Count(journal, []byte(uuid)) > 1
		}
	}
	return true
}

// told checks that a framework hears a task's updates in order and without a gap. Older ones may come again to a
// framework that crashed.
func (u *updateChecker) told(f *Framework, s *mesospb.TaskStatus) {
	task := taskKey{f.id.GetValue(), s.GetTaskId().GetValue()}
	stored := u.stored[task]
	if stored == nil || len(s.GetUuid()) == 0 {
		return
	}
	for i, uuid := range stored.uuids {
		if uuid != string(s.GetUuid()) {
			continue
		}
		if i > stored.next {
			u.r.violated("a task's updates arrive in order", "task %s: update %d (%s) is told before update %d", task, i, s.GetState(), stored.next)
		}
		stored.next = max(stored.next, i+1)
		return
	}
}

// allTold checks that nothing that was stored was lost. Disks of machines without power and agents that were given
// up are excused.
func (u *updateChecker) allTold() error {
	for task, s := range u.stored {
		if s.next < len(s.uuids) && !u.r.hasLeft(task.framework) && !u.r.dark[s.on] && !u.r.given[s.on] {
			return fmt.Errorf("task %s on %s: %d updates were stored, %d were told", task, s.on.Name(), len(s.uuids), s.next)
		}
	}
	return nil
}
