package process

import (
	crand "crypto/rand"
	"fmt"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process/metrics"
)

// Base is what a process has of the world. Its methods are for the process itself, while it handles a message.
type Base struct {
	rt      *Runtime
	self    UPID
	process Process
	number  uint64 // in order of spawning
	box     mailbox

	handlers   handlers
	links      map[UPID]uint64 // whom it links to, with the link's sequence number
	before     func()
	afterBatch []func()
	rand       *rand.Rand
	near       *Base // whom it sent to last: most mail goes where the last went
	broken     bool  // a handler panicked
	gone       bool
}

// Self is the process's own name. From anywhere.
func (b *Base) Self() UPID { return b.self }

// Runtime is where the process lives. From anywhere.
func (b *Base) Runtime() *Runtime { return b.rt }

// Log is a logger that names the process. From anywhere.
func (b *Base) Log() *slog.Logger { return b.rt.log.With("process", b.self.ID) }

// Metrics is the registry of the process's runtime. From anywhere.
func (b *Base) Metrics() *metrics.Registry { return b.rt.metrics }

// Queued is how much mail waits for the process: messages from other nodes, and all that comes from its own.
// From anywhere.
func (b *Base) Queued() (outside, inside int) {
	all := b.box.queued()
	outside = int(b.box.outsideMsgs.Load())
	return outside, max(0, all-outside)
}

// Now is the only clock that an actor may read. From anywhere.
func (b *Base) Now() time.Time { return b.rt.clock.Now() }

// Rand is the only chance that an actor may take: it derives from the runtime's seed, the process's id and how
// many were spawned before it.
func (b *Base) Rand() *rand.Rand {
	if b.rand == nil {
		h := fnv.New64a()
		fmt.Fprintf(h, "%s/%d", b.self.ID, b.number)
		b.rand = rand.New(rand.NewPCG(b.rt.seed, h.Sum64()))
	}
	return b.rand
}

// Secret fills p with bytes that nobody can guess: from the operating system, and not from Rand, whose next numbers
// can be computed from the last ones. A runtime with a Seed is a rehearsal and takes them from Rand all the same.
func (b *Base) Secret(p []byte) {
	if !b.rt.rehearsed {
		_, _ = crand.Read(p) // it never fails; it ends the program instead
		return
	}
	for i := range p {
		p[i] = byte(b.Rand().Uint32())
	}
}

// Send sends at most once, in order for each pair of sender and receiver. The message must not be changed
// afterwards, by anybody, because a receiver here gets the very same.
func (b *Base) Send(to UPID, m proto.Message) {
	var hint *Base
	if n := b.near; n != nil && n.self == to {
		hint = n
	} else if to.Addr == b.rt.addr {
		hint = b.rt.registry.get(to.ID)
		b.near = hint
	}
	if hint != nil && len(b.rt.taps) == 0 && hint.box.post(mail{from: &b.self, body: m}) {
		return
	}
	b.near = nil
	b.rt.send(Envelope{From: b.self, To: to, Msg: m})
}

// Dispatch runs f on this process after everything that it has been sent so far. From anywhere.
func (b *Base) Dispatch(f func()) { b.box.post(mail{kind: kindThunk, body: f}) }

// AfterBatch runs f after each batch of mail in which at least one message was handled, for instance to publish
// a view once for many changes. How large a batch is, is the stage's business.
func (b *Base) AfterBatch(f func()) { b.afterBatch = append(b.afterBatch, f) }

// Before runs f before each piece of mail is handled, whatever it is: for a process that may have lost the right to act
// since the last one. It must be quick; one that finds that the process may not go on calls Fatal.
func (b *Base) Before(f func()) { b.before = f }

// Drained reports whether no mail waits for the process. It is for what AfterBatch runs: a process that is drained
// will not run again until somebody sends something.
func (b *Base) Drained() bool { return b.box.out.len == 0 && b.box.queued() == 0 }

// Terminate ends this process after the current message.
func (b *Base) Terminate() { b.box.stop() }

// Fatal is for a broken invariant or lost persistence: it ends the operating-system process through
// Config.OnPanic and does not return.
func (b *Base) Fatal(err error) { panic(err) }

// handle does one piece of mail.
func (b *Base) handle(m *mail) {
	if b.before != nil && m.kind != kindStop {
		b.before()
	}
	switch m.kind {
	case kindMessage:
		b.invoke(*m.from, m.body, Principal{})
	case kindOutside:
		o := m.body.(*outside)
		b.box.dismiss(o.size)
		b.invoke(o.from, o.msg, o.principal)
	case kindThunk:
		m.body.(func())()
	case kindErrand:
		m.body.(errand).Do()
	case kindExited:
		b.exited(m.body.(*exited))
	case kindStop:
		b.box.stop()
	case kindForeign:
		b.box.invoker.InvokeUserMessage(m.body)
	}
}

func (b *Base) deliver(from UPID, m proto.Message, p Principal) { b.invoke(from, m, p) }

// exited passes on the end of a link, unless the link is no more or a younger one.
func (b *Base) exited(e *exited) {
	if b.links[e.who] != e.seq {
		return
	}
	delete(b.links, e.who)
	if x, ok := b.process.(Exiter); ok {
		x.Exited(e.who)
	}
}

// finalize is the last that the process itself does; one with a broken invariant does nothing more.
func (b *Base) finalize() {
	if f, ok := b.process.(Finalizer); ok && !b.broken {
		f.Finalize()
	}
}

// leave takes the process out of the runtime and tells those who linked to it.
func (b *Base) leave() {
	if b.gone {
		return
	}
	b.gone = true
	b.rt.routes.remove(b)
	b.rt.links.ended(b)
}

// crash ends the process after a panic.
func (b *Base) crash(what any, stack []byte) {
	b.broken = true
	b.rt.onPanic(b.self, what, stack)
	if b.gone {
		return
	}
	if b.box.invoker == nil { // it never became an actor
		b.leave()
		return
	}
	b.box.invoker.InvokeSystemMessage(&actor.Stop{})
	if !b.gone { // it panicked while it was ending already, so Proto.Actor will not end it again
		theatre().ProcessRegistry.Remove(&actor.PID{Id: b.rt.cast.prefix + b.self.ID})
		b.leave()
	}
}

// sortedLinks lists whom the process links to, in the order in which it did.
func (b *Base) sortedLinks() []UPID {
	all := make([]UPID, 0, len(b.links))
	for to := range b.links {
		all = append(all, to)
	}
	slices.SortFunc(all, func(x, y UPID) int { return int(int64(b.links[x] - b.links[y])) })
	return all
}
