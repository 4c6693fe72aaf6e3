package drf

// Grant is a bundle of one agent for a framework in a role. It is booked to the framework already.
type Grant struct {
	Framework, Role, Agent string
	Bundle                 Bundle
}

// run is the scratch space of an allocation run; it is reused, so that a run allocates nothing for each candidate.
type run struct {
	visits   []visit
	spare    []visit
	grants   []grant
	slab     []item
	open     bitset
	guarded  bitset // clients of roles whose guarantee is not met yet
	spent    bitset // clients whose role's limit leaves too little for any of their minima
	template *template
	gathered []int32
	changed  []int32 // clients whose place in their order is overdue

	key      uint64
	version  uint64 // quotaVersion at the start
	required Amounts
	headroom Amounts

	offered bool   // something was offered in this visit
	most    bundle // all that the agent has for the client
	cuts    cuts
	visited int
}

// tuning chooses between ways to the same answer; the property test tries all of them.
type tuning struct {
	templateOver int // open clients above which a template is worth a look-up
	sparse       int // open clients are gathered and sorted when they are fewer than one in this many
	radixFrom    int // visits from which a radix sort pays
	sweepFrom    int // interned things from which a sweep pays
}

var defaults = tuning{templateOver: 32, sparse: 16, radixFrom: 512, sweepFrom: 4096}

type visit struct {
	key  uint64
	slot int32
}

type grant struct {
	client, slot int32
	core
	from, to int32 // items in the slab
}

// outcome is what this run has learnt of an agent.
type outcome uint8

const (
	offeredSome outcome = 1 << iota
	// heldBack: some client would accept, but quota or headroom left too little.
	heldBack
)

// Allocate does the run that is due, if any, and returns its grants in the order in which they were made.
func (e *Engine) Allocate() []Grant {
	e.allocate()
	if len(e.grants) == 0 {
		return nil
	}
	out := make([]Grant, len(e.grants))
	for i := range e.grants {
		g := &e.grants[i]
		c := &e.clients[g.client]
		out[i] = Grant{c.fw.id, e.roles[c.role].name, e.ledgers[g.slot].id,
			e.extern(&bundle{g.core, e.slab[g.from:g.to]})}
	}
	return out
}

func (e *Engine) allocate() {
	e.grants, e.slab, e.visited = e.grants[:0], e.slab[:0], 0
	if !e.pending {
		return
	}
	e.pending = false
	e.runs++
	e.version = e.quotaVersion
	e.collect()
	e.pendAll, e.pendSlots = false, e.pendSlots[:0]
	if e.visited = len(e.visits); e.visited == 0 {
		return
	}
	e.measureQuota()
	if !e.guarded.none() {
		e.shuffle(1)
		for _, v := range e.visits {
			e.visitGuaranteed(v.slot)
		}
	}
	e.shuffle(2)
	for _, v := range e.visits {
		e.visitFair(v.slot)
	}
	for _, v := range e.visits {
		e.rest(v.slot)
	}
}

// collect finds the agents that this run has to visit.
func (e *Engine) collect() {
	e.visits = e.visits[:0]
	if !e.pendAll {
		for _, slot := range e.pendSlots {
			if a := &e.agents[slot]; a.dirty || a.held || a.seenWake != e.wake {
				e.consider(slot)
			}
		}
		return
	}
	if e.woken {
		for slot := range e.agents {
			if a := &e.agents[slot]; a.dirty || a.seenWake != e.wake {
				e.consider(int32(slot))
			}
		}
	} else {
		for _, slot := range e.dirty {
			if e.agents[slot].dirty {
				e.consider(slot)
			}
		}
	}
	for _, slot := range e.dirty {
		e.agents[slot].dirty = false
	}
	e.woken, e.dirty = false, e.dirty[:0]

	// Agents held back by quota are looked at again when quota may have moved since, or may move during this run.
	again := len(e.visits) > 0
	for _, slot := range e.held {
		a := &e.agents[slot]
		again = again || a.held && a.heldAt != e.quotaVersion
	}
	if again {
		for _, slot := range e.held {
			if e.agents[slot].held {
				e.consider(slot)
			}
		}
		e.held = e.held[:0]
	}
}

func (e *Engine) consider(slot int32) {
	a := &e.agents[slot]
	a.dirty, a.held = false, false
	if !a.inUse || !a.active || a.lastRun == e.runs || a.idle() {
		return
	}
	a.lastRun, a.outcome = e.runs, 0
	e.visits = append(e.visits, visit{slot: slot})
}

// rest decides whether an agent sleeps after its visit.
func (e *Engine) rest(slot int32) {
	a := &e.agents[slot]
	a.seenWake = e.wake
	switch {
	case a.outcome&offeredSome != 0:
		for i := range a.parts { // what is shared is there again
			if p := &a.parts[i]; p.offered {
				p.offered = false
				p.avail = min(p.total, 1)
			}
		}
		if !a.idle() {
			e.touch(slot)
		}
	case a.outcome&heldBack != 0:
		// Which disk survives a cut is drawn anew in each run, so a refusal today says nothing about tomorrow.
		for i := range a.parts {
			if p := &a.parts[i]; p.avail != 0 && e.kinds[p.kind].chopped {
				e.touch(slot)
				return
			}
		}
		a.held, a.heldAt = true, e.version
		e.held = append(e.held, slot)
	}
}
