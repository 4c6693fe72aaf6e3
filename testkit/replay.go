package testkit

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SeedVariable is the environment variable that says which run to repeat: a seed, or a Replay as a failing test
// prints it.
const SeedVariable = "MESETA_SEED"

// Replay says which run a World repeats: the one of a seed, or the one of a seed with recorded choices. The seed
// is needed with the choices too, because every process draws its own random numbers from it.
type Replay struct {
	Seed uint64
	// Choices are the recorded decisions of the world, and nil to draw them from the seed. After the last one
	// everything goes its dullest way.
	Choices []uint32
}

// maxChoices bounds what a replay string may unfold to: zeros are stored as a count.
const maxChoices = 1 << 22

var errReplay = errors.New("a replay is a seed, or a seed, a colon and the choices that a failing test printed")

// String is the compact form, "7" or "7:AwEFAg": choices as base64url of pairs of varints, a number of zeros
// and the choice that follows them. Zeros at the end are left out.
func (r Replay) String() string {
	seed := strconv.FormatUint(r.Seed, 10)
	if r.Choices == nil {
		return seed
	}
	var b []byte
	zeros := uint64(0)
	for _, c := range r.Choices {
		if c == 0 {
			zeros++
			continue
		}
		b = binary.AppendUvarint(b, zeros)
		b = binary.AppendUvarint(b, uint64(c))
		zeros = 0
	}
	return seed + ":" + base64.RawURLEncoding.EncodeToString(b)
}

// ParseReplay reads what String wrote. Anything else is refused.
func ParseReplay(s string) (Replay, error) {
	seed, text, recorded := strings.Cut(strings.TrimSpace(s), ":")
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return Replay{}, fmt.Errorf("replay %.40q: %w", s, errReplay)
	}
	r := Replay{Seed: n}
	if !recorded {
		return r, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Replay{}, fmt.Errorf("replay %.40q: %w: %w", s, errReplay, err)
	}
	r.Choices = []uint32{}
	for len(b) > 0 {
		zeros, k := binary.Uvarint(b)
		if k <= 0 {
			return Replay{}, fmt.Errorf("replay %.40q breaks off: %w", s, errReplay)
		}
		choice, l := binary.Uvarint(b[k:])
		if l <= 0 || choice == 0 || choice > 1<<32-1 {
			return Replay{}, fmt.Errorf("replay %.40q breaks off: %w", s, errReplay)
		}
		if zeros >= maxChoices-uint64(len(r.Choices)) {
			return Replay{}, fmt.Errorf("replay %.40q has more than %d choices: %w", s, maxChoices, errReplay)
		}
		r.Choices = append(r.Choices, make([]uint32, zeros)...)
		r.Choices = append(r.Choices, uint32(choice))
		b = b[k+l:]
	}
	return r, nil
}

// trimmed is the replay without the zeros at its end, which say nothing.
func (r Replay) trimmed() Replay {
	for len(r.Choices) > 0 && r.Choices[len(r.Choices)-1] == 0 {
		r.Choices = r.Choices[:len(r.Choices)-1]
	}
	return r
}

// deviations counts the choices that were not the dull one.
func (r Replay) deviations() int {
	return len(r.Choices) - len(slices.DeleteFunc(slices.Clone(r.Choices), func(c uint32) bool { return c != 0 }))
}
