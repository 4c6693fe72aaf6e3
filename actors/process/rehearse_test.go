package process_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
)

func TestAnyHandlerGetsWhatNoOtherHandles(t *testing.T) {
	r := runtimeFor(t, process.Config{})
	var typed, rest []proto.Message
	ref := spawn(t, r, "x", &actor{init: func(b *process.Base) {
		process.InstallAny(b, func(_ process.UPID, m proto.Message) { rest = append(rest, m) })
		process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) { typed = append(typed, m) })
	}})
	s, i, d := wrapperspb.String("a"), wrapperspb.Int64(1), wrapperspb.Double(2)
	for _, m := range []proto.Message{i, s, d} {
		r.Post(ref.UPID, m)
	}
	settle(t, ref)
	if !slices.Equal(typed, []proto.Message{s}) || !slices.Equal(rest, []proto.Message{i, d}) {
		t.Errorf("typed %v, rest %v", typed, rest)
	}
}

func TestDeliverPassesTheTaps(t *testing.T) {
	r := runtimeFor(t, process.Config{Taps: []process.Tap{func(process.Envelope) process.Verdict { return process.Drop }}})
	var from []process.UPID
	ref := spawn(t, r, "x", &actor{init: func(b *process.Base) {
		process.Install(b, func(who process.UPID, _ *wrapperspb.StringValue) { from = append(from, who) })
	}})
	e := process.Envelope{From: r.UPID("y"), To: ref.UPID, Msg: wrapperspb.String("a")}
	r.Post(e.To, e.Msg)
	r.Deliver(e)
	settle(t, ref)
	if !slices.Equal(from, []process.UPID{r.UPID("y")}) {
		t.Errorf("delivered from %v", from)
	}
}
