package agent

import (
	"context"
	"path"
	"slices"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Files shows directories under virtual paths: actors/gateway/files is one. Its methods touch the disk, so they are
// called through process.Go.
type Files interface {
	// Attach shows a directory to those who may see it, in place of what the virtual path showed.
	Attach(dir, virtual string, may func(authorization.Subject) bool) error
	// DetachFrom takes a virtual path away, if it still shows that directory.
	DetachFrom(dir, virtual string)
	// AttachInside shows a directory, which is at a name below root, at a path inside of a virtual path that shows dir,
	// to the same people and as long as that. If it shows another one by now, nothing is done.
	AttachInside(dir, virtual, at, root, name string) error
	// Vacate takes away every virtual path that shows a directory.
	Vacate(root, name string)
}

// exhibit makes the sandbox of an executor visible, under Mesos' names.
func (a *Agent) exhibit(e *executor) {
	if e.sandbox == "" || e.visible {
		return
	}
	e.visible = true
	a.attach(e.sandbox, e.run, e.framework.info, e.info, volumesHere(e)...)
}

// display makes volumes visible in a sandbox that is.
func (a *Agent) display(e *executor, volumes []Volume) {
	files := a.parts.Files
	if files == nil || len(volumes) == 0 || !e.visible {
		return
	}
	dir, r := e.sandbox, e.run
	shown := process.Go(a.b, func(context.Context) (struct{}, error) { return struct{}{}, a.fill(dir, r, volumes) })
	process.Then(a.b, shown, func(_ struct{}, err error) {
		if err != nil {
			a.log(e).Warn("cannot show a volume", "error", err)
		}
	})
}

// fill shows volumes in a sandbox. Those of a sandbox that another one has taken the place of are not.
func (a *Agent) fill(dir string, r run, volumes []Volume) error {
	for _, virtual := range virtualPaths(dir, r) {
		for _, v := range volumes {
			if err := a.parts.Files.AttachInside(dir, virtual, v.At, a.config.rootOf(v.Root), v.Path); err != nil {
				return err
			}
		}
	}
	return nil
}

// volumesHere are the volumes that an executor and its tasks have found in the sandbox.
func volumesHere(e *executor) []Volume {
	volumes := volumesOf(e.info.GetResources())
	for _, t := range e.tasks {
		if t.bound || !slices.Contains(e.queue, t) {
			volumes = append(volumes, volumesOf(t.info.GetResources())...)
		}
	}
	return volumes
}

// vacate hides volumes that are removed or moved: what is at their places afterwards may be others'.
func (a *Agent) vacate(changes []*controlpb.VolumeChange) {
	files := a.parts.Files
	if files == nil || !slices.ContainsFunc(changes, func(c *controlpb.VolumeChange) bool { return c.From != nil }) {
		return
	}
	process.Go(a.b, func(context.Context) (struct{}, error) {
		for _, c := range changes {
			if c.From != nil {
				files.Vacate(a.config.rootOf(c.GetRoot()), c.GetFrom())
			}
		}
		return struct{}{}, nil
	})
}

// rootOf is the directory that volumes are below: one that the operator named for a disk, or the work directory.
func (c Config) rootOf(root string) string {
	if path.IsAbs(root) {
		return root
	}
	return path.Join(c.WorkDir, root)
}

// attach makes a sandbox visible to those who may access sandboxes of its executor. Of those of an earlier agent
// process it is not known any more whose they are; only who may access every sandbox sees them.
func (a *Agent) attach(dir string, r run, f *mesospb.FrameworkInfo, e *mesospb.ExecutorInfo, volumes ...Volume) {
	files, authorizer := a.parts.Files, a.parts.Authorizer
	if files == nil {
		return
	}
	may := func(who authorization.Subject) bool {
		return authorization.Approves(authorizer, who, authorization.AccessSandbox, authorization.Object{Framework: f, Executor: e})
	}
	attached := process.Go(a.b, func(context.Context) (struct{}, error) {
		for _, virtual := range virtualPaths(dir, r) {
			if err := files.Attach(dir, virtual, may); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, a.fill(dir, r, volumes)
	})
	process.Then(a.b, attached, func(_ struct{}, err error) {
		if err != nil {
			a.b.Log().Warn("cannot show a sandbox", "directory", dir, "error", err)
		}
	})
}

// virtualPaths are the sandbox's own path, and two that need no container id.
func virtualPaths(dir string, r run) []string {
	return []string{dir, path.Join(path.Dir(dir), latestRun),
		path.Join("/frameworks", r.framework, "executors", r.executor, "runs", latestRun)}
}

// hide takes away what attach gave.
func (a *Agent) hide(dir string, r run) {
	files := a.parts.Files
	if files == nil {
		return
	}
	process.Go(a.b, func(context.Context) (struct{}, error) {
		for _, virtual := range virtualPaths(dir, r) {
			files.DetachFrom(dir, virtual)
		}
		return struct{}{}, nil
	})
}
