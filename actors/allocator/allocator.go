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
	"github.com/meseta-io/meseta/actors/process/metrics"
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
	agents  map[string]*agent
	listed  map[string]bool // hostnames that may be offered; nil: all

	scheduled bool // a run is in the mailbox
	paused    bool

	shown   map[string]*metrics.Gauge // figures in the runtime's registry, by name
	latency *metrics.Timer            // from the event that asks for a run to its beginning
	runTime *metrics.Timer
	waited  func() // ends the latency of the scheduled run
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
	a.agents = map[string]*agent{}
	a.shown = map[string]*metrics.Gauge{}
	a.latency = b.Metrics().Timer("allocator/mesos/allocation_run_latency_ms", time.Millisecond, metrics.Window(time.Hour))
	a.runTime = b.Metrics().Timer("allocator/mesos/allocation_run_ms", time.Millisecond, metrics.Window(time.Hour))
	min, err := a.config.minima()
	if err != nil {
		b.Fatal(err) // Spawn has validated it
	}
	a.engine = drf.New(drf.Options{
		Seed: b.Rand().Uint64(), Min: min, Unfair: a.config.FairSharingExcludedResourceNames,
		OpenGPUs: !a.config.FilterGPUResources,
	})
	a.engine.Now(b.Now())
	a.publish()
	b.Delay(a.config.AllocationInterval, a.periodic)
}

// periodic asks for a run of the whole cluster. The interval is between runs, so that a slow run does not meet the next.
func (a *Allocator) periodic() {
	if !a.paused {
		a.engine.Request()
		a.wake()
	}
	// Behind the run that was just asked for.
	a.base.Dispatch(func() {
		a.publish()
		a.base.Delay(a.config.AllocationInterval, a.periodic)
	})
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
	a.scheduled, a.waited = true, a.latency.Start()
	a.base.Dispatch(a.run)
}

func (a *Allocator) run() {
	a.scheduled = false
	a.waited()
	if a.paused {
		return // what is pending waits for resume
	}
	done := a.runTime.Start()
	a.engine.Now(a.base.Now())
	proposals := a.word(a.engine.Allocate())
	done()
	if len(proposals) > 0 {
		a.propose(proposals)
	}
}

func (a *Allocator) word(grants []drf.Grant) []Proposal {
	proposals := make([]Proposal, len(grants))
	for i, g := range grants {
		proposals[i] = Proposal{g.Framework, g.Role, g.Agent, a.words.resources(g.Bundle, g.Role)}
	}
	return proposals
}

func (a *Allocator) pause() { a.paused = true }

func (a *Allocator) resume() {
	a.paused = false
	a.wake()
}
