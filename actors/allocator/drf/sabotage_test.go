package drf

import (
	"fmt"
	"slices"
	"testing"
)

// witness stands for the testing.T of a history that is meant to fail.
type witness struct {
	testing.TB
	said string
}

type noticed struct{}

func (w *witness) Helper()             {}
func (w *witness) Log(...any)          {}
func (w *witness) Logf(string, ...any) {}

func (w *witness) Errorf(format string, args ...any) { w.said = fmt.Sprintf(format, args...) }

func (w *witness) Fatalf(format string, args ...any) {
	w.Errorf(format, args...)
	panic(noticed{})
}

// eachActive calls f for the clients that want offers.
func (e *Engine) eachActive(f func(id int32, c *client)) {
	for id := range e.clients {
		if c := &e.clients[id]; c.active {
			f(int32(id), c)
		}
	}
}

// sabotages break the engine just before each run, in the ways in which it could be wrong.
var sabotages = map[string]func(*Engine){
	"a client refuses that would not": func(e *Engine) {
		e.eachActive(func(id int32, _ *client) {
			for slot := range e.agents {
				e.mark(int32(slot), id)
			}
		})
	},
	"an agent sleeps that should not": func(e *Engine) {
		for _, slot := range e.dirty {
			e.agents[slot].dirty = false
		}
		e.dirty, e.woken = nil, false
	},
	"an agent that was held back is forgotten": func(e *Engine) {
		for _, slot := range e.held {
			e.agents[slot].held = false
		}
		e.held = nil
	},
	"nobody is chosen less": func(e *Engine) {
		e.eachActive(func(_ int32, c *client) { c.count = 0 })
		e.epoch++
	},
	"roles are chosen alike": func(e *Engine) {
		for n := range e.tree.nodes {
			e.tree.nodes[n].count = 0
		}
		e.epoch++
	},
	"weights are forgotten": func(e *Engine) {
		for n := range e.tree.nodes {
			e.tree.nodes[n].weight = 1
		}
		e.epoch++
	},
	"somebody is not moved to its place": func(e *Engine) {
		for i := range e.roles {
			slices.Reverse(e.roles[i].order.ids)
		}
	},
	"something is booked twice": func(e *Engine) {
		e.eachActive(func(_ int32, c *client) { c.used.head[cpus] += Milli })
	},
	"the total is wrong":          func(e *Engine) { e.total.head[mem] += Milli },
	"quota does not see a client": func(e *Engine) { e.usedReserved = Amounts{}; e.allReserved = Amounts{} },
	"a limit is not measured": func(e *Engine) {
		for i := range e.roles {
			e.roles[i].quota.limited = bounds{}
		}
	},
	"a guarantee is forgotten": func(e *Engine) {
		for i := range e.roles {
			e.roles[i].quota.guarantee = Amounts{}
		}
	},
	"filters end early": func(e *Engine) {
		for i := range e.timers {
			e.timers[i].deadline = min(e.timers[i].deadline, e.now-1)
		}
		e.expire(e.now - 1)
	},
	"filters never end": func(e *Engine) {
		for i := range e.timers {
			e.timers[i].deadline = 1 << 62
		}
	},
	"a filter covers too much": func(e *Engine) {
		for i := range e.bundles.list {
			for k := range e.bundles.list[i].free.head {
				e.bundles.list[i].free.head[k] *= 2
			}
		}
	},
	"a template remembers too much": func(e *Engine) {
		e.templateOver = 0
		for _, t := range e.templates {
			e.eachActive(func(id int32, _ *client) { t.refused.set(id) })
		}
	},
	"agents come in another order": func(e *Engine) { e.Seed++ },
}

// The comparison with the oracle and the invariants notice every break. A few histories are enough for each.
func TestBreaksAreNoticed(t *testing.T) {
	for name, sabotage := range sabotages {
		t.Run(name, func(t *testing.T) {
			for seed := uint64(1); seed <= 100; seed++ {
				if said := breaks(seed, sabotage); said != "" {
					return
				}
			}
			t.Error("nothing notices")
		})
	}
}

// breaks tells a history with a broken engine and returns what was noticed.
func breaks(seed uint64, sabotage func(*Engine)) (said string) {
	w := &witness{}
	defer func() {
		if r := recover(); r != nil {
			said = fmt.Sprint(w.said, " ") // a panic is noticed, too
		}
	}()
	tellWith(w, seed, 150, sabotage)
	return w.said
}
