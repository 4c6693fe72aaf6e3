package cgroups

import stdbytes "bytes"

// flat calls f for every line of a file that has a word and a number on it, as cpu.stat and memory.stat do, and passes over
// every other line. The word is only lent.
func flat(content []byte, f func(key []byte, value uint64)) {
	for len(content) > 0 {
		line := content
		if end := stdbytes.IndexByte(content, '\n'); end >= 0 {
			line, content = content[:end], content[end+1:]
		} else {
			content = nil
		}
		key, digits, ok := stdbytes.Cut(line, []byte{' '})
		if !ok {
			continue
		}
		if n, ok := digitsOf(digits); ok {
			f(key, n)
		}
	}
}

// digitsOf is the number that digits stand for; false for anything else and for what is too large.
func digitsOf(digits []byte) (n uint64, ok bool) {
	for _, d := range digits {
		if d < '0' || d > '9' || n > (unlimited-9)/10 {
			return 0, false
		}
		n = 10*n + uint64(d-'0')
	}
	return n, len(digits) > 0
}
