package resources

import (
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/values"
)

// Limits are upper bounds by name: a name that is not there is unlimited, and 0 means none at all. The zero value
// limits nothing. It is an immutable value.
type Limits struct{ amounts amounts }

// ParseLimits reads "cpus:10;gpus:0". A name may come only once.
func ParseLimits(text string) (Limits, error) {
	var l Limits
	err := parseAmounts(text, func(name string, milli Milli) error {
		if _, limited := l.Get(name); limited {
			return fmt.Errorf("limit of %.80q comes twice: give one: %w", name, fault.ErrInvalid)
		}
		l.amounts = l.amounts.set(name, milli)
		return nil
	})
	return l, err
}

// LimitsFromProto reads a map of scalars. Infinity, which tasks may ask for, is no limit.
func LimitsFromProto(m map[string]*mesospb.Value_Scalar) (Limits, error) {
	var l Limits
	if err := tooManyNames(len(m)); err != nil {
		return l, err
	}
	for name, scalar := range m {
		if math.IsInf(scalar.GetValue(), 1) {
			continue
		}
		milli, err := values.MilliOf(scalar.GetValue())
		if err != nil {
			return Limits{}, fmt.Errorf("limit of %.80q: %w", name, err)
		}
		l.amounts = l.amounts.set(name, milli)
	}
	return l, nil
}

// Get is the limit of name; limited is false when there is none.
func (l Limits) Get(name string) (limit Milli, limited bool) {
	if i, found := l.amounts.find(name); found {
		return l.amounts[i].milli, true
	}
	return 0, false
}

// All yields names and limits, in the order of names.
func (l Limits) All() iter.Seq2[string, Milli] { return l.amounts.all() }

// IsEmpty says whether nothing is limited.
func (l Limits) IsEmpty() bool { return len(l.amounts) == 0 }

// Equal says whether both limit the same.
func (l Limits) Equal(that Limits) bool { return slices.Equal(l.amounts, that.amounts) }

// Contains says whether everything that fits into that also fits into l. It allocates nothing.
func (l Limits) Contains(that Limits) bool {
	for _, mine := range l.amounts {
		if its, limited := that.Get(mine.name); !limited || its > mine.milli {
			return false
		}
	}
	return true
}

// ContainsQuantities says whether q stays within the limits. It allocates nothing.
func (l Limits) ContainsQuantities(q Quantities) bool {
	for _, limit := range l.amounts {
		if q.Get(limit.name) > limit.milli {
			return false
		}
	}
	return true
}

// Subtract lowers the limits by what is used, down to 0.
func (l Limits) Subtract(q Quantities) Limits {
	left := Limits{slices.Clone(l.amounts)}
	for i := range left.amounts {
		x := &left.amounts[i]
		x.milli = max(x.milli-q.Get(x.name), 0)
	}
	return left
}

// Proto is the form that messages have.
func (l Limits) Proto() map[string]*mesospb.Value_Scalar { return l.amounts.proto() }

// String prints "cpus:10; gpus:0", and "{}" for none.
func (l Limits) String() string { return l.amounts.String() }
