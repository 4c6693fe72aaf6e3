package process_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/meseta-io/meseta/actors/process"
)

// Nothing is there before the first time; afterwards always the last.
func TestPublished(t *testing.T) {
	var p process.Published[int]
	if p.Load() != nil {
		t.Error("something is published that nobody stored")
	}
	for i := range 3 {
		p.Store(&i)
	}
	if got := p.Load(); got == nil || *got != 2 {
		t.Errorf("published: %v, want 2", got)
	}
}

// drainer notes after each batch whether it was the last.
type drainer struct{ notes []bool }

func (d *drainer) Initialize(b *process.Base) {
	b.AfterBatch(func() { d.notes = append(d.notes, b.Drained()) })
}

// byHand is a stage whose only process runs when a test says so.
type byHand struct{ who process.Runnable }

func (s *byHand) Ready(r process.Runnable)    { s.who = r }
func (s *byHand) Go(f func(context.Context))  { f(context.Background()) }
func (s *byHand) Close(context.Context) error { return nil }

// Of several batches the last one, and it alone, knows that it is the last.
func TestDrained(t *testing.T) {
	stage := &byHand{}
	rt, err := process.New(process.Config{Stage: stage})
	if err != nil {
		t.Fatal(err)
	}
	d := &drainer{}
	ref, err := process.Spawn(rt, "d", d)
	if err != nil {
		t.Fatal(err)
	}
	for range 6 { // and its start is the seventh
		process.Dispatch(ref, func(*drainer) {})
	}
	for stage.who.Run(2) {
	}
	if want := []bool{false, false, false, true}; !slices.Equal(d.notes, want) {
		t.Errorf("drained after each batch: %v, want %v", d.notes, want)
	}
}

// Who entrusts something to a process that has ended hears so.
func TestEntrustNobody(t *testing.T) {
	var nobody process.Ref[*drainer]
	asked := process.Entrust(nobody, func(_ *drainer, p *process.Promise[int]) { p.Complete(1, nil) })
	if _, err := asked.Get(context.Background()); !errors.Is(err, process.ErrGone) {
		t.Errorf("the error is %v, want %v", err, process.ErrGone)
	}
}

// What is entrusted to a process is answered when the process wants to, not when it was handled.
func TestEntrust(t *testing.T) {
	rt, err := process.New(process.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer rt.Shutdown(context.Background())
	ref, err := process.Spawn(rt, "d", &drainer{})
	if err != nil {
		t.Fatal(err)
	}
	var open *process.Promise[int]
	asked := process.Entrust(ref, func(_ *drainer, p *process.Promise[int]) { open = p })
	if _, err := process.Call(ref, func(*drainer) (int, error) { return 0, nil }).Get(context.Background()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-asked.Done():
		t.Fatal("it was answered before anybody said so")
	default:
	}
	open.Complete(7, nil)
	if n, err := asked.Get(context.Background()); n != 7 || err != nil {
		t.Errorf("the answer is %d, %v", n, err)
	}
}
