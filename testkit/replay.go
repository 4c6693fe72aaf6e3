package testkit

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
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
	// Choices are the recorded decisions of the world, and nil to draw them from the seed. After the last one of a
	// topic everything goes its dullest way.
	Choices *Choices
}

// maxChoices bounds what a replay string may unfold to: zeros are stored as a count.
const maxChoices = 1 << 22

var errReplay = errors.New("a replay is a seed, or a seed, a colon and the choices that a failing test printed")

// String is the compact form, "7" or "7:AwEFAg..DA8": for each topic, with a dot between them, base64url of pairs
// of varints, a number of zeros and the choice that follows them. Zeros and topics at the end are left out.
func (r Replay) String() string {
	seed := strconv.FormatUint(r.Seed, 10)
	if r.Choices == nil {
		return seed
	}
	var parts []string
	for _, choices := range r.Choices {
		parts = append(parts, encodeChoices(choices))
	}
	return seed + ":" + strings.TrimRight(strings.Join(parts, "."), ".")
}

func encodeChoices(choices []uint32) string {
	var b []byte
	zeros := uint64(0)
	for _, c := range choices {
		if c == 0 {
			zeros++
			continue
		}
		b = binary.AppendUvarint(b, zeros)
		b = binary.AppendUvarint(b, uint64(c))
		zeros = 0
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseReplay reads what String wrote. Anything else is refused.
func ParseReplay(s string) (Replay, error) {
	refuse := func(why error) (Replay, error) { return Replay{}, fmt.Errorf("replay %.40q: %w", s, why) }
	seed, text, recorded := strings.Cut(strings.TrimSpace(s), ":")
	n, err := strconv.ParseUint(seed, 10, 64)
	if err != nil {
		return refuse(errReplay)
	}
	r := Replay{Seed: n}
	if !recorded {
		return r, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) > int(topics) {
		return refuse(errReplay)
	}
	r.Choices = &Choices{}
	for i, part := range parts {
		if r.Choices[i], err = decodeChoices(part); err != nil {
			return refuse(err)
		}
	}
	return r, nil
}

func decodeChoices(text string) (choices []uint32, err error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errReplay, err)
	}
	for len(b) > 0 {
		zeros, k := binary.Uvarint(b)
		if k <= 0 {
			return nil, fmt.Errorf("it breaks off: %w", errReplay)
		}
		choice, l := binary.Uvarint(b[k:])
		if l <= 0 || choice == 0 || choice > 1<<32-1 {
			return nil, fmt.Errorf("it breaks off: %w", errReplay)
		}
		if zeros >= maxChoices-uint64(len(choices)) {
			return nil, fmt.Errorf("more than %d choices: %w", maxChoices, errReplay)
		}
		choices = append(choices, make([]uint32, zeros)...)
		choices = append(choices, uint32(choice))
		b = b[k+l:]
	}
	return choices, nil
}
