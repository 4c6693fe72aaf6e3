package wire

import (
	"math"
	"strconv"
)

// AppendDouble appends a double as Mesos prints it: the fewest digits that read back as the same value, always with a
// fraction or an exponent ("15.0", "0.1", "1e21", "1.5e-7"), infinities and NaN as the bare tokens Infinity, -Infinity and
// NaN, which strict JSON does not know but which Mesos writes for unlimited resource limits.
func AppendDouble(dst []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1e15 {
		return appendWhole(dst, f)
	}
	switch abs := math.Abs(f); {
	case math.IsNaN(f):
		return append(dst, "NaN"...)
	case math.IsInf(f, 1):
		return append(dst, "Infinity"...)
	case math.IsInf(f, -1):
		return append(dst, "-Infinity"...)
	case abs >= 1e21 || abs < 1e-6:
		return appendExponent(dst, f)
	case abs >= 1e15 && f == math.Trunc(f):
		return append(strconv.AppendFloat(dst, f, 'f', -1, 64), ".0"...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64)
}

// appendWhole is the common case: amounts of resources and intervals are whole and small.
func appendWhole(dst []byte, f float64) []byte {
	if f == 0 && math.Signbit(f) {
		return append(dst, "-0.0"...)
	}
	return append(strconv.AppendInt(dst, int64(f), 10), ".0"...)
}

// appendExponent writes 1e21 where Go writes 1e+21, and 1e-7 where Go writes 1e-07.
func appendExponent(dst []byte, f float64) []byte {
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	out := start
	for i := start; i < len(dst); i++ {
		c := dst[i]
		if c == '+' || c == '0' && i == len(dst)-2 && (dst[i-1] == '-' || dst[i-1] == '+') {
			continue
		}
		dst[out] = c
		out++
	}
	return dst[:out]
}

// numberText is a JSON number's characters as they stood in the body.
type numberText []byte

// float reads the text as a double. A value too large for one is refused, as in Mesos.
func (n numberText) float() (float64, bool) {
	f, err := strconv.ParseFloat(string(n), 64)
	return f, err == nil && !math.IsInf(f, 0) && !math.IsNaN(f)
}

// integer reads the text as an integer. Fractions are cut towards zero, because Mesos converts by casting. The result
// is a sign and a magnitude, since the caller's type may be signed or not.
func (n numberText) integer() (neg bool, magnitude uint64, ok bool) {
	if neg, magnitude, ok = n.plain(); ok {
		return neg, magnitude, true
	}
	f, ok := n.float()
	if !ok {
		return false, 0, false
	}
	f = math.Trunc(f)
	// Both bounds are powers of two, so the comparisons are exact.
	if f >= 1<<64 || f < -(1<<63) {
		return false, 0, false
	}
	if f < 0 {
		return true, uint64(-f), true
	}
	return false, uint64(f), true
}

// plain reads digits with an optional minus, without a trip through a double that would cost precision above 2^53.
func (n numberText) plain() (neg bool, magnitude uint64, ok bool) {
	digits := n
	if len(digits) > 0 && digits[0] == '-' {
		neg, digits = true, digits[1:]
	}
	if len(digits) == 0 {
		return false, 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return false, 0, false
		}
		d := uint64(c - '0')
		if magnitude > (math.MaxUint64-d)/10 {
			return false, 0, false
		}
		magnitude = magnitude*10 + d
	}
	if neg && magnitude > 1<<63 {
		return false, 0, false
	}
	return neg, magnitude, true
}

// signed narrows the number to bits (32 or 64).
func (n numberText) signed(bits int) (int64, bool) {
	neg, magnitude, ok := n.integer()
	limit := uint64(1) << (bits - 1)
	switch {
	case !ok:
		return 0, false
	case neg:
		return -int64(magnitude), magnitude <= limit
	}
	return int64(magnitude), magnitude < limit
}

// unsigned narrows the number to bits (32 or 64). A negative number wraps around, because Mesos casts it and clients get
// away with -1.
func (n numberText) unsigned(bits int) (uint64, bool) {
	neg, magnitude, ok := n.integer()
	switch {
	case !ok:
		return 0, false
	case neg:
		_, fits := n.signed(bits)
		return uint64(-int64(magnitude)) & (math.MaxUint64 >> (64 - bits)), fits
	}
	return magnitude, bits == 64 || magnitude>>bits == 0
}
