package testkit

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// Node is one simulated machine, or rather one operating-system process on it: an address, a process.Runtime and
// a Disk. The runtime dies with a crash; the address and, unless it is asked otherwise, the disk stay.
type Node struct {
	world *World
	name  string
	addr  string
	disk  *Disk
	boot  func(*Node)
	death func(*Node, process.UPID, any)
	died  []func(*Node)
	waits bool
	lives int
	skew  time.Duration // of its wall clock
	life  *life         // nil while the node is down
}

// life is a Node between a start and a crash. What belongs to it is deaf and dumb once it is dead, so that
// nothing of an earlier life can reach a later one.
type life struct {
	node *Node
	dead bool
	rt   *process.Runtime
	in   process.Inbound
	jobs []*job
	free []*turn
	// strands are the jobs that wait for something, see Await.
	strands []*strand
	// ending says that the node was told to end.
	ending bool
	// paused holds back everything that the node would do; parked is what has been held back.
	paused *pause
	parked []entity
	mark   uint64 // the node's name in the trace hash
}

// NodeOption shapes a Node.
type NodeOption func(*Node)

// Address sets the node's address, "10.0.0.1:5050"; without it a node a1 is at "a1:5050".
func Address(hostport string) NodeOption { return func(n *Node) { n.addr = hostport } }

// Boot sets what the node does whenever it starts, the first time and after each crash: spawn its processes on
// n.Runtime(), with what it finds on n.Disk().
func Boot(f func(n *Node)) NodeOption { return func(n *Node) { n.boot = f } }

// Mortal allows processes of the node to panic or call Base.Fatal: the node crashes, as a real one would, and f
// (which may be nil) is told. Without it such an end fails the test.
func Mortal(f func(n *Node, who process.UPID, why any)) NodeOption {
	return func(n *Node) {
		if f == nil {
			f = func(*Node, process.UPID, any) {}
		}
		n.death = f
	}
}

// Died has f called after each end of the node: what a kernel or a service far away notices then.
func Died(f func(n *Node)) NodeOption { return func(n *Node) { n.died = append(n.died, f) } }

// Waits lets work in process.Go of the node wait for the world with Await. It costs a little for each piece of work.
func Waits() NodeOption { return func(n *Node) { n.waits = true } }

// Node makes a node and starts it.
func (w *World) Node(name string, options ...NodeOption) *Node {
	w.t.Helper()
	n := &Node{world: w, name: name, addr: name + ":5050", disk: newDisk(w)}
	for _, o := range options {
		o(n)
	}
	if _, taken := w.byAddr[n.addr]; taken {
		w.fail("node %s: the address %s is taken by another node", name, n.addr)
		w.report()
		return n
	}
	w.nodes = append(w.nodes, n)
	w.byAddr[n.addr] = n
	n.start()
	return n
}

func (n *Node) start() {
	w := n.world
	n.lives++
	l := &life{node: n}
	var d digest
	d.text(n.addr)
	l.mark = uint64(d)
	n.life = l
	d.word(w.seed)
	d.word(uint64(n.lives))
	rt, err := process.New(process.Config{
		Transport: &port{life: l},
		Clock:     clock{l},
		Stage:     &stage{l},
		Seed:      uint64(d) | 1, // never 0, which asks for a seed of the machine's
		OnPanic:   l.panicked,
		Log:       w.logger(l),
		Taps:      []process.Tap{l.tap},
	})
	if err != nil {
		w.fail("node %s does not start: %v", n.name, err)
		w.report()
		return
	}
	l.rt = rt
	w.note("start", l, "life %d", n.lives)
	if n.boot != nil {
		n.boot(n)
	}
}

// Name is the name that the node was made with.
func (n *Node) Name() string { return n.name }

// String is the node's address.
func (n *Node) String() string { return n.addr }

// Node makes a Node a Placed.
func (n *Node) Node() *Node { return n }

// World is where the node is.
func (n *Node) World() *World { return n.world }

// Up reports whether the node runs.
func (n *Node) Up() bool { return n.life != nil }

// Lives counts the starts of the node.
func (n *Node) Lives() int { return n.lives }

// Disk survives crashes.
func (n *Node) Disk() *Disk { return n.disk }

// Runtime is the runtime of the node's present life. It is nil while the node is down.
func (n *Node) Runtime() *process.Runtime {
	if n.life == nil {
		return nil
	}
	return n.life.rt
}

// UPID is the address of a process of the node, whether it exists or not.
func (n *Node) UPID(id string) process.UPID { return process.UPID{ID: id, Addr: n.addr} }

// Crash ends the node's process as kill -9 would: no word to anybody, but the kernel closes the connections, so
// that peers notice within a moment. What was written to the disk is there, synced or not. Work in Go may have
// happened, or not, or half.
//
// It may be called from inside the world too, for example from a Boot, an At or a filter.
func (n *Node) Crash() { n.die("crash", false) }

// Terminate tells the node to end, as SIGTERM does: its processes end one after the other, the youngest first, and have their
// Finalize. Who takes longer than grace is killed.
func (n *Node) Terminate(grace time.Duration) {
	l := n.life
	if l == nil || l.ending {
		return
	}
	w := n.world
	w.note("terminate", l, "")
	l.ending = true
	deadline := w.now + grace
	w.at(deadline, nil, "kill", func() {
		if !l.dead {
			n.Crash()
		}
	})
	var next func()
	next = func() {
		if l.rt.StopYoungest() {
			w.at(w.now+time.Millisecond, l, "end", next)
			return
		}
		n.die("exit", false)
	}
	next()
}

// PowerOff ends the node as a pulled plug would: writes that were not synced may be lost or torn, and peers
// notice only when their keepalives fail.
func (n *Node) PowerOff() { n.die("power off", true) }

func (n *Node) die(how string, power bool) {
	l := n.life
	if l == nil {
		return
	}
	w := n.world
	w.note(how, l, "")
	l.dead = true
	l.parked = nil
	n.life = nil
	n.abandonWork(l)
	l.endStrands()
	if power {
		n.disk.powerLoss()
	}
	w.net.nodeDied(n, power)
	for _, f := range n.died {
		f(n)
	}
}

// abandonWork decides for each piece of blocking work that was underway how far it came. Whoever waited for the
// answer is dead, but the effects are real.
func (n *Node) abandonWork(l *life) {
	w := n.world
	for _, j := range l.jobs {
		if j.done {
			continue
		}
		w.dropJob(j)
		switch w.choose(fates, 3) {
		case 0:
			w.note("work", l, "not begun when the node died")
		case 1:
			w.note("work", l, "done, but nobody heard of it")
			j.run()
		case 2:
			w.note("work", l, "torn by the death of the node")
			n.disk.tear(w.choose(fates, 4))
			j.run()
			n.disk.mend()
		}
	}
	l.jobs = nil
	if l.rt != nil {
		l.rt.Abandon()
	}
}

// Restart starts a node again, after a crash if it was still up. Its Boot runs.
func (n *Node) Restart() {
	n.die("crash", false)
	n.start()
}

// Replace starts the node again with an empty disk: a new machine at the old address.
func (n *Node) Replace() {
	n.die("power off", true)
	n.disk = newDisk(n.world)
	n.start()
}

// panicked is what the runtime calls instead of ending the operating-system process.
func (l *life) panicked(who process.UPID, why any, stack []byte) {
	n := l.node
	if l.dead {
		return
	}
	if n.death == nil {
		if stack == nil {
			stack = debug.Stack()
		}
		n.world.fail("%v ended its node: %v\n\n%s", who, why, stack)
		return
	}
	n.world.note("fatal", l, "%s: %v", who.ID, why)
	n.Crash()
	n.death(n, who, why)
}

// Placed is whatever is on one node: a Node, a Probe, a member of a cast.
type Placed interface{ Node() *Node }

func names(of []Placed) string {
	var s string
	for i, p := range of {
		if i > 0 {
			s += ", "
		}
		s += p.Node().name
	}
	return fmt.Sprintf("[%s]", s)
}
