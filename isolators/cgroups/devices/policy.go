package devices

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/meseta-io/meseta/messages/fault"
)

// A Policy is what the processes of a group may do with devices: what an entry of Allow says and none of Deny forbids.
// Deny is about single devices.
type Policy struct{ Allow, Deny []Entry }

// New is a policy, normal. It is an error of class fault.ErrInvalid when something is denied in a wildcard, or the very same
// is allowed and denied.
func New(allow, deny []Entry) (Policy, error) {
	p := Policy{Allow: Normal(allow), Deny: Normal(deny)}
	for _, d := range p.Deny {
		if d.Wildcard() {
			return Policy{}, fmt.Errorf("devices %q are denied: name each of them: %w", d, fault.ErrInvalid)
		}
	}
	for _, e := range allow {
		for _, d := range deny {
			if e.Same(d) && e.Access&d.Access != 0 {
				return Policy{}, fmt.Errorf("device %q is allowed, and %q denied: %w", e, d, fault.ErrInvalid)
			}
		}
	}
	return p, nil
}

// Change is the policy with more that is allowed and more that is denied, each of which takes away from the other. Both are
// about single devices.
func (p Policy) Change(allow, deny []Entry) (Policy, error) {
	for _, e := range slices.Concat(allow, deny) {
		if e.Wildcard() {
			return p, fmt.Errorf("devices %q are changed: name each of them: %w", e, fault.ErrInvalid)
		}
	}
	if _, err := New(allow, deny); err != nil {
		return p, err
	}
	next := Policy{Allow: slices.Clone(p.Allow), Deny: slices.Clone(p.Deny)}
	for _, e := range Normal(allow) {
		next.Deny = without(next.Deny, e)
		if !next.Grants(e) {
			next.Allow = append(next.Allow, e)
		}
	}
	for _, e := range Normal(deny) {
		next.Allow = without(next.Allow, e)
		if next.touches(e) { // what a wildcard allows has to be denied, other things are denied anyhow
			next.Deny = append(next.Deny, e)
		}
	}
	return Policy{Allow: Normal(next.Allow), Deny: Normal(next.Deny)}, nil
}

// without takes access away from entries for exactly the same devices.
func without(entries []Entry, e Entry) []Entry {
	var left []Entry
	for _, l := range entries {
		if l.Same(e) {
			l.Access &^= e.Access
		}
		left = append(left, l)
	}
	return Normal(left)
}

// touches tells whether some of what an entry says is allowed.
func (p Policy) touches(e Entry) bool {
	return slices.ContainsFunc(p.Allow, func(a Entry) bool { return a.Encompasses(e) && a.Access&e.Access != 0 })
}

// Grants tells whether all that an entry says is allowed and nothing of it denied.
func (p Policy) Grants(e Entry) bool {
	var granted Access
	for _, a := range p.Allow {
		if a.Encompasses(e) {
			granted |= a.Access
		}
	}
	for _, d := range p.Deny {
		if d.Encompasses(e) || e.Encompasses(d) {
			granted &^= d.Access
		}
	}
	return granted&e.Access == e.Access
}

// Normal is entries for the same devices put together, without those that say nothing and those that others say already,
// sorted.
func Normal(entries []Entry) []Entry {
	var joined []Entry
	for _, e := range entries {
		if n := slices.IndexFunc(joined, e.Same); n >= 0 {
			joined[n].Access |= e.Access
		} else {
			joined = append(joined, e)
		}
	}
	var normal []Entry
	for n, e := range joined {
		said := slices.ContainsFunc(joined, func(o Entry) bool { return !o.Same(joined[n]) && o.Encompasses(e) && o.Access&e.Access == e.Access })
		if e.Access != None && !said {
			normal = append(normal, e)
		}
	}
	slices.SortFunc(normal, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Major, b.Major), cmp.Compare(a.Minor, b.Minor))
	})
	return normal
}
