// Package drf decides who is offered what: Mesos' hierarchical dominant-resource fairness with quota, reservations and
// filters, from compact, incremental state. It makes the offers that a literal reading of Mesos makes, in the same order
// (the tests hold it to such an oracle), and it knows no clock, no goroutine and no protobuf: time, seed and events are given.
//
// Three facts carry it.
//
//   - The fair order is a function of (share, count, name), so it is kept, not recomputed (rank.go, tree.go).
//   - Refusal is closed downwards: a client that would refuse everything an agent has for its role (too little,
//     incapable, excluded, or inside a filter) refuses every part of it, whatever quota and headroom cut off. So a bit for
//     each (agent, client) stays true until the agent has more than it had, a filter ends, or the client changes its mind.
//   - An agent that every active client refuses has no effect on a run, so a run need not visit it. It sleeps until
//     something grows: resources come back, a filter ends, a client wakes.
//
// A client is a framework in a role. Agents, clients, roles, kinds of resources, sets and bundles have dense numbers;
// what is interned and no longer referred to is swept (sweep.go). An Engine belongs to one goroutine.
package drf

import "time"

// Options are given once.
type Options struct {
	Seed uint64

	// Min is the default for subscriptions that name no minima: an offer contains at least one of them. Nil: anything goes.
	Min []Min

	// Unfair are scalar names that do not count for shares.
	Unfair []string

	// OpenGPUs offers machines with GPUs to frameworks that do not know GPUs, too.
	OpenGPUs bool
}

// Engine is the allocator's memory. Events change it and allocate nothing; Allocate runs.
type Engine struct {
	Options
	runs  uint64
	began time.Time // the first time that it was told
	now   int64     // nanoseconds since then

	names     names
	scalars   []*Kind
	kinds     []kind
	kindIDs   map[Kind]int32
	freeKinds []int32
	sets      *setTable
	bundles   bundleTable
	swept     int // what was interned when last swept

	agents    []agent
	ledgers   []ledger // of the same agents; what most visits do not need
	refused   matrix   // agent × client
	agentIDs  map[string]int32
	freeSlots []int32

	frameworks map[string]*framework
	clients    []client
	freeBits   []int32
	active     bitset // clients that want offers
	modest     bitset // clients with the default minima
	min        []minimum
	templates  map[situation]*template

	roles     []role
	roleIDs   map[string]int32
	freeRoles []int32
	tree      *tree

	unfair []int32
	total  Amounts
	fair   Amounts // total without the unfair names: what shares are fractions of
	epoch  uint64  // of fair and weights: shares are stale when it moves

	// Sums for quota; quotaVersion moves with anything that could change what is cut off.
	quotaRoles    []int32
	allReserved   Amounts
	usedReserved  Amounts
	idleRevocable Amounts
	quotaVersion  uint64

	timers     timers
	deadTimers int
	seq        uint32

	dirty     []int32
	held      []int32
	wake      uint64 // moves when a client wakes
	woken     bool   // since the last full run
	pending   bool
	pendAll   bool
	pendSlots []int32

	run
	tuning
}

// New makes an empty engine.
func New(o Options) *Engine {
	e := &Engine{Options: o, names: newNames(), kindIDs: map[Kind]int32{}, sets: newSetTable(), bundles: newBundleTable(),
		agentIDs: map[string]int32{}, frameworks: map[string]*framework{}, templates: map[situation]*template{},
		roleIDs: map[string]int32{}, epoch: 1, wake: 1, tuning: defaults}
	e.tree = newTree(&e.fair, &e.epoch, e.setLeaf)
	e.min = e.minima(o.Min)
	for _, name := range o.Unfair {
		e.unfair = append(e.unfair, e.names.id(name))
	}
	return e
}

// Pending says whether an event asks for a run; a run without the whole cluster serves only what events named.
func (e *Engine) Pending() bool { return e.pending }

// Request makes the next run look at the whole cluster: the periodic run.
func (e *Engine) Request() { e.pending, e.pendAll = true, true }

func (e *Engine) request(slot int32) {
	e.pending = true
	if !e.pendAll {
		e.pendSlots = append(e.pendSlots, slot)
	}
}

// Now tells the time. Filters that ended before it are forgotten; one that ends at this very instant still holds in a
// run at this instant, because in Mesos its end queues behind the run.
func (e *Engine) Now(t time.Time) {
	e.now = e.elapsed(t)
	e.expire(e.now - 1)
}

// elapsed is a time in nanoseconds since the engine was first told one. What is counted is the time that passes: a clock that is set
// back by a day must not have every refusal last a day longer.
func (e *Engine) elapsed(t time.Time) int64 {
	if e.began.IsZero() {
		e.began = t
	}
	return int64(t.Sub(e.began))
}

// bitset has a bit for each client.
type bitset []uint64

func (b bitset) has(i int32) bool { return int(i>>6) < len(b) && b[i>>6]&(1<<(i&63)) != 0 }

func (b *bitset) set(i int32) {
	for int(i>>6) >= len(*b) {
		*b = append(*b, 0)
	}
	(*b)[i>>6] |= 1 << (i & 63)
}

func (b bitset) unset(i int32) {
	if int(i>>6) < len(b) {
		b[i>>6] &^= 1 << (i & 63)
	}
}

func (b bitset) none() bool {
	for _, w := range b {
		if w != 0 {
			return false
		}
	}
	return true
}

// matrix has a row of bits for each agent, all in one piece of memory.
type matrix struct {
	words  []uint64
	rows   int
	stride int // words in a row
}

func (m *matrix) row(i int32) bitset {
	from, to := int(i)*m.stride, (int(i)+1)*m.stride
	return m.words[from:to:to]
}

// fit makes room for more rows or wider ones.
func (m *matrix) fit(rows, clients int) {
	stride := max(m.stride, 1)
	for stride*64 < clients {
		stride *= 2
	}
	if stride == m.stride {
		if need := rows * stride; need > len(m.words) {
			m.words = append(m.words, make([]uint64, need-len(m.words))...)
		}
	} else {
		words := make([]uint64, max(rows, m.rows)*stride)
		for i := range m.rows {
			copy(words[i*stride:], m.row(int32(i)))
		}
		m.words, m.stride = words, stride
	}
	m.rows = max(m.rows, rows)
}
