package agent

import (
	"context"
	"errors"
	"fmt"
	"path"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/messages/uuid"
)

// runTask takes a task: refuses it with a reason, or writes it down and hands it to its executor, which is
// started first if it does not run.
func (a *Agent) runTask(from process.UPID, m *controlpb.RunTask) {
	if !a.obey(from, m.GetEpoch()) || a.phase != member {
		return // the master finds the task missing when the agent registers again, and asks
	}
	info := m.GetTask()
	if err := pathSafe(m.GetFramework().GetId(), info); err != nil {
		a.b.Log().Error("ignored a task whose ids cannot be folders", "error", err)
		return
	}
	f := a.adopt(m.GetFramework())
	if f.leaving {
		a.b.Log().Info("ignored a task of a framework that is over", "framework", f.id(), "task", info.GetTaskId().GetValue())
		return
	}
	if _, had := f.task(info.GetTaskId().GetValue()); had != nil {
		a.b.Log().Warn("ignored a task that is here already", "framework", f.id(), "task", info.GetTaskId().GetValue())
		return
	}
	if no := a.refusal(f, m); no != nil {
		a.refuse(f, info.GetTaskId(), no)
		a.neverStarted(f, info.Executor, m.GetLaunchExecutor())
		return
	}
	var changes []Change
	begun := !f.written // the framework, here
	if begun {
		f.written = true
		changes = append(changes, a.frameworkChange(f))
	}
	e := f.executors[executorOf(info)]
	begins := e == nil
	if begins {
		e = a.newExecutor(f, info)
		changes = append(changes, executorChange(e),
			Change{Kind: Link, Path: runs(e.run) + "/" + latestRun, Data: []byte(e.run.container)})
	}
	undo := []Change{{Kind: Remove, Path: taskMeta(e.run, info.GetTaskId().GetValue())}}
	if begins {
		undo = []Change{{Kind: Remove, Path: executorMeta(e.run)}, {Kind: Prune, Path: runs(e.run)}}
	}
	t := newTask(info)
	t.journaled, t.passage = true, a.passageFrom()
	a.b.Log().Debug("task taken", "framework", f.id(), "executor", e.id(), "task", t.id())
	e.tasks[t.id()] = t
	e.queue = append(e.queue, t)
	a.touch(e)
	a.counters.launched++
	a.writeOrRefuse(append(changes, taskChange(e, t)), func() {
		t.stored = true
		a.traceStored(e, t, "")
		if begins {
			a.start(e)
		}
		a.bind(e)
		a.resize(e)
		a.deliver(e)
	}, undo, func(full error) {
		f.written = f.written && !begun
		a.traceStored(e, t, full.Error())
		a.unwritten(e, t, full)
		a.neverStarted(f, info.Executor, m.GetLaunchExecutor())
	})
}

// unwritten ends a task that could not be written down: nothing of it has begun. Its updates live in memory, like those
// of any task that was refused.
func (a *Agent) unwritten(e *executor, t *task, full error) {
	f := e.framework
	t.journaled = false
	e.unqueue(t)
	delete(e.tasks, t.id())
	f.strays[t.id()] = t
	if len(e.tasks) == 0 && !e.begun && f.executors[e.id()] == e {
		e.state = terminated
		delete(f.executors, e.id())
	}
	a.touch(e)
	a.withdraw(taskMeta(e.run, t.id()))
	a.counters.refused++
	a.log(e).Warn("cannot write a task down; dropping it", "task", t.id(), "error", full)
	switch {
	case f.leaving:
		a.forget(f, nil, t)
	case !taskstate.Terminal(t.state):
		a.conclude(f, nil, t, *noRoomFor(f, full))
	}
}

// noRoomFor is the fate of tasks that a full disk keeps from being launched: elsewhere they may run.
func noRoomFor(f *framework, full error) *verdictOnTasks {
	return &verdictOnTasks{f.word(mesospb.TaskState_TASK_DROPPED), mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED,
		"Failed to write the task down: " + full.Error() + ": free space below --work_dir of the agent"}
}

// runTaskGroup refuses: pods need an executor that starts containers inside its own, which this agent has not.
func (a *Agent) runTaskGroup(from process.UPID, m *controlpb.RunTaskGroup) {
	if !a.obey(from, m.GetEpoch()) || a.phase != member {
		return
	}
	f := a.adopt(m.GetFramework())
	no := &verdictOnTasks{mesospb.TaskState_TASK_ERROR, mesospb.TaskStatus_REASON_TASK_GROUP_INVALID,
		"task groups are not supported by this agent: launch the tasks one by one"}
	if err := a.unauthorized(f, m.Executor, m.GetTaskGroup().GetTasks()...); err != nil {
		no.reason, no.message = mesospb.TaskStatus_REASON_TASK_GROUP_UNAUTHORIZED, err.Error()
	}
	for _, t := range m.GetTaskGroup().GetTasks() {
		a.refuse(f, t.GetTaskId(), no)
	}
	a.neverStarted(f, m.Executor, m.GetLaunchExecutor())
}

// neverStarted takes back what the master has booked for an executor that it expected to be started.
func (a *Agent) neverStarted(f *framework, e *mesospb.ExecutorInfo, expected bool) {
	if e == nil || !expected || a.phase != member || f.executors[e.GetExecutorId().GetValue()] != nil {
		return
	}
	a.b.Send(a.membership.master, &controlpb.ExitedExecutor{AgentId: a.info.GetId(), FrameworkId: f.info.GetId(),
		ExecutorId: e.GetExecutorId(), Status: proto.Int32(-1)})
}

// refuse tells a task's fate before it had an executor.
func (a *Agent) refuse(f *framework, id *mesospb.TaskID, no *verdictOnTasks) {
	t := newStray(id)
	t.passage = a.passageFrom()
	f.strays[t.id()] = t
	a.counters.refused++
	a.b.Log().Info("task refused", "framework", f.id(), "task", t.id(), "state", no.state, "because", no.message)
	a.conclude(f, nil, t, *no)
}

// newExecutor makes the executor for a task, in a new container.
func (a *Agent) newExecutor(f *framework, t *mesospb.TaskInfo) *executor {
	info, command := t.GetExecutor(), false
	if info == nil {
		info, command = commandExecutor(f.info, t, a.config), true
	}
	if info.FrameworkId == nil {
		info = proto.CloneOf(info)
		info.FrameworkId = f.info.Id
	}
	e := &executor{
		framework: f,
		info:      info,
		command:   command,
		run:       run{a.id(), f.id(), info.GetExecutorId().GetValue(), uuid.New(a.b.Rand()).String()},
		user:      a.userFor(f.info, info),
		tasks:     map[string]*task{},
	}
	e.process.ContainerID = e.run.container
	e.sandbox = path.Join(a.root, sandbox(e.run)) // whoever looks sees where it will be
	f.executors[e.id()] = e
	return e
}

// userFor is who runs an executor; "" is the agent's own user.
func (a *Agent) userFor(f *mesospb.FrameworkInfo, e *mesospb.ExecutorInfo) string {
	if !a.config.SwitchUser || !a.parts.Machine.Root {
		return ""
	}
	if user := e.GetCommand().GetUser(); user != "" {
		return user
	}
	return f.GetUser()
}

// launched is what came of starting a container.
type launched struct {
	sandbox string
	process containerizer.Process
	status  *mesospb.ContainerStatus
}

// start makes the sandbox and runs the executor in it.
func (a *Agent) start(e *executor) {
	if e.ending() {
		a.gone(e) // ended before it began
		return
	}
	if isDocker(e.info.GetContainer()) {
		a.counters.launchErrors++
		e.verdict = &verdictOnTasks{mesospb.TaskState_TASK_FAILED, mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED,
			"Abnormal executor termination: no containerizer of this agent runs containers of type DOCKER"}
		a.gone(e)
		return
	}
	e.begun, e.launching = true, true
	a.traceBegun(e)
	spec := executorSpec(e, a.executorEnvironment(e), a.config.Executor)
	wrong := a.logged(e, &spec)
	e.allot(&spec)
	volumes := a.mounted(e.volumes())
	fetch := len(e.info.GetCommand().GetUris()) > 0
	// The time that files take to come counts, as in Mesos.
	e.patience = a.b.Delay(a.config.ExecutorRegistrationTimeout, func() { a.unregistered(e) })
	container := process.Go(a.b, func(ctx context.Context) (launched, error) {
		if wrong != nil {
			return launched{}, wrong
		}
		dir, err := a.parts.Disk.Sandbox(ctx, sandbox(e.run), e.user)
		if err != nil {
			return launched{}, fmt.Errorf("%w: %w", errNoSandbox, err)
		}
		if err := a.parts.Disk.Bind(ctx, sandbox(e.run), volumes); err != nil {
			return launched{}, fmt.Errorf("put volumes into the sandbox: %w", err)
		}
		if fetch {
			return launched{sandbox: dir}, nil
		}
		return a.launch(ctx, spec.in(dir))
	})
	process.Then(a.b, container, func(l launched, err error) {
		if fetch && err == nil {
			a.fetch(e, spec, l.sandbox)
			return
		}
		a.started(e, l, err)
	})
}

// errNoSandbox ends a launch before there was anything to launch in, as for a user whom the machine does not know.
var errNoSandbox = errors.New("Failed to create the executor's directory")

// notLaunched is the fate of tasks whose container was not launched. Those without a sandbox have not even been tried:
// elsewhere they may run.
func notLaunched(f *framework, err error) *verdictOnTasks {
	if errors.Is(err, errNoSandbox) {
		return &verdictOnTasks{f.word(mesospb.TaskState_TASK_DROPPED), mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED, err.Error()}
	}
	return &verdictOnTasks{mesospb.TaskState_TASK_FAILED, mesospb.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED,
		"Failed to launch container: " + err.Error()}
}

// started goes on after the launch. Meanwhile the executor may have been asked to end, or may have subscribed.
func (a *Agent) started(e *executor, l launched, err error) {
	e.launching = false
	e.sandbox = l.sandbox
	a.touch(e)
	a.exhibit(e)
	a.traceLaunched(e, err)
	if err != nil {
		a.log(e).Warn("cannot launch the container", "error", err)
		a.counters.launchErrors++
		if e.verdict == nil { // else it failed because it was ended
			e.verdict = notLaunched(e.framework, err)
		}
		a.gone(e)
		return
	}
	e.process, e.status = l.process, l.status
	a.touch(e)
	a.write([]Change{launchedChange(e)}, nil)
	a.log(e).Debug("executor launched")
	a.watch(e)
	a.bind(e)
	a.resize(e)
	if e.ending() {
		a.destroy(e)
	}
}

// unregistered ends an executor that did not say a word in time.
func (a *Agent) unregistered(e *executor) {
	if e.state != registering {
		return
	}
	a.log(e).Warn("the executor did not register in time", "timeout", a.config.ExecutorRegistrationTimeout)
	e.verdict = &verdictOnTasks{mesospb.TaskState_TASK_FAILED, mesospb.TaskStatus_REASON_EXECUTOR_REGISTRATION_TIMEOUT,
		fmt.Sprintf("Executor did not register within %v", a.config.ExecutorRegistrationTimeout)}
	a.traceRegistered(e, e.verdict.message)
	e.state = terminating
	a.destroy(e)
}

// deliver hands the executor the tasks that wait for it and are on disk.
func (a *Agent) deliver(e *executor) {
	if e.state != running || e.upid.IsZero() {
		return
	}
	for len(e.queue) > 0 && e.queue[0].stored && e.queue[0].bound && e.queue[0].allotted {
		t := e.queue[0]
		e.queue = e.queue[1:]
		e.spoken = true
		if !t.handed {
			t.handed, t.after = true, e.settled.count
		}
		a.touch(e)
		a.b.Send(e.upid, launchEvent(t.info))
		a.traceHanded(t)
	}
}
