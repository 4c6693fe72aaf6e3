package web

import (
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/meseta-io/meseta/messages/wire"
)

// Buffer takes a JSON answer while it is encoded: encoders append to B, and call Flush between two pieces that are whole
// for them. A short answer goes out with its length, a long one in chunks while it is still being encoded.
type Buffer struct {
	// B is what was appended since the last Flush.
	B []byte

	w       *Writer
	tail    string
	kind    string
	started bool
	head    bool
	count   int
	zip     *packer
	failed  bool
}

// spill is from which size on a buffer is sent before its end.
const spill = 128 << 10

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, spill+spill/4); return &b }}

// JSON answers 200 with what encode appends. Query parameter jsonp makes it a call of that function.
func (w *Writer) JSON(r *Request, encode func(*Buffer)) {
	head, tail, kind, ok := w.script(r)
	if !ok {
		return
	}
	space := buffers.Get().(*[]byte)
	b := &Buffer{B: append((*space)[:0], head...), w: w, tail: tail, kind: kind, head: r.Method == http.MethodHead}
	encode(b)
	b.B = append(b.B, b.tail...)
	b.end()
	if *space = b.B; cap(*space) <= 4*spill {
		buffers.Put(space)
	}
}

// callable says whether a script may call a name. Anything else would be a script of the sender's in our answer.
func callable(name string) bool {
	for _, c := range []byte(name) {
		if !(c == '_' || c == '$' || c == '.' || c == '[' || c == ']' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return false
		}
	}
	return len(name) <= 256
}

// Flush sends what was appended if it is enough to be worth it. It says false when the client is gone, and encoding more
// is of no use.
func (b *Buffer) Flush() bool {
	if len(b.B) >= spill {
		b.send()
	}
	return !b.failed
}

// send begins the answer if need be, and sends the buffer.
func (b *Buffer) send() {
	if !b.started {
		b.started = true
		h := b.w.Header()
		h.Set("Content-Type", b.kind)
		if wire.AcceptsGzip(b.w.req.Header) {
			h.Set("Content-Encoding", "gzip")
			b.zip = pack((*sink)(b))
		}
		if !b.head {
			b.w.WriteHeader(http.StatusOK)
		}
	}
	var to io.Writer = (*sink)(b)
	if b.zip != nil {
		to = b.zip
	}
	if !b.failed {
		_, err := to.Write(b.B)
		b.failed = err != nil
	}
	b.B = b.B[:0]
}

func (b *Buffer) end() {
	if !b.started && len(b.B) < spill {
		b.w.Bytes(http.StatusOK, b.kind, b.B)
		return
	}
	b.send()
	if b.zip != nil {
		_ = b.zip.Close() // a failure of the client's was seen before
	}
	switch {
	case b.head:
		b.w.Header().Set("Content-Length", strconv.Itoa(b.count))
		b.w.WriteHeader(http.StatusOK)
	case b.failed:
		b.w.broken = true
	}
}

// sink is where a long answer goes: to the client, or nowhere but into the count if only its head was asked for.
type sink Buffer

func (s *sink) Write(p []byte) (int, error) {
	s.count += len(p)
	if s.head {
		return len(p), nil
	}
	if !s.w.piece(p) {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}
