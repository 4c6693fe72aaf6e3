package isolators

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Container is what an isolator may know of a container. It belongs to the containerizer, which changes Resources and
// Limits between calls, never during one; everything else stays as it is. An isolator keeps its own state by ID.
type Container struct {
	// ID names the container: its own value after those of all that it is in, with dots between them (messages/containerid).
	// There is no slash, no blank and no ".." in it: it may become the name of a file.
	ID string
	// Parent is the container that this one is in; nil for one at the top.
	Parent *Container
	// Debug: it shares everything with its parent, to look at it from inside.
	Debug bool

	// Command is what its first process runs; Info is what was asked for besides it, and is never nil.
	Command *mesospb.CommandInfo
	Info    *mesospb.ContainerInfo
	// Resources are what it may use: those of an executor and all of its tasks. Limits, by name of a resource ("cpus",
	// "mem"), are how far it may go beyond, in the resource's unit (megabytes for memory); +Inf is without an end. What is
	// not in Limits is limited by Resources. Both are empty for a nested container that shares the control groups of its parent.
	Resources []*mesospb.Resource
	Limits    map[string]float64
	// OwnCgroups: it has control groups with limits of its own; false for a nested container with share_cgroups, and for a
	// debug container.
	OwnCgroups bool

	// User is the name that it runs as, UID and GID the numbers; the agent's own when nothing else was said.
	User     string
	UID, GID int
	// Sandbox is its directory on the machine: absolute, there, owned by its user.
	Sandbox string
	// State is a directory for what isolators have to find again after a restart of the agent, each in files named after
	// itself. Root alone reads it, and it goes when the container is gone. It does not survive a restart of the machine, nor
	// does any container.
	State string

	// PID is its first process as the agent sees it; 0 until there is one. A recovered container may have none that is
	// known while others of its processes live.
	PID int
}

// Top is the outermost container that this one is in, which may be itself.
func (c *Container) Top() *Container {
	for c.Parent != nil {
		c = c.Parent
	}
	return c
}

// Nested tells whether it is inside another container.
func (c *Container) Nested() bool { return c.Parent != nil }
