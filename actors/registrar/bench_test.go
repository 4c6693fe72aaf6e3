package registrar_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/standalone"
)

// manyAgents is the smallest size that Mesos measures.
const manyAgents = 10000

// real is a registrar in a runtime of its own, with the store of a single master on disk.
type real struct {
	store  *standalone.Store
	client registrar.Client
	term   cluster.Term
	rt     *process.Runtime
}

func newReal(b *testing.B, dir string) *real {
	b.Helper()
	store, err := standalone.Open(dir)
	if err != nil {
		b.Fatal(err)
	}
	rt, err := process.New(process.Config{})
	if err != nil {
		b.Fatal(err)
	}
	r := &real{store: store, rt: rt}
	r.client, err = registrar.Spawn(rt, registrar.Config{FetchTimeout: time.Minute, StoreTimeout: time.Minute}, store)
	if err != nil {
		b.Fatal(err)
	}
	store.Contend(info, func(term cluster.Term, _ error) { r.term = term })
	if _, err := r.client.Recover(nil, r.term, info).Get(context.Background()); err != nil {
		b.Fatal(err)
	}
	return r
}

func (r *real) close(b *testing.B) {
	if err := r.rt.Shutdown(context.Background()); err != nil {
		b.Error(err)
	}
	if err := r.store.Close(); err != nil {
		b.Error(err)
	}
}

// all applies an operation for each agent and waits for all of them.
func (r *real) all(b *testing.B, op func(id string) registrar.Operation) {
	b.Helper()
	futures := make([]process.Future[struct{}], manyAgents)
	for i := range futures {
		futures[i] = r.client.Apply(nil, op(fmt.Sprintf("agent-%05d", i)))
	}
	for _, f := range futures {
		if _, err := f.Get(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

func admit(id string) registrar.Operation { return registrar.Admit(agent(id)) }

// BenchmarkAdmitAndRecover admits many agents and has the next registrar find them.
func BenchmarkAdmitAndRecover(b *testing.B) {
	for b.Loop() {
		dir := b.TempDir()
		r := newReal(b, dir)
		start := time.Now()
		r.all(b, admit)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "admit-ms")
		r.close(b)
		start = time.Now()
		r = newReal(b, dir)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "recover-ms")
		r.close(b)
	}
}

func BenchmarkMarkUnreachableThenReachable(b *testing.B) {
	for b.Loop() {
		r := newReal(b, b.TempDir())
		r.all(b, admit)
		start := time.Now()
		r.all(b, func(id string) registrar.Operation { return registrar.MarkUnreachable(id, now) })
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "unreachable-ms")
		start = time.Now()
		r.all(b, func(id string) registrar.Operation { return registrar.MarkReachable(agent(id)) })
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "reachable-ms")
		r.close(b)
	}
}

func BenchmarkGcManyAgents(b *testing.B) {
	for b.Loop() {
		r := newReal(b, b.TempDir())
		r.all(b, admit)
		r.all(b, func(id string) registrar.Operation { return registrar.MarkUnreachable(id, now) })
		ids := make([]string, manyAgents)
		for i := range ids {
			ids[i] = fmt.Sprintf("agent-%05d", i)
		}
		start := time.Now()
		if _, err := r.client.Apply(nil, registrar.Prune(ids, nil)).Get(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "prune-ms")
		r.close(b)
	}
}
