// Package containerizer says what an agent and an executor ask of whoever runs processes for them: start a
// container, find it again after a restart, measure it, signal it, and end it with everything that it started.
//
// The interface is the seam. There are two real edges: package linux isolates containers from the machine and from each
// other, package posix only finds and ends them, with processes, sessions and /proc; the testkit has a simulated one. A
// Launcher keeps nothing that it cannot find again: whoever calls it writes down the Process.
package containerizer

import (
	"context"
	"strings"
	"syscall"
	"time"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// CookieVariable is the environment variable by which a Launcher recognises what belongs to a container even
// when every other trace is gone: the parent dead, a session of its own, the pid never written down.
const CookieVariable = "MESETA_CONTAINER_ID"

// Spec says what to run. It is complete: nothing is inherited from the caller but the kernel's limits.
type Spec struct {
	// ContainerID names the container; unique on a machine. That of a container in another one is its own value after the
	// other's id, with a dot between them (messages/containerid); the other one runs.
	ContainerID string
	// Path is the program, looked up in the PATH of Env when it has no slash; Argv includes argv[0].
	Path string
	Argv []string
	// Env is the whole environment, NAME=value. Launch adds CookieVariable.
	Env []string
	// Dir is the working directory. It exists.
	Dir string
	// User is the name to run as; empty: the caller's own.
	User string
	// Stdout and Stderr are files that are appended to and made when missing, owned by User; empty: the
	// caller's own streams. Stdin is always empty.
	Stdout, Stderr string
	// Logger is a program, with its argv[0], that takes over what the container prints: its descriptor 3 is a pipe with
	// stdout, 4 one with stderr. It runs as User in Dir and is no part of the container, so that it can end after it,
	// when nobody holds the other ends any more. Stdout and Stderr exist before it starts. Empty: there is none.
	Logger []string

	// What isolates the container; a Launcher that isolates nothing leaves it alone.

	// Command and Info are what was asked for, in the words of the API; either may be nil.
	Command *mesospb.CommandInfo
	Info    *mesospb.ContainerInfo
	// Resources are what the container may use to begin with, and Limits how far it may go beyond, by name of the
	// resource: +Inf is as far as it likes. See Update.
	Resources []*mesospb.Resource
	Limits    map[string]float64
	// SharedCgroups: a container in another one lives in the other's control groups and has no limits of its own.
	SharedCgroups bool
	// Debug: a container in another one shares everything with it, to look at it from inside.
	Debug bool
	// Reaps: the program is fit to be the first process of a pid namespace: it takes in orphans, and signals that nobody
	// handles are no loss. It exits with 0 only when nothing is left of what it has started.
	Reaps bool
	// Own: Path is the caller's own program, which nobody in the container may change.
	Own bool
}

// Parent is the id of the container that a container is in; "" for one at the top.
func Parent(id string) string { return id[:max(0, strings.LastIndexByte(id, '.'))] }

// Process is the first process of a container. The start time makes it one process for all time: a pid alone
// is given out again.
type Process struct {
	ContainerID string
	// PID is 0 when it is not known: the caller died between starting the process and writing it down.
	PID int
	// StartTicks is the kernel's start time, in clock ticks since boot.
	StartTicks uint64
}

// Exit tells how the first process of a container ended.
type Exit struct {
	// Status is the raw wait status; meaningless unless Known.
	Status syscall.WaitStatus
	// Known is false for a process that another, earlier process had started: only a parent learns the status.
	Known bool
	// CPU is the time used by the process and all that it waited for.
	CPU time.Duration
	// PeakMemory is the largest resident size, in bytes, of any one of them.
	PeakMemory uint64
	// Limitation is why the Launcher has ended it; nil when it ended by itself or was destroyed.
	Limitation *isolators.Limitation
}

// Raw is the status as Mesos reports it: the wait status, or -1 when it is not known.
func (e Exit) Raw() int32 {
	if !e.Known {
		return -1
	}
	return int32(e.Status)
}

// Launcher runs containers. It is used by many callers at once.
//
// Wait and Destroy may last as long as a process does, so they call back: once, from any goroutine, unless
// cancelled first. The others are short and block.
type Launcher interface {
	// Launch starts a container and returns when its program runs (or the reason why it cannot: no such
	// program, user or directory). The container has a session of its own and outlives the caller.
	Launch(ctx context.Context, spec Spec) (Process, error)

	// Recover is called once, before anything else, with all containers that the caller knows of. It returns those that still
	// live, as Find does. What an earlier Launcher has launched and the caller does not want is destroyed.
	Recover(ctx context.Context, want []Process) ([]Process, error)

	// Find returns those of the wanted containers that still have a living process. A pid that was given to somebody else
	// meanwhile does not count. The answer has PID 0 when only other processes of it live.
	Find(ctx context.Context, want []Process) ([]Process, error)

	// Wait tells when the first process has ended; at once if it ended before. One that breaks a limit is ended.
	Wait(p Process, done func(Exit, error)) (cancel func())

	// Signal sends a signal to every process of the container.
	Signal(ctx context.Context, p Process, sig syscall.Signal) error

	// Destroy kills every process of the container, whoever its parent is by now, and tells when none is
	// left. To destroy what is gone already is no error.
	Destroy(p Process, done func(error)) (cancel func())

	// Update changes what a container may use, while it runs. To update what is gone already is no error.
	Update(ctx context.Context, p Process, resources []*mesospb.Resource, limits map[string]float64) error

	// Limited tells whether a container has broken a limit up to now, before Wait does: who sees a process of it killed
	// learns whether the kernel was to blame. If so the container is being ended. Nil: it has not, or is gone.
	Limited(ctx context.Context, p Process) *isolators.Limitation

	// Status tells what is known of a container from outside, such as its addresses, without its id.
	Status(ctx context.Context, p Process) (*mesospb.ContainerStatus, error)

	// Usage measures containers: one answer for each, in order; nil for one that is gone.
	Usage(ctx context.Context, of []Process) ([]*mesospb.ResourceStatistics, error)
}
