package remote_test

import (
	"crypto/rand"
	"fmt"
	"net"
	"runtime"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	protoremote "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/processpb"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// Proto.Actor's remote package has twenty known pitfalls between here and package process. Each subtest fails
// without what protects us from it. The numbers are kept in both packages' tests.
func TestPitfall(t *testing.T) {
	t.Run("01 a message of an unknown type ends nobody", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		s := newStranger(t, n.Addr(), "127.0.0.1:1")
		for _, typ := range []string{"no.such.Type", "", "..", "google.protobuf"} {
			s.batch(batchOf(upid("s", s.addr), n.ears.UPID, typ, nil))
		}
		s.send(n.ears.UPID, str("after"))
		if got := receive(t, n.heard); got.msg.(*wrapperspb.StringValue).Value != "after" {
			t.Errorf("heard %v", got)
		}
		if got := n.transport.Stats().Refused; got != 4 {
			t.Errorf("refused %d", got)
		}
	})

	t.Run("02 another name of our address is us, and starts no loop", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		_, port, _ := net.SplitHostPort(n.Addr())
		peer := newNode(t, remote.Config{})
		peer.send(upid("ears", "localhost:"+port), str("x"))
		receive(t, n.heard)
		if s := n.transport.Stats(); s.Sent != 0 || s.Received != 1 {
			t.Errorf("%+v", s)
		}
		// Nor does a node that uses such a name for itself go round in circles.
		n.send(upid("ears", "localhost:"+port), str("x"))
		n.link(upid("ears", "localhost:"+port))
		if got := receive(t, n.exits); got != upid("ears", "localhost:"+port) {
			t.Errorf("exited %v", got)
		}
	})

	t.Run("03 many large messages arrive, though together they are larger than gRPC's default", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		for range 11 {
			a.send(b.ears.UPID, wrapperspb.Bytes(make([]byte, 1<<20)))
		}
		for range 11 {
			receive(t, b.heard)
		}
	})

	t.Run("04 a peer costs little memory", func(t *testing.T) {
		a := newNode(t, remote.Config{})
		const peers = 20
		var nodes []*node
		for range peers {
			nodes = append(nodes, newNode(t, remote.Config{}))
		}
		before := memory()
		for _, n := range nodes {
			a.send(n.ears.UPID, str("x"))
			receive(t, n.heard)
		}
		each := (memory() - before) / peers / 1024
		t.Logf("%d KiB for each connection, both halves", each)
		if each > 400 {
			t.Errorf("%d KiB for each connection, both halves", each)
		}
	})

	t.Run("05 a peer cannot stop an actor nor forge its end", func(t *testing.T) {
		a, n := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		n.link(a.ears.UPID)
		n.settle(t)
		s := newStranger(t, n.Addr(), "127.0.0.1:1")
		for _, m := range []proto.Message{
			&actor.Stop{}, &actor.PoisonPill{}, &actor.Touch{}, &actor.Watch{Watcher: &actor.PID{Address: s.addr, Id: "s"}},
			&actor.Terminated{Who: &actor.PID{Address: a.Addr(), Id: "ears"}},
			&protoremote.ActorPidRequest{Name: "x", Kind: "y"},
		} {
			s.send(n.ears.UPID, m)
		}
		// Our own words about links are believed only for the peer's own processes.
		s.batch(batchOf(a.ears.UPID, n.ears.UPID, string(proto.MessageName(&processpb.Exited{})), encode(t, &processpb.Exited{Seq: 1})))
		s.send(n.ears.UPID, str("after"))
		if got := receive(t, n.heard); got.msg.(*wrapperspb.StringValue).Value != "after" {
			t.Errorf("heard %v", got)
		}
		if got := n.transport.Stats().Refused; got != 7 {
			t.Errorf("refused %d", got)
		}
		if len(n.exits) != 0 {
			t.Error("a forged exit was believed")
		}
	})

	t.Run("06 exited comes after everything that was sent before", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		for round := range 50 {
			ref, err := process.Spawn(b.Runtime, fmt.Sprint("short-lived", round), &ears{n: b})
			if err != nil {
				t.Fatal(err)
			}
			a.link(ref.UPID)
			a.settle(t)
			process.Dispatch(ref, func(e *ears) {
				for range 20 {
					e.Send(a.ears.UPID, str("x"))
				}
				e.Terminate()
			})
			receive(t, a.exits)
			if len(a.heard) != 20 {
				t.Fatalf("round %d: exited after %d of 20 messages", round, len(a.heard))
			}
			for range 20 {
				<-a.heard
			}
		}
	})

	t.Run("07 a refused connection is one exit for each link, at once", func(t *testing.T) {
		a := newNode(t, remote.Config{})
		nobody := upid("x", freePort(t))
		for range 3 {
			a.link(nobody)
			receive(t, a.exits)
			receive(t, a.lost)
		}
		a.settle(t)
		if len(a.exits) != 0 || len(a.lost) != 0 {
			t.Errorf("exited again: %d, lost again: %d", len(a.exits), len(a.lost))
		}
	})

	t.Run("08 a peer that falls silent is lost", func(t *testing.T) {
		t.Parallel() // it takes as long as the shortest keepalive that gRPC has
		b := newNode(t, remote.Config{})
		p := newProxy(t, b.Addr())
		a := newNode(t, remote.Config{})
		to := upid("ears", p.addr())
		a.link(to)
		a.send(to, str("x"))
		receive(t, b.heard)
		close(p.silent)
		if got := receive(t, a.exits); got != to {
			t.Errorf("exited %v", got)
		}
	})

	t.Run("08 a peer that takes connections and never answers is lost", func(t *testing.T) {
		deaf, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = deaf.Close() }()
		a := newNode(t, remote.Config{ConnectTimeout: 1e8, GreetTime: 1e8})
		a.link(upid("x", deaf.Addr()))
		receive(t, a.exits)
	})

	t.Run("09 a cut loses what was on its way, and neither reorders nor repeats", func(t *testing.T) {
		b := newNode(t, remote.Config{})
		p := newProxy(t, b.Addr())
		a := newNode(t, remote.Config{})
		to := upid("ears", p.addr())
		last, next := int64(-1), int64(0)
		for range 5 {
			for range 200 {
				a.send(to, wrapperspb.Int64(next))
				next++
			}
			p.cut()
			for arrived := false; !arrived; { // until the connection is back
				a.send(to, wrapperspb.Int64(next))
				next++
				a.settle(t)
				for len(b.heard) > 0 {
					v := (<-b.heard).msg.(*wrapperspb.Int64Value).Value
					if v <= last {
						t.Fatalf("%d after %d", v, last)
					}
					last, arrived = v, v >= next-2
				}
			}
		}
	})

	t.Run("10 a link that is made while the connection breaks is answered", func(t *testing.T) {
		b := newNode(t, remote.Config{})
		p := newProxy(t, b.Addr())
		a := newNode(t, remote.Config{})
		nobody := upid("nobody", p.addr())
		for range 20 {
			a.link(nobody) // exits because there is nobody, or because the connection is cut
			p.cut()
			receive(t, a.exits)
		}
		a.settle(t)
		if len(a.exits) != 0 {
			t.Errorf("%d more exits than links", len(a.exits))
		}
	})

	t.Run("20 an actor that is busy holds nobody up", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		gate := make(chan struct{})
		busy, err := process.Spawn(b.Runtime, "busy", &ears{n: b})
		if err != nil {
			t.Fatal(err)
		}
		process.Dispatch(busy, func(*ears) { <-gate })
		a.send(busy.UPID, str("to the busy one"))
		a.send(b.ears.UPID, str("to the other"))
		if got := receive(t, b.heard); got.msg.(*wrapperspb.StringValue).Value != "to the other" {
			t.Errorf("heard %v", got)
		}
		close(gate)
		receive(t, b.heard)
	})
}

func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestStranger is about peers that mean no good.
func TestStranger(t *testing.T) {
	// alive checks that a node still does its work.
	alive := func(t *testing.T, n *node) {
		t.Helper()
		peer := newNode(t, remote.Config{})
		peer.send(n.ears.UPID, str("still there?"))
		receive(t, n.heard)
	}

	t.Run("garbage at the port", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		for i := range 50 {
			c, err := net.Dial("tcp", n.Addr())
			if err != nil {
				t.Fatal(err)
			}
			garbage := make([]byte, 4096)
			_, _ = rand.Read(garbage) // never fails
			if i%2 == 0 {
				_, _ = c.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
			}
			_, _ = c.Write(garbage) // may be refused already
			_ = c.Close()
		}
		alive(t, n)
	})

	t.Run("garbage in the protocol ends the connection, not the node", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		to := n.ears.UPID
		from := upid("s", "127.0.0.1:1")
		for name, spoil := range map[string]func(*protoremote.MessageBatch){
			"type":         func(b *protoremote.MessageBatch) { b.Envelopes[0].TypeId = 7 },
			"target":       func(b *protoremote.MessageBatch) { b.Envelopes[0].Target = 1 << 30 },
			"sender":       func(b *protoremote.MessageBatch) { b.Envelopes[0].Sender = -1 },
			"no types":     func(b *protoremote.MessageBatch) { b.TypeNames = nil },
			"no targets":   func(b *protoremote.MessageBatch) { b.Targets = nil },
			"large tables": func(b *protoremote.MessageBatch) { b.TypeNames = make([]string, 1<<17) },
			"long name":    func(b *protoremote.MessageBatch) { b.Targets[0].Id = strings.Repeat("x", 2000) },
		} {
			s := newStranger(t, n.Addr(), from.Addr)
			if !s.welcomed() {
				t.Fatal(name, ": not welcome")
			}
			b := batchOf(from, to, "google.protobuf.StringValue", encode(t, str(name)))
			spoil(b)
			s.batch(b)
			s.closed()
		}
		alive(t, n)
		if len(n.heard) != 0 {
			t.Errorf("heard %v", <-n.heard)
		}
	})

	t.Run("what cannot be decoded is dropped", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		s := newStranger(t, n.Addr(), "127.0.0.1:1")
		deep := structpb.NewNullValue()
		for range 5000 {
			deep = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{deep}})
		}
		s.send(n.ears.UPID, deep)
		s.batch(batchOf(upid("s", s.addr), n.ears.UPID, "google.protobuf.StringValue", []byte{0xff}))
		other := batchOf(upid("s", s.addr), n.ears.UPID, "google.protobuf.StringValue", encode(t, str("json")))
		other.Envelopes[0].SerializerId = 1
		s.batch(other)
		s.send(n.ears.UPID, str("after"))
		if got := receive(t, n.heard); got.msg.(*wrapperspb.StringValue).Value != "after" {
			t.Errorf("heard %v", got)
		}
		if got := n.transport.Stats().Refused; got != 3 {
			t.Errorf("refused %d", got)
		}
	})

	t.Run("nobody in particular cannot link", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		s := newStranger(t, n.Addr(), "127.0.0.1:1")
		s.batch(batchOf(process.UPID{}, n.ears.UPID, string(proto.MessageName(&processpb.Link{})), encode(t, &processpb.Link{Seq: 1})))
		s.send(n.ears.UPID, str("after"))
		receive(t, n.heard)
		if got := n.Stats().Refused; got != 1 || n.transport.Stats().Peers != 0 {
			t.Errorf("refused %d, peers %d", got, n.transport.Stats().Peers)
		}
	})

	t.Run("nobody may speak for another address", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		s := newStranger(t, n.Addr(), "127.0.0.1:1")
		for _, from := range []process.UPID{upid("ears", "127.0.0.1:2"), n.ears.UPID} {
			s.batch(batchOf(from, n.ears.UPID, "google.protobuf.StringValue", encode(t, str("forged"))))
		}
		s.send(n.ears.UPID, str("honest"))
		if got := receive(t, n.heard); got.msg.(*wrapperspb.StringValue).Value != "honest" {
			t.Errorf("heard %v", got)
		}
	})

	t.Run("an introduction that cannot be true is refused", func(t *testing.T) {
		n := newNode(t, remote.Config{RequirePeerAddressIPMatch: true})
		for _, addr := range []string{"", "nonsense", "local", n.Addr(), "10.0.0.1:5050", "example.org:80"} {
			if newStranger(t, n.Addr(), addr).welcomed() {
				t.Errorf("%q was welcome", addr)
			}
		}
		if !newStranger(t, n.Addr(), "127.0.0.1:1").welcomed() {
			t.Error("the true address was refused")
		}
	})

	t.Run("a connection without an introduction is closed", func(t *testing.T) {
		n := newNode(t, remote.Config{ConnectTimeout: 1e8, GreetTime: 1e8})
		conn, err := net.Dial("tcp", n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		for err == nil { // until the node hangs up
			_, err = conn.Read(make([]byte, 1024))
		}
		s := newStranger(t, n.Addr(), "")
		s.closed()
	})

	t.Run("the younger connection of an address replaces the older", func(t *testing.T) {
		n := newNode(t, remote.Config{})
		old := newStranger(t, n.Addr(), "127.0.0.1:1")
		if !old.welcomed() {
			t.Fatal("not welcome")
		}
		young := newStranger(t, n.Addr(), "127.0.0.1:1")
		old.closed()
		young.send(n.ears.UPID, str("x"))
		receive(t, n.heard)
		if got := n.transport.Stats().Sources; got != 1 {
			t.Errorf("%d sources", got)
		}
	})

	t.Run("a flood is bounded by the inbox", func(t *testing.T) {
		n := newNodeWith(t, remote.Config{}, process.Config{Inbox: process.Limits{Msgs: 1000, Bytes: 1 << 30}})
		gate := make(chan struct{})
		process.Dispatch(n.ears, func(*ears) { <-gate })
		s := newStranger(t, n.Addr(), "127.0.0.1:1")
		b := batchOf(upid("s", s.addr), n.ears.UPID, "google.protobuf.BytesValue", encode(t, wrapperspb.Bytes(make([]byte, 1000))))
		for range 9 {
			b.Envelopes = append(b.Envelopes, b.Envelopes...)
		}
		before := memory()
		for range 100 {
			s.batch(b) // 100 times 512 messages of 1 KB
		}
		eventually(t, "all has come", func() bool { return n.transport.Stats().Received == 51_200 })
		if grown := int64(memory()-before) / 1024; grown > 16<<10 {
			t.Errorf("grew by %d KiB", grown)
		}
		if got := n.Stats().Overflow; got != 50_200 {
			t.Errorf("overflow %d", got)
		}
		close(gate)
		for range 1000 {
			receive(t, n.heard)
		}
	})

	t.Run("many strangers at once", func(t *testing.T) {
		n := newNode(t, remote.Config{MaxConnections: 20, MaxStrangers: 20, ConnectTimeout: 1e9, GreetTime: 1e9})
		for i := range 60 {
			c, err := net.Dial("tcp", n.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			if i >= 40 {
				_ = c.Close()
			}
		}
		// They say nothing and are hung up on; then there is room again.
		eventually(t, "a peer gets through", func() bool {
			peer := newNode(t, remote.Config{})
			peer.link(upid("nobody", n.Addr()))
			receive(t, peer.exits)
			return len(peer.lost) == 0
		})
	})
}
