package isolators

import (
	"context"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Isolator is one kind of isolation or of accounting. Calls for different containers come at the same time; calls for one
// container come one after the other, except Usage and Status, which come at any time. An isolator embeds Nothing and
// implements what it does.
//
// Every error names the thing, the reason and the remedy: it becomes the message of a task's status.
type Isolator interface {
	// Name is the one in --isolation, such as "cgroups/mem".
	Name() string

	// Prepare makes ready what the container needs before it has a process, and writes into the plan what it wants of the
	// launcher. With an error the container is not launched; Cleanup follows.
	Prepare(ctx context.Context, c *Container, plan *Plan) error

	// Isolate puts the first process, which exists as c.PID and waits, into what was prepared.
	Isolate(ctx context.Context, c *Container) error

	// Watch begins to look for what the container must not do; limited is called when it did, from any goroutine, at most once,
	// never after Cleanup has returned, and leads to the container's end. It is called once for each container that was
	// isolated or recovered.
	Watch(c *Container, limited func(Limitation))

	// Update applies c.Resources and c.Limits, which have changed, to a running container.
	Update(ctx context.Context, c *Container) error

	// Usage adds what the isolator knows to the statistics of containers, which are in the same order. One call measures all,
	// so that a thousand cost little more than one. A container that has just ended is no error.
	Usage(ctx context.Context, of []*Container, into []*mesospb.ResourceStatistics) error

	// Status adds what the isolator knows, such as addresses, to the status of a container.
	Status(ctx context.Context, c *Container, into *mesospb.ContainerStatus) error

	// Cleanup removes what was made for a container, whose processes are all dead. What is not there, or is removed already, is
	// no error; so it is for a container that was never prepared, or that a crash left half prepared.
	Cleanup(ctx context.Context, c *Container) error

	// Recover tells, once after start and before any other call, which containers of an earlier agent process live.
	Recover(ctx context.Context, alive []*Container) error
}

// Granter is an isolator that lets a running container use devices, in place of those that it was granted before. It is how
// one that gives devices away tells the one that guards them.
type Granter interface {
	Grant(c *Container, devices []Device) error
}

// Limitation is why a container has to end.
type Limitation struct {
	// Reason is the one that its tasks end with, such as REASON_CONTAINER_LIMITATION_MEMORY.
	Reason  mesospb.TaskStatus_Reason
	Message string
	// Resources that it used up, as in Mesos: how much it had used, allocated to nobody.
	Resources []*mesospb.Resource
}

// Nothing is an isolator without a name that does nothing.
type Nothing struct{}

// Prepare implements Isolator.
func (Nothing) Prepare(context.Context, *Container, *Plan) error { return nil }

// Isolate implements Isolator.
func (Nothing) Isolate(context.Context, *Container) error { return nil }

// Watch implements Isolator.
func (Nothing) Watch(*Container, func(Limitation)) {}

// Update implements Isolator.
func (Nothing) Update(context.Context, *Container) error { return nil }

// Usage implements Isolator.
func (Nothing) Usage(context.Context, []*Container, []*mesospb.ResourceStatistics) error { return nil }

// Status implements Isolator.
func (Nothing) Status(context.Context, *Container, *mesospb.ContainerStatus) error { return nil }

// Cleanup implements Isolator.
func (Nothing) Cleanup(context.Context, *Container) error { return nil }

// Recover implements Isolator.
func (Nothing) Recover(context.Context, []*Container) error { return nil }
