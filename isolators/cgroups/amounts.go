package cgroups

import (
	"math"

	"github.com/meseta-io/meseta/isolators"
)

// amount is how much of a scalar resource a container may use, and how much of that may be taken back at any time.
func amount(c *isolators.Container, name string) (total, revocable float64) {
	for _, r := range c.Resources {
		if r.GetName() != name || r.GetScalar() == nil {
			continue
		}
		total += r.GetScalar().GetValue()
		if r.GetRevocable() != nil {
			revocable += r.GetScalar().GetValue()
		}
	}
	return total, revocable
}

// bytes are megabytes as bytes; what is more than can be counted is without an end.
func bytes(megabytes float64) uint64 {
	b := megabytes * (1 << 20)
	if !(b < math.MaxInt64) {
		return unlimited
	}
	return uint64(max(b, 0))
}

// unlimited is more memory than there is, and stands for any amount.
const unlimited = math.MaxUint64
