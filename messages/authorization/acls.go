package authorization

import "strings"

// ACLs are access control lists. They never change.
type ACLs struct {
	// permissive is what holds where no entry speaks of a subject and an object.
	permissive bool
	lists      map[string][]entry
}

// entry lets the subjects touch the objects, if it speaks of both.
type entry struct{ subjects, objects entity }

// entity is a set of names: some, all or none. NONE matches everybody, and lets nobody.
type entity struct {
	kind   kind
	values map[string]bool
	below  []string // roles whose subroles are meant, "eng/" for "eng/%"
}

type kind uint8

const (
	some kind = iota
	anybody
	nobody
)

// speaksOf says whether an entry is about somebody or something. A name of nobody in particular is not among some.
func (e entity) speaksOf(name string, known bool) bool {
	return e.kind != some || known && e.has(name)
}

// allows says whether who is spoken of may.
func (e entity) allows(name string, known bool) bool {
	return e.kind == anybody || e.kind == some && known && e.has(name)
}

func (e entity) has(name string) bool {
	if e.values[name] {
		return true
	}
	for _, above := range e.below {
		if len(name) > len(above) && strings.HasPrefix(name, above) {
			return true
		}
	}
	return false
}

// Permissive says what holds where no list speaks of a subject and an object.
func (l *ACLs) Permissive() bool { return l.permissive }

// Approver implements Authorizer. An executor is not in any list.
func (l *ACLs) Approver(s Subject, a Action) Approver {
	switch {
	case s.isExecutor():
		return implicit(s, a)
	case a == Unknown || a >= actions:
		return never // nobody says what it would be
	}
	r := rules[a]
	about := r.about
	if about == nil {
		about = func(Object) (string, bool) { return "", false }
	}
	f := l.approver(s, r.list, about)
	if r.parent == "" {
		return f
	}
	around := l.approver(s, r.parent, executorUser)
	return func(o Object) bool { return f(o) && around(o) }
}

// approver picks the entries that speak of the subject, so that only they are looked at for each object.
func (l *ACLs) approver(s Subject, list string, about func(Object) (string, bool)) Approver {
	type rest struct {
		objects entity
		allowed bool
	}
	var mine []rest
	named := s.Principal != ""
	for _, e := range l.lists[list] {
		if !e.subjects.speaksOf(s.Principal, named) {
			continue
		}
		allowed := e.subjects.allows(s.Principal, named)
		mine = append(mine, rest{e.objects, allowed})
		if e.objects.kind != some {
			break // it speaks of every object
		}
	}
	if len(mine) == 0 {
		if l.permissive {
			return always
		}
		return never
	}
	permissive := l.permissive
	return func(o Object) bool {
		name, known := about(o)
		for _, e := range mine {
			if e.objects.speaksOf(name, known) {
				return e.allowed && e.objects.allows(name, known)
			}
		}
		return permissive
	}
}
