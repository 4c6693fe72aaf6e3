package linux

import (
	"context"
	"fmt"
	"os"
	"slices"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Launch implements containerizer.Launcher. Once begun it is carried through, even if the caller is about to end: half a
// container is of no use to anybody.
func (l *Launcher) Launch(ctx context.Context, spec containerizer.Spec) (containerizer.Process, error) {
	ctx = context.WithoutCancel(ctx)
	c, plan, err := l.begin(spec)
	if err != nil {
		return containerizer.Process{}, err
	}
	c.life.Lock()
	defer c.life.Unlock()
	if err := l.launch(ctx, c, spec, plan); err != nil {
		l.undo(ctx, c)
		return containerizer.Process{}, err
	}
	return c.process(), nil
}

// begin takes the name, and says what is to be.
func (l *Launcher) begin(spec containerizer.Spec) (*container, *isolators.Plan, error) {
	c := newContainer(&isolators.Container{
		ID: spec.ContainerID, Debug: spec.Debug, Command: spec.Command, Info: spec.Info, Resources: spec.Resources, Limits: spec.Limits,
		OwnCgroups: !spec.SharedCgroups && !spec.Debug, User: spec.User, UID: os.Geteuid(), GID: os.Getegid(), Sandbox: spec.Dir,
		State: state(l.dir, spec.ContainerID),
	})
	if c.Info == nil {
		c.Info = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum()}
	}
	if c.Command == nil {
		c.Command = &mesospb.CommandInfo{}
	}
	plan := &isolators.Plan{Path: spec.Path, Argv: spec.Argv, Dir: spec.Dir, UID: c.UID, GID: c.GID,
		Env: append(slices.Clone(spec.Env), containerizer.CookieVariable+"="+spec.ContainerID)}
	who, err := posix.Identity(spec.User)
	if err != nil {
		return nil, nil, err
	}
	if who != nil {
		c.UID, c.GID = int(who.Uid), int(who.Gid)
		plan.UID, plan.GID = c.UID, c.GID
		for _, g := range who.Groups {
			plan.Groups = append(plan.Groups, int(g))
		}
	} else if plan.Groups, err = os.Getgroups(); err != nil {
		return nil, nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.containers[c.ID] != nil {
		return nil, nil, fmt.Errorf("container %s is there already: %w", c.ID, fault.ErrConflict)
	}
	if parent := containerizer.Parent(c.ID); parent != "" {
		outer := l.containers[parent]
		if outer == nil || outer.isDestroyed() {
			return nil, nil, fmt.Errorf("container %s cannot be in %s, which is not there: %w", c.ID, parent, fault.ErrNotFound)
		}
		c.Parent = outer.Container
	}
	l.containers[c.ID] = c
	return c, plan, nil
}

func (l *Launcher) launch(ctx context.Context, c *container, spec containerizer.Spec, plan *isolators.Plan) error {
	l.at("launch begins")
	if err := os.MkdirAll(c.State, 0o700); err != nil {
		return fmt.Errorf("the directory of container %s cannot be made: %w", c.ID, err)
	}
	l.at("directory made")
	if err := l.write(c); err != nil {
		return err
	}
	l.at("record written")
	if err := l.chain.Prepare(ctx, c.Container, plan); err != nil {
		return err
	}
	l.at("prepared")
	if spec.Own {
		// Whatever the container sees of the machine, it runs the very file that it was born with, which nobody can write to.
		plan.Path = "/proc/self/exe"
	}
	child, err := l.bear(c, spec, plan)
	if err != nil {
		return err
	}
	l.at("born")
	if err := l.write(c); err != nil {
		return err
	}
	l.at("pid written")
	if err := l.chain.Isolate(ctx, c.Container); err != nil {
		return err
	}
	l.at("isolated")
	if err := child.Go(); err != nil {
		return err
	}
	l.at("running")
	l.chain.Watch(c.Container, func(v isolators.Limitation) { l.limit(c, &v) })
	l.at("watched")
	return nil
}

// bear gives birth to the first process, which waits. Its end is expected from now on.
func (l *Launcher) bear(c *container, spec containerizer.Spec, plan *isolators.Plan) (*launch.Child, error) {
	who, err := posix.Identity(spec.User)
	if err != nil {
		return nil, err
	}
	streams, err := l.plain.Streams(spec, who)
	if err != nil {
		return nil, err
	}
	defer func() {
		for _, f := range streams {
			if f != os.Stdout && f != os.Stderr {
				f.Close()
			}
		}
	}()
	status, err := openStatus(c)
	if err != nil {
		return nil, err
	}
	defer status.Close()
	child, err := launch.Start(plan, launch.Files{Stdin: streams[0], Stdout: streams[1], Stderr: streams[2], Status: status})
	if err != nil {
		return nil, err
	}
	c.facts.Lock()
	c.PID, c.start = child.PID, child.StartTicks
	c.facts.Unlock()
	l.expect(c, child)
	return child, nil
}

// undo takes back a launch that failed.
func (l *Launcher) undo(ctx context.Context, c *container) {
	if c.PID == 0 {
		c.end(containerizer.Exit{})
	}
	if err := l.dissolve(ctx, c); err != nil {
		l.log.Error("what a launch that failed has left cannot be removed; trying again", "container", c.ID, "error", err)
		go l.insist(c)
	}
}

func (c *container) isDestroyed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.destroyed
}
