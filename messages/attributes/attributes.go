// Package attributes reads and compares what operators say about a machine that cannot be used up: its rack, its
// zone, what it is dedicated to. Frameworks choose by attributes, so they are kept as they were written.
package attributes

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/values"
)

// MaxText bounds the text that Parse reads, in bytes, and MaxAttributes how many attributes it may hold.
const (
	MaxText       = 1 << 20
	MaxAttributes = 1 << 12
)

// Parse reads "rack:abc;zone:west;level:10;keys:[1000-1500]", as in the flag --attributes. A name may come more than
// once. Only the first colon separates, so text may hold others.
func Parse(text string) ([]*mesospb.Attribute, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("attributes of %d bytes: at most %d: %w", len(text), MaxText, fault.ErrInvalid)
	}
	var list []*mesospb.Attribute
	for token := range strings.FieldsFuncSeq(text, func(c rune) bool { return c == ';' || c == '\n' }) {
		a, err := parseOne(token)
		if err != nil {
			return nil, fmt.Errorf("attribute %.80q: %w", token, err)
		}
		if list = append(list, a); len(list) > MaxAttributes {
			return nil, fmt.Errorf("more than %d attributes: %w", MaxAttributes, fault.ErrInvalid)
		}
	}
	return list, nil
}

func parseOne(token string) (*mesospb.Attribute, error) {
	name, text, _ := strings.Cut(token, ":")
	if name == "" || text == "" {
		return nil, fmt.Errorf("write name:value: %w", fault.ErrInvalid)
	}
	v, err := values.Parse(text)
	if err != nil {
		return nil, err
	}
	a := &mesospb.Attribute{Name: &name, Type: &v.Type}
	switch v.Type {
	case mesospb.Value_SCALAR:
		a.Scalar = &mesospb.Value_Scalar{Value: &v.Number}
	case mesospb.Value_RANGES:
		a.Ranges = v.Ranges.Proto()
	case mesospb.Value_TEXT:
		a.Text = &mesospb.Value_Text{Value: &v.Text}
	default:
		return nil, fmt.Errorf("attributes cannot be sets: give several attributes of this name: %w", fault.ErrInvalid)
	}
	return a, nil
}

// Validate says what is wrong with an attribute of a message.
func Validate(a *mesospb.Attribute) error {
	var set bool
	switch a.GetType() {
	case mesospb.Value_SCALAR:
		set = a.Scalar != nil
	case mesospb.Value_RANGES:
		set = a.Ranges != nil
	case mesospb.Value_TEXT:
		set = a.Text != nil
	}
	switch {
	case a.GetName() == "":
		return fmt.Errorf("attribute has no name: %w", fault.ErrInvalid)
	case !set:
		return fmt.Errorf("attribute %.80q of type %s: use SCALAR, RANGES or TEXT, and set the field of this type: %w",
			a.GetName(), a.GetType(), fault.ErrInvalid)
	}
	if _, err := values.RangesFromProto(a.GetRanges()); err != nil {
		return fmt.Errorf("attribute %.80q: %w", a.GetName(), err)
	}
	return nil
}

// Equal says whether both lists hold the same attributes, in whatever order, and as many.
func Equal(a, b []*mesospb.Attribute) bool {
	return len(a) == len(b) && subset(a, b) && subset(b, a)
}

func subset(a, b []*mesospb.Attribute) bool {
	return !slices.ContainsFunc(a, func(x *mesospb.Attribute) bool { return !Contains(b, x) })
}

// Contains says whether the list has an attribute of this name, type and value.
func Contains(list []*mesospb.Attribute, a *mesospb.Attribute) bool {
	return slices.ContainsFunc(list, func(x *mesospb.Attribute) bool { return same(x, a) })
}

// Find is the first attribute of a name; nil when there is none.
func Find(list []*mesospb.Attribute, name string) *mesospb.Attribute {
	for _, a := range list {
		if a.GetName() == name {
			return a
		}
	}
	return nil
}

// same compares scalars by thousandths and ranges by the numbers in them, as everywhere.
func same(a, b *mesospb.Attribute) bool {
	if a.GetName() != b.GetName() || a.GetType() != b.GetType() {
		return false
	}
	switch a.GetType() {
	case mesospb.Value_SCALAR:
		return values.Round(a.GetScalar().GetValue()) == values.Round(b.GetScalar().GetValue())
	case mesospb.Value_RANGES:
		x, errX := values.RangesFromProto(a.GetRanges())
		y, errY := values.RangesFromProto(b.GetRanges())
		return errX == nil && errY == nil && x.Equal(y)
	case mesospb.Value_TEXT:
		return a.GetText().GetValue() == b.GetText().GetValue()
	}
	return false
}

// String prints an attribute as Mesos does: "rack=abc".
func String(a *mesospb.Attribute) string {
	value := a.GetText().GetValue()
	switch a.GetType() {
	case mesospb.Value_SCALAR:
		value = values.Round(a.GetScalar().GetValue()).String()
	case mesospb.Value_RANGES:
		if r, err := values.RangesFromProto(a.GetRanges()); err == nil {
			value = r.String()
		}
	}
	return a.GetName() + "=" + value
}
