package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Router is the http.Handler of a node.
type Router struct {
	config Config
	table  table
	sorted []Route
	bodies budget
}

// New makes a Router. The error names every route that is there twice or cannot be reached.
func New(c Config) (*Router, error) {
	c.Limits = c.Limits.complete()
	r := &Router{config: c, table: table{}, bodies: budget{max: c.Limits.Bodies}, sorted: slices.Clone(c.Routes)}
	var errs []error
	for i := range c.Routes {
		route := &c.Routes[i]
		if route.Process == "" || route.Serve == nil || strings.Trim(route.Pattern, "/") != route.Pattern {
			errs = append(errs, fmt.Errorf("the route %s cannot be served", route.path()))
		}
		if r.table[route.Process] == nil {
			r.table[route.Process] = map[string]*Route{}
		}
		if r.table[route.Process][route.Pattern] != nil {
			errs = append(errs, fmt.Errorf("the route %s is there twice", route.path()))
		}
		r.table[route.Process][route.Pattern] = route
	}
	slices.SortFunc(r.sorted, func(a, b Route) int { return strings.Compare(a.path(), b.path()) })
	return r, errors.Join(errs...)
}

// Routes are all routes, sorted by path.
func (t *Router) Routes() []Route { return slices.Clone(t.sorted) }

// ServeHTTP implements http.Handler.
func (t *Router) ServeHTTP(hw http.ResponseWriter, hr *http.Request) {
	query, err := decodeQuery(hr.URL.RawQuery)
	if err != nil || !methods[hr.Method] {
		// libprocess' decoder gives up on these, and its connection with it. Clients may have learned to tell.
		panic(http.ErrAbortHandler)
	}
	w := newWriter(t, hw, hr)
	t.hurry(w, hr)
	defer w.end()
	if len(hr.URL.RawQuery) > t.config.Limits.Path || len(hr.URL.EscapedPath()) > t.config.Limits.Path {
		w.Text(http.StatusRequestURITooLong, "")
		return
	}
	t.serve(w, &Request{Request: hr, query: query})
}

// serve finds the route and checks everything that is to be checked, in Mesos' order.
func (t *Router) serve(w *Writer, r *Request) {
	if t.config.Admit != nil {
		if err := t.config.Admit(r.Request); err != nil {
			w.Error(err)
			return
		}
	}
	route, err := t.route(r)
	if err == nil {
		err = t.firewall(r, route)
	}
	if err != nil {
		w.Error(err)
		return
	}
	if route == nil {
		t.config.Processes.ServeHTTP(w.ResponseWriter, r.Request)
		return
	}
	t.warn(w)
	if !t.authenticate(w, r, route.Realm) || !t.leads(w, r, route) {
		return
	}
	if len(route.Methods) > 0 && !slices.Contains(route.Methods, r.Method) {
		w.methodNotAllowed(route.Methods, r.Method)
		return
	}
	held, err := t.readBody(w, r, route)
	w.release = sync.OnceFunc(func() { r.Body = nil; t.bodies.free(held) })
	defer w.release()
	if err != nil {
		w.Error(err)
		return
	}
	route.Serve(w, r)
}

// route finds who answers. A nil route without an error is a process of the runtime that has routes of its own.
func (t *Router) route(r *Request) (*Route, error) {
	path := r.URL.EscapedPath()
	switch {
	case !strings.HasPrefix(path, "/"):
		return nil, Refuse(http.StatusBadRequest, "Request URL path must be absolute")
	case strings.Contains(path, "/.."):
		return nil, Refuse(http.StatusNotFound, "")
	}
	parts := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	if len(parts) == 0 {
		return t.delegated(r, path, parts)
	}
	id, err := url.PathUnescape(parts[0])
	if err != nil {
		return nil, Refuse(http.StatusBadRequest, "Failed to decode the first part of the path")
	}
	route, rest, known := t.table.find(id, parts[1:])
	alive := t.config.Processes != nil && t.config.Processes.Alive(id)
	switch {
	case route != nil:
		r.Path, r.Rest = path, rest
		return route, nil
	case alive && !known:
		r.Path = path
		return nil, nil
	case known || alive:
		return nil, Refuse(http.StatusNotFound, "")
	}
	return t.delegated(r, path, parts)
}

// firewall refuses what is closed, however the path is spelled: a closed route is closed for everything below it.
func (t *Router) firewall(r *Request, route *Route) error {
	if t.config.Firewall == nil {
		return nil
	}
	plain := r.Path
	if decoded, err := url.PathUnescape(plain); err == nil {
		plain = decoded
	}
	plain = "/" + strings.Join(strings.FieldsFunc(plain, func(c rune) bool { return c == '/' }), "/")
	if t.config.Firewall(plain) || route != nil && t.config.Firewall(route.path()) {
		return Refuse(http.StatusForbidden, "Endpoint '%s' is disabled", plain)
	}
	return nil
}

func (t *Router) delegated(r *Request, path string, parts []string) (*Route, error) {
	r.Path = "/" + t.config.Delegate + path
	route, rest, _ := t.table.find(t.config.Delegate, parts)
	if route == nil || t.config.Delegate == "" {
		return nil, Refuse(http.StatusNotFound, "")
	}
	r.Rest = rest
	return route, nil
}

// authenticate finds out who asks. False: it has refused.
func (t *Router) authenticate(w *Writer, r *Request, realm string) bool {
	if realm == "" || t.config.Authenticator == nil {
		return true
	}
	check := t.config.Authenticator(realm)
	if check == nil {
		return true
	}
	p, refusal := check(r.Request)
	if refusal != nil {
		w.refused(refusal)
		return false
	}
	if p.Name == "" && len(p.Claims) == 0 {
		// An authenticator that lets nobody in particular pass is broken, and its guests must not look anonymous.
		w.Text(http.StatusInternalServerError, "")
		return false
	}
	r.Principal = p
	return true
}

// warn says in the answer's head that this master cannot reach who elects it.
func (t *Router) warn(w *Writer) {
	if t.config.Leadership == nil {
		return
	}
	if trouble := t.config.Leadership().Trouble; trouble != "" {
		w.Header().Set(ElectionHeader, trouble)
	}
}

// leads checks that this master may answer. False: it has redirected or refused.
func (t *Router) leads(w *Writer, r *Request, route *Route) bool {
	if t.config.Leadership == nil || !route.Leader && !route.Recovered {
		return true
	}
	switch now := t.config.Leadership(); {
	case !now.Leading && now.Leader == "":
		w.Text(http.StatusServiceUnavailable, "No leader elected")
	case !now.Leading:
		to := "//" + now.Leader + r.Path
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		w.Redirect(to)
	case route.Recovered && !now.Recovered:
		w.Text(http.StatusServiceUnavailable, "Master has not finished recovery")
	default:
		return true
	}
	return false
}

// methods are those that libprocess' parser knows.
var methods = map[string]bool{}

func init() {
	for _, m := range strings.Fields("DELETE GET HEAD POST PUT CONNECT OPTIONS TRACE COPY LOCK MKCOL MOVE PROPFIND PROPPATCH " +
		"SEARCH UNLOCK BIND REBIND UNBIND ACL REPORT MKACTIVITY CHECKOUT MERGE M-SEARCH NOTIFY SUBSCRIBE UNSUBSCRIBE PATCH PURGE " +
		"MKCALENDAR LINK UNLINK") {
		methods[m] = true
	}
}
