package registrar

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// ErrStore says that the store could not be read or written, so nobody knows what survives. The registrar
// refuses everything afterwards; its master has to end.
var ErrStore = errors.New("the registry cannot be relied on")

// retryAfter is the pause before the store is tried again that was not there, or did not say what it did.
const retryAfter = 100 * time.Millisecond

// Config bounds how long the store may take.
type Config struct {
	FetchTimeout time.Duration
	StoreTimeout time.Duration
}

// Registrar owns the registry of one term. Everything that it is told waits until the recovery is done, then
// runs in batches: while one is being written the next one gathers.
type Registrar struct {
	*process.Base
	config Config
	store  cluster.Registry

	term     cluster.Term
	registry *Registry // nil until recovered
	queue    []waiting
	writing  bool
	failed   error
	recovery *process.Promise[*Registry]
	deadline process.Timer
	figures  figures
}

type waiting struct {
	op   Operation
	done *process.Promise[struct{}]
	err  error // why it is refused, if it is
}

// Initialize implements process.Process.
func (r *Registrar) Initialize(b *process.Base) {
	r.Base = b
	r.figures.init(b.Metrics())
	b.AfterBatch(func() { r.figures.queued.Set(float64(len(r.queue))) })
}

// recover loads the registry and writes, as the first fenced change of the term, who leads now.
func (r *Registrar) recover(term cluster.Term, info *mesospb.MasterInfo, done *process.Promise[*Registry]) {
	if r.term != nil {
		done.Complete(nil, fmt.Errorf("the registry was recovered before: %w", fault.ErrConflict))
		return
	}
	r.term, r.recovery = term, done
	r.figures.begun = r.Now()
	r.limit(r.config.FetchTimeout, "read")
	r.load(info)
}

func (r *Registrar) load(info *mesospb.MasterInfo) {
	term := r.term
	load := process.Go(r.Base, func(ctx context.Context) ([]cluster.Entry, error) { return r.store.Load(ctx, term) })
	process.Then(r.Base, load, func(entries []cluster.Entry, err error) { r.loaded(info, entries, err) })
}

func (r *Registrar) loaded(info *mesospb.MasterInfo, entries []cluster.Entry, err error) {
	if r.failed != nil {
		return
	}
	if errors.Is(err, fault.ErrUnavailable) {
		r.Log().Warn("registry: reading is tried again", "error", err)
		r.Delay(retryAfter, func() {
			if r.failed == nil {
				r.load(info)
			}
		})
		return
	}
	r.deadline.Stop()
	if err != nil {
		r.fail(err)
		return
	}
	r.figures.fetched(r.Now(), entries)
	registry, err := decode(entries)
	if err != nil {
		r.fail(err)
		return
	}
	if lacks := missing(registry.Cluster.GetMinimumCapabilities(), info); len(lacks) > 0 {
		r.fail(fmt.Errorf("the registry was written by a master that has %v and this one has not: run the newer master: %w",
			lacks, fault.ErrUnsupported))
		return
	}
	r.registry = registry
	edit := &Edit{Registry: registry}
	edit.setCluster(r.opened(info))
	r.write(edit, nil)
}

// opened is the cluster's record in the new term. Its epoch is larger than any before even when the election
// has lost its memory and counts from the start again.
func (r *Registrar) opened(info *mesospb.MasterInfo) *controlpb.ClusterRecord {
	epoch := max(r.term.Epoch(), r.registry.Cluster.GetEpoch()+1)
	return &controlpb.ClusterRecord{Master: info, Epoch: proto.Uint64(epoch),
		MinimumCapabilities: r.registry.Cluster.GetMinimumCapabilities()}
}

// apply takes an operation in. It is refused before the recovery begins, and after a failure.
func (r *Registrar) apply(op Operation, done *process.Promise[struct{}]) {
	switch {
	case r.failed != nil:
		done.Complete(struct{}{}, r.failed)
	case r.term == nil:
		done.Complete(struct{}{}, fmt.Errorf("%w: it is not recovered yet", ErrStore))
	default:
		r.queue = append(r.queue, waiting{op: op, done: done})
		r.next()
	}
}

// next performs what waits, until a batch is full, and writes it.
func (r *Registrar) next() {
	if r.writing || r.registry == nil || r.failed != nil || len(r.queue) == 0 {
		return
	}
	edit := &Edit{Registry: r.registry}
	var batch []waiting
	for len(r.queue) > 0 && !edit.full() {
		w := r.queue[0]
		r.queue = r.queue[1:]
		// A refusal waits too: what it is founded on may be in this very batch, and not be durable yet.
		w.err = edit.perform(w.op)
		batch = append(batch, w)
	}
	r.write(edit, batch)
}

// write makes a batch durable and answers everybody in it. The copy in memory is ahead of the store until
// then, which nobody can see: an operation is answered only after the write, and a write that fails is the
// end of this registrar.
func (r *Registrar) write(edit *Edit, batch []waiting) {
	if edit.err != nil {
		r.queue = append(batch, r.queue...)
		r.fail(edit.err)
		return
	}
	if len(edit.changes) == 0 {
		r.written(batch)
		return
	}
	r.writing = true
	r.figures.begun = r.Now()
	r.limit(r.config.StoreTimeout, "written")
	r.attempt(edit.transactions(), batch)
}

// attempt writes the first of the transactions that are left of a batch.
func (r *Registrar) attempt(left [][]cluster.Change, batch []waiting) {
	term, changes := r.term, left[0]
	store := process.Go(r.Base, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, r.store.Apply(ctx, term, changes)
	})
	process.Then(r.Base, store, func(_ struct{}, err error) { r.attempted(left, batch, err) })
}

func (r *Registrar) attempted(left [][]cluster.Change, batch []waiting, err error) {
	if r.failed != nil {
		r.refuse(batch)
		return
	}
	if errors.Is(err, fault.ErrUnavailable) {
		// Perhaps it was written. Setting and deleting again does no harm, so try until the time is up.
		r.Log().Warn("registry: a write is tried again", "changes", len(left[0]), "error", err)
		r.Delay(retryAfter, func() {
			if r.failed != nil {
				r.refuse(batch)
				return
			}
			r.attempt(left, batch)
		})
		return
	}
	r.deadline.Stop()
	if err != nil {
		r.writing = false
		r.queue = append(batch, r.queue...)
		r.fail(err)
		return
	}
	r.figures.stored(r.Now(), left[0])
	if len(left) > 1 {
		r.figures.begun = r.Now()
		r.limit(r.config.StoreTimeout, "written")
		r.attempt(left[1:], batch)
		return
	}
	r.writing = false
	r.written(batch)
}

func (r *Registrar) written(batch []waiting) {
	if r.recovery != nil {
		r.recovery.Complete(r.registry.snapshot(), nil)
		r.recovery = nil
	}
	for _, w := range batch {
		w.done.Complete(struct{}{}, w.err)
	}
	r.next()
}

func (r *Registrar) limit(d time.Duration, what string) {
	r.deadline = r.Delay(d, func() {
		r.fail(fmt.Errorf("it was not %s within %s: %w", what, d, fault.ErrUnavailable))
	})
}

// fail ends the registrar's usefulness: nobody may hear that something is durable when it may not be.
func (r *Registrar) fail(err error) {
	r.failed = fmt.Errorf("%w: %w", ErrStore, err)
	r.Log().Error("registry failed", "error", err)
	if r.recovery != nil {
		r.recovery.Complete(nil, r.failed)
		r.recovery = nil
	}
	r.refuse(r.queue)
	r.queue = nil
}

func (r *Registrar) refuse(batch []waiting) {
	for _, w := range batch {
		w.done.Complete(struct{}{}, r.failed)
	}
}
