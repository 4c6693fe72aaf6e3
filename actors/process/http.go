package process

import (
	"errors"
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
	// Broken, if not nil, is asked when Stream is closed. An error breaks the connection, so that the client does
	// not take what it has for the whole.
	Broken func() error
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
	// Authorizer says what those may do who have proven who they are, or did not have to. A Response refuses. Nil lets
	// everybody do everything.
	Authorizer func(Principal, *http.Request) *Response
	// MetricsRealm guards /metrics/snapshot.
	MetricsRealm string
	// Firewall sees every request first. A Response refuses it. Nil lets all pass.
	Firewall func(*http.Request) *Response
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

// Alive says whether a process of this id lives here.
func (r *Runtime) Alive(id string) bool { return r.registry.get(id) != nil }

// ServeHTTP answers for every route of every process, /metrics/snapshot with all metrics, and /__processes__ with
// what every process is at: 404 for what nobody serves, 413 for a body that is too long, 503 when the process has too much waiting or ends
// before it answers.
func (r *Runtime) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	fut := r.visit(w, req)
	answer, err := fut.Get(req.Context())
	switch {
	case err == nil:
		write(w, req, answer)
	case req.Context().Err() != nil:
		fut.Discard() // the client is gone
	case errors.Is(err, ErrGone), errors.Is(err, errBusy), errors.Is(err, ErrDiscarded):
		write(w, req, Response{Status: http.StatusServiceUnavailable})
	default:
		write(w, req, Response{Status: http.StatusInternalServerError, Body: []byte(err.Error())})
	}
}

// visit finds who is asked, checks that the client may, reads the body, and asks.
func (r *Runtime) visit(w http.ResponseWriter, req *http.Request) Future[Response] {
	if r.http.Firewall != nil {
		if refusal := r.http.Firewall(req); refusal != nil {
			return Ready(*refusal)
		}
	}
	switch strings.Trim(req.URL.Path, "/") {
	case "__processes__":
		return Ready(r.census())
	case "metrics/snapshot":
		if _, refusal := r.admit(r.http.MetricsRealm, req); refusal != nil {
			return Ready(*refusal)
		}
		return Ready(r.snapshot())
	}
	to, rest, ok := r.resolve(req.URL.Path)
	if !ok {
		return Ready(Response{Status: http.StatusNotFound})
	}
	principal, refusal := r.admit(to.realm, req)
	if refusal != nil {
		return Ready(*refusal)
	}
	body, err := readBody(w, req, r.http.MaxBody)
	if err != nil {
		return Ready(Response{Status: bodyStatus(err)})
	}
	return r.ask(to, &Request{Request: req, Principal: principal, Body: body, Path: rest})
}

// admit finds out who asks, and whether they may.
func (r *Runtime) admit(realm string, req *http.Request) (Principal, *Response) {
	p, refusal := r.authenticate(realm, req)
	if refusal == nil && r.http.Authorizer != nil {
		refusal = r.http.Authorizer(p, req)
	}
	return p, refusal
}

func (r *Runtime) authenticate(realm string, req *http.Request) (Principal, *Response) {
	check := r.http.Realms[realm]
	if realm == "" || check == nil {
		return Principal{}, nil
	}
	p, refusal := check(req)
	if refusal == nil && p.Name == "" && len(p.Claims) == 0 {
		// An authenticator that lets nobody in particular pass is broken, and its guests must not look anonymous.
		return p, &Response{Status: http.StatusInternalServerError}
	}
	return p, refusal
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
	v.p.Associate(v.to.h(v.req))
}

func (v *visit) Drop() { v.p.Complete(Response{}, ErrGone) }
