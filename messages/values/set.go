package values

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// MaxItems bounds one set.
const MaxItems = 1 << 16

// Set holds distinct words, sorted, so equal sets look alike. The zero value is empty. Values are never changed in
// place; make them with NewSet.
type Set []string

// NewSet sorts. It refuses a word that comes twice, because somebody meant two things by it.
func NewSet(items ...string) (Set, error) {
	if len(items) > MaxItems {
		return nil, fmt.Errorf("set of %d items: at most %d are taken: %w", len(items), MaxItems, fault.ErrInvalid)
	}
	s := slices.Clone(items)
	slices.Sort(s)
	for i := 1; i < len(s); i++ {
		if s[i] == s[i-1] {
			return nil, fmt.Errorf("set has duplicated elements: %s comes twice: %w", shorten(s[i]), fault.ErrInvalid)
		}
	}
	return s, nil
}

// SetFromProto reads the wire form.
func SetFromProto(p *mesospb.Value_Set) (Set, error) { return NewSet(p.GetItem()...) }

// Proto is the wire form.
func (s Set) Proto() *mesospb.Value_Set { return &mesospb.Value_Set{Item: slices.Clone(s)} }

// Add returns the words in either.
func (s Set) Add(other Set) Set {
	switch {
	case len(other) == 0:
		return s
	case len(s) == 0:
		return other
	}
	out := make(Set, 0, len(s)+len(other))
	for len(s) > 0 && len(other) > 0 {
		switch c := strings.Compare(s[0], other[0]); {
		case c < 0:
			out, s = append(out, s[0]), s[1:]
		case c > 0:
			out, other = append(out, other[0]), other[1:]
		default:
			out, s, other = append(out, s[0]), s[1:], other[1:]
		}
	}
	return append(append(out, s...), other...)
}

// Subtract returns the words of s that are not in other.
func (s Set) Subtract(other Set) Set {
	if len(s) == 0 || len(other) == 0 {
		return s
	}
	out := make(Set, 0, len(s))
	for _, word := range s {
		for len(other) > 0 && other[0] < word {
			other = other[1:]
		}
		if len(other) == 0 || other[0] != word {
			out = append(out, word)
		}
	}
	return out
}

// Contains says whether every word of other is in s.
func (s Set) Contains(other Set) bool {
	if len(other) > len(s) {
		return false
	}
	for _, word := range other {
		for len(s) > 0 && s[0] < word {
			s = s[1:]
		}
		if len(s) == 0 || s[0] != word {
			return false
		}
	}
	return true
}

// Equal says whether both hold the same words.
func (s Set) Equal(other Set) bool { return slices.Equal(s, other) }

// String prints "{a, b}", and "{}" for none.
func (s Set) String() string { return "{" + strings.Join(s, ", ") + "}" }

// parseSet reads "{a,b}" without spaces, as leniently as ranges are read.
func parseSet(s string) (Set, error) {
	items := strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune("{},\n", c) })
	for _, item := range items {
		// The whole may match where its parts do not, and a set is written in another order than it was read.
		if !matching(item, '(', ')') || !matching(item, '[', ']') {
			return Set{}, fmt.Errorf("value %s: the brackets of %s do not match: %w", shorten(s), shorten(item), fault.ErrInvalid)
		}
	}
	return NewSet(items...)
}
