package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/press"
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

// SendTexts writes one large record that lies there in pieces, without a copy of it: so many clients may leave so large a record
// unread that copies would be more than there is memory. Each piece is a chunk of HTTP, which no client can tell from one
// chunk that comes in many packets. Before each, check says whether there is any use in going on. A client that takes less than
// slowest, or leaves a piece unread for too long, breaks the stream.
func (s *Stream) SendTexts(texts []*press.Text, check func() error) error {
	press.Ready(texts, false)
	size := 0
	for _, t := range texts {
		size += len(t.Bytes())
	}
	if size <= spill {
		return s.Send(press.Join(texts))
	}
	if s.over {
		return errOver
	}
	late := time.Now().Add(s.w.router.config.Limits.WriteTime + time.Duration(size)*time.Second/slowest)
	if !s.w.inTurn(append(strconv.AppendInt(nil, int64(size), 10), '\n')) {
		return s.cut(errUnread)
	}
	for _, t := range texts {
		if err := check(); err != nil {
			return s.cut(err)
		}
		if time.Now().After(late) || !s.w.inTurn(t.Bytes()) {
			return s.cut(errUnread)
		}
	}
	if err := s.w.control.Flush(); err != nil {
		return s.cut(err)
	}
	return nil
}

// slowest is how many bytes of a large record a client has to take in a second. While it reads, it keeps what is long over.
const slowest = 1 << 20

var errUnread = errors.New("the record was not read in time")

func (s *Stream) cut(why error) error {
	s.Break()
	return why
}

// Done is closed when the client is gone.
func (s *Stream) Done() <-chan struct{} { return s.w.req.Context().Done() }

// Close ends the stream cleanly, when Serve returns.
func (s *Stream) Close() { s.over = true }

// Break ends the stream so that the client sees it cut, when Serve returns.
func (s *Stream) Break() { s.over, s.w.broken = true, true }
