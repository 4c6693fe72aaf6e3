package remote_test

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"
	protoremote "github.com/asynkron/protoactor-go/remote"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
)

func TestTransport(t *testing.T) {
	t.Run("messages go both ways, in order", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		const n = 5000
		for i := range n {
			a.send(b.ears.UPID, wrapperspb.Int64(int64(i)))
			b.send(a.ears.UPID, wrapperspb.Int64(int64(i)))
		}
		for i := range n {
			for _, pair := range [][2]*node{{a, b}, {b, a}} {
				got := receive(t, pair[1].heard)
				if got.from != pair[0].ears.UPID || got.msg.(*wrapperspb.Int64Value).Value != int64(i) {
					t.Fatalf("message %d: %v", i, got)
				}
			}
		}
	})

	t.Run("what is queued is sent before a shutdown", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		for i := range 1000 {
			a.send(b.ears.UPID, wrapperspb.Int64(int64(i)))
		}
		a.settle(t)
		a.stop(t)
		for range 1000 {
			receive(t, b.heard)
		}
	})

	t.Run("the advertised address is in every name", func(t *testing.T) {
		for advertise, want := range map[string]string{"": "127.0.0.1:", "node.example": "node.example:", "node.example:7": "node.example:7", "[::1]:0": "[::1]:"} {
			n := newNode(t, remote.Config{Advertise: advertise})
			if !strings.HasPrefix(n.Addr(), want) || strings.HasSuffix(n.Addr(), ":0") || n.ears.Addr != n.Addr() {
				t.Errorf("advertise %q: %q", advertise, n.Addr())
			}
		}
	})

	t.Run("a taken port is an error that names it", func(t *testing.T) {
		a := newNode(t, remote.Config{})
		tr, err := remote.New(remote.Config{Listen: a.Addr()})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := process.New(process.Config{Transport: tr}); err == nil || !strings.Contains(err.Error(), a.Addr()) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("a bad configuration is refused with every reason", func(t *testing.T) {
		_, err := remote.New(remote.Config{Listen: "nowhere", MaxMessage: 1, TLS: &remote.TLS{}})
		for _, want := range []string{"nowhere", "max message", "certificate"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%q is not in %v", want, err)
			}
		}
	})

	t.Run("a peer that ends is lost once, also for many links", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		var want []process.UPID
		for i := range 20 {
			ref, err := process.Spawn(b.Runtime, fmt.Sprint("p", i), &ears{n: b})
			if err != nil {
				t.Fatal(err)
			}
			want = append(want, ref.UPID)
			a.link(ref.UPID)
		}
		a.settle(t)
		b.transport.Close(t.Context()) // the node falls off the network, its processes say nothing
		for _, u := range want {
			if got := receive(t, a.exits); got != u {
				t.Fatalf("exited %v, want %v", got, u)
			}
		}
		if receive(t, a.lost) != b.Addr() || len(a.lost) != 0 || len(a.exits) != 0 {
			t.Errorf("lost again: %d, exited again: %d", len(a.lost), len(a.exits))
		}
	})

	t.Run("a link made again after a loss connects again", func(t *testing.T) {
		b := newNode(t, remote.Config{})
		p := newProxy(t, b.Addr())
		a := newNode(t, remote.Config{})
		to := upid("ears", p.addr())
		for range 3 {
			a.link(to)
			a.send(to, str("x"))
			receive(t, b.heard)
			p.cut()
			if got := receive(t, a.exits); got != to {
				t.Fatalf("exited %v", got)
			}
		}
	})

	t.Run("a connection that is lost without a link is opened again for the next message", func(t *testing.T) {
		b := newNode(t, remote.Config{})
		p := newProxy(t, b.Addr())
		a := newNode(t, remote.Config{})
		to := upid("ears", p.addr())
		for range 3 {
			eventually(t, "a message arrives", func() bool { a.send(to, str("x")); a.settle(t); return len(b.heard) > 0 })
			p.cut()
			for len(b.heard) > 0 {
				<-b.heard
			}
		}
	})

	t.Run("links to processes that never were leave nothing behind", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		for i := range 100 {
			a.link(upid(fmt.Sprint("nobody", i), b.Addr()))
		}
		for range 100 {
			receive(t, a.exits)
		}
		a.send(b.ears.UPID, str("x"))
		receive(t, b.heard)
		if len(a.lost) != 0 || len(a.exits) != 0 {
			t.Error("more was lost than links")
		}
	})

	t.Run("a killed operating-system process is lost", func(t *testing.T) {
		a := newNode(t, remote.Config{})
		to, cmd := startChild(t)
		a.link(to)
		a.send(to, str("x"))
		receive(t, a.heard)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, a.exits); got != to {
			t.Fatalf("exited %v", got)
		}
	})

	t.Run("a message above the limit is dropped, the next arrives", func(t *testing.T) {
		a, b := newNode(t, remote.Config{MaxMessage: 1 << 20}), newNode(t, remote.Config{})
		a.send(b.ears.UPID, wrapperspb.Bytes(make([]byte, 2<<20)), str("small"))
		if got := receive(t, b.heard); got.msg.(*wrapperspb.StringValue).GetValue() != "small" {
			t.Fatalf("got %v", got.msg)
		}
		if s := a.transport.Stats(); s.Dropped != 1 {
			t.Errorf("dropped %d", s.Dropped)
		}
		// The receiver's own limit holds against a sender that has none.
		c := newNode(t, remote.Config{MaxMessage: 1 << 20})
		b.send(c.ears.UPID, wrapperspb.Bytes(make([]byte, 2<<20)), str("small"))
		if got := receive(t, c.heard); got.msg.(*wrapperspb.StringValue).GetValue() != "small" {
			t.Fatalf("got %v", got.msg)
		}
	})

	t.Run("connections that nobody needs are not kept as peers of a closed transport", func(t *testing.T) {
		a, b := newNode(t, remote.Config{}), newNode(t, remote.Config{})
		a.send(b.ears.UPID, str("x"))
		receive(t, b.heard)
		a.stop(t)
		eventually(t, "the connection is gone", func() bool { return b.transport.Stats().Sources == 0 })
		if a.transport.Stats().Peers != 0 {
			t.Error("a peer is left")
		}
	})
}

// TestPlainProtoActor talks to a node that is Proto.Actor as it comes, in both directions.
func TestPlainProtoActor(t *testing.T) {
	system := actor.NewActorSystem(actor.WithLoggerFactory(func(*actor.ActorSystem) *slog.Logger {
		return slog.New(slog.NewTextHandler(io.Discard, nil))
	}))
	plain := protoremote.NewRemote(system, protoremote.Configure("127.0.0.1", 0, protoremote.WithEndpointWriterQueueSize(64)))
	plain.Start() // first, because it replaces gRPC's global logger without asking
	defer plain.Shutdown(false)
	a := newNode(t, remote.Config{})
	got := make(chan string, 10)
	pid, err := system.Root.SpawnNamed(actor.PropsFromFunc(func(c actor.Context) {
		if m, ok := c.Message().(*wrapperspb.StringValue); ok {
			got <- m.Value
			c.Respond(str("answer to " + c.Sender().Id))
		}
	}), "plain")
	if err != nil {
		t.Fatal(err)
	}
	a.send(upid(pid.Id, system.Address()), str("hello"))
	if m := receive(t, got); m != "hello" {
		t.Errorf("it heard %q", m)
	}
	m := receive(t, a.heard)
	if m.from.Addr != system.Address() && !m.from.IsZero() || m.msg.(*wrapperspb.StringValue).Value != "answer to ears" {
		t.Errorf("it answered %v", m)
	}
	// Its batches are bounded by number only, and so may be large.
	to := actor.NewPID(a.Addr(), "ears")
	for range 10 {
		system.Root.Send(to, wrapperspb.Bytes(make([]byte, 1<<20)))
	}
	for range 10 {
		receive(t, a.heard)
	}
}

func TestOutbox(t *testing.T) {
	t.Run("what does not fit is dropped and counted", func(t *testing.T) {
		// A peer that takes the connection and never answers keeps everything queued.
		deaf, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer deaf.Close()
		a := newNode(t, remote.Config{Outbox: process.Limits{Msgs: 10, Bytes: 1 << 20}})
		for range 25 {
			a.send(upid("x", deaf.Addr()), str("x"))
		}
		a.settle(t)
		if s := a.transport.Stats(); s.Queued != 10 || s.Dropped != 15 {
			t.Errorf("%+v", s)
		}
		b := newNode(t, remote.Config{Outbox: process.Limits{Msgs: 1000, Bytes: 10 << 10}})
		for range 25 {
			b.send(upid("x", deaf.Addr()), wrapperspb.Bytes(make([]byte, 1000)))
		}
		b.settle(t)
		if s := b.transport.Stats(); s.Queued != 10 || s.Dropped != 15 {
			t.Errorf("%+v", s)
		}
	})

	t.Run("a flood at a peer that does not read stays bounded", func(t *testing.T) {
		stuck := newNode(t, remote.Config{})
		proxy := newProxy(t, stuck.Addr())
		a := newNode(t, remote.Config{Outbox: process.Limits{Msgs: 1000, Bytes: 1 << 30}})
		a.send(upid("ears", proxy.addr()), str("x"))
		receive(t, stuck.heard)
		close(proxy.silent)
		for range 200 {
			a.send(upid("ears", proxy.addr()), slices.Repeat([]proto.Message{wrapperspb.Bytes(make([]byte, 10<<10))}, 100)...)
		}
		a.settle(t)
		if s := a.transport.Stats(); s.Queued > 1000 || s.Dropped < 15_000 {
			t.Errorf("%+v", s)
		}
	})
}
