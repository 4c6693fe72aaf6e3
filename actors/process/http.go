package process

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
)

// Request is an HTTP request as an actor gets it: authenticated, its body read and bounded.
type Request struct {
	*http.Request
	Principal Principal // zero: anonymous
	Body      []byte
	Path      string // what follows the route's own pattern, without a leading "/"
}

// Response is an actor's answer. The zero Status means 200.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Stream, if not nil, follows Body piece by piece, each flushed at once, until it is closed. The request's
	// context ends when the client is gone; whoever fills the channel has to watch it.
	Stream <-chan []byte
}

// Authenticator proves who sends a request. A Response refuses it.
type Authenticator func(*http.Request) (Principal, *Response)

// HTTPConfig is how a Runtime serves HTTP.
type HTTPConfig struct {
	// Delegate is the id of the process that answers for "/" and for paths whose first part is no process's id.
	Delegate string
	// MaxBody is how many bytes of body one request may have. Zero: 64 MiB.
	MaxBody int64
	// Realms holds an Authenticator for each realm that has one; routes of other realms are open.
	Realms map[string]Authenticator
}

const defaultMaxBody = 64 << 20

// Route serves a path of this process: /<id>/<pattern> and everything below it that has no longer pattern of
// its own. h runs on the process. A realm names who checks the client, see HTTPConfig; "" is open to all.
func (b *Base) Route(pattern, realm string, h func(*Request) Future[Response]) {
	b.rt.routes.add(b, strings.Trim(pattern, "/"), route{b, realm, h})
}

type route struct {
	base  *Base
	realm string
	h     func(*Request) Future[Response]
}

// routes maps process ids to their patterns.
type routes struct {
	mu  sync.RWMutex
	ids map[string]map[string]route
}

func (t *routes) add(b *Base, pattern string, r route) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ids == nil {
		t.ids = map[string]map[string]route{}
	}
	if t.ids[b.self.ID] == nil {
		t.ids[b.self.ID] = map[string]route{}
	}
	t.ids[b.self.ID][pattern] = r
}

func (t *routes) remove(b *Base) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.ids, b.self.ID)
}

// find gives the route with the longest pattern that path begins with, and the rest of the path.
func (t *routes) find(id, path string) (r route, rest string, ok bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	for pattern := path; ; {
		if r, ok := t.ids[id][pattern]; ok {
			return r, strings.TrimPrefix(path[len(pattern):], "/"), true
		}
		if pattern == "" {
			return route{}, "", false
		}
		pattern = pattern[:max(strings.LastIndexByte(pattern, '/'), 0)]
	}
}

// resolve finds who answers for a URL path.
func (r *Runtime) resolve(path string) (route, string, bool) {
	id, rest, _ := strings.Cut(strings.Trim(path, "/"), "/")
	if found, rest, ok := r.routes.find(id, rest); ok {
		return found, rest, true
	}
	if r.http.Delegate != "" && r.registry.get(id) == nil {
		return r.routes.find(r.http.Delegate, strings.Trim(path, "/"))
	}
	return route{}, "", false
}

// ServeHTTP answers for every route of every process: 404 for what nobody serves, 413 for a body that is too
// long, 503 when the process has too much waiting or ends before it answers.
func (r *Runtime) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	to, rest, ok := r.resolve(req.URL.Path)
	if !ok {
		write(w, req, Response{Status: http.StatusNotFound})
		return
	}
	principal, refusal := r.authenticate(to.realm, req)
	if refusal != nil {
		write(w, req, *refusal)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, r.http.MaxBody))
	if err != nil {
		write(w, req, Response{Status: bodyStatus(err)})
		return
	}
	fut := r.ask(to, &Request{Request: req, Principal: principal, Body: body, Path: rest})
	answer, err := fut.Get(req.Context())
	switch {
	case err == nil:
		write(w, req, answer)
	case req.Context().Err() != nil:
		fut.Discard() // the client is gone
	case errors.Is(err, ErrGone), errors.Is(err, errBusy):
		write(w, req, Response{Status: http.StatusServiceUnavailable})
	default:
		write(w, req, Response{Status: http.StatusInternalServerError, Body: []byte(err.Error())})
	}
}

func bodyStatus(err error) int {
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusBadRequest
}

func (r *Runtime) authenticate(realm string, req *http.Request) (Principal, *Response) {
	if check := r.http.Realms[realm]; realm != "" && check != nil {
		return check(req)
	}
	return Principal{}, nil
}

var errBusy = errors.New("too many requests wait for this process")

// ask brings a request to its process and promises the answer.
func (r *Runtime) ask(to route, req *Request) Future[Response] {
	p, fut := NewPromise[Response](to.base)
	box := &to.base.box
	size := len(req.Body)
	if !box.admit(size) {
		return Failed[Response](errBusy)
	}
	if !box.post(mail{kind: kindErrand, body: &visit{to, req, p, size}}) {
		return Failed[Response](ErrGone)
	}
	return fut
}

// visit is a request in the mailbox.
type visit struct {
	to   route
	req  *Request
	p    *Promise[Response]
	size int
}

func (v *visit) Do() {
	v.to.base.box.dismiss(v.size)
	if v.p.s.settled() {
		return // the client did not wait
	}
	fut := v.to.h(v.req)
	if fut.s == nil {
		v.p.Complete(Response{Status: http.StatusInternalServerError}, nil)
		return
	}
	v.p.OnDiscard(func() { fut.Discard() })
	fut.s.whenDone(func() { v.p.Complete(fut.s.value, fut.s.err) })
}

func (v *visit) Drop() { v.p.Complete(Response{}, ErrGone) }

// write sends an answer to the client, and its stream as it comes.
func write(w http.ResponseWriter, req *http.Request, a Response) {
	for name, values := range a.Header {
		w.Header()[name] = values
	}
	if a.Status == 0 {
		a.Status = http.StatusOK
	}
	if a.Stream == nil && a.Body == nil && a.Status >= 400 {
		a.Body = []byte(http.StatusText(a.Status) + "\n")
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.WriteHeader(a.Status)
	if req.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(a.Body) // a client that is gone is no concern of the actor's
	if a.Stream != nil {
		pour(req.Context(), w, a.Stream)
	}
}

func pour(ctx context.Context, w http.ResponseWriter, stream <-chan []byte) {
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	for {
		select {
		case piece, ok := <-stream:
			if !ok {
				return
			}
			if _, err := w.Write(piece); err != nil {
				return
			}
			_ = flush.Flush()
		case <-ctx.Done():
			return
		}
	}
}
