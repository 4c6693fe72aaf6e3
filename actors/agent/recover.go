package agent

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// recover finds again what an earlier agent process left: the id, the executors that still run, and the updates
// that nobody has acknowledged. Until it is done the agent talks to its executors only.
func (a *Agent) recover() {
	disk, strict, boot := a.parts.Disk, a.config.Strict, a.parts.Machine.BootID
	saved := process.Go(a.b, func(ctx context.Context) (*savedState, error) {
		root, err := disk.Where(ctx, ".")
		if err != nil {
			return nil, err
		}
		s, err := load(ctx, disk, strict, boot)
		if err == nil {
			s.root = root
		}
		return s, err
	})
	process.Then(a.b, saved, func(s *savedState, err error) {
		if err == nil {
			err = errors.Join(a.mayReturn(s), a.inherit(s.resources))
		}
		if err != nil {
			a.end(fmt.Errorf("recover: %w", err))
			return
		}
		a.root = s.root
		a.restoreVolumes(s.resources, func() { a.resume(s) })
	})
}

// mayReturn tells why the agent may not go on under its old id. After a restart of the machine there are no tasks to lose,
// and it begins anew instead, as in Mesos.
func (a *Agent) mayReturn(s *savedState) error {
	if s.agent == nil || a.config.Recover == recoverCleanup {
		return nil
	}
	if err := compatible(a.config.ReconfigurationPolicy, s.agent.GetAgent(), a.info); err != nil {
		if s.rebooted(a.parts.Machine.BootID) {
			a.b.Log().Warn("the machine was restarted with another configuration: this is a new agent", "was", s.agent.GetAgent().GetId().GetValue(), "because", err)
			s.agent, s.frameworks, s.drain, s.repairs = nil, nil, draining{}, nil
			return nil
		}
		return fmt.Errorf("agent %s cannot go on with this configuration: %w. To keep its tasks, start it as before; "+
			"to start as a new agent, end its tasks with --recover=cleanup and remove %s below --work_dir",
			s.agent.GetAgent().GetId().GetValue(), err, latestAgent)
	}
	return nil
}

// resume takes over the state, repairs what a crash tore, and looks which containers still live.
func (a *Agent) resume(s *savedState) {
	if s.agent == nil {
		a.write([]Change{{Kind: Remove, Path: latestAgent}}, nil)
		a.disown()
		a.knows()
		// An agent that does not know itself any more knows no container either; what a launcher has kept of them goes.
		a.find(nil, func([]found) { a.recovered() })
		return
	}
	a.info = proto.CloneOf(a.info)
	a.info.Id = s.agent.GetAgent().GetId()
	a.disown()
	a.changed = true
	a.counters.recoveryErrors = uint64(len(s.damaged))
	for _, torn := range s.damaged {
		a.b.Log().Warn("a checkpoint is damaged", "error", torn)
	}
	a.write(s.repairs, nil)
	if !proto.Equal(s.agent, a.identity()) {
		a.write(a.agentChanges(), nil)
	}
	a.drain = s.drain
	rebooted := s.rebooted(a.parts.Machine.BootID)
	if rebooted {
		a.b.Log().Warn("the machine was restarted: no executor can be alive")
	}
	var all []*executor
	for _, sf := range s.frameworks {
		f := newFramework(sf.info)
		// A framework without checkpointing has asked that its executors do not outlive the agent. The master
		// has told it that its tasks are lost, or asks for them.
		f.leaving = !f.info.GetCheckpoint() || a.config.Recover == recoverCleanup
		a.frameworks[f.id()] = f
		for _, se := range sf.executors {
			e := se.revive(f)
			e.user = a.userFor(f.info, e.info)
			f.executors[e.id()] = e
			all = append(all, e)
		}
	}
	want := make([]containerizer.Process, len(all))
	for i, e := range all {
		want[i] = e.process
	}
	if rebooted {
		want = nil // none of them lives; what a launcher has kept of them goes
	}
	a.find(want, func(p []found) { a.reunite(all, p, rebooted) })
}

// found is a container that lives, and what the launcher knows of it.
type found struct {
	process containerizer.Process
	status  *mesospb.ContainerStatus
}

// find asks the launcher which containers live.
func (a *Agent) find(want []containerizer.Process, then func([]found)) {
	launcher := a.parts.Launcher
	living := process.Go(a.b, func(ctx context.Context) (all []found, err error) {
		processes, err := launcher.Recover(ctx, want)
		for _, p := range processes {
			status, err := launcher.Status(ctx, p)
			if err != nil {
				a.b.Log().Warn("cannot tell the status of a container", "container", p.ContainerID, "error", err)
			}
			all = append(all, found{p, status})
		}
		return all, err
	})
	process.Then(a.b, living, func(all []found, err error) {
		if err != nil {
			a.end(fmt.Errorf("recover: find the executors that still run: %w", err))
			return
		}
		then(all)
	})
}

// reunite waits for the executors that live, and ends what is left of the others.
func (a *Agent) reunite(all []*executor, living []found, rebooted bool) {
	a.reuniting = true // so that an end seen on the way does not end the recovery
	a.knows()
	alive := map[string]found{}
	for _, f := range living {
		alive[f.process.ContainerID] = f
	}
	for _, e := range all {
		f, lives := alive[e.run.container]
		switch {
		case rebooted:
			e.verdict = &verdictOnTasks{mesospb.TaskState_TASK_FAILED, mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED,
				"Executor ended: the machine was restarted"}
			a.gone(e)
		case lives && f.process.PID != 0:
			e.process, e.status = f.process, f.status
			a.touch(e)
			a.watch(e)
			a.welcomeBack(e)
			a.resize(e) // nobody knows whether the launcher heard it
		default:
			a.watch(e) // the launcher may know how it ended; a daemon of it may have stayed behind
		}
	}
	a.reuniting = false
	for _, who := range a.early {
		a.b.Send(who, &controlpb.ReconnectExecutor{AgentId: a.info.GetId()})
	}
	a.early = nil
	a.reunited = a.b.Now()
	a.waitForExecutors(waitSlices)
	a.recoveredOne()
}

// knows takes the updates that came while the checkpoints were read: before anything is concluded about their tasks,
// because whoever sent one may have ended since.
func (a *Agent) knows() {
	a.loaded = true
	for _, update := range a.held {
		update()
	}
	a.held = nil
}

// welcomeBack expects an executor that lives to return, if it may.
func (a *Agent) welcomeBack(e *executor) {
	if e.framework.leaving {
		a.destroy(e)
		return
	}
	if e.upid.IsZero() {
		return
	}
	// Its own attempts to return may be seconds apart by now.
	a.call(e, e.upid)
	e.upid = process.UPID{} // until it answers
}

// call asks an executor to subscribe again.
func (a *Agent) call(e *executor, upid process.UPID) {
	a.b.Send(upid, &controlpb.ReconnectExecutor{AgentId: a.info.GetId()})
	if again := a.config.ExecutorReregistrationRetryInterval; again > 0 {
		a.b.Delay(again, func() {
			if a.phase == recovering && e.waiting() {
				a.call(e, upid)
			}
		})
	}
}

// waiting tells whether an executor may still come back by itself.
func (e *executor) waiting() bool { return e.state == registering && e.watched }

// recoveredOne ends the recovery as soon as nobody is waited for.
func (a *Agent) recoveredOne() {
	if a.phase != recovering || a.reuniting {
		return
	}
	for _, f := range a.frameworks {
		for _, e := range f.executors {
			if e.waiting() || f.leaving && e.state != terminated {
				return
			}
		}
	}
	a.recovered()
}

// waitSlices is in how many slices the time is parted that executors have to come back.
const waitSlices = 10

// waitForExecutors gives up after so many slices. One that is late by more than itself does not count: an agent that was
// stopped, or whose machine slept, has yet to read what its executors said meanwhile.
func (a *Agent) waitForExecutors(slices int) {
	if slices == 0 {
		a.giveUpWaiting()
		return
	}
	slice := a.config.ExecutorReregistrationTimeout / waitSlices
	began := a.b.Now()
	a.b.Delay(slice, func() {
		if a.b.Now().Sub(began) <= 2*slice {
			slices--
		}
		a.waitForExecutors(slices)
	})
}

// giveUpWaiting ends the executors that live and are silent. As long as others keep coming, which is how it is on a busy
// machine with hundreds of them, it is too early to say that they are.
func (a *Agent) giveUpWaiting() {
	if a.phase != recovering {
		return
	}
	now, half := a.b.Now(), a.config.ExecutorReregistrationTimeout/2
	if now.Sub(a.returned) < half && now.Add(half).Sub(a.reunited) <= maxReregistrationTimeout {
		a.b.Delay(half, a.giveUpWaiting)
		return
	}
	for _, f := range a.sortedFrameworks() {
		for _, e := range f.sorted() {
			if !e.waiting() {
				continue
			}
			a.log(e).Warn("the executor did not come back in time", "timeout", a.config.ExecutorReregistrationTimeout)
			e.verdict = &verdictOnTasks{f.word(mesospb.TaskState_TASK_GONE), mesospb.TaskStatus_REASON_EXECUTOR_REREGISTRATION_TIMEOUT,
				fmt.Sprintf("Executor did not reregister within %v", a.config.ExecutorReregistrationTimeout)}
			a.destroy(e)
		}
	}
	a.recoveredOne()
}

// recovered turns to the cluster, unless this start was for cleaning up only.
func (a *Agent) recovered() {
	a.phase = away
	a.recovery = a.b.Now().Sub(a.began)
	a.changed = true
	if a.config.Recover == recoverCleanup {
		a.b.Log().Info("cleaned up")
		a.phase = left
		// Not whose its resources are: that outlives every agent.
		a.write([]Change{{Kind: Remove, Path: agentsDir}, {Kind: Remove, Path: bootIDFile}}, func() { a.end(nil) })
		return
	}
	for _, f := range a.sortedFrameworks() {
		for _, e := range f.sorted() {
			a.exhibit(e)
			a.forgetExecutorIfDone(e)
		}
		a.forgetIfIdle(f)
	}
	if a.drain.config != nil {
		a.killAll() // again: nobody knows whether the executors heard it
	}
	a.b.Log().Info("recovered", "agent", a.id(), "frameworks", len(a.frameworks))
	a.collectOld()
	a.detect(nil)
}
