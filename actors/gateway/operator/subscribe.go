package operator

import (
	"context"
	"errors"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/wire"
)

var (
	errTooMany = errors.New("too many are watching, and this stream was the oldest: subscribe again")
	errSlow    = errors.New("this stream was read too slowly, and events that it had yet to get are forgotten: subscribe again")
)

// breath is how many events are written before the stream looks up.
const breath = 256

// stream is one who watches.
type stream struct {
	*web.Stream
	*door
	format wire.Format
	lens   *master.Lens
	resume *resume
	at     uint64 // the last event that it has
	beat   []byte
}

// subscribe serves SUBSCRIBE: everything as it is, and from then on what changes.
func subscribe(d *door, w *web.Writer, r *web.Request, f wire.Format, _ *masterpb.Call) {
	wish, err := parseResume(r.Header)
	if err != nil {
		w.Error(err)
		return
	}
	ctx, leave := context.WithCancelCause(r.Context())
	defer leave(nil)
	view, err := d.hub.snapshot(ctx)
	if err != nil {
		return // the client is gone
	}
	who := &guest{leave}
	d.hub.enter(who)
	defer d.hub.exit(who)
	from := view.Sequence
	resumed := wish != nil && wish.of(view.Info.GetId())
	if resumed {
		if _, _, resumed = d.hub.after(wish.sequence, 0); resumed {
			from = wish.sequence
		}
	}
	out, err := w.Stream(f, wish.header(view.Info.GetId(), from))
	if err != nil {
		return
	}
	s := &stream{Stream: out, door: d, format: f, lens: d.Master.Lens(r.Subject()), resume: wish, at: from}
	if s.beat, err = text(f, &masterpb.Event{Type: masterpb.Event_HEARTBEAT.Enum()}); err != nil {
		s.Break()
		return
	}
	if !resumed && s.greet(view, d.Heartbeat) != nil {
		return
	}
	s.end(s.follow(ctx, d.Heartbeat))
}

// greet sends the snapshot.
func (s *stream) greet(v *master.View, heartbeat time.Duration) error {
	in := &masterpb.Event_Subscribed{}
	c := s.compose(s.format)
	hello := one(&masterpb.Event{}, "subscribed", c.state(in, s.lens.Through(v)))
	hello.tail = &masterpb.Event_Subscribed{HeartbeatIntervalSeconds: proto.Float64(heartbeat.Seconds())}
	all := &node{head: &masterpb.Event{Type: masterpb.Event_SUBSCRIBED.Enum()}, nodes: []*node{hello}}
	texts := all.encode(s.format)
	c.weigh()
	if s.resume != nil {
		last := len(texts) - 1
		texts[last] = press.Of(numbered(s.format, texts[last].Bytes(), v.Sequence))
	}
	return s.SendTexts(texts, func() error {
		if _, _, ok := s.hub.after(v.Sequence, 0); !ok {
			return errSlow // what it would go on with is forgotten already
		}
		return nil
	})
}

// follow sends what happens until the stream is over, and says why it is.
func (s *stream) follow(ctx context.Context, heartbeat time.Duration) error {
	if err := s.Send(s.beat); err != nil {
		return err
	}
	pulse := time.NewTicker(heartbeat)
	defer pulse.Stop()
	for {
		next, changed, ok := s.hub.after(s.at, breath)
		if !ok {
			return errSlow
		}
		for _, e := range next {
			if err := s.event(e); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-pulse.C:
			if err := s.Send(s.beat); err != nil {
				return err
			}
			continue
		default:
		}
		if len(next) > 0 {
			continue // perhaps there is more already
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-pulse.C:
			if err := s.Send(s.beat); err != nil {
				return err
			}
		}
	}
}

func (s *stream) event(e *entry) error {
	record, err := e.encode(s.format, s.lens)
	if err == nil && record != nil {
		err = s.send(record, e.Sequence)
	}
	s.at = e.Sequence
	return err
}

// send sends a record, with its number for those who asked for numbers.
func (s *stream) send(record []byte, sequence uint64) error {
	if s.resume != nil {
		record = numbered(s.format, record, sequence)
	}
	return s.Send(record)
}

// end says why the stream ends, if the client understands that; to all others a stream that breaks says that something
// is missing, and one that ends that nothing is.
func (s *stream) end(why error) {
	last := errors.Is(why, errSlow) || errors.Is(why, errTooMany)
	if last && s.resume != nil {
		_ = s.Send(lastWord(s.format, why.Error())) // a client that does not read it misses nothing more
	}
	if errors.Is(why, errTooMany) {
		s.Close()
		return
	}
	s.Break()
}
