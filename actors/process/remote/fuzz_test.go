package remote

import (
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
)

// FuzzGuard feeds bytes to the decoder that stands between a stranger and the runtime. It never panics, and
// whatever it lets through is in the peer's name, for a process here, of a type that is allowed.
func FuzzGuard(f *testing.F) {
	var b batch
	b.reset(nil)
	for range 3 {
		if err := b.add(process.Envelope{From: process.UPID{ID: "a", Addr: "p:1"}, To: process.UPID{ID: "b", Addr: "s:1"}, Msg: wrapperspb.String("x")}); err != nil {
			f.Fatal(err)
		}
	}
	f.Add(append([]byte(nil), b.finish()...))
	intro, err := proto.Marshal(introduction("system", "p:1"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(intro)
	f.Add([]byte{0x0a, 0x03, 0x1a, 0x01, 0xff})
	f.Fuzz(func(t *testing.T, data []byte) {
		var refused atomic.Uint64
		g := &guard{self: "s:1", peer: "p:1", max: 1 << 10, refused: &refused}
		g.deliver = func(e process.Envelope) {
			if e.To.Addr != "s:1" || !e.From.IsZero() && e.From.Addr != "p:1" || e.Msg == nil {
				t.Errorf("let through %v", e)
			}
			if n := e.Msg.ProtoReflect().Descriptor().FullName(); len(n) > 6 && n[:6] == "actor." {
				t.Errorf("let through a %s", n)
			}
		}
		_ = g.receive(data) // garbage is an error, which ends the connection
	})
}

// FuzzBatch checks that what is encoded is what is decoded.
func FuzzBatch(f *testing.F) {
	f.Add("from", "to", "text", uint8(3))
	f.Add("", "to", "", uint8(200))
	f.Fuzz(func(t *testing.T, from, to, text string, n uint8) {
		if len(from) > maxName || len(to) > maxName {
			return // the transport sends nothing to or from such
		}
		e := process.Envelope{To: process.UPID{ID: to, Addr: "s:1"}, Msg: wrapperspb.Bytes([]byte(text))}
		if from != "" {
			e.From = process.UPID{ID: from, Addr: "p:1"}
		}
		var b batch
		b.reset(nil)
		for range n {
			if err := b.add(e); err != nil {
				t.Fatal(err)
			}
		}
		var refused atomic.Uint64
		got := 0
		g := &guard{self: "s:1", peer: "p:1", max: 1 << 20, refused: &refused, deliver: func(d process.Envelope) {
			got++
			if d.From != e.From || d.To != e.To || !proto.Equal(d.Msg, e.Msg) {
				t.Errorf("sent %v, got %v", e, d)
			}
		}}
		if err := g.receive(b.finish()); err != nil || got != int(n) {
			t.Errorf("%d of %d: %v", got, n, err)
		}
	})
}
