package executor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/messages/fault"
)

// Main is an executor as a program: it runs e until the agent is done with it, and returns the status to exit
// with. What went wrong is on stderr, which is a file in the sandbox.
func Main(e Executor) int { return exit(run(e)) }

// CommandMain is the program of the built-in command executor. Everything that its command starts ends with it,
// so nothing else may run in its process.
func CommandMain() int {
	frugal()
	launcher, err := posix.NewSubreaper()
	if err != nil {
		return exit(err)
	}
	return exit(run(NewCommand(launcher)))
}

// frugal keeps the start of a process short that there are thousands of: it has little to do, so one thread does,
// and its memory is small, so it is not collected before it has grown to some 16 MB. This is a third of the time
// that a task of no work costs.
func frugal() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(400)
}

func run(e Executor) error {
	env := os.Environ()
	c, err := FromEnvironment(env)
	if err != nil {
		return err
	}
	at := net.JoinHostPort(remote.Toward(c.Agent.Addr), "0")
	transport, err := remote.New(remote.Config{Listen: at, TLS: remote.TLSOf(env), Log: quietly()})
	if err != nil {
		return err
	}
	return Run(context.Background(), transport, env, e)
}

// exit says what went wrong. An environment that no agent made is a mistake of whoever called.
func exit(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(os.Stderr, "executor: %v\n", err)
	if errors.Is(err, fault.ErrInvalid) {
		return 2
	}
	return 1
}

// Run is Main for a program with a transport of its own, and its own idea of when to end. env is what the agent
// gave it. The error is nil if the executor was told to end.
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

// quietly logs only what matters, because the log goes where the task's own errors go.
func quietly() *slog.Logger {
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
