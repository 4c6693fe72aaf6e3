// Package bytesize reads and writes amounts of bytes as Mesos does.
package bytesize

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// sizes are Mesos' names of amounts of bytes, largest first; a kilobyte has 1024 of them there.
var sizes = []struct {
	name  string
	shift uint
}{{"TB", 40}, {"GB", 30}, {"MB", 20}, {"KB", 10}, {"B", 0}}

// Parse reads Mesos' sizes: "10MB", "2GB", "512B". The unit may be in lower case, a fraction may not be.
func Parse(s string) (uint64, error) {
	digits := strings.TrimRightFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("a size expected, as in 512KB, 10MB or 2GB")
	}
	unit := strings.ToUpper(s[len(digits):])
	for _, size := range sizes {
		if unit != size.name {
			continue
		}
		if n > math.MaxUint64>>size.shift {
			return 0, fmt.Errorf("%q is more than can be counted", s)
		}
		return n << size.shift, nil
	}
	return 0, fmt.Errorf("a size expected with its unit B, KB, MB, GB or TB, as in 10MB")
}

// Format writes a size in the largest unit that divides it.
func Format(n uint64) string {
	for _, size := range sizes {
		if n != 0 && n%(1<<size.shift) == 0 {
			return strconv.FormatUint(n>>size.shift, 10) + size.name
		}
	}
	return "0B"
}
