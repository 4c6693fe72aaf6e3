package scheduler

import (
	"context"
	"net"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// Run is a framework as a program: it makes a runtime of its own, at an address by which the master can reach it,
// and returns when the framework has ended, with what the master had against it, or when ctx is done. Then the
// framework stops without being torn down: its tasks go on for its failover timeout. Programs that need TLS or have
// other actors beside the framework make the runtime themselves and use Spawn.
func Run(ctx context.Context, s Scheduler, c Config) error {
	to := c.Master.Addr
	if to == "" && len(c.Masters) > 0 {
		to = c.Masters[0]
	}
	if to == "" {
		to = remote.Outside
	}
	transport, err := remote.New(remote.Config{Listen: net.JoinHostPort(remote.Toward(to), "0")})
	if err != nil {
		return err
	}
	return RunOn(ctx, transport, s, c)
}

// RunOn is Run on a transport that the caller has made.
func RunOn(ctx context.Context, transport process.Transport, s Scheduler, c Config) error {
	d, err := New(s, c)
	if err != nil {
		return err
	}
	rt, err := process.New(process.Config{Transport: transport})
	if err != nil {
		return err
	}
	defer rt.Shutdown(context.WithoutCancel(ctx))
	ref, err := process.Spawn(rt, "scheduler", d)
	if err != nil {
		return err
	}
	if process.Wait(ctx, ref) == nil {
		return d.Err()
	}
	process.Dispatch(ref, func(d *Driver) { d.Stop() })
	if err := process.Wait(context.WithoutCancel(ctx), ref); err != nil {
		return err
	}
	return ctx.Err()
}
