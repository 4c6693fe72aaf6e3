package remote

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
)

// Transport is a process.Transport over Proto.Actor's remote protocol.
type Transport struct {
	config   Config
	tls      atomic.Pointer[identity] // nil inside: no TLS
	http     *door
	system   string // a name for this incarnation, as the protocol wants
	addr     string
	in       process.Inbound
	server   *grpc.Server
	listener net.Listener

	ctx    context.Context
	cancel context.CancelCauseFunc
	drain  chan struct{}  // closed when Close begins
	work   sync.WaitGroup // of peers

	mu      sync.Mutex
	peers   map[string]*peer
	sources map[string]*source
	closed  bool

	stats stats
}

type stats struct {
	sent, received, dropped, refused atomic.Uint64
}

// Stats are the transport's numbers since its start.
type Stats struct {
	Sent     uint64 // messages handed to a connection
	Received uint64 // messages handed to the runtime
	Dropped  uint64 // messages that found no room in an outbox, or were in one when its connection broke
	Refused  uint64 // messages and connections that the guard did not accept
	Queued   int    // messages in outboxes now
	Peers    int    // nodes that we are connected to, or are connecting to
	Sources  int    // nodes that are connected to us
}

// New checks the configuration. Nothing is bound before Start.
func New(c Config) (*Transport, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	t := &Transport{config: c.complete(), system: rand.Text(), peers: map[string]*peer{}, sources: map[string]*source{}}
	t.drain = make(chan struct{})
	t.http = newDoor(nil)
	t.ctx, t.cancel = context.WithCancelCause(context.Background())
	if c.TLS != nil {
		id, err := c.TLS.load()
		if err != nil {
			return nil, err
		}
		t.tls.Store(id)
	}
	return t, nil
}

// Start binds the listener and serves.
func (t *Transport) Start(in process.Inbound) (addr string, err error) {
	l, err := net.Listen("tcp", t.config.Listen)
	if err != nil {
		return "", err
	}
	if t.addr, err = t.config.advertised(l.Addr()); err != nil {
		_ = l.Close()
		return "", err
	}
	t.in = in
	t.listen(l)
	return t.addr, nil
}

// listen sorts what comes: actors to our own server, the rest to whoever serves HTTP.
func (t *Transport) listen(l net.Listener) {
	t.http.addr = l.Addr()
	if !t.config.HTTP {
		_ = t.http.Close()
	}
	s := newSplit(t, l)
	t.listener = l
	t.serve(s.actors)
	go s.run() // returns when the listener is closed
}

// HTTP is where connections of HTTP/1.x come out that found this transport's port. With TLS they have done their
// handshake, and are of type *tls.Conn. Serve it soon: nobody waits long for being accepted.
func (t *Transport) HTTP() net.Listener { return t.http }

// Send queues an envelope for the runtime at its To.Addr, connecting first if need be.
func (t *Transport) Send(e process.Envelope) {
	if max(len(e.To.ID), len(e.To.Addr), len(e.From.ID)) > maxName {
		t.stats.dropped.Add(1) // no peer would take it, and it would cost us the connection
		return
	}
	size := proto.Size(e.Msg)
	if size > t.config.MaxMessage {
		t.stats.dropped.Add(1)
		t.config.Log.Warn("a message is too large to be sent", "to", e.To.String(), "type", e.Msg.ProtoReflect().Descriptor().FullName(), "bytes", size, "limit", t.config.MaxMessage)
		return
	}
	for {
		p := t.peer(e.To.Addr)
		if p == nil { // closed
			t.stats.dropped.Add(1)
			return
		}
		if p.enqueue(e, size) {
			return
		}
	}
}

// Connect keeps a connection to a peer until Release.
func (t *Transport) Connect(addr string) {
	for {
		p := t.peer(addr)
		if p == nil || p.want(true) {
			return
		}
	}
}

// Release lets the connection to a peer end when it is no longer used.
func (t *Transport) Release(addr string) {
	t.mu.Lock()
	p := t.peers[addr]
	t.mu.Unlock()
	if p != nil {
		p.want(false)
	}
}

// peer finds or makes the endpoint for an address; nil when the transport is closed.
func (t *Transport) peer(addr string) *peer {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.peers[addr]
	if p == nil && !t.closed {
		p = newPeer(t, addr)
		t.peers[addr] = p
		t.work.Go(p.run)
	}
	return p
}

// Close sends what is queued, as far as ctx and a second allow, and then ends every connection.
func (t *Transport) Close(ctx context.Context) error {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil
	}
	t.closed = true
	t.mu.Unlock()
	close(t.drain)
	done := make(chan struct{})
	go func() { t.work.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	case <-time.After(flushTime):
	}
	t.cancel(errClosed)
	if t.server != nil {
		_ = t.listener.Close()
		t.server.Stop()
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("connections did not end: %w", context.Cause(ctx))
	}
}

// flushTime is how long Close tries to send what is queued.
const flushTime = time.Second

// Stats reads the transport's numbers.
func (t *Transport) Stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := Stats{
		Sent: t.stats.sent.Load(), Received: t.stats.received.Load(),
		Dropped: t.stats.dropped.Load(), Refused: t.stats.refused.Load(),
		Peers: len(t.peers), Sources: len(t.sources),
	}
	for _, p := range t.peers {
		s.Queued += p.queued()
	}
	return s
}

var errClosed = errors.New("the transport is closed")
