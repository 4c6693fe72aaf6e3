package agent

import (
	"context"
	"errors"
	"fmt"

	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// errUnwanted ends a launch whose executor was told to end before it ran.
var errUnwanted = errors.New("the container was not wanted any more")

// fetch brings the files of an executor into its sandbox, and runs it then. The sandbox can be looked at meanwhile:
// what the fetcher does stands in its stderr.
func (a *Agent) fetch(e *executor, spec specOf, dir string) {
	e.sandbox = dir
	a.touch(e)
	a.exhibit(e)
	if e.ending() {
		a.started(e, launched{sandbox: dir}, errUnwanted)
		return
	}
	promise, fetched := process.NewPromise[struct{}](a.b)
	e.unfetch = a.parts.Fetcher.Fetch(fetcher.Request{
		ContainerID: e.run.container, Sandbox: dir, User: e.user, URIs: e.info.GetCommand().GetUris(),
	}, func(err error) { promise.Complete(struct{}{}, err) })
	process.Then(a.b, fetched, func(_ struct{}, err error) {
		e.unfetch = nil
		if err == nil && e.ending() {
			err = errUnwanted
		}
		if err != nil {
			a.started(e, launched{sandbox: dir}, err)
			return
		}
		running := process.Go(a.b, func(ctx context.Context) (launched, error) { return a.launch(ctx, spec.in(dir)) })
		process.Then(a.b, running, func(l launched, err error) { a.started(e, l, err) })
	})
}

// unfetchable refuses tasks with URIs if there is nobody to fetch them.
func (a *Agent) unfetchable(t *mesospb.TaskInfo) error {
	uris := append(t.GetCommand().GetUris(), t.GetExecutor().GetCommand().GetUris()...)
	if a.parts.Fetcher != nil || len(uris) == 0 {
		return nil
	}
	return fmt.Errorf("fetching is not supported by this agent: launch without uris (first: %s)", fetcher.Redact(uris[0].GetValue()))
}
