package validation

import (
	"bytes"
	"strings"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// MaxIDLength is the length of the longest id, in bytes: ids become names of files.
const MaxIDLength = 255

// MaxContainerIDLength is the same for containers. It leaves room for what the agent and Docker put around it.
const MaxContainerIDLength = 242

// MaxContainerDepth bounds how deep containers nest. Mesos has no bound, but every level is a directory in a path.
const MaxContainerDepth = 32

// ID checks any id that a framework or an operator chooses. Ids become names of directories and parts of URLs.
func ID(id string) error {
	switch {
	case id == "":
		return refuse("id is empty")
	case len(id) > MaxIDLength:
		return refuse("id of %d bytes: at most %d", len(id), MaxIDLength)
	case id == "." || id == "..":
		return refuse("id %q names a directory: choose another", id)
	case strings.ContainsFunc(id, func(c rune) bool { return c < ' ' || c == 0x7f || c == '/' || c == '\\' }):
		return refuse("id %q contains a control character or a slash", id)
	}
	return nil
}

// FrameworkID is ID for a framework.
func FrameworkID(id *mesospb.FrameworkID) error { return in(ID(id.GetValue()), "framework id") }

// AgentID is ID for an agent.
func AgentID(id *mesospb.AgentID) error { return in(ID(id.GetValue()), "agent id") }

// TaskID is ID for a task.
func TaskID(id *mesospb.TaskID) error { return in(ID(id.GetValue()), "task id") }

// ExecutorID is ID for an executor.
func ExecutorID(id *mesospb.ExecutorID) error { return in(ID(id.GetValue()), "executor id") }

// ContainerID checks a container's id and those of its parents. Dots and spaces are refused as well, because dots
// separate a nested container from its parent in every path and log line.
func ContainerID(id *mesospb.ContainerID) error {
	for depth := 1; id != nil; id, depth = id.GetParent(), depth+1 {
		v := id.GetValue()
		if err := ID(v); err != nil {
			return in(err, "container id")
		}
		switch {
		case len(v) > MaxContainerIDLength:
			return refuse("container id of %d bytes: at most %d", len(v), MaxContainerIDLength)
		case strings.ContainsAny(v, ". "):
			return refuse("container id %q contains a dot or a space", v)
		case depth > MaxContainerDepth:
			return refuse("container id nests deeper than %d levels", MaxContainerDepth)
		}
	}
	return nil
}

// uuid checks the 16 bytes that identify an update.
func uuid(b []byte) error {
	switch {
	case len(b) != 16:
		return refuse("uuid of %d bytes: it has 16", len(b))
	case bytes.Equal(b, make([]byte, 16)):
		return refuse("uuid is all zeros: nothing has that one")
	}
	return nil
}
