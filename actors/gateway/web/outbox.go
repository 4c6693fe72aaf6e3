package web

import (
	"context"
	"sync/atomic"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/wire"
)

// Outbox has the events of one stream on their way from the actor that stands in for a client to the goroutine that
// writes them. It says how the stream is to end: cleanly, after everything that was pushed, or cut.
type Outbox[E proto.Message] struct {
	queue *Queue[E]
	cut   atomic.Bool // written before the queue is closed
}

// NewOutbox makes an outbox for so many unread events of so many bytes together, in protobuf.
func NewOutbox[E proto.Message](maxEvents, maxBytes int) *Outbox[E] {
	return &Outbox[E]{queue: NewQueue[E](maxEvents, maxBytes)}
}

// Push adds an event and never waits. False: the client has left too many unread, or the stream has ended; it is cut if it
// has not.
func (o *Outbox[E]) Push(e E) bool { return o.queue.Push(e, proto.Size(e)) }

// End ends the stream after what it still has to say. An end that came before counts.
func (o *Outbox[E]) End() { o.queue.Close() }

// Cut ends the stream so that the client sees that something is missing. An end that came before counts.
func (o *Outbox[E]) Cut() {
	if !o.queue.Closed() {
		o.cut.Store(true)
	}
	o.queue.Close()
}

// Pump writes events to the stream until one of the two ends. The error is the stream's own; a client that has left is none.
func (o *Outbox[E]) Pump(ctx context.Context, s *Stream, f wire.Format) error {
	var buf []byte
	for {
		e, ok := o.queue.Next(ctx)
		if !ok {
			break
		}
		record, err := f.Append(buf[:0], e)
		if err == nil {
			err = s.Send(record)
		}
		if err != nil {
			s.Break()
			return err
		}
		buf = record
	}
	if ctx.Err() != nil || o.queue.Full() || o.cut.Load() {
		s.Break()
		return nil
	}
	s.Close()
	return nil
}
