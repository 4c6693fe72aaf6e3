package remote

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	grpcpeer "google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/meseta-io/meseta/actors/process"
)

// source is a node that is connected to us.
type source struct {
	replaced chan struct{} // closed when a younger connection speaks for the same address
	done     chan struct{} // closed when nothing more is delivered
}

// service answers Proto.Actor's remote service. Its other calls, which list and diagnose processes, are not
// for strangers and stay unimplemented.
type service struct {
	remote.UnimplementedRemotingServer
	t *Transport
}

func (t *Transport) serve(l net.Listener) {
	t.server = grpc.NewServer(t.serverOptions()...)
	remote.RegisterRemotingServer(t.server, service{t: t})
	go func() { _ = t.server.Serve(l) }() // returns when stopped
}

// perBatch is what a batch may have beyond its messages: tables and envelopes.
const perBatch = 1 << 20

func (t *Transport) serverOptions() []grpc.ServerOption {
	opts := []grpc.ServerOption{
		grpc.ForceServerCodecV2(codec{}),
		// Proto.Actor's own nodes fill batches by number, so the limit on one is no limit on a message.
		grpc.MaxRecvMsgSize(max(t.config.MaxMessage, 4<<20) + perBatch),
		grpc.MaxConcurrentStreams(4),
		grpc.MaxHeaderListSize(8 << 10),
		grpc.ConnectionTimeout(t.config.ConnectTimeout),
		grpc.WriteBufferSize(4 << 10),
		grpc.ReadBufferSize(readBuffer),
		grpc.StaticStreamWindowSize(streamWindow),
		grpc.StaticConnWindowSize(streamWindow),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: time.Second, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			Time: t.config.Keepalive, Timeout: t.config.KeepaliveTimeout,
			MaxConnectionIdle: 2 * t.config.ConnectTimeout, // a connection without a stream is nobody's
		}),
	}
	if t.tls.Load() != nil {
		opts = append(opts, grpc.Creds(shaken{credentials.NewTLS(nil)}))
	}
	return opts
}

const (
	readBuffer   = 32 << 10
	streamWindow = 4 << 20 // in flight on one connection; a constant one needs no probing pings
)

// Receive serves one connection. It returns when the peer hangs up, misbehaves, or is replaced.
func (s service) Receive(stream remote.Remoting_ReceiveServer) error {
	g, err := s.t.greet(stream)
	if err != nil {
		s.t.stats.refused.Add(1)
		s.t.config.Log.Debug("a peer was refused", "why", err)
		return status.Error(codes.PermissionDenied, err.Error())
	}
	src := s.t.admit(g.peer)
	failed := make(chan error, 1)
	go func() {
		defer s.t.dismiss(g.peer, src)
		failed <- read(stream, g)
	}()
	if err := stream.Send(welcome(s.t.system)); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	case <-src.replaced:
		return status.Error(codes.Aborted, "a younger connection took over")
	}
}

// greet waits for the introduction and checks it.
func (t *Transport) greet(stream remote.Remoting_ReceiveServer) (*guard, error) {
	type first struct {
		m   *remote.RemoteMessage
		err error
	}
	came := make(chan first, 1)
	go func() { m, err := stream.Recv(); came <- first{m, err} }() // ends with the stream at the latest
	select {
	case f := <-came:
		if f.err != nil {
			return nil, f.err
		}
		return t.check(stream.Context(), f.m.GetConnectRequest().GetServerConnection())
	case <-time.After(t.config.ConnectTimeout):
		return nil, errLate
	}
}

// check decides whether a peer may speak for the address that it claims.
func (t *Transport) check(ctx context.Context, c *remote.ServerConnection) (*guard, error) {
	addr := c.GetAddress()
	if _, err := process.ParseUPID("x@" + addr); err != nil || addr == process.LocalAddr {
		return nil, fmt.Errorf("the peer introduced itself as %q, which is no address", addr)
	}
	if addr == t.addr {
		return nil, errors.New("the peer introduced itself with our own address")
	}
	info, ok := grpcpeer.FromContext(ctx)
	if !ok {
		return nil, errors.New("a connection from nowhere")
	}
	if t.config.RequirePeerAddressIPMatch {
		if err := sameHost(addr, info.Addr); err != nil {
			return nil, err
		}
	}
	g := &guard{self: t.addr, peer: addr, max: t.config.MaxMessage, refused: &t.stats.refused}
	g.deliver = func(e process.Envelope) {
		t.stats.received.Add(1)
		t.in.Receive(e)
	}
	if t.tls.Load() != nil {
		auth, ok := info.AuthInfo.(credentials.TLSInfo)
		if !ok {
			return nil, errNoCertificate
		}
		var err error
		if g.principal, err = principalOf(auth.State, addr); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func sameHost(claimed string, actual net.Addr) error {
	host, _, _ := net.SplitHostPort(claimed) // it was parsed before
	from, _, err := net.SplitHostPort(actual.String())
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.Equal(net.ParseIP(from)) {
		return fmt.Errorf("the peer introduced itself as %s but comes from %s", claimed, actual)
	}
	return nil
}

// read delivers batches until the connection ends.
func read(stream remote.Remoting_ReceiveServer, g *guard) error {
	f := &frame{take: g.receive}
	for {
		if err := stream.RecvMsg(f); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// admit makes this connection the one that speaks for addr, after the one before it has delivered its last.
func (t *Transport) admit(addr string) *source {
	src := &source{replaced: make(chan struct{}), done: make(chan struct{})}
	t.mu.Lock()
	old := t.sources[addr]
	t.sources[addr] = src
	t.mu.Unlock()
	if old != nil {
		close(old.replaced)
		<-old.done
	}
	return src
}

func (t *Transport) dismiss(addr string, src *source) {
	t.mu.Lock()
	if t.sources[addr] == src {
		delete(t.sources, addr)
	}
	t.mu.Unlock()
	close(src.done)
}

// awaitSource lets what a lost peer still sent us arrive before its loss is reported. A peer that died has
// closed both connections; one that is merely silent is not waited for long.
func (t *Transport) awaitSource(addr string) {
	t.mu.Lock()
	src := t.sources[addr]
	t.mu.Unlock()
	if src == nil {
		return
	}
	select {
	case <-src.done:
	case <-time.After(500 * time.Millisecond):
	case <-t.ctx.Done():
	}
}
