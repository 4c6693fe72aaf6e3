package exam

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/meseta-io/meseta/isolators"
)

// Box is a container under examination.
type Box struct {
	Container *isolators.Container
	// Isolator is the one that is examined; Chain is it and those that work before it.
	Isolator isolators.Isolator
	Chain    isolators.Chain
	Plan     *isolators.Plan
	// Limits has what Watch told.
	Limits chan isolators.Limitation

	child Child
	start func(t *testing.T, plan *isolators.Plan, c *isolators.Container) Child
}

// PID is the container's first process as the machine sees it.
func (x *Box) PID() int { return x.Container.PID }

// Proc is a file of the first process in /proc, such as "status".
func (x *Box) Proc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(x.PID()), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// File is one of the sandbox, once the script has written it; it is waited for.
func (x *Box) File(t *testing.T, name string) string {
	t.Helper()
	var text []byte
	Eventually(t, "the container writes "+name, func() bool {
		var err error
		text, err = os.ReadFile(filepath.Join(x.Container.Sandbox, name))
		return err == nil && len(text) > 0
	})
	return string(text)
}

// box makes a container up to its preparation.
func (r *room) box(t *testing.T, chain isolators.Chain, c *isolators.Container) *Box {
	t.Helper()
	x := &Box{Container: c, Chain: chain, Isolator: chain[len(chain)-1], Plan: plan(c), Limits: make(chan isolators.Limitation, 1), start: r.c.Start}
	if x.start == nil {
		x.start = launched
	}
	return x
}

func (x *Box) prepare(t *testing.T) {
	t.Helper()
	if err := x.Chain.Prepare(context.Background(), x.Container, x.Plan); err != nil {
		t.Fatal(err)
	}
}

// born has the first process made, which waits.
func (x *Box) born(t *testing.T) {
	t.Helper()
	x.child = x.start(t, x.Plan, x.Container)
	x.Container.PID = x.child.PID()
	t.Cleanup(x.child.Kill)
}

// goOn isolates the first process and lets it go.
func (x *Box) goOn(t *testing.T) {
	t.Helper()
	if err := x.Chain.Isolate(context.Background(), x.Container); err != nil {
		t.Fatal(err)
	}
	if err := x.child.Go(); err != nil {
		t.Fatal(err)
	}
	x.Chain.Watch(x.Container, func(l isolators.Limitation) { x.Limits <- l })
}

func (x *Box) end() {
	if x.child != nil {
		x.child.Kill()
	}
}

func (x *Box) cleanup(t *testing.T) {
	t.Helper()
	if err := x.Chain.Cleanup(context.Background(), x.Container); err != nil {
		t.Error(err)
	}
}

// run makes a container that runs.
func (r *room) run(t *testing.T, chain isolators.Chain, c *isolators.Container) *Box {
	t.Helper()
	x := r.box(t, chain, c)
	t.Cleanup(func() { x.end(); _ = x.Chain.Cleanup(context.Background(), x.Container) }) // for a test that fails midway
	x.prepare(t)
	x.born(t)
	x.goOn(t)
	return x
}
