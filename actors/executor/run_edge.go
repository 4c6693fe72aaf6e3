package executor

import (
	"context"
	"log/slog"
	"os"

	"github.com/meseta-io/meseta/actors/process"
)

// Run is an executor as a program: it runs e on a runtime of its own until the agent is done with it, and says
// what went wrong if it was not asked to end. env is the environment that the agent gave it.
func Run(ctx context.Context, transport process.Transport, env []string, e Executor) error {
	c, err := FromEnvironment(env)
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	c.Ended = func(err error) { ended <- err }
	rt, err := process.New(process.Config{Transport: transport, Log: quietly()})
	if err != nil {
		return err
	}
	defer rt.Shutdown(context.WithoutCancel(ctx))
	if _, err := Spawn(rt, c, e); err != nil {
		return err
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// quietly logs only what matters, because the log goes where the task's own errors go: the sandbox's stderr.
func quietly() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
