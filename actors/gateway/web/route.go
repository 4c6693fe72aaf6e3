package web

import (
	"net/http"
	"strings"

	"github.com/meseta-io/meseta/actors/process"
)

// Route is one path of a process.
type Route struct {
	// Process is the first part of the path: "master", "slave(1)", "files", "metrics", "registrar(1)".
	Process string
	// Pattern is the rest, and everything below it that has no longer pattern of its own: "state", "api/v1/scheduler".
	Pattern string
	// Exact is set if nothing below the pattern is served.
	Exact bool
	// Methods are those that are admitted. None: any.
	Methods []string
	// Realm names who checks that the client is who it says. "": open to all.
	Realm string
	// Leader is set if only the leading master answers; others redirect to it.
	Leader bool
	// Recovered is set if a master that is not done with recovery answers 503.
	Recovered bool
	// Streams is set if a body of the type application/recordio is left unread, for Serve to read as it comes.
	Streams bool
	// Summary is one line for /help, Details what else there is to know.
	Summary, Details string
	// Serve answers. It runs in the connection's goroutine and may take as long as the client stays.
	Serve func(w *Writer, r *Request)
}

// path is where the route is found, with "/" in front.
func (r *Route) path() string {
	if r.Pattern == "" {
		return "/" + r.Process
	}
	return "/" + r.Process + "/" + r.Pattern
}

// Path is where the route is found, with "/" in front.
func (r Route) Path() string { return r.path() }

// Leadership is what a master knows about who leads.
type Leadership struct {
	// Leading is set if this master leads.
	Leading bool
	// Leader is the leader's host:port as others are to reach it. Empty: nobody leads.
	Leader string
	// Recovered is set once this master knows again what the registry remembers.
	Recovered bool
	// Trouble says that whoever elects masters is out of reach, and since when. Empty: nothing is wrong.
	Trouble string
}

// ElectionHeader carries a master's Trouble in all its answers: they are as good as ever, but it may not lead for long.
const ElectionHeader = "Meseta-Election"

// Config says what a Router serves, and to whom.
type Config struct {
	// Routes in any order. Two of one path are a mistake that New reports.
	Routes []Route
	// Delegate is the process that is meant by "/" and by paths whose first part is no process.
	Delegate string
	// Leadership is asked for routes that are the leader's. Nil: this node always answers.
	Leadership func() Leadership
	// Authenticator is who checks clients of a realm, or nil if the realm is open. It is asked for each request, so what
	// it knows may change. Nil: every realm is open.
	Authenticator func(realm string) process.Authenticator
	// Admit refuses requests before anything else is looked at. Nil: it refuses none.
	Admit func(*http.Request) error
	// Firewall says whether a path is closed. Nil: none is.
	Firewall func(path string) bool
	// Processes serves paths of processes that are in no route, for those of whom Alive is true. Nil: there are none.
	Processes interface {
		http.Handler
		// Alive says whether a process of this name lives.
		Alive(id string) bool
	}
	Limits Limits
}

// table finds routes.
type table map[string]map[string]*Route

// find gives the route with the longest pattern that rest begins with, and what follows it. known is set if there are
// routes of the process at all.
func (t table) find(id string, rest []string) (r *Route, below string, known bool) {
	patterns := t[id]
	for n := len(rest); n >= 0 && patterns != nil; n-- {
		if r := patterns[strings.Join(rest[:n], "/")]; r != nil {
			if r.Exact && n < len(rest) {
				return nil, "", true
			}
			return r, strings.Join(rest[n:], "/"), true
		}
	}
	return nil, "", patterns != nil
}
