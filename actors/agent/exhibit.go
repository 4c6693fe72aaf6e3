package agent

import (
	"context"
	"path"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Files shows directories under virtual paths: actors/gateway/files is one. Its methods touch the disk, so they are
// called through process.Go.
type Files interface {
	// Attach shows a directory to those who may see it, in place of what the virtual path showed.
	Attach(dir, virtual string, may func(authorization.Subject) bool) error
	// DetachFrom takes a virtual path away, if it still shows that directory.
	DetachFrom(dir, virtual string)
}

// exhibit makes the sandbox of an executor visible, under Mesos' names.
func (a *Agent) exhibit(e *executor) {
	if e.sandbox == "" || e.visible {
		return
	}
	e.visible = true
	a.attach(e.sandbox, e.run, e.framework.info, e.info)
}

// attach makes a sandbox visible to those who may access sandboxes of its executor. Of those of an earlier agent
// process it is not known any more whose they are; only who may access every sandbox sees them.
func (a *Agent) attach(dir string, r run, f *mesospb.FrameworkInfo, e *mesospb.ExecutorInfo) {
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
		return struct{}{}, nil
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
