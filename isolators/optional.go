package isolators

import "context"

// What some isolators can do besides; a Chain asks those that can.

// Judge can say at once whether a container has broken a limit, from what the kernel has counted, without waiting until
// Watch notices. Whoever sees that a process was killed asks first whether it was the kernel's doing: the count has to be right
// by the time that the process is dead.
type Judge interface {
	// Judge is nil when nothing was broken up to now. It may come at any time, as Usage does.
	Judge(ctx context.Context, c *Container) *Limitation
}

// Judge is what the first isolator has against a container; nil when none has.
func (ch Chain) Judge(ctx context.Context, c *Container) *Limitation {
	for _, i := range ch {
		if j, ok := i.(Judge); ok {
			if l := j.Judge(ctx, c); l != nil {
				return l
			}
		}
	}
	return nil
}

// Keeper knows every process of a container, whoever its parent is by now.
type Keeper interface {
	// Processes are all of a container's and of the containers in it; none for one that was never prepared.
	Processes(c *Container) ([]int, error)
	// Kill kills them and returns when there are none, or with an error that names those that do not die.
	Kill(ctx context.Context, c *Container) error
}

// Keeper is the first isolator that is one; nil when there is none.
func (ch Chain) Keeper() Keeper {
	for _, i := range ch {
		if k, ok := i.(Keeper); ok {
			return k
		}
	}
	return nil
}
