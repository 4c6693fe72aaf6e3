package exam

import (
	"context"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Case is an isolator to be examined. Only Builder is needed; every other field adds to what is asked.
type Case struct {
	Builder isolators.Builder
	// Before are the builders of those that work before it and that it rests on, such as who makes the control group.
	Before []isolators.Builder
	// Needs are what the machine has to have. What is missing is printed, and the exam skipped.
	Needs []Need
	// Settings changes an agent's flags; the directories and the root of control groups are set already, to ones of its own.
	Settings func(s *isolators.Settings)
	// Container changes what is asked for. It begins as a container with 0.1 cpus, 64 MB and the user of the test.
	Container func(c *isolators.Container)
	// Script is what runs in it, in /bin/sh; "sleep 600" when empty. It is killed when the test is done with it.
	Script string
	// Start gives birth to the first process. Nil: the launcher does, after the plan.
	Start func(t *testing.T, plan *isolators.Plan, c *isolators.Container) Child

	// Prepared looks at what was asked of the launcher.
	Prepared func(t *testing.T, x *Box)
	// Running looks at a container that runs: x.PID() is a process in it.
	Running func(t *testing.T, x *Box)
	// Usage and Status look at what was told of it.
	Usage  func(t *testing.T, x *Box, s *mesospb.ResourceStatistics)
	Status func(t *testing.T, x *Box, s *mesospb.ContainerStatus)
	// Update changes Resources and Limits of one that runs; Updated looks at what became of it. The change is made to a
	// container that was launched, and to one that was recovered.
	Update  func(c *isolators.Container)
	Updated func(t *testing.T, x *Box)

	// Breaks is a script that does what the container must not; Limit is the reason that has to be told then. Empty: there
	// is nothing that ends a container.
	Breaks string
	Limit  mesospb.TaskStatus_Reason

	// Nested changes what is asked for a container in the first one; NestedRunning looks at it.
	Nested        func(c *isolators.Container)
	NestedRunning func(t *testing.T, x *Box)

	// Refused are wishes, by what they show, that Prepare has to refuse with a reason.
	Refused map[string]func(c *isolators.Container)
	// Borne are wishes of strangers that may be refused or granted, but must not harm the machine: the container runs, if it
	// does, and nothing is left afterwards. Harmed, if there is one, looks for the harm while it runs.
	Borne  map[string]func(c *isolators.Container)
	Harmed func(t *testing.T, x *Box)

	// Things are names of what else exists and could be left behind: kernel maps, links, rules.
	Things func(t *testing.T) []string
}

// Child is a first process: born, and waiting.
type Child interface {
	// PID is its number as the test sees it.
	PID() int
	// Go lets it run the program, and returns when it does or says why not.
	Go() error
	// Kill ends it with everything that it started, and returns when it is dead.
	Kill()
}

// Take examines an isolator.
func Take(t *testing.T, c Case) {
	t.Helper()
	need(t, c.Needs)
	r := newRoom(t, c)
	t.Run("a life", r.life)
	t.Run("two at once", r.two)
	t.Run("many at once", r.many)
	t.Run("cleaned up twice", r.twice)
	t.Run("cleaned up without having been prepared", r.unprepared)
	t.Run("prepared half and cleaned up", r.half)
	t.Run("prepared by an agent that was killed", r.orphaned)
	t.Run("born and never let go", r.unborn)
	t.Run("recovered", r.recovered)
	t.Run("recovered without its first process", r.headless)
	if c.Update != nil {
		t.Run("updated", r.updated)
	}
	if c.Breaks != "" {
		t.Run("broken", r.broken)
	}
	t.Run("nested", r.nested)
	for shows, wish := range c.Refused {
		t.Run("refused: "+shows, func(t *testing.T) { r.refused(t, wish) })
	}
	for shows, wish := range c.Borne {
		t.Run("borne: "+shows, func(t *testing.T) { r.borne(t, wish) })
	}
	t.Run("nobody waits", r.cancelled)
}

// nobody is a context that is over.
func nobody() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
