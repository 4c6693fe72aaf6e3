package allocator

import (
	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/messages/resources"
)

// Reason is why an agent cannot serve a demand; see package drf for what each means.
type Reason = drf.Reason

const (
	Deactivated   = drf.Deactivated
	Excluded      = drf.Excluded
	Incapable     = drf.Incapable
	TooSmall      = drf.TooSmall
	ReservedAway  = drf.ReservedAway
	Busy          = drf.Busy
	BelowMinimum  = drf.BelowMinimum
	Refused       = drf.Refused
	OverLimit     = drf.OverLimit
	ForGuarantees = drf.ForGuarantees
	Fits          = drf.Fits
)

// Reasons are all of them, from the most lasting to the most passing.
var Reasons = []Reason{Deactivated, Excluded, Incapable, TooSmall, ReservedAway, Busy, BelowMinimum, Refused, OverLimit, ForGuarantees, Fits}

// Miss is an agent that nearly serves: Short is what it lacks, by resource name.
type Miss struct {
	Agent  string
	Reason Reason
	Short  map[string]float64
}

// Answer counts every agent once, under the first reason that applies.
type Answer struct {
	Inactive bool // suppressed, deactivated or not subscribed: nothing is offered, wherever it fits
	Agents   map[Reason]int
	Nearest  []Miss // nearest first
	// Changes say for each resource that alone keeps agents from serving how much of it could be had.
	Changes []Change
}

// Change is a smaller demand that would fit: at most AtMost of one resource, which Agents could give.
type Change struct {
	Name   string
	AtMost float64
	Agents int
}

func answer(w drf.Answer) Answer {
	out := Answer{Inactive: w.Inactive, Agents: map[Reason]int{}}
	for r, n := range w.Agents {
		if n > 0 {
			out.Agents[Reason(r)] = n
		}
	}
	for _, m := range w.Nearest {
		out.Nearest = append(out.Nearest, Miss{m.Agent, m.Reason, units(m.Short)})
	}
	for _, c := range w.Changes {
		out.Changes = append(out.Changes, Change{c.Name, resources.Milli(c.AtMost).Float64(), c.Agents})
	}
	return out
}
