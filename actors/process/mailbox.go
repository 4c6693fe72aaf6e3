package process

import (
	"context"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"google.golang.org/protobuf/proto"
)

// mail is one entry of a mailbox. It is a small value, so that sending allocates nothing.
type mail struct {
	from *UPID // nil: nobody
	kind kind
	body any
}

type kind uint8

const (
	kindMessage kind = iota // body is a proto.Message from here
	kindOutside             // body is *outside
	kindThunk               // body is func()
	kindErrand              // body is an errand
	kindExited              // body is *exited
	kindStop
	kindForeign // body is what a plain Proto.Actor sender sent
)

// outside is a message that came from another node and counts against the inbox.
type outside struct {
	from      UPID
	msg       proto.Message
	principal Principal
	size      int
}

// errand is mail that somebody waits for: it is either done, or dropped when the process ends first.
type errand interface {
	Do()
	Drop()
}

type exited struct {
	who UPID
	seq uint64
}

// mailbox is the queue of one process, in Proto.Actor's terms its Mailbox and its Actor. It has one lock for
// each batch of mail instead of for each message: senders append to one slice while the process eats another.
// Unlike Proto.Actor's own it gives control back after any number of messages, which is what lets a Stage
// decide every single step.
type mailbox struct {
	base    *Base
	invoker actor.MessageInvoker

	mu        sync.Mutex
	in        queue
	system    []any // Proto.Actor's own words; they overtake
	scheduled bool  // handed to the stage
	ended     bool
	done      chan struct{} // made by the first who waits
	one       [1]any        // what system begins with: more than one word at a time is rare

	urgent atomic.Bool // system is not empty

	// Only the one who runs touches these.
	out     queue
	current mail

	handled      atomic.Uint64
	busy         atomic.Int64 // nanoseconds, estimated
	batches      uint8        // only the one who runs touches it
	outsideMsgs  atomic.Int64
	outsideBytes atomic.Int64
	overflow     atomic.Uint64
}

func (m *mailbox) init(b *Base) {
	m.base = b
	m.system = m.one[:0]
	m.scheduled = true // spawn hands it to the stage
}

// UPID names the process to a Stage.
func (m *mailbox) UPID() UPID { return m.base.self }

// post appends mail and says whether the process was still there to get it.
func (m *mailbox) post(l mail) bool {
	m.mu.Lock()
	if m.ended {
		m.mu.Unlock()
		return false
	}
	m.in.push(l)
	edge := !m.scheduled
	m.scheduled = true
	m.mu.Unlock()
	if edge {
		m.base.rt.stage.Ready(m)
	}
	return true
}

// postOutside appends what came from another node, unless too much of that is waiting already.
func (m *mailbox) postOutside(e Envelope) {
	size := proto.Size(e.Msg)
	if !m.admit(size) {
		return
	}
	if !m.post(mail{kind: kindOutside, body: &outside{e.From, e.Msg, e.Principal, size}}) {
		m.base.rt.stats.undeliverable.Add(1)
	}
}

func (m *mailbox) admit(size int) bool {
	limit := &m.base.rt.inbox
	msgs, bytes := m.outsideMsgs.Add(1), m.outsideBytes.Add(int64(size))
	if limit.Msgs > 0 && msgs > int64(limit.Msgs) || limit.Bytes > 0 && bytes > int64(limit.Bytes) {
		m.dismiss(size)
		m.overflow.Add(1)
		m.base.rt.stats.overflow.Add(1)
		return false
	}
	return true
}

func (m *mailbox) dismiss(size int) {
	m.outsideMsgs.Add(-1)
	m.outsideBytes.Add(-int64(size))
}

// queued is how much mail waits.
func (m *mailbox) queued() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.in.len
}

// stop ends the process before it handles anything more.
func (m *mailbox) stop() { m.PostSystemMessage(&actor.Stop{}) }

func (m *mailbox) wait(ctx context.Context) error {
	m.mu.Lock()
	if m.ended {
		m.mu.Unlock()
		return nil
	}
	if m.done == nil {
		m.done = make(chan struct{})
	}
	done := m.done
	m.mu.Unlock()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Run handles at most max messages.
func (m *mailbox) Run(max int) (more bool) {
	handled := 0
	defer m.rescue(&more)
	if m.batches++; m.batches%busySample == 0 {
		began := m.base.rt.clock.Now()
		defer m.time(began)
	}
	if m.invoker == nil && !m.base.gone {
		m.base.rt.cast.enter(m.base)
	}
	for handled < max && !m.base.gone {
		if m.urgent.Load() {
			m.runSystem()
		} else if m.out.len > 0 || m.refill() {
			m.current = m.out.pop()
			m.invoker.InvokeUserMessage(m)
			m.current = mail{}
		} else {
			break
		}
		handled++
	}
	m.handled.Add(uint64(handled))
	if handled > 0 && !m.base.gone {
		for _, f := range m.base.afterBatch {
			f()
		}
	}
	return m.rest()
}

// busySample is which part of all batches is timed: reading the clock costs as much as a short message.
const busySample = 16

func (m *mailbox) time(began time.Time) {
	m.busy.Add(int64(m.base.rt.clock.Now().Sub(began)) * busySample)
}

// refill takes over what has been sent meanwhile.
func (m *mailbox) refill() bool {
	m.mu.Lock()
	m.out, m.in = m.in, queue{}
	m.mu.Unlock()
	return m.out.len > 0
}

// rest goes idle if nothing is left to do.
func (m *mailbox) rest() (more bool) {
	if m.base.gone {
		m.bury()
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.out.len > 0 || m.in.len > 0 || len(m.system) > 0 {
		return true
	}
	m.scheduled = false
	return false
}

// bury closes the queue for ever and tells those who wait for something in it.
func (m *mailbox) bury() {
	m.mu.Lock()
	late := m.in
	m.in, m.system = queue{}, nil
	m.ended = true
	done := m.done
	m.mu.Unlock()
	m.out.drop()
	late.drop()
	if done != nil {
		close(done)
	}
}

func (m *mailbox) runSystem() {
	m.mu.Lock()
	msg := m.system[0]
	m.system = m.system[1:]
	if len(m.system) == 0 {
		m.one[0] = nil
		m.system = m.one[:0]
	}
	m.urgent.Store(len(m.system) > 0)
	m.mu.Unlock()
	m.invoker.InvokeSystemMessage(msg)
}

// rescue ends a process whose handler panicked.
func (m *mailbox) rescue(more *bool) {
	what := recover()
	if what == nil {
		return
	}
	m.current = mail{}
	m.base.crash(what, debug.Stack())
	*more = m.rest()
}

// Receive is the actor's side: everything that Proto.Actor invokes ends here.
func (m *mailbox) Receive(ctx actor.Context) {
	b := m.base
	switch msg := ctx.Message().(type) {
	case *mailbox:
		b.handle(&m.current)
	case *actor.Started:
		b.process.Initialize(b)
	case *actor.Stopping:
		b.finalize()
	case *actor.Stopped:
		b.leave()
	default:
		if p, ok := msg.(proto.Message); ok {
			b.deliver(senderOf(ctx), p, Principal{})
		}
	}
}

func senderOf(ctx actor.Context) UPID {
	if s := ctx.Sender(); s != nil {
		return UPID{ID: s.Id, Addr: s.Address}
	}
	return UPID{}
}

// The rest is actor.Mailbox, for those who reach the process through Proto.Actor itself.

// PostUserMessage takes a message from a plain Proto.Actor sender.
func (m *mailbox) PostUserMessage(msg any) { m.post(mail{kind: kindForeign, body: msg}) }

// PostSystemMessage takes Proto.Actor's own words.
func (m *mailbox) PostSystemMessage(msg any) {
	m.mu.Lock()
	if m.ended {
		m.mu.Unlock()
		return
	}
	m.system = append(m.system, msg)
	if _, ok := msg.(*actor.Started); ok {
		// Nothing comes before it, not even a Stop that was injected right after the spawn.
		copy(m.system[1:], m.system)
		m.system[0] = msg
	}
	m.urgent.Store(true)
	edge := !m.scheduled
	m.scheduled = true
	m.mu.Unlock()
	if edge {
		m.base.rt.stage.Ready(m)
	}
}

// RegisterHandlers keeps the actor's context. The dispatcher is not needed: the stage is ours.
func (m *mailbox) RegisterHandlers(invoker actor.MessageInvoker, _ actor.Dispatcher) {
	m.invoker = invoker
}

// Start has nothing to do: whoever enters the process runs it already.
func (m *mailbox) Start() {}

// UserMessageCount is how much mail waits.
func (m *mailbox) UserMessageCount() int { return m.queued() }
