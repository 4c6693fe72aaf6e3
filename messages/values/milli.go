package values

import (
	"fmt"
	"math"
	"strconv"

	"github.com/meseta-io/meseta/messages/fault"
)

// Milli is an amount in thousandths: 1.5 cpus are Milli(1500). On the wire amounts are doubles; Mesos does all its
// arithmetic in thousandths, so that ten times 0.1 is exactly 1, and so do we.
type Milli int64

// MaxScalar is the largest amount that is taken from outside: an exabyte, counted in megabytes. Up to here every
// thousandth has a double of its own.
const MaxScalar = 1 << 40

// MilliOf rounds an amount to the nearest thousandth, half away from zero. It refuses what is no amount.
func MilliOf(amount float64) (Milli, error) {
	switch {
	case math.IsNaN(amount):
		return 0, fmt.Errorf("amount is not a number: %w", fault.ErrInvalid)
	case amount < 0:
		return 0, fmt.Errorf("amount %g is negative: %w", amount, fault.ErrInvalid)
	case amount > MaxScalar:
		return 0, fmt.Errorf("amount %g is too large: at most %.0f: %w", amount, float64(MaxScalar), fault.ErrInvalid)
	}
	return Round(amount), nil
}

// Round is MilliOf for amounts that are known to be good. It brings anything else to the nearest Milli, and NaN to 0.
func Round(amount float64) Milli {
	switch scaled := math.Round(amount * 1000); {
	case scaled >= math.MaxInt64:
		return math.MaxInt64
	case scaled <= math.MinInt64:
		return math.MinInt64
	case math.IsNaN(scaled):
		return 0
	default:
		return Milli(scaled)
	}
}

// Float64 is the amount as the wire has it. The whole part and the thousandths are converted on their own, so that
// only numbers below one are ever rounded.
func (m Milli) Float64() float64 {
	return float64(m/1000) + float64(m%1000)/1000
}

// Plus adds, and stops at the largest amount instead of wrapping around: the sum over a cluster of agents that each
// claim an exabyte must not turn negative.
func (m Milli) Plus(n Milli) Milli {
	switch sum := m + n; {
	case n > 0 && sum < m:
		return math.MaxInt64
	case n < 0 && sum > m:
		return math.MinInt64
	default:
		return sum
	}
}

// String prints the amount with at most three decimals and no trailing zeros: "4", "0.1", "2.125".
func (m Milli) String() string {
	return string(m.append(nil))
}

func (m Milli) append(b []byte) []byte {
	u := uint64(m)
	if m < 0 {
		b, u = append(b, '-'), -u
	}
	b = strconv.AppendUint(b, u/1000, 10)
	if rest := u % 1000; rest != 0 {
		b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
		for b[len(b)-1] == '0' {
			b = b[:len(b)-1]
		}
	}
	return b
}
