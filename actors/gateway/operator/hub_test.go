package operator

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// storm publishes so many events at once, after those that there were.
func (h *hub) storm(from, count uint64) {
	events := make([]*master.Event, count)
	for i := range events {
		events[i] = &master.Event{Sequence: from + uint64(i) + 1, Message: &masterpb.Event{Type: masterpb.Event_AGENT_REMOVED.Enum(),
			AgentRemoved: &masterpb.Event_AgentRemoved{AgentId: &mesospb.AgentID{Value: proto.String("a")}}}}
	}
	h.Published(&master.View{Sequence: from + count}, events)
}

// What the hub holds is bounded whatever happens, and who has fallen behind it is told so, while one who is just in time
// misses nothing.
func TestTheHubIsBounded(t *testing.T) {
	h := newHub(1, func(float64) {})
	if _, _, ok := h.after(0, 1); ok {
		t.Error("there is something before the first view")
	}
	h.storm(0, 1)
	next, _, ok := h.after(0, 10)
	if !ok || len(next) != 1 {
		t.Fatalf("%d events, %v", len(next), ok)
	}
	first := next[0]
	if _, err := text(wire.JSON, first.Message); err != nil {
		t.Fatal(err)
	}
	first.text[0] = []byte("kept as long as it is young")
	h.storm(1, remembered-1)
	if _, _, ok := h.after(0, 1); !ok {
		t.Error("the oldest event that is remembered is not there")
	}
	if first.text[0] != nil {
		t.Error("the text of an old event is kept")
	}
	h.storm(remembered, 3*remembered)
	if len(h.log) != remembered {
		t.Errorf("%d events are remembered, want %d", len(h.log), remembered)
	}
	if _, _, ok := h.after(remembered, 1); ok {
		t.Error("somebody who fell behind is told nothing")
	}
	if next, _, ok := h.after(3*remembered, breath); !ok || len(next) != breath || next[0].Sequence != 3*remembered+1 {
		t.Errorf("somebody who is just in time gets %d events, %v", len(next), ok)
	}
	s := &stream{door: &door{hub: h}, at: 1}
	if _, _, ok := s.hub.after(s.at, breath); ok {
		t.Error("a stream that stopped reading goes on with a gap")
	}
}

// Two thousand come at once and one too many: the oldest is shown out, once, and all others stay.
func TestTwoThousandWatch(t *testing.T) {
	const many = 2000
	var watching float64
	h := newHub(many, func(n float64) { watching = n })
	var left []int
	guests := make([]*guest, many+1)
	for i := range guests {
		guests[i] = &guest{func(why error) {
			if !errors.Is(why, errTooMany) {
				t.Errorf("guest %d leaves because of %v", i, why)
			}
			left = append(left, i)
		}}
		h.enter(guests[i])
	}
	if len(left) != 1 || left[0] != 0 || len(h.guests) != many || watching != many {
		t.Errorf("%v were shown out, %d are here", left, len(h.guests))
	}
	h.storm(0, 100)
	shared, _, _ := h.after(0, 100)
	for range many {
		next, _, ok := h.after(0, 100)
		if !ok || len(next) != 100 || next[0] != shared[0] {
			t.Fatal("those who watch do not share what is remembered")
		}
	}
	for _, g := range guests {
		h.exit(g)
	}
	if len(h.guests) != 0 || watching != 0 {
		t.Errorf("%d are still here", len(h.guests))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newHub(1, func(float64) {}).snapshot(ctx); err == nil {
		t.Error("a view before the first")
	}
}
