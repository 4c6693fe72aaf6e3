// Package values holds the three kinds of value that resources and attributes are made of, scalars, ranges and
// sets, with their arithmetic, and the text form in which operators write them. What a value belongs to (a name,
// a role, a disk) is the business of package resources.
package values

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// MaxText bounds the text form of one value, in bytes. It is far above anything that a person or a tool writes.
const MaxText = 1 << 20

// Value is one parsed value; Type says which of the other fields counts.
type Value struct {
	Type mesospb.Value_Type
	// Number is a scalar as it was written. Resources round it to thousandths, attributes keep it.
	Number float64
	Ranges Ranges
	Set    Set
	Text   string
}

// Parse reads "1.5", "[31000-32000, 80-80]", "{sda1, sda2}", or else plain text. As in Mesos spaces mean nothing
// anywhere, ranges may overlap and are merged, and a number that cannot be a quantity (negative, infinite) is text.
func Parse(text string) (Value, error) {
	if len(text) > MaxText {
		return Value{}, fmt.Errorf("value of %d bytes: at most %d are taken: %w", len(text), MaxText, fault.ErrInvalid)
	}
	s := strings.ReplaceAll(text, " ", "")
	if s == "" {
		return Value{}, fmt.Errorf("value is empty: write a number, [ranges], {set} or text: %w", fault.ErrInvalid)
	}
	for _, pair := range []string{"{}", "[]", "()"} {
		if !matching(s, pair[0], pair[1]) {
			return Value{}, fmt.Errorf("value %s: its %q do not match: %w", shorten(text), pair, fault.ErrInvalid)
		}
	}
	switch i := strings.IndexByte(s, '['); {
	case i == 0:
		r, err := parseRanges(s)
		return Value{Type: mesospb.Value_RANGES, Ranges: r}, err
	case i > 0:
		return Value{}, fmt.Errorf("value %s: '[' only begins a list of ranges: %w", shorten(text), fault.ErrInvalid)
	}
	switch i := strings.IndexByte(s, '{'); {
	case i == 0:
		set, err := parseSet(s)
		return Value{Type: mesospb.Value_SET, Set: set}, err
	case i > 0:
		return Value{}, fmt.Errorf("value %s: '{' only begins a set: %w", shorten(text), fault.ErrInvalid)
	}
	return parseWord(s)
}

// The smallest float64 that has all its digits.
const smallestNormal = 0x1p-1022

func parseWord(s string) (Value, error) {
	// ParseFloat also takes "inf", "nan", hexadecimal and underscores, none of which Mesos reads as a number.
	if strings.Trim(s, "+-.0123456789eE") == "" {
		n, err := strconv.ParseFloat(s, 64)
		if err == nil && n != 0 && math.Abs(n) < smallestNormal {
			return Value{}, fmt.Errorf("value %s is too small to be kept: write 0: %w", shorten(s), fault.ErrInvalid)
		}
		if err == nil && n >= 0 {
			return Value{Type: mesospb.Value_SCALAR, Number: math.Abs(n)}, nil // Abs, because -0 is 0
		}
	}
	return Value{Type: mesospb.Value_TEXT, Text: s}, nil
}

func matching(s string, open, closed byte) bool {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case open:
			depth++
		case closed:
			depth--
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

// shorten quotes text for an error, bounded, so that a hostile value cannot fill a log.
func shorten(text string) string {
	const most = 64
	if len(text) > most {
		text = text[:most] + "…"
	}
	return strconv.Quote(text)
}
