package agent

import (
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// draining is that an agent has everything end and takes nothing new, until nothing is left.
type draining struct {
	config *mesospb.DrainConfig // nil: it is not
	since  time.Time
	stored bool // it survives a restart
}

// drainAgent is the master's order to drain. It comes again when the agent returns.
func (a *Agent) drainAgent(from process.UPID, m *controlpb.DrainAgent) {
	if !a.obey(from, m.GetEpoch()) || m.GetAgentId().GetValue() != a.id() || m.GetConfig() == nil {
		return
	}
	if a.drain.config == nil {
		a.drain.since = a.b.Now()
		a.b.Log().Info("draining: everything ends, and nothing new is taken")
	}
	a.drain.config, a.drain.stored = m.GetConfig(), false
	a.changed = true
	if a.writer.full != nil {
		a.killAll() // which makes room; a master tells an agent again that has forgotten
	}
	a.write([]Change{put(drainConfig(a.id()), &controlpb.DrainCheckpoint{Version: proto.Uint32(checkpointVersion),
		Config: m.GetConfig(), Since: &mesospb.TimeInfo{Nanoseconds: proto.Int64(a.drain.since.UnixNano())}})}, func() {
		a.drain.stored = true
		a.killAll()
		a.drainOver()
	})
}

// killAll has every task end: at once if its executor has not got it, else in its own time, or in what the operator
// grants if that is less.
func (a *Agent) killAll() {
	for _, f := range a.sortedFrameworks() {
		if f.leaving {
			continue
		}
		for _, e := range f.sorted() {
			for _, t := range e.sorted() {
				switch {
				case taskstate.Terminal(t.state):
				case e.unqueue(t):
					a.conclude(f, e, t, verdictOnTasks{a.drainedState(f), mesospb.TaskStatus_REASON_AGENT_DRAINING,
						"Task was killed before it was delivered to the executor: the agent is draining"})
					a.shutdownIfUnused(e)
				default:
					a.killLaunched(e, t, a.drainPolicy(t))
				}
			}
		}
	}
}

// drainPolicy is the policy of a kill: nil leaves it to the task.
func (a *Agent) drainPolicy(t *task) *mesospb.KillPolicy {
	most := a.drain.config.GetMaxGracePeriod()
	if most == nil {
		return nil
	}
	if own := t.info.GetKillPolicy().GetGracePeriod(); own != nil && own.GetNanoseconds() < most.GetNanoseconds() {
		most = own
	}
	return &mesospb.KillPolicy{GracePeriod: most}
}

// drainedState is what a task is that ends because the agent drains. If the agent will be gone for good, so is the
// task, and a framework that knows the word may replace it elsewhere at once.
func (a *Agent) drainedState(f *framework) mesospb.TaskState {
	if a.drain.config.GetMarkGone() && f.can(mesospb.FrameworkInfo_Capability_PARTITION_AWARE) {
		return mesospb.TaskState_TASK_GONE_BY_OPERATOR
	}
	return mesospb.TaskState_TASK_KILLED
}

// explain says in an executor's update about a kill that it is the drain's.
func (a *Agent) explain(f *framework, s *mesospb.TaskStatus) {
	if a.drain.config == nil {
		return
	}
	switch s.GetState() {
	case mesospb.TaskState_TASK_KILLED:
		s.State = a.drainedState(f).Enum()
	case mesospb.TaskState_TASK_KILLING:
	default:
		return
	}
	s.Reason = mesospb.TaskStatus_REASON_AGENT_DRAINING.Enum()
}

// drainOver ends the drain when no task is left of which anybody has still to hear.
func (a *Agent) drainOver() {
	if a.drain.config == nil || !a.drain.stored || a.phase == recovering {
		return
	}
	for _, f := range a.frameworks {
		if len(f.strays) > 0 {
			return
		}
		for _, e := range f.executors {
			if len(e.tasks) > 0 {
				return
			}
		}
	}
	a.b.Log().Info("drained: nothing is left")
	a.drain = draining{}
	a.changed = true
	a.write([]Change{{Kind: Remove, Path: drainConfig(a.id())}}, nil)
}

// answerGetAgent is the agent, and that it is being drained.
func (v *View) answerGetAgent() *agentpb.Response_GetAgent {
	r := &agentpb.Response_GetAgent{AgentInfo: v.Info, DrainConfig: v.Drain}
	if v.Drain != nil {
		r.EstimatedDrainStartTime = &mesospb.TimeInfo{Nanoseconds: proto.Int64(v.DrainSince.UnixNano())}
	}
	return r
}

// loadDrain reads whether the agent was draining. It says so to nobody who could not be told again, so one that
// cannot be read is like any other checkpoint that cannot.
func (l *loader) loadDrain(agent string) error {
	record := &controlpb.DrainCheckpoint{}
	switch err := l.read(drainConfig(agent), record); {
	case err == nil:
		l.state.drain = draining{config: record.GetConfig(), since: time.Unix(0, record.GetSince().GetNanoseconds()), stored: true}
	case !errors.Is(err, fault.ErrNotFound):
		return l.skip(drainConfig(agent), err)
	}
	return nil
}
