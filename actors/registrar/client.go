package registrar

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// ID is the registrar's process id.
const ID = "registrar"

// Client is how a master speaks with its registrar.
type Client struct{ ref process.Ref[*Registrar] }

// Spawn starts the registrar of one master.
func Spawn(rt *process.Runtime, c Config, store cluster.Registry) (Client, error) {
	ref, err := process.Spawn(rt, ID, &Registrar{config: c, store: store})
	return Client{ref}, err
}

// Recover reads the registry for a term that has begun and records its leader. It is called once; operations
// applied meanwhile wait for it. The Registry belongs to the caller; its Cluster holds the term's epoch. An
// error is always an ErrStore.
func (c Client) Recover(b *process.Base, term cluster.Term, info *mesospb.MasterInfo) process.Future[*Registry] {
	promise, future := process.NewPromise[*Registry](b)
	process.Dispatch(c.ref, func(r *Registrar) { r.recover(term, info, promise) })
	return future
}

// Apply performs op and completes when it is durable. An ErrStore means that the master has to end; any other
// error that the operation was refused, and why.
func (c Client) Apply(b *process.Base, op Operation) process.Future[struct{}] {
	promise, future := process.NewPromise[struct{}](b)
	process.Dispatch(c.ref, func(r *Registrar) { r.apply(op, promise) })
	return future
}

// Registry is a copy of what the registrar knows, with what it is about to write; an ErrUnavailable before its recovery.
// It may be asked for from anywhere.
func (c Client) Registry() process.Future[*Registry] {
	return process.Call(c.ref, func(r *Registrar) (*Registry, error) {
		if r.registry == nil || r.recovery != nil {
			return nil, fmt.Errorf("the registry is not recovered: %w", fault.ErrUnavailable)
		}
		return r.registry.snapshot(), nil
	})
}
