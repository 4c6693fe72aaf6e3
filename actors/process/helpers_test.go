package process_test

import (
	"context"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
)

// runtimeFor makes a runtime that ends with the test.
func runtimeFor(t testing.TB, c process.Config) *process.Runtime {
	t.Helper()
	if c.OnPanic == nil {
		c.OnPanic = func(u process.UPID, what any, stack []byte) { t.Errorf("%v panicked: %v\n%s", u, what, stack) }
	}
	r, err := process.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return r
}

// actor is a process made of functions.
type actor struct {
	*process.Base
	init     func(*process.Base)
	finalize func()
	exited   func(process.UPID)
}

func (a *actor) Initialize(b *process.Base) {
	a.Base = b
	if a.init != nil {
		a.init(b)
	}
}

func (a *actor) Finalize() {
	if a.finalize != nil {
		a.finalize()
	}
}

func (a *actor) Exited(u process.UPID) {
	if a.exited != nil {
		a.exited(u)
	}
}

func spawn(t testing.TB, r *process.Runtime, id string, a *actor) process.Ref[*actor] {
	t.Helper()
	ref, err := process.Spawn(r, id, a)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// get waits for a future, for ten seconds at most.
func get[R any](t testing.TB, f process.Future[R]) R {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	v, err := f.Get(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// settle waits until ref has handled all that it was sent so far.
func settle(t testing.TB, ref process.Ref[*actor]) {
	t.Helper()
	get(t, process.Call(ref, func(*actor) (int, error) { return 0, nil }))
}

func wait(t testing.TB, ref process.Ref[*actor]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := process.Wait(ctx, ref); err != nil {
		t.Fatal(err)
	}
}

func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came within ten seconds")
		panic("unreachable")
	}
}

func str(s string) *wrapperspb.StringValue { return wrapperspb.String(s) }
