package web

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/meseta-io/meseta/messages/wire"
)

// readBody reads a request's body into r, unpacked, within the limits of one and of all. held is what it takes of what all
// may hold.
func (t *Router) readBody(w *Writer, r *Request, route *Route) (held int64, err error) {
	switch {
	case !hasBody(r.Request):
		return 0, nil
	case route.Streams && r.Header.Get("Content-Type") == wire.MediaRecordIO:
		_ = w.control.SetReadDeadline(time.Time{})
		return 0, nil
	}
	if held, err = t.unpack(w, r); err == nil {
		_ = w.control.SetReadDeadline(time.Time{})
		return held, nil
	}
	// Nobody waits for the rest, or it would be read before the answer.
	w.Header().Set("Connection", "close")
	_ = w.control.SetReadDeadline(time.Unix(1, 0))
	return held, err
}

func hasBody(r *http.Request) bool { return r.Body != nil && r.Body != http.NoBody }

// hurry starts the time that a body has to arrive: whoever sends a byte now and then would keep us for as long as it
// likes. It counts for bodies that nobody wants too, because net/http reads them before the next request.
func (t *Router) hurry(w *Writer, r *http.Request) {
	if hasBody(r) {
		_ = w.control.SetReadDeadline(time.Now().Add(t.config.Limits.BodyTime))
	}
}

func (t *Router) unpack(w *Writer, r *Request) (held int64, err error) {
	limit := t.config.Limits.Body
	if r.ContentLength > limit {
		return 0, tooLarge(limit)
	}
	var body io.Reader = http.MaxBytesReader(w.ResponseWriter, r.Request.Body, limit)
	packed := strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip")
	if packed {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return 0, unreadable(err, limit, packed)
		}
		body = unpacked
	}
	r.Body, held, err = t.gather(body, limit, r.ContentLength, packed)
	return held, unreadable(err, limit, packed)
}

// gather reads up to limit bytes, and takes from the budget what it holds as it grows: a body that was announced and does
// not come costs nothing.
func (t *Router) gather(body io.Reader, limit, announced int64, packed bool) (all []byte, held int64, err error) {
	size := int64(4 << 10)
	if announced >= 0 && !packed {
		size = min(announced+1, 1<<20) // one more, so that the end is seen without growing
	}
	for {
		if !t.bodies.take(size) {
			return nil, held, Refuse(http.StatusServiceUnavailable, "Too many large requests at once")
		}
		held += size
		grown := make([]byte, len(all), int64(len(all))+size)
		copy(grown, all)
		all = grown
		for len(all) < cap(all) {
			n, err := body.Read(all[len(all):cap(all)])
			all = all[:len(all)+n]
			if int64(len(all)) > limit {
				return nil, held, tooLarge(limit) // a bomb is small until it is unpacked
			}
			if err == io.EOF {
				return all, held, nil
			}
			if err != nil {
				return nil, held, err
			}
		}
		size = int64(len(all)) // doubles
	}
}

func tooLarge(limit int64) error {
	return Refuse(http.StatusRequestEntityTooLarge, "The body is larger than the limit of %d bytes", limit)
}

// unreadable says why a body could not be read.
func unreadable(err error, limit int64, packed bool) error {
	var refusal *Refusal
	var large *http.MaxBytesError
	switch {
	case err == nil, errors.As(err, &refusal):
		return err
	case errors.As(err, &large):
		return tooLarge(limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return Refuse(http.StatusRequestTimeout, "The body did not arrive in time")
	case packed:
		return Refuse(http.StatusInternalServerError, "failed to decode body")
	}
	return Refuse(http.StatusBadRequest, "The body ends before its time")
}
