package agent

import (
	"log/slog"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// executor is one executor of a framework, in its container.
//
//	registering → running → terminating → terminated
//
// From each state the container's end leads to terminated. A terminated executor stays until the last update of
// its tasks is acknowledged.
type executor struct {
	framework *framework
	info      *mesospb.ExecutorInfo
	run       run
	// command: the agent made it up to run a command task. The master does not know of it.
	command bool
	state   executorState
	sandbox string                // absolute
	user    string                // "": the agent's own
	process containerizer.Process // PID 0 until it is launched
	upid    process.UPID          // zero while it is not connected
	home    process.UPID          // as upid, and stays when the connection is lost
	proven  process.UPID          // who has shown the executor's token, without HTTP
	// http: it came through the gateway, where upid stands in for it. Whoever speaks HTTP may speak without a stream.
	http bool
	// begun: there may be processes. launching: Launcher.Launch is underway, so there is nothing to destroy yet.
	begun, launching bool
	// watched and ended: Launcher.Wait was asked, and has answered. destroying and destroyed: the same of Destroy.
	watched, ended, destroying, destroyed bool
	tasks                                 map[string]*task
	queue                                 []*task // not sent yet, in order of arrival
	completed                             []*mesospb.Task
	settled                               settlements
	// spoken: a task has been sent to it, so having none left is no reason to end it.
	spoken bool
	// broken is what its container has done that it must not; nil when that is not why it ends.
	broken *isolators.Limitation
	// verdict is why its tasks end, once it is decided; else whatever its exit says.
	verdict *verdictOnTasks
	exit    containerizer.Exit

	// allotted is what the container may use, as the launcher was told last; resizing: it is being told.
	allotted share
	resizing bool
	status   *mesospb.ContainerStatus // what the launcher knows of the container; nil before
	judged   *executorpb.Call         // the launcher has nothing against it

	shown *ExecutorView // what views share; nil when it has to be made anew

	patience process.Timer // until it has to have registered, or to have shut down
	waits    []func()      // cancels of Wait and Destroy
	unfetch  func()        // gives up the fetch that is underway
	visible  bool          // its sandbox is shown
	birth    *birth        // its own way, as far as somebody listens; else nil
}

type executorState uint8

const (
	registering executorState = iota
	running
	terminating
	terminated
)

// verdictOnTasks is what becomes of tasks whose executor ends.
type verdictOnTasks struct {
	state   mesospb.TaskState
	reason  mesospb.TaskStatus_Reason
	message string
}

// maxCompletedTasks is Mesos' number, for each executor.
const maxCompletedTasks = 200

func (e *executor) id() string { return e.info.GetExecutorId().GetValue() }

func (e *executor) containerID() *mesospb.ContainerID {
	return &mesospb.ContainerID{Value: proto.String(e.run.container)}
}

// ending tells whether no task may be given to it any more.
func (e *executor) ending() bool { return e.state == terminating || e.state == terminated }

// sorted walks tasks by id.
func (e *executor) sorted() []*task {
	var all []*task
	for _, id := range slices.Sorted(maps.Keys(e.tasks)) {
		all = append(all, e.tasks[id])
	}
	return all
}

// idle tells whether it has no task that may still do something.
func (e *executor) idle() bool {
	for _, t := range e.tasks {
		if !taskstate.Terminal(t.state) {
			return false
		}
	}
	return true
}

// unqueue takes a task out of the queue; false if it was sent already.
func (e *executor) unqueue(t *task) bool {
	i := slices.Index(e.queue, t)
	if i < 0 {
		return false
	}
	e.queue = slices.Delete(e.queue, i, i+1)
	return true
}

// stopPatience ends whatever wait is on.
func (e *executor) stopPatience() {
	if e.patience != nil {
		e.patience.Stop()
		e.patience = nil
	}
}

func (e *executor) cancel() {
	e.stopPatience()
	for _, cancel := range e.waits {
		cancel()
	}
	e.waits = nil
}

// executorAt finds the executor whose actor this is.
func (a *Agent) executorAt(upid process.UPID) *executor {
	for _, f := range a.frameworks {
		for _, e := range f.executors {
			if e.upid == upid {
				return e
			}
		}
	}
	return nil
}

func (a *Agent) log(e *executor) *slog.Logger {
	return a.b.Log().With("framework", e.framework.id(), "executor", e.id(), "container", e.run.container)
}

// forgetExecutorIfDone drops an executor that has ended and has nothing left to tell.
func (a *Agent) forgetExecutorIfDone(e *executor) {
	f := e.framework
	if e.state != terminated || len(e.tasks) > 0 || f.executors[e.id()] != e {
		return
	}
	delete(f.executors, e.id())
	f.completed = last(append(f.completed, e.view()), a.config.MaxCompletedExecutorsPerFramework)
	a.changed = true
	a.write([]Change{{Kind: Remove, Path: executorMeta(e.run)}}, nil)
	a.collectLater(e)
	a.forgetIfIdle(f)
}
