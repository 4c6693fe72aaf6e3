// Package authorization says who may do what, in the words of Mesos' access control lists: a subject wants to carry out
// an action on an object, and the first list entry that speaks of both decides. Everything here is a plain function of
// values that never change, so an actor, an HTTP handler and a stream ask alike, and none of them waits.
//
// Who somebody is, is not this room's business: a Subject has been authenticated, or is nobody in particular.
package authorization

import (
	"fmt"
	"maps"
	"sync/atomic"

	"github.com/meseta-io/meseta/messages/fault"
)

// Subject is who wants something. The zero value is anonymous.
type Subject struct {
	// Principal is the name that was proven, "" if none was.
	Principal string
	// Claims are what a token says of its bearer: an executor's has fid, eid and cid.
	Claims map[string]string
}

// The claims of the tokens that agents give to executors.
const (
	ClaimFramework = "fid"
	ClaimExecutor  = "eid"
	ClaimContainer = "cid" // the container that the executor itself runs in
)

// IsAnonymous says whether nothing was proven at all.
func (s Subject) IsAnonymous() bool { return s.Principal == "" && len(s.Claims) == 0 }

// Equal says whether two subjects are the same.
func (s Subject) Equal(other Subject) bool {
	return s.Principal == other.Principal && maps.Equal(s.Claims, other.Claims)
}

// String is for logs: the claims of a token say nothing secret, but they are long.
func (s Subject) String() string {
	switch {
	case s.Principal != "":
		return "principal '" + s.Principal + "'"
	case len(s.Claims) > 0:
		return "executor '" + s.Claims[ClaimExecutor] + "' of framework '" + s.Claims[ClaimFramework] + "'"
	}
	return "ANY"
}

// Approver says whether one subject may carry out one action on an object. It is pure, and may be called from anywhere.
type Approver func(Object) bool

// Authorizer makes approvers. For a list of many objects one is made and asked about each.
type Authorizer interface {
	Approver(Subject, Action) Approver
}

// Everything lets everybody do everything, but for executors, which are held to their own containers whatever else is
// allowed: a token that a task reads from its environment must not command the cluster.
var Everything Authorizer = everything{}

type everything struct{}

func (everything) Approver(s Subject, a Action) Approver {
	if s.isExecutor() {
		return implicit(s, a)
	}
	return always
}

func always(Object) bool { return true }
func never(Object) bool  { return false }

// Live is an Authorizer whose rules can be replaced while it is asked. The zero value is Everything.
type Live struct{ now atomic.Pointer[Authorizer] }

// NewLive begins with these rules. Nil: Everything.
func NewLive(a Authorizer) *Live {
	l := &Live{}
	l.Swap(a)
	return l
}

// Swap replaces the rules. Nil: Everything.
func (l *Live) Swap(a Authorizer) {
	if a == nil {
		a = Everything
	}
	l.now.Store(&a)
}

// Approver makes one that always goes by the latest rules, however long it is kept: whoever loses a right loses it on
// the streams that are open, too.
func (l *Live) Approver(s Subject, a Action) Approver {
	type made struct {
		by *Authorizer
		f  Approver
	}
	var last atomic.Pointer[made]
	return func(o Object) bool {
		by := l.now.Load()
		m := last.Load()
		if m == nil || m.by != by {
			m = &made{by, of(by).Approver(s, a)}
			last.Store(m)
		}
		return m.f(o)
	}
}

func of(a *Authorizer) Authorizer {
	if a == nil {
		return Everything
	}
	return *a
}

// Approves asks once. A nil authorizer is Everything.
func Approves(a Authorizer, s Subject, what Action, o Object) bool {
	if a == nil {
		a = Everything
	}
	return a.Approver(s, what)(o)
}

// Refusal is the error for somebody who may not. It says what would have been needed, and nothing of the object: that it
// exists is more than everybody may know.
func Refusal(s Subject, a Action) error {
	if s.isExecutor() {
		return fmt.Errorf("%s may not %s: a token lets an executor look after its own containers only: %w", s, a, fault.ErrDenied)
	}
	list := ""
	if a < actions {
		list = rules[a].list
	}
	return fmt.Errorf("%s may not %s: an operator has to allow it in \"%s\" of --acls: %w", s, a, list, fault.ErrDenied)
}

// Unlimited says whether somebody may do all these things to every object, as far as that can be known without looking at
// one. Where it is true nothing has to be filtered.
func Unlimited(a Authorizer, s Subject, what ...Action) bool {
	l, ok := a.(interface{ unlimited(Subject, Action) bool })
	for _, one := range what {
		if !ok || !l.unlimited(s, one) {
			return false
		}
	}
	return true
}

func (everything) unlimited(s Subject, _ Action) bool { return !s.isExecutor() }

func (l *Live) unlimited(s Subject, a Action) bool { return Unlimited(of(l.now.Load()), s, a) }

func (l *ACLs) unlimited(s Subject, a Action) bool {
	return l.permissive && !s.isExecutor() && a != Unknown && a < actions && len(l.lists[rules[a].list])+len(l.lists[rules[a].parent]) == 0
}
