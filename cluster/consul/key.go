package consul

import (
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

const hex = "0123456789ABCDEF"

func plain(b byte) bool { return b > ' ' && b < 0x7f && b != '%' }

// escape makes a name in Consul of a registry key, which may hold any bytes: transactions travel as JSON, which would
// change what is not UTF-8. Names of agents, roles and machines stay readable.
func escape(key string) string {
	n := 0
	for i := range len(key) {
		if plain(key[i]) {
			n++
		}
	}
	if n == len(key) {
		return key
	}
	var b strings.Builder
	for i := range len(key) {
		if c := key[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

// unescape undoes escape, and refuses what it cannot have made.
func unescape(name string) (string, error) {
	if !strings.Contains(name, "%") {
		if strings.ContainsFunc(name, func(r rune) bool { return r > 0x7e || r <= ' ' }) {
			return "", notEscaped(name)
		}
		return name, nil
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c != '%' {
			if !plain(c) {
				return "", notEscaped(name)
			}
			b.WriteByte(c)
			continue
		}
		if i+2 >= len(name) {
			return "", notEscaped(name)
		}
		high, low := strings.IndexByte(hex, name[i+1]), strings.IndexByte(hex, name[i+2])
		if high < 0 || low < 0 || plain(byte(high<<4|low)) {
			return "", notEscaped(name)
		}
		b.WriteByte(byte(high<<4 | low))
		i += 2
	}
	return b.String(), nil
}

func notEscaped(name string) error {
	return fmt.Errorf("the name %q was not written by a master: %w", name, fault.ErrUnsupported)
}
