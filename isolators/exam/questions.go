package exam

import (
	"context"
	"os"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func (r *room) life(t *testing.T) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, nil))
	x.prepare(t)
	if r.c.Prepared != nil {
		r.c.Prepared(t, x)
	}
	x.born(t)
	x.goOn(t)
	r.look(t, x)
	x.end()
	r.dead(t, x)
	x.cleanup(t)
	r.silent(t, x)
}

// look asks what can be asked of a container that runs.
func (r *room) look(t *testing.T, x *Box) {
	t.Helper()
	if r.c.Running != nil {
		r.c.Running(t, x)
	}
	s := x.usage(t)
	if r.c.Usage != nil {
		r.c.Usage(t, x, s)
	}
	told := &mesospb.ContainerStatus{}
	if err := x.Isolator.Status(context.Background(), x.Container, told); err != nil {
		t.Error(err)
	}
	if r.c.Status != nil {
		r.c.Status(t, x, told)
	}
}

func (x *Box) usage(t *testing.T) *mesospb.ResourceStatistics {
	t.Helper()
	s := &mesospb.ResourceStatistics{Timestamp: proto.Float64(1)}
	if err := x.Chain.Usage(context.Background(), []*isolators.Container{x.Container}, []*mesospb.ResourceStatistics{s}); err != nil {
		t.Error(err)
	}
	return s
}

// dead asks about a container that has just ended: that is no error.
func (r *room) dead(t *testing.T, x *Box) {
	t.Helper()
	x.usage(t)
	if err := x.Isolator.Status(context.Background(), x.Container, &mesospb.ContainerStatus{}); err != nil {
		t.Error(err)
	}
}

// silent asks about a container that is gone.
func (r *room) silent(t *testing.T, x *Box) {
	t.Helper()
	r.dead(t, x)
	select {
	case l := <-x.Limits:
		t.Errorf("a limitation of a container that broke nothing: %v", l)
	default:
	}
}

func (r *room) two(t *testing.T) {
	r.clean(t)
	chain := r.chain(t)
	x, y := r.run(t, chain, r.container(t, nil)), r.run(t, chain, r.container(t, nil))
	into := []*mesospb.ResourceStatistics{{Timestamp: proto.Float64(1)}, {Timestamp: proto.Float64(1)}}
	if err := chain.Usage(context.Background(), []*isolators.Container{x.Container, y.Container}, into); err != nil {
		t.Error(err)
	}
	x.end()
	x.cleanup(t)
	r.look(t, y) // which is none the worse for it
	y.end()
	y.cleanup(t)
}

// crowd is how many containers come at the same time.
const crowd = 8

func (r *room) many(t *testing.T) {
	r.clean(t)
	chain := r.chain(t)
	var all []*Box
	for range crowd {
		all = append(all, r.box(t, chain, r.container(t, nil)))
	}
	together := func(what string, do func(x *Box) error) {
		var wait sync.WaitGroup
		for _, x := range all {
			wait.Go(func() {
				if err := do(x); err != nil {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		wait.Wait()
	}
	together("prepare", func(x *Box) error { return chain.Prepare(context.Background(), x.Container, x.Plan) })
	if !t.Failed() {
		for _, x := range all {
			x.born(t)
		}
		together("isolate", func(x *Box) error { return chain.Isolate(context.Background(), x.Container) })
		for _, x := range all {
			if err := x.child.Go(); err != nil {
				t.Error(err)
			}
			chain.Watch(x.Container, func(isolators.Limitation) {})
		}
	}
	together("end", func(x *Box) error { x.end(); return nil })
	together("clean up", func(x *Box) error { return chain.Cleanup(context.Background(), x.Container) })
}

func (r *room) twice(t *testing.T) {
	r.clean(t)
	x := r.run(t, r.chain(t), r.container(t, nil))
	x.end()
	x.cleanup(t)
	x.cleanup(t)
	again := r.box(t, r.chain(t), x.Container) // by the next agent, who cannot know
	again.cleanup(t)
}

func (r *room) unprepared(t *testing.T) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, nil))
	x.cleanup(t)
}

// half prepares as far as those that work before the isolator, and with nobody who waits.
func (r *room) half(t *testing.T) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, nil))
	before := x.Chain[:len(x.Chain)-1]
	if err := before.Prepare(context.Background(), x.Container, x.Plan); err != nil {
		t.Fatal(err)
	}
	x.cleanup(t)
}

func (r *room) orphaned(t *testing.T) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, nil))
	x.prepare(t)
	r.box(t, r.chain(t), x.Container).cleanup(t)
}

func (r *room) unborn(t *testing.T) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, nil))
	x.prepare(t)
	x.born(t)
	if err := x.Chain.Isolate(context.Background(), x.Container); err != nil {
		t.Error(err)
	}
	x.end()
	x.cleanup(t)
}

func (r *room) recovered(t *testing.T) {
	r.clean(t)
	x := r.run(t, r.chain(t), r.container(t, nil))
	next := r.again(t, x)
	if r.c.Update != nil {
		r.change(t, next)
	}
	r.look(t, next)
	next.end()
	next.cleanup(t)
	r.silent(t, next)
	x.cleanup(t) // what the earlier agent held in its hands, it would have lost by ending
}

// again is a running container as the next agent finds it.
func (r *room) again(t *testing.T, x *Box) *Box {
	t.Helper()
	c := *x.Container
	next := r.box(t, r.chain(t, &c), &c)
	next.child, next.Plan = x.child, x.Plan
	next.Chain.Watch(&c, func(l isolators.Limitation) { next.Limits <- l })
	return next
}

// headless is a container whose first process has ended while the agent was down.
func (r *room) headless(t *testing.T) {
	r.clean(t)
	x := r.run(t, r.chain(t), r.container(t, nil))
	x.end()
	c := *x.Container
	c.PID = 0
	next := r.box(t, r.chain(t, &c), &c)
	next.Chain.Watch(&c, func(l isolators.Limitation) { next.Limits <- l })
	r.dead(t, next)
	next.cleanup(t)
	x.cleanup(t)
}

func (r *room) updated(t *testing.T) {
	r.clean(t)
	x := r.run(t, r.chain(t), r.container(t, nil))
	r.change(t, x)
	x.end()
	if err := x.Chain.Update(context.Background(), x.Container); err != nil {
		t.Errorf("a container that has just ended cannot be updated: %v", err)
	}
	x.cleanup(t)
}

func (r *room) change(t *testing.T, x *Box) {
	t.Helper()
	r.c.Update(x.Container)
	if err := x.Chain.Update(context.Background(), x.Container); err != nil {
		t.Fatal(err)
	}
	if r.c.Updated != nil {
		r.c.Updated(t, x)
	}
}

func (r *room) broken(t *testing.T) {
	r.clean(t)
	x := r.run(t, r.chain(t), r.container(t, func(c *isolators.Container) { c.Command.Value = proto.String(r.c.Breaks) }))
	select {
	case l := <-x.Limits:
		if l.Reason != r.c.Limit || l.Message == "" {
			t.Errorf("told %v: %q", l.Reason, l.Message)
		}
	case <-time.After(patience):
		t.Errorf("%s: nobody noticed", r.c.Breaks)
	}
	x.end()
	x.cleanup(t)
}

func (r *room) nested(t *testing.T) {
	r.clean(t)
	chain := r.chain(t)
	x := r.run(t, chain, r.container(t, nil))
	c := r.plain(t, x.Container)
	if r.c.Nested != nil {
		r.c.Nested(c)
	}
	inner := r.run(t, chain, c)
	if r.c.NestedRunning != nil {
		r.c.NestedRunning(t, inner)
	}
	inner.usage(t)
	inner.end()
	inner.cleanup(t)
	r.look(t, x)
	x.end()
	x.cleanup(t)
}

func (r *room) refused(t *testing.T, wish func(*isolators.Container)) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, wish))
	if err := x.Chain.Prepare(context.Background(), x.Container, x.Plan); err == nil {
		t.Error("it was granted")
	} else {
		t.Log("refused: ", err)
	}
	x.cleanup(t)
}

func (r *room) borne(t *testing.T, wish func(*isolators.Container)) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, wish))
	defer func() { x.end(); x.cleanup(t) }()
	if err := x.Chain.Prepare(context.Background(), x.Container, x.Plan); err != nil {
		t.Log("refused: ", err)
		return
	}
	x.born(t)
	if err := x.Chain.Isolate(context.Background(), x.Container); err != nil {
		t.Log("refused: ", err)
		return
	}
	if err := x.child.Go(); err != nil {
		t.Log("not run: ", err)
		return
	}
	if r.c.Harmed != nil {
		r.c.Harmed(t, x)
	}
}

// cancelled prepares for somebody who has gone: it may be refused or done, and is cleaned up either way.
func (r *room) cancelled(t *testing.T) {
	r.clean(t)
	x := r.box(t, r.chain(t), r.container(t, nil))
	if err := x.Chain[:len(x.Chain)-1].Prepare(context.Background(), x.Container, x.Plan); err != nil {
		t.Fatal(err)
	}
	_ = x.Isolator.Prepare(nobody(), x.Container, x.Plan)
	x.cleanup(t)
	if _, err := os.Stat(x.Container.State); err != nil {
		t.Errorf("an isolator removed what is the containerizer's: %v", err)
	}
}
