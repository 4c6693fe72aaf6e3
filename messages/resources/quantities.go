package resources

import (
	"cmp"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/values"
	"google.golang.org/protobuf/proto"
)

// amounts is a list of names with amounts, sorted by name: a handful of entries, for which this is faster than a map
// and always in order.
type amounts []amount

type amount struct {
	name  string
	milli Milli
}

func (a amounts) find(name string) (int, bool) {
	return slices.BinarySearchFunc(a, name, func(x amount, name string) int { return cmp.Compare(x.name, name) })
}

// set returns a with the amount of name changed; it writes into a.
func (a amounts) set(name string, milli Milli) amounts {
	i, found := a.find(name)
	if found {
		a[i].milli = milli
		return a
	}
	return slices.Insert(a, i, amount{name, milli})
}

func (a amounts) all() iter.Seq2[string, Milli] {
	return func(yield func(string, Milli) bool) {
		for _, x := range a {
			if !yield(x.name, x.milli) {
				return
			}
		}
	}
}

func (a amounts) proto() map[string]*mesospb.Value_Scalar {
	m := make(map[string]*mesospb.Value_Scalar, len(a))
	for _, x := range a {
		m[x.name] = &mesospb.Value_Scalar{Value: proto.Float64(x.milli.Float64())}
	}
	return m
}

func (a amounts) String() string {
	if len(a) == 0 {
		return "{}"
	}
	var s strings.Builder
	for i, x := range a {
		if i > 0 {
			s.WriteString("; ")
		}
		s.WriteString(x.name + ":" + x.milli.String())
	}
	return s.String()
}

// Quantities are positive amounts by name, as guarantees, shares and demands are: a name that is not there counts 0.
// The zero value is empty. It is an immutable value.
type Quantities struct{ amounts amounts }

// ParseQuantities reads "cpus:10;mem:1024". A name that comes twice is added up.
func ParseQuantities(text string) (Quantities, error) {
	var q Quantities
	err := parseAmounts(text, func(name string, milli Milli) error {
		q.add(name, milli)
		return nil
	})
	return q, err
}

// QuantitiesFromProto reads a map of scalars. Zeros are dropped.
func QuantitiesFromProto(m map[string]*mesospb.Value_Scalar) (Quantities, error) {
	var q Quantities
	if err := tooManyNames(len(m)); err != nil {
		return q, err
	}
	for name, scalar := range m {
		milli, err := values.MilliOf(scalar.GetValue())
		if err != nil {
			return Quantities{}, fmt.Errorf("quantity of %.80q: %w", name, err)
		}
		q.add(name, milli)
	}
	return q, nil
}

// Quantities adds up by name: scalars as they are, ranges and sets by how many they hold.
func (r Resources) Quantities() Quantities {
	var q Quantities
	for i := range r.items {
		q.add(r.items[i].name, r.items[i].quantity())
	}
	return q
}

// ScalarQuantities adds up by name, scalars only, which is what quota is about.
func (r Resources) ScalarQuantities() Quantities {
	var q Quantities
	for i := range r.items {
		if r.items[i].kind == mesospb.Value_SCALAR {
			q.add(r.items[i].name, r.items[i].scalar)
		}
	}
	return q
}

func (r *Resource) quantity() Milli {
	n := uint64(len(r.set))
	switch r.kind {
	case mesospb.Value_SCALAR:
		return r.scalar
	case mesospb.Value_RANGES:
		n = r.ranges.Count()
	}
	return Milli(min(n, math.MaxInt64/1000) * 1000)
}

func (q *Quantities) add(name string, milli Milli) {
	if old := q.Get(name).Plus(milli); old > 0 {
		q.amounts = q.amounts.set(name, old)
	}
}

// Get is the amount of name, 0 when it is not there.
func (q Quantities) Get(name string) Milli {
	if i, found := q.amounts.find(name); found {
		return q.amounts[i].milli
	}
	return 0
}

// All yields names and amounts, in the order of names.
func (q Quantities) All() iter.Seq2[string, Milli] { return q.amounts.all() }

// IsEmpty says whether everything is 0.
func (q Quantities) IsEmpty() bool { return len(q.amounts) == 0 }

// Len is the number of names.
func (q Quantities) Len() int { return len(q.amounts) }

// Contains says whether there is at least as much of everything. It allocates nothing.
func (q Quantities) Contains(that Quantities) bool {
	have := q.amounts
	for _, want := range that.amounts {
		for len(have) > 0 && have[0].name < want.name {
			have = have[1:]
		}
		if len(have) == 0 || have[0].name != want.name || have[0].milli < want.milli {
			return false
		}
	}
	return true
}

// Equal says whether both are the same. It allocates nothing.
func (q Quantities) Equal(that Quantities) bool { return slices.Equal(q.amounts, that.amounts) }

// Add returns the sum.
func (q Quantities) Add(that Quantities) Quantities {
	sum := Quantities{slices.Clone(q.amounts)}
	for _, x := range that.amounts {
		sum.add(x.name, x.milli)
	}
	return sum
}

// Subtract takes away and stops at 0.
func (q Quantities) Subtract(that Quantities) Quantities {
	var left Quantities
	for _, x := range q.amounts {
		if milli := x.milli - that.Get(x.name); milli > 0 {
			left.amounts = append(left.amounts, amount{x.name, milli})
		}
	}
	return left
}

// Proto is the form that messages have.
func (q Quantities) Proto() map[string]*mesospb.Value_Scalar { return q.amounts.proto() }

// String prints "cpus:10; mem:1024", and "{}" for nothing.
func (q Quantities) String() string { return q.amounts.String() }

// ContainsQuantities says whether r has at least this much of each name, whoever reserved it. It allocates nothing.
func (r Resources) ContainsQuantities(q Quantities) bool {
	for _, want := range q.amounts {
		left := want.milli
		for i := range r.items {
			if x := &r.items[i]; x.name == want.name && left > 0 {
				left -= x.quantity()
			}
		}
		if left > 0 {
			return false
		}
	}
	return true
}

// MaxNames bounds how many names quantities and limits may hold.
const MaxNames = 1_000

func tooManyNames(n int) error {
	if n <= MaxNames {
		return nil
	}
	return fmt.Errorf("more than %d names of resources: %w", MaxNames, fault.ErrInvalid)
}

func parseAmounts(text string, take func(string, Milli) error) error {
	if len(text) > MaxText {
		return fmt.Errorf("quantities of %d bytes: at most %d: %w", len(text), MaxText, fault.ErrInvalid)
	}
	n := 0
	for token := range strings.SplitSeq(text, ";") {
		if token == "" {
			continue
		}
		n++
		if err := tooManyNames(n); err != nil {
			return err
		}
		parts := strings.FieldsFunc(token, func(c rune) bool { return c == ':' })
		if len(parts) != 2 {
			return fmt.Errorf("quantity %.80q: missing or extra ':': write name:number: %w", token, fault.ErrInvalid)
		}
		v, err := values.Parse(parts[1])
		if err != nil {
			return fmt.Errorf("quantity %.80q: %w", token, err)
		}
		if v.Type != mesospb.Value_SCALAR {
			return fmt.Errorf("quantity %.80q: only numbers from 0 up are quantities: %w", token, fault.ErrInvalid)
		}
		milli, err := values.MilliOf(v.Number)
		if err != nil {
			return fmt.Errorf("quantity %.80q: %w", token, err)
		}
		if err := take(strings.TrimSpace(parts[0]), milli); err != nil {
			return err
		}
	}
	return nil
}
