// Package allocator is the actor that proposes who is offered what. It hears from the master what there is and who wants
// it, runs periodically and after events, and hands back proposals; the master grants from what is true now and returns
// the rest. What is proposed is booked at once, so neither waits for the other.
//
// How it decides is in package drf, which knows no actors. Here is the rest: the mailbox, the clock, the protobufs.
package allocator

import (
	"time"

	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Proposal is resources of one agent for one framework in one role. The resources say for which role they are allocated. They
// are booked to the framework: grant them, or Recover them without a filter.
type Proposal struct {
	Framework, Role, Agent string
	Resources              resources.Resources
}

// Allocator is the actor. Everything that can happen to it is a method of Client.
type Allocator struct {
	base    *process.Base
	config  Config
	propose func([]Proposal)
	engine  *drf.Engine
	words   *words
	agents  map[string]*mesospb.AgentInfo // for offer constraints

	scheduled bool // a run is in the mailbox
	paused    bool
	began     time.Time     // when the scheduled run was asked for
	latency   time.Duration // of the last run, from the event to its end
}

// Spawn starts the actor "allocator". It calls propose once for each run that proposes anything, while it handles a message: propose
// must only hand the proposals over.
func Spawn(rt *process.Runtime, c Config, propose func([]Proposal)) (Client, error) {
	if err := c.Validate(); err != nil {
		return Client{}, err
	}
	ref, err := process.Spawn(rt, "allocator", &Allocator{config: c, propose: propose})
	return Client{ref}, err
}

// Initialize starts the periodic runs.
func (a *Allocator) Initialize(b *process.Base) {
	a.base = b
	a.words = newWords()
	a.agents = map[string]*mesospb.AgentInfo{}
	min, err := a.config.minima()
	if err != nil {
		b.Fatal(err) // Spawn has validated it
	}
	a.engine = drf.New(drf.Options{
		Seed: b.Rand().Uint64(), Min: min, Unfair: a.config.FairSharingExcludedResourceNames,
		OpenGPUs: !a.config.FilterGPUResources,
	})
	a.engine.Now(b.Now())
	b.Delay(a.config.AllocationInterval, a.periodic)
}

// periodic asks for a run of the whole cluster. The interval is between runs, so that a slow run does not meet the next.
func (a *Allocator) periodic() {
	if !a.paused {
		a.engine.Request()
		a.wake()
	}
	// Behind the run that was just asked for.
	a.base.Dispatch(func() { a.base.Delay(a.config.AllocationInterval, a.periodic) })
}

// do applies an event to the engine at the present time.
func (a *Allocator) do(event func(*drf.Engine)) {
	a.engine.Now(a.base.Now())
	event(a.engine)
	a.wake()
}

// wake puts one run behind whatever is in the mailbox, so that a burst of events pays for it once.
func (a *Allocator) wake() {
	if a.scheduled || a.paused || !a.engine.Pending() {
		return
	}
	a.scheduled, a.began = true, a.base.Now()
	a.base.Dispatch(a.run)
}

func (a *Allocator) run() {
	a.scheduled = false
	if a.paused {
		return // what is pending waits for resume
	}
	a.engine.Now(a.base.Now())
	grants := a.engine.Allocate()
	a.latency = a.base.Now().Sub(a.began)
	if len(grants) == 0 {
		return
	}
	proposals := make([]Proposal, len(grants))
	for i, g := range grants {
		proposals[i] = Proposal{g.Framework, g.Role, g.Agent, a.words.resources(g.Bundle, g.Role)}
	}
	a.propose(proposals)
}

func (a *Allocator) pause() { a.paused = true }

func (a *Allocator) resume() {
	a.paused = false
	a.wake()
}
