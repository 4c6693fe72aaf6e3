package remote_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	protoremote "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/asynkron/protoactor-go/actor"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// node is a runtime on a real transport, with one process that reports what it hears.
type node struct {
	*process.Runtime
	transport *remote.Transport
	ears      process.Ref[*ears]
	heard     chan heard
	exits     chan process.UPID
	lost      chan string
}

type heard struct {
	from process.UPID
	msg  proto.Message
	who  process.Principal
}

// ears reports strings, bytes and exits.
type ears struct {
	*process.Base
	n   *node
	who process.Principal
}

func (e *ears) Initialize(b *process.Base) {
	e.Base = b
	note := process.AllowFrom(func(_ process.UPID, p process.Principal) bool { e.who = p; return true })
	process.Install(b, func(from process.UPID, m *wrapperspb.StringValue) { e.n.heard <- heard{from, m, e.who} }, note)
	process.Install(b, func(from process.UPID, m *wrapperspb.Int64Value) { e.n.heard <- heard{from, m, e.who} }, note)
	process.Install(b, func(from process.UPID, m *wrapperspb.BytesValue) { e.n.heard <- heard{from, m, e.who} }, note)
}

func (e *ears) Exited(u process.UPID) { e.n.exits <- u }

func newNode(t testing.TB, c remote.Config) *node {
	t.Helper()
	return newNodeWith(t, c, process.Config{})
}

func newNodeWith(t testing.TB, c remote.Config, pc process.Config) *node {
	t.Helper()
	n := &node{heard: make(chan heard, 100_000), exits: make(chan process.UPID, 1000), lost: make(chan string, 1000)}
	c.Log = slog.New(slog.DiscardHandler)
	var err error
	if n.transport, err = remote.New(c); err != nil {
		t.Fatal(err)
	}
	pc.Transport = &watched{n.transport, n.lost}
	if n.Runtime, err = process.New(pc); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { n.stop(t) })
	if n.ears, err = process.Spawn(n.Runtime, "ears", &ears{n: n}); err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *node) stop(t testing.TB) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := n.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func (n *node) send(to process.UPID, msgs ...proto.Message) {
	process.Dispatch(n.ears, func(e *ears) {
		for _, m := range msgs {
			e.Send(to, m)
		}
	})
}

func (n *node) link(to process.UPID) { process.Dispatch(n.ears, func(e *ears) { e.Link(to) }) }

// settle waits until the node's process has handled what it was sent.
func (n *node) settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := process.Call(n.ears, func(*ears) (int, error) { return 0, nil }).Get(ctx); err != nil {
		t.Fatal(err)
	}
}

// watched tells of every PeerLost.
type watched struct {
	*remote.Transport
	lost chan string
}

func (w *watched) Start(in process.Inbound) (string, error) {
	return w.Transport.Start(tell{in, w.lost})
}

type tell struct {
	process.Inbound
	lost chan string
}

func (t tell) PeerLost(peer string, why error) {
	t.lost <- peer
	t.Inbound.PeerLost(peer, why)
}

func receive[T any](t testing.TB, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came within thirty seconds")
		panic("unreachable")
	}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for tick := time.NewTicker(time.Millisecond); !ok(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("did not happen within thirty seconds: " + what)
		}
	}
}

func str(s string) *wrapperspb.StringValue { return wrapperspb.String(s) }

// stranger speaks the protocol by hand.
type stranger struct {
	t      testing.TB
	stream protoremote.Remoting_ReceiveClient
	addr   string
}

// newStranger connects to a node and introduces itself as addr.
func newStranger(t testing.TB, to, addr string) *stranger {
	t.Helper()
	conn, err := grpc.NewClient("passthrough:///"+to, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = conn.Close() })
	stream, err := protoremote.NewRemotingClient(conn).Receive(ctx)
	if err != nil {
		t.Fatal(err)
	}
	s := &stranger{t, stream, addr}
	s.say(&protoremote.RemoteMessage{MessageType: &protoremote.RemoteMessage_ConnectRequest{
		ConnectRequest: &protoremote.ConnectRequest{ConnectionType: &protoremote.ConnectRequest_ServerConnection{
			ServerConnection: &protoremote.ServerConnection{SystemId: "stranger", Address: addr},
		}},
	}})
	return s
}

func (s *stranger) say(m *protoremote.RemoteMessage) { _ = s.stream.Send(m) }

// welcomed says whether the node took the introduction.
func (s *stranger) welcomed() bool {
	m, err := s.stream.Recv()
	return err == nil && m.GetConnectResponse() != nil
}

// closed waits until the node has ended the connection.
func (s *stranger) closed() {
	for {
		if _, err := s.stream.Recv(); err != nil {
			return
		}
	}
}

// batchOf builds a batch with one message.
func batchOf(from, to process.UPID, typ string, data []byte) *protoremote.MessageBatch {
	b := &protoremote.MessageBatch{
		TypeNames: []string{typ},
		Targets:   []*actor.PID{{Address: to.Addr, Id: to.ID}},
		Envelopes: []*protoremote.MessageEnvelope{{MessageData: data}},
	}
	if !from.IsZero() {
		b.Senders = []*actor.PID{{Address: from.Addr, Id: from.ID}}
		b.Envelopes[0].Sender = 1
	}
	return b
}

func (s *stranger) batch(b *protoremote.MessageBatch) {
	s.say(&protoremote.RemoteMessage{MessageType: &protoremote.RemoteMessage_MessageBatch{MessageBatch: b}})
}

// send sends a message in the name of a process of the stranger's own.
func (s *stranger) send(to process.UPID, m proto.Message) {
	s.batch(batchOf(process.UPID{ID: "stranger", Addr: s.addr}, to, string(proto.MessageName(m)), encode(s.t, m)))
}

func encode(t testing.TB, m proto.Message) []byte {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// proxy stands between two nodes and can cut their connections or fall silent.
type proxy struct {
	net.Listener
	to string

	mu     sync.Mutex
	conns  []net.Conn
	silent chan struct{}
}

func newProxy(t testing.TB, to string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{Listener: l, to: to, silent: make(chan struct{})}
	t.Cleanup(func() { _ = l.Close(); p.cut() })
	go p.serve()
	return p
}

func (p *proxy) addr() string { return p.Addr().String() }

func (p *proxy) serve() {
	for {
		in, err := p.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			_ = in.Close()
			continue
		}
		p.mu.Lock()
		p.conns = append(p.conns, in, out)
		p.mu.Unlock()
		go p.copy(in, out)
		go p.copy(out, in)
	}
}

func (p *proxy) copy(to, from net.Conn) {
	defer func() { _ = to.Close(); _ = from.Close() }()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		select {
		case <-p.silent:
			<-make(chan struct{}) // keeps the connection open and says nothing more
		default:
		}
		if _, err := to.Write(buf[:n]); err != nil {
			return
		}
	}
}

// cut breaks every connection.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

// freePort is an address where nobody listens.
func freePort(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func upid(id string, addr any) process.UPID { return process.UPID{ID: id, Addr: fmt.Sprint(addr)} }
