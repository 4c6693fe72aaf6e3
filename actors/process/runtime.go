package process

import (
	"context"
	crand "crypto/rand"
	"encoding/binary"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/actors/process/processpb"
)

// Config is everything that a Runtime can be told. The zero value is complete: a runtime that talks to nobody.
type Config struct {
	// Transport connects the runtime to others. Nil: it talks to nobody and its address is LocalAddr.
	Transport Transport
	// Clock is the time that actors see. Nil: the real one.
	Clock Clock
	// Stage runs the actors. Nil: a pool of one worker for each CPU.
	Stage Stage
	// Seed is where the randomness of every actor derives from. Zero: taken from the operating system.
	Seed uint64
	// Inbox bounds what other nodes and HTTP clients may have queued at one process; what comes in above it is
	// dropped and counted. What local actors send is never dropped. Zero: 100,000 messages, 256 MiB.
	Inbox Limits
	// OnPanic hears of a panic in an actor, or of Base.Fatal, with the stack. Nil: log it and exit with status
	// 134, as an abort does. When it returns the process is ended without its Finalize.
	OnPanic func(UPID, any, []byte)
	// Log is where the runtime and its actors log. Nil: slog.Default().
	Log *slog.Logger
	// Taps see every message, in this order, until one drops it.
	Taps []Tap
	// HTTP is how ServeHTTP serves the routes of the processes.
	HTTP HTTPConfig
}

var defaultInbox = Limits{Msgs: 100_000, Bytes: 256 << 20}

// Runtime is a home for processes: one address, one clock, one stage.
type Runtime struct {
	addr      string
	transport Transport
	clock     Clock
	stage     Stage
	seed      uint64
	rehearsed bool // the seed was given
	inbox     Limits
	onPanic   func(UPID, any, []byte)
	log       *slog.Logger
	taps      []Tap
	http      HTTPConfig

	registry registry
	metrics  *metrics.Registry
	links    links
	cast     cast
	routes   routes
	stats    counters
	spawned  atomic.Uint64
	closed   atomic.Bool
}

// New makes a runtime and binds its transport, so that Addr is final before the first process is spawned.
func New(c Config) (*Runtime, error) {
	r := &Runtime{
		addr: LocalAddr, transport: c.Transport, clock: c.Clock, stage: c.Stage, seed: c.Seed, rehearsed: c.Seed != 0,
		inbox: c.Inbox, onPanic: c.OnPanic, log: c.Log, taps: slices.Clone(c.Taps), http: c.HTTP,
	}
	if r.clock == nil {
		r.clock = realClock{}
	}
	if r.log == nil {
		r.log = slog.Default()
	}
	if r.seed == 0 {
		var b [8]byte
		if _, err := crand.Read(b[:]); err != nil {
			return nil, fmt.Errorf("seed: %w", err)
		}
		r.seed = binary.LittleEndian.Uint64(b[:])
	}
	r.inbox = r.inbox.or(defaultInbox)
	if r.http.MaxBody == 0 {
		r.http.MaxBody = defaultMaxBody
	}
	if r.onPanic == nil {
		r.onPanic = r.abort
	}
	r.metrics = metrics.New(r.clock.Now)
	r.registry.init()
	r.links.init(r)
	r.cast.init(r)
	if r.stage == nil {
		r.stage = newPool()
	}
	if r.transport != nil {
		in := inbound{r, make(chan struct{})}
		defer close(in.bound) // the last thing to happen here
		addr, err := r.transport.Start(in)
		if err != nil {
			_ = r.stage.Close(context.Background())
			return nil, fmt.Errorf("start transport: %w", err)
		}
		r.addr = addr
	}
	r.links.addr = r.addr
	return r, nil
}

func (l Limits) or(d Limits) Limits {
	if l.Msgs == 0 {
		l.Msgs = d.Msgs
	}
	if l.Bytes == 0 {
		l.Bytes = d.Bytes
	}
	return l
}

// Addr is the address in the UPIDs of this runtime's processes.
func (r *Runtime) Addr() string { return r.addr }

// Metrics is where the processes of this runtime count what they do. Its histories are dated by the runtime's
// clock.
func (r *Runtime) Metrics() *metrics.Registry { return r.metrics }

// Log is the runtime's logger.
func (r *Runtime) Log() *slog.Logger { return r.log }

// UPID is the name that a process with this id has here, whether it exists or not.
func (r *Runtime) UPID(id string) UPID { return UPID{ID: id, Addr: r.addr} }

// Post sends a message that comes from nobody, from outside of all actors.
func (r *Runtime) Post(to UPID, m proto.Message) { r.send(Envelope{To: to, Msg: m}) }

// Shutdown ends every process, the youngest first, then the transport, then the stage. It is
// called from outside of all actors.
func (r *Runtime) Shutdown(ctx context.Context) error {
	if r.closed.Swap(true) {
		return nil
	}
	var err error
	// The youngest first, as deferred calls run: who came later leans on who was there before.
	for _, b := range slices.Backward(r.registry.all()) {
		b.box.stop()
		if e := b.box.wait(ctx); e != nil && err == nil {
			err = fmt.Errorf("process %s did not end: %w", b.self.ID, e)
		}
	}
	r.links.close()
	if r.transport != nil {
		if e := r.transport.Close(ctx); e != nil && err == nil {
			err = fmt.Errorf("close transport: %w", e)
		}
	}
	if e := r.stage.Close(ctx); e != nil && err == nil {
		err = fmt.Errorf("close stage: %w", e)
	}
	return err
}

// send routes an envelope: to a process here, or to the transport.
func (r *Runtime) send(e Envelope) {
	if !r.pass(e) {
		return
	}
	if e.To.Addr != r.addr {
		if r.transport != nil {
			r.transport.Send(e)
		}
		return
	}
	from := e.From // its own variable, or every envelope would be allocated for its sake
	if b := r.registry.get(e.To.ID); b == nil || !b.box.post(mail{from: &from, body: e.Msg}) {
		r.stats.undeliverable.Add(1)
	}
}

func (r *Runtime) pass(e Envelope) bool {
	for _, tap := range r.taps {
		if tap(e) == Drop {
			return false
		}
	}
	return true
}

// inbound is the runtime as its transport sees it. Peers that know the port from a former life may speak as soon as
// it is bound; they wait until the runtime knows its own address, by which what they say is judged.
type inbound struct {
	r     *Runtime
	bound chan struct{} // closed by then
}

func (in inbound) Receive(e Envelope) {
	<-in.bound
	r := in.r
	// Nobody outside may speak in the name of a process that lives here, nor reach one by another's address.
	if e.Msg == nil || e.To.Addr != r.addr || e.From.Addr == r.addr {
		r.stats.refused.Add(1)
		return
	}
	switch m := e.Msg.(type) {
	case *processpb.Link, *processpb.Linked, *processpb.Unlink, *processpb.Exited:
		if e.From.IsZero() {
			r.stats.refused.Add(1)
			return
		}
		r.links.receive(e.From, e.To, m)
		return
	}
	if !r.pass(e) {
		return
	}
	b := r.registry.get(e.To.ID)
	if b == nil {
		r.stats.undeliverable.Add(1)
		return
	}
	b.box.postOutside(e)
}

func (in inbound) PeerLost(peer string, why error) {
	<-in.bound
	in.r.log.Debug("peer lost", "peer", peer, "why", why)
	in.r.links.peerLost(peer)
}

// abort is the default OnPanic. Going on without the actor would be going on with a broken invariant.
func (r *Runtime) abort(u UPID, what any, stack []byte) {
	r.log.Error("an actor failed; exiting", "process", u.String(), "failure", fmt.Sprint(what), "stack", string(stack))
	os.Exit(134)
}

// registry finds processes by id. It is read on every send and written on spawn and exit, hence the shards.
type registry struct{ shards [16]shard }

type shard struct {
	mu  sync.RWMutex
	ids map[string]*Base
	_   [32]byte // keeps neighbours off one cache line
}

func (g *registry) init() {
	for i := range g.shards {
		g.shards[i].ids = map[string]*Base{}
	}
}

func (g *registry) shard(id string) *shard {
	// FNV-1a: a fixed function, so that nothing differs between two runs of one seed.
	h := uint32(2166136261)
	for i := range len(id) {
		h = (h ^ uint32(id[i])) * 16777619
	}
	return &g.shards[(h^h>>16)%uint32(len(g.shards))]
}

func (g *registry) get(id string) *Base {
	s := g.shard(id)
	s.mu.RLock()
	b := s.ids[id]
	s.mu.RUnlock()
	return b
}

func (g *registry) add(b *Base) bool {
	s := g.shard(b.self.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[b.self.ID] != nil {
		return false
	}
	s.ids[b.self.ID] = b
	return true
}

func (g *registry) remove(b *Base) {
	s := g.shard(b.self.ID)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ids[b.self.ID] == b {
		delete(s.ids, b.self.ID)
	}
}

// all lists the processes in the order of their spawning.
func (g *registry) all() []*Base {
	var all []*Base
	for i := range g.shards {
		s := &g.shards[i]
		s.mu.RLock()
		for _, b := range s.ids {
			all = append(all, b)
		}
		s.mu.RUnlock()
	}
	slices.SortFunc(all, func(a, b *Base) int { return int(a.number) - int(b.number) })
	return all
}
