package operator

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// What the hub remembers: so many events, and of so many of the latest the text.
const (
	remembered = 1 << 16
	ready      = 1 << 13
)

// hub has the latest events for all who watch. The master only ever appends to it; every stream reads at its own pace, and
// one that falls further behind than the hub remembers is cut off. So neither a slow client nor a thousand cost the
// master anything, and one that returns soon enough finds what it missed.
type hub struct {
	mu      sync.Mutex
	view    *master.View  // nil before the first
	log     []*entry      // the youngest last, without a gap
	changed chan struct{} // closed at the next change
	guests  []*guest      // who watches, the oldest first
	max     int
	count   func(float64) // hears how many watch
}

// entry is an event and, once somebody wanted it, its text in each format, which all streams share.
type entry struct {
	*master.Event
	mu   sync.Mutex
	text [2][]byte
}

// guest is who watches.
type guest struct{ leave context.CancelCauseFunc }

func newHub(most int, count func(float64)) *hub {
	count(0)
	return &hub{changed: make(chan struct{}), max: most, count: count}
}

var _ master.Watcher = (*hub)(nil)

// Published takes what the master has to tell.
func (h *hub) Published(v *master.View, events []*master.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	first := h.view == nil
	h.view = v
	for _, e := range events {
		h.log = append(h.log, &entry{Event: e})
		if n := len(h.log); n > ready {
			h.log[n-1-ready].forget()
		}
	}
	if over := len(h.log) - remembered; over > 0 {
		clear(h.log[:over])
		h.log = h.log[over:]
	}
	if first || len(events) > 0 {
		close(h.changed)
		h.changed = make(chan struct{})
	}
}

// snapshot waits for a view; what changes after it is in the log.
func (h *hub) snapshot(ctx context.Context) (*master.View, error) {
	for {
		h.mu.Lock()
		v, changed := h.view, h.changed
		h.mu.Unlock()
		if v != nil {
			return v, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// after has what came after an event, oldest first, and what tells that there is more. False: that is too long ago, or
// was not here.
func (h *hub) after(sequence uint64, most int) (next []*entry, changed <-chan struct{}, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.view == nil || sequence > h.view.Sequence {
		return nil, nil, false
	}
	missing := h.view.Sequence - sequence
	if missing > uint64(len(h.log)) {
		return nil, nil, false
	}
	next = h.log[uint64(len(h.log))-missing:]
	return slices.Clone(next[:min(len(next), most)]), h.changed, true
}

// enter takes in one more who watches, and shows out the oldest if they are too many.
func (h *hub) enter(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.guests = append(h.guests, g)
	if len(h.guests) > h.max {
		h.guests[0].leave(errTooMany)
		h.guests = slices.Delete(h.guests, 0, 1)
	}
	h.count(float64(len(h.guests)))
}

func (h *hub) exit(g *guest) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.guests, g); i >= 0 {
		h.guests = slices.Delete(h.guests, i, i+1)
	}
	h.count(float64(len(h.guests)))
}

// encode gives the text of an event as somebody may see it: that which all share, unless a part of it is hidden. Nil:
// they may not see it.
func (e *entry) encode(f wire.Format, l *master.Lens) ([]byte, error) {
	m := l.Event(e.Event)
	switch {
	case m == nil:
		return nil, nil
	case m != e.Message:
		return text(f, m)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if t := e.text[f]; t != nil {
		return t, nil
	}
	t, err := text(f, m)
	e.text[f] = t
	return t, err
}

func text(f wire.Format, m *masterpb.Event) ([]byte, error) {
	if f == wire.JSON {
		return wire.AppendJSON(nil, m), nil
	}
	return proto.MarshalOptions{AllowPartial: true}.Marshal(m)
}

// forget drops the text: it can be had again.
func (e *entry) forget() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.text = [2][]byte{}
}
