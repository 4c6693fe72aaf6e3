package main

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Kind is what is done to a process or a way.
type Kind string

// The kinds of faults.
const (
	Kill   Kind = "kill"   // SIGKILL, and started again after a while
	Term   Kind = "term"   // SIGTERM, and started again
	Freeze Kind = "freeze" // SIGSTOP, and SIGCONT after a while
	Cut    Kind = "cut"    // nothing passes, and nobody is told
	Reset  Kind = "reset"  // connections break, once
	Slow   Kind = "slow"   // everything passes later
	Gone   Kind = "gone"   // an operator marks an agent gone; a new one takes its machine
)

// Way is which direction a cut or a slow way has, as its target sees it.
type Way string

// The directions. A way that is cut in one of them looks alive to one side.
const (
	Both Way = "both"
	In   Way = "in"
	Out  Way = "out"
)

// Fault is one thing that is done, and for how long.
type Fault struct {
	At, For time.Duration
	Kind    Kind
	Target  string // a process: master1, agent3, executor3 (one of agent3's), framework2, consul1
	Other   string // of ways: the other end; empty: everybody but executors
	Way     Way
	Delay   time.Duration // of slow ways
	Pick    uint64        // which of several executors
}

// String is a line of the timeline.
func (f Fault) String() string {
	s := fmt.Sprintf("%-6s %s", f.Kind, f.Target)
	if f.Kind == Cut || f.Kind == Slow {
		other := f.Other
		if other == "" {
			other = "everybody"
		}
		s += fmt.Sprintf(" %s %s", map[Way]string{Both: "↔", In: "←", Out: "→"}[f.Way], other)
	}
	if f.Delay > 0 {
		s += fmt.Sprintf(" by %v", f.Delay)
	}
	if f.For > 0 {
		s += fmt.Sprintf(" for %v", f.For)
	}
	return s
}

// Shape is how many of each there are.
type Shape struct {
	Masters, Agents, Frameworks, Consuls int
}

// recovery is for how long after a fault of a Consul server no other of them is touched: a quorum is lost by chance
// only, else there would be no leader for most of the storm.
const recovery = 12 * time.Second

// weights say how often each kind happens to each sort of process.
var weights = []struct {
	weight int
	sort   string
	kind   Kind
}{
	{8, "master", Kill}, {4, "master", Term}, {5, "master", Freeze},
	{14, "agent", Kill}, {7, "agent", Term}, {7, "agent", Freeze},
	{7, "executor", Kill}, {5, "executor", Freeze},
	{6, "framework", Kill}, {3, "framework", Term}, {3, "framework", Freeze},
	{4, "consul", Kill}, {3, "consul", Freeze},
	{10, "agent", Cut}, {6, "master", Cut}, {3, "framework", Cut}, {2, "executor", Cut},
	{4, "agent", Reset}, {3, "master", Reset}, {1, "framework", Reset},
	{4, "agent", Slow}, {3, "master", Slow},
}

// Plan is what will be done within a time, in order. The same seed gives the same plan.
func Plan(seed uint64, length time.Duration, s Shape) []Fault {
	p := planner{r: rand.New(rand.NewPCG(seed, 0x6368616f73)), shape: s, busy: map[string]time.Duration{}}
	var plan []Fault
	gone := 0
	for at := p.between(300*time.Millisecond, 1500*time.Millisecond); at < length; at += p.gap() {
		f, ok := p.fault(at, length)
		// An operator gives up one agent in some minutes, in the midst of everything.
		if due := time.Duration(gone+1) * 90 * time.Second; ok && at > due && at+time.Minute < length {
			gone++
			f = Fault{At: at, Kind: Gone, Target: fmt.Sprint("agent", 1+p.r.IntN(s.Agents))}
		}
		if ok {
			plan = append(plan, f)
		}
	}
	return plan
}

type planner struct {
	r     *rand.Rand
	shape Shape
	busy  map[string]time.Duration // until when a process is down or frozen
}

// gap is mostly short, so that faults overlap, and sometimes long enough for the cluster to become calm.
func (p *planner) gap() time.Duration {
	if p.r.IntN(12) == 0 {
		return p.between(5*time.Second, 15*time.Second)
	}
	return p.between(50*time.Millisecond, 3*time.Second)
}

func (p *planner) between(least, most time.Duration) time.Duration {
	return least + time.Duration(p.r.Int64N(int64(most-least))).Round(time.Millisecond)
}

// fault picks one. It is false if its target is down already.
func (p *planner) fault(at, length time.Duration) (Fault, bool) {
	sum := 0
	for _, w := range weights {
		sum += w.weight
	}
	n := p.r.IntN(sum)
	i := 0
	for ; n >= weights[i].weight; i++ {
		n -= weights[i].weight
	}
	sort, f := weights[i].sort, Fault{At: at, Kind: weights[i].kind, Pick: p.r.Uint64()}
	f.For = p.lasts(f.Kind)
	many := p.count(sort)
	if many == 0 {
		return f, false
	}
	f.Target = fmt.Sprint(sort, 1+p.r.IntN(many))
	switch f.Kind {
	case Cut, Slow:
		p.way(&f, sort)
	case Kill, Term, Freeze:
		if sort == "executor" {
			break // there is another one
		}
		if p.busy[f.Target] > at || sort == "consul" && p.busy[sort] > at && p.r.IntN(6) > 0 {
			return f, false
		}
		p.busy[f.Target] = at + f.For
		p.busy[sort] = at + f.For + recovery
	}
	return f, f.At+f.For < length
}

func (p *planner) count(sort string) int {
	return map[string]int{
		"master": p.shape.Masters, "agent": p.shape.Agents, "executor": p.shape.Agents,
		"framework": p.shape.Frameworks, "consul": p.shape.Consuls,
	}[sort]
}

// lasts is how long a fault holds: most end before anybody gives up, some long after.
func (p *planner) lasts(k Kind) time.Duration {
	long := p.r.IntN(5) == 0
	d := p.between(200*time.Millisecond, 5*time.Second)
	if long {
		d = p.between(5*time.Second, 25*time.Second)
	}
	if k == Reset {
		return 0
	}
	return d
}

// way picks the other end and the direction.
func (p *planner) way(f *Fault, sort string) {
	f.Way = []Way{Both, Both, In, Out}[p.r.IntN(4)]
	if f.Kind == Slow {
		f.Delay = p.between(20*time.Millisecond, 800*time.Millisecond)
	}
	if sort == "executor" {
		// Executors have no names: it is all of them and their agent.
		f.Target, f.Other = "agent"+f.Target[len("executor"):], "executor"
		return
	}
	others := []string{"", ""}
	for i := range p.shape.Masters {
		others = append(others, fmt.Sprint("master", 1+i))
	}
	if sort == "master" {
		others = []string{""}
		for i := range p.shape.Agents {
			others = append(others, fmt.Sprint("agent", 1+i))
		}
		for i := range p.shape.Consuls {
			others = append(others, fmt.Sprint("consul", 1+i))
		}
	}
	f.Other = others[p.r.IntN(len(others))]
}
