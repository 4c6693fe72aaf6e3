package web

import (
	"errors"
	"net/http"

	"github.com/meseta-io/meseta/messages/wire"
)

// Stream is an endless answer of records. It belongs to the goroutine of its connection: Serve sends until the stream is to
// end, and returns; what actors have to say comes to it through a Queue.
type Stream struct {
	w    *Writer
	buf  []byte
	over bool
}

var errOver = errors.New("the stream has ended")

// Stream begins a stream of records in a format. header is added to the answer's, which is sent at once.
func (w *Writer) Stream(f wire.Format, header http.Header) (*Stream, error) {
	return w.Records(wire.Body{Format: f}, header)
}

// Records begins a stream that is announced as b says.
func (w *Writer) Records(b wire.Body, header http.Header) (*Stream, error) {
	w.release() // a stream may last for weeks
	b.SetHeader(w.Header())
	for name, values := range header {
		w.Header()[name] = values
	}
	w.patience()
	w.WriteHeader(http.StatusOK)
	if err := w.control.Flush(); err != nil {
		w.broken = true
		return nil, err
	}
	return &Stream{w: w}, nil
}

// Send writes one record: one chunk of HTTP with its length and itself, because some clients take chunks for records. A
// client that leaves it unread for too long, or is gone, breaks the stream.
func (s *Stream) Send(record []byte) error {
	if s.over {
		return errOver
	}
	s.buf = wire.AppendRecord(s.buf[:0], record)
	s.w.patience()
	_, err := s.w.Write(s.buf)
	if err == nil {
		err = s.w.control.Flush()
	}
	if err != nil {
		s.Break()
	}
	if cap(s.buf) > 1<<20 {
		s.buf = nil // one huge record must not hold its memory for the rest of a long stream
	}
	return err
}

// Done is closed when the client is gone.
func (s *Stream) Done() <-chan struct{} { return s.w.req.Context().Done() }

// Close ends the stream cleanly, when Serve returns.
func (s *Stream) Close() { s.over = true }

// Break ends the stream so that the client sees it cut, when Serve returns.
func (s *Stream) Break() { s.over, s.w.broken = true, true }
