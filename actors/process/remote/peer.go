package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"

	"github.com/meseta-io/meseta/actors/process"
)

// peer is a node that we send to: its outbox, and the goroutine that keeps a connection to it as long as
// somebody wants one or something is queued.
type peer struct {
	t    *Transport
	addr string
	wake chan struct{}

	mu      sync.Mutex
	queue   []process.Envelope
	sizes   []int
	msgs    int // queued or being written
	bytes   int
	wanted  bool // between Connect and Release or PeerLost
	retired bool // run has ended; make a new one
}

func newPeer(t *Transport, addr string) *peer {
	return &peer{t: t, addr: addr, wake: make(chan struct{}, 1)}
}

const (
	// A batch is written when it has this many bytes or messages. Small enough that a large message waits
	// little behind others, large enough that the cost of a write is shared.
	batchBytes = 64 << 10
	batchMsgs  = 1000
	// idleTime is how long a connection that nobody wants is kept for what may be sent next.
	idleTime = time.Minute
	// After a connection broke or was refused the next one waits a little, and longer each time, so that a
	// peer that is down costs nothing.
	firstPause = 20 * time.Millisecond
	lastPause  = time.Second
)

// enqueue puts an envelope into the outbox, or drops it if there is no room. It is false if the peer has
// retired meanwhile.
func (p *peer) enqueue(e process.Envelope, size int) bool {
	limit := p.t.config.Outbox
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.retired {
		return false
	}
	// One message always fits, however large, or it could never be sent.
	if p.msgs > 0 && (limit.Msgs > 0 && p.msgs >= limit.Msgs || limit.Bytes > 0 && p.bytes+size > limit.Bytes) {
		p.t.stats.dropped.Add(1)
		return true
	}
	p.queue = append(p.queue, e)
	p.sizes = append(p.sizes, size)
	p.msgs++
	p.bytes += size
	p.rouse()
	return true
}

func (p *peer) rouse() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// want says whether losing the peer has to be reported. It is false if the peer has retired.
func (p *peer) want(wanted bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = wanted
	return !p.retired
}

func (p *peer) queued() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.msgs
}

// run connects, again and again, until nobody needs it.
func (p *peer) run() {
	pause := firstPause
	for {
		connected, err := p.session()
		if err != nil {
			p.lost(err)
			if connected {
				pause = firstPause
			}
			select {
			case <-time.After(pause):
			case <-p.t.ctx.Done():
			case <-p.t.drain:
			}
			pause = min(2*pause, lastPause)
		}
		if p.retire() {
			return
		}
	}
}

// retire takes the peer off the transport, unless it is needed again.
func (p *peer) retire() bool {
	p.t.mu.Lock()
	defer p.t.mu.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if (p.wanted || p.msgs > 0) && !p.t.closed {
		return false
	}
	p.retired = true
	p.t.stats.dropped.Add(uint64(p.msgs))
	delete(p.t.peers, p.addr)
	return true
}

// lost drops what is queued, because it was sent to the connection that is gone, and reports the loss if
// somebody asked for that.
func (p *peer) lost(err error) {
	p.mu.Lock()
	p.t.stats.dropped.Add(uint64(p.msgs))
	p.queue, p.sizes, p.msgs, p.bytes = nil, nil, 0, 0
	report := p.wanted
	p.wanted = false
	p.mu.Unlock()
	level := slog.LevelDebug
	if distrust(err) {
		level = slog.LevelWarn // it will not get better without an operator
	}
	p.t.config.Log.Log(p.t.ctx, level, "connection to peer lost", "peer", p.addr, "why", err)
	if report && p.t.ctx.Err() == nil {
		p.t.awaitSource(p.addr)
		p.t.in.PeerLost(p.addr, err)
	}
}

// distrust says whether a connection failed because one of the two sides cannot prove who it is. gRPC keeps the words alone.
func distrust(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "tls: ") || strings.Contains(err.Error(), "x509: "))
}

// session is one connection from dialling to its end. Without an error it ended because it was idle or the
// transport closes.
func (p *peer) session() (connected bool, err error) {
	conn, err := grpc.NewClient("passthrough:///"+p.addr, p.t.dialOptions()...)
	if err != nil {
		return false, err
	}
	defer func() { _ = conn.Close() }() // it is gone either way
	ctx, cancel := context.WithCancelCause(p.t.ctx)
	defer cancel(nil)
	late := time.AfterFunc(p.t.config.ConnectTimeout, func() { cancel(errLate) })
	stream, err := p.introduce(ctx, conn)
	if !late.Stop() || err != nil {
		return false, cause(ctx, err)
	}
	p.t.config.Log.Debug("connected to peer", "peer", p.addr)
	ended := make(chan struct{})
	p.t.work.Go(func() { defer close(ended); cancel(listen(stream)) })
	return true, p.pump(ctx, stream, ended)
}

var (
	errLate       = errors.New("the peer did not answer in time")
	errSentAway   = errors.New("the peer said good-bye")
	errNotWelcome = errors.New("the peer does not want us")
)

// cause is why a context ended, which says more than the error of the call that noticed.
func cause(ctx context.Context, err error) error {
	if c := context.Cause(ctx); c != nil {
		return c
	}
	return err
}

func (p *peer) introduce(ctx context.Context, conn *grpc.ClientConn) (remote.Remoting_ReceiveClient, error) {
	stream, err := remote.NewRemotingClient(conn).Receive(ctx, grpc.ForceCodecV2(codec{}))
	if err != nil {
		return nil, err
	}
	if err := stream.Send(introduction(p.t.system, p.t.addr)); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	answer, err := stream.Recv() // also tells why Send failed
	if err != nil {
		return nil, err
	}
	if r := answer.GetConnectResponse(); r == nil || r.Blocked {
		return nil, errNotWelcome
	}
	return stream, nil
}

// listen waits for the end of the connection. A peer sends nothing on it but a good-bye.
func listen(stream remote.Remoting_ReceiveClient) error {
	for {
		m, err := stream.Recv()
		if err != nil {
			return fmt.Errorf("connection lost: %w", err)
		}
		if m.GetDisconnectRequest() != nil {
			return errSentAway
		}
	}
}

// pump writes what is queued until the connection ends.
func (p *peer) pump(ctx context.Context, stream remote.Remoting_ReceiveClient, ended <-chan struct{}) error {
	var b batch
	var envelopes []process.Envelope
	var sizes []int
	for {
		var err error
		envelopes, sizes, err = p.take(ctx, envelopes, sizes)
		if err != nil {
			return cause(ctx, err)
		}
		if len(envelopes) == 0 {
			return hangUp(stream, ended)
		}
		if err := p.write(stream, &b, envelopes, sizes); err != nil {
			// Only the reading side knows why the stream broke.
			<-ended
			return cause(ctx, err)
		}
	}
}

// hangUp says that nothing follows, and waits until the peer has read everything and hangs up too.
func hangUp(stream remote.Remoting_ReceiveClient, ended <-chan struct{}) error {
	_ = stream.CloseSend() // never fails
	<-ended
	return nil
}

// take waits for mail. Nothing and no error mean that the connection is not needed any more.
func (p *peer) take(ctx context.Context, envelopes []process.Envelope, sizes []int) ([]process.Envelope, []int, error) {
	clear(envelopes) // let go of the messages
	var idle <-chan time.Time
	for {
		p.mu.Lock()
		if len(p.queue) > 0 {
			if cap(envelopes) > 4*batchMsgs {
				envelopes, sizes = nil, nil // after a flood, give the memory back
			}
			p.queue, envelopes = envelopes[:0], p.queue
			p.sizes, sizes = sizes[:0], p.sizes
			p.mu.Unlock()
			return envelopes, sizes, nil
		}
		wanted := p.wanted
		p.mu.Unlock()
		if idle == nil {
			idle = time.After(idleTime)
		}
		select {
		case <-p.wake:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		case <-p.t.drain:
			return p.takeLast()
		case <-idle:
			if !wanted {
				return nil, nil, nil
			}
			idle = nil
		}
	}
}

// takeLast empties the outbox when the transport closes.
func (p *peer) takeLast() ([]process.Envelope, []int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	envelopes, sizes := p.queue, p.sizes
	p.queue, p.sizes = nil, nil
	return envelopes, sizes, nil
}

// write sends envelopes in as many batches as it takes.
func (p *peer) write(stream remote.Remoting_ReceiveClient, b *batch, envelopes []process.Envelope, sizes []int) error {
	for i := 0; i < len(envelopes); {
		b.reset(frames.take())
		bytes, first := 0, i
		for ; i < len(envelopes) && i-first < batchMsgs && (i == first || len(b.buf)+sizes[i] <= batchBytes); i++ {
			bytes += sizes[i]
			if err := b.add(envelopes[i]); err != nil {
				p.t.stats.dropped.Add(1)
				p.t.config.Log.Error("a message cannot be encoded", "to", envelopes[i].To.String(), "why", err)
			}
		}
		if b.msgs > 0 {
			data := b.finish()
			if err := stream.SendMsg(&frame{out: mem.NewBuffer(&data, &frames)}); err != nil {
				return err
			}
			p.t.stats.sent.Add(uint64(b.msgs))
		}
		p.written(i-first, bytes)
	}
	return nil
}

// written makes room in the outbox.
func (p *peer) written(msgs, bytes int) {
	p.mu.Lock()
	p.msgs -= msgs
	p.bytes -= bytes
	p.mu.Unlock()
}

// dialOptions: small shared buffers because a master has one connection for each agent, and no proxy, because
// the environment of an agent is not about its cluster.
func (t *Transport) dialOptions() []grpc.DialOption {
	creds := insecure.NewCredentials()
	if id := t.tls.Load(); id != nil {
		creds = credentials.NewTLS(id.client)
	}
	return []grpc.DialOption{
		grpc.WithTransportCredentials(creds),
		grpc.WithNoProxy(),
		grpc.WithDisableRetry(),
		grpc.WithDisableServiceConfig(),
		grpc.WithIdleTimeout(0),
		grpc.WithWriteBufferSize(writeBuffer),
		grpc.WithReadBufferSize(4 << 10),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: t.config.Keepalive, Timeout: t.config.KeepaliveTimeout, PermitWithoutStream: true,
		}),
	}
}

const writeBuffer = 64 << 10

// framePool lends buffers for batches; gRPC gives them back when they are on the wire.
type framePool struct{ pool sync.Pool }

var frames framePool

func (f *framePool) take() []byte { return (*f.Get(4 << 10))[:0] }

// Get and Put are gRPC's mem.BufferPool.
func (f *framePool) Get(length int) *[]byte {
	if b, ok := f.pool.Get().(*[]byte); ok && cap(*b) >= length {
		*b = (*b)[:length]
		return b
	}
	b := make([]byte, length)
	return &b
}

// Put keeps what is worth keeping: a buffer that one huge message made would stay huge for ever.
func (f *framePool) Put(b *[]byte) {
	if c := cap(*b); c >= 1<<10 && c <= 4*batchBytes {
		f.pool.Put(b)
	}
}
