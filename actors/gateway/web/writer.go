package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/wire"
)

// plain is the type of texts.
const plain = "text/plain; charset=utf-8"

// Writer writes the one answer of a request.
type Writer struct {
	http.ResponseWriter
	control *http.ResponseController
	router  *Router
	req     *http.Request
	broken  bool
	release func() // gives up the request's body
}

func newWriter(t *Router, w http.ResponseWriter, r *http.Request) *Writer {
	// What is in our answers often comes from tasks. No browser is to guess that it is something else than we say.
	w.Header().Set("X-Content-Type-Options", "nosniff")
	return &Writer{ResponseWriter: w, control: http.NewResponseController(w), router: t, req: r, release: func() {}}
}

// end cuts the connection of an answer that must not look complete.
func (w *Writer) end() {
	if w.broken {
		panic(http.ErrAbortHandler) // net/http's word for it
	}
}

// patience starts the time that the client has for the next piece.
func (w *Writer) patience() {
	_ = w.control.SetWriteDeadline(time.Now().Add(w.router.config.Limits.WriteTime))
}

// Empty answers with a status and nothing else.
func (w *Writer) Empty(status int) {
	w.Header().Set("Content-Length", "0")
	w.WriteHeader(status)
}

// Text answers with a line of text; empty: the status' own phrase.
func (w *Writer) Text(status int, body string) {
	if body == "" {
		body = phrase(status)
	}
	w.Bytes(status, plain, []byte(body))
}

// Error answers with the status of an error (see Status) and its reason.
func (w *Writer) Error(err error) { w.Text(Status(err), Reason(err)) }

// Redirect sends the client elsewhere, to be asked the same again.
func (w *Writer) Redirect(location string) {
	w.Header().Set("Location", location)
	w.Empty(http.StatusTemporaryRedirect)
}

// Bytes answers with a body, compressed if that is worth it and admitted.
func (w *Writer) Bytes(status int, contentType string, body []byte) {
	if w.packs(len(body)) {
		body = packAll(body)
	}
	if w.begin(status, contentType, len(body)) {
		w.piece(body)
	}
}

// packs decides whether a body of so many bytes is compressed, and says so to the client if it is.
func (w *Writer) packs(size int) bool {
	h := w.Header()
	if size < gzipMinimum || h.Get("Content-Encoding") != "" || !wire.AcceptsGzip(w.req.Header) {
		return false
	}
	h.Set("Content-Encoding", "gzip")
	return true
}

// begin sends the head of an answer of a known length, and says whether the client wants the rest.
func (w *Writer) begin(status int, contentType string, size int) bool {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(size))
	w.WriteHeader(status)
	return w.req.Method != http.MethodHead
}

// Message answers with one message of the v1 API: its exact type, and its length, because mesos-go takes what has none
// for a stream.
func (w *Writer) Message(status int, f wire.Format, m proto.Message) {
	body, err := f.Append(nil, m)
	if err != nil {
		w.Text(http.StatusInternalServerError, "Failed to encode the answer: "+Reason(err))
		return
	}
	w.Bytes(status, f.MediaType(), body)
}

// piece writes in steps that each have their own time, so that a large answer may take long and a stalled one not.
func (w *Writer) piece(p []byte) bool {
	const step = 256 << 10
	for len(p) > 0 {
		n := min(step, len(p))
		w.patience()
		if _, err := w.Write(p[:n]); err != nil {
			w.broken = true // a client that is gone or stuck is no concern of anybody's
			return false
		}
		p = p[n:]
	}
	return true
}

// methodNotAllowed answers in Mesos' words.
func (w *Writer) methodNotAllowed(allowed []string, got string) {
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	quoted := "'" + strings.Join(allowed, "', '") + "'"
	w.Text(http.StatusMethodNotAllowed, fmt.Sprintf("%s Expecting one of { %s }, but received '%s'.", phrase(http.StatusMethodNotAllowed), quoted, got))
}

// MethodNotAllowed refuses a method that only the route itself can judge.
func (w *Writer) MethodNotAllowed(r *Request, allowed ...string) {
	w.methodNotAllowed(allowed, r.Method)
}

// refused passes on what an authenticator said, with all challenges in one header: some clients read only the first.
func (w *Writer) refused(refusal *process.Response) {
	for name, values := range refusal.Header {
		w.Header()[name] = values
	}
	if challenges := w.Header().Values("WWW-Authenticate"); len(challenges) > 0 {
		w.Header().Set("WWW-Authenticate", strings.Join(challenges, ", "))
	}
	w.Text(refusal.Status, string(refusal.Body))
}

// Context ends when the client is gone.
func (w *Writer) Context() context.Context { return w.req.Context() }
