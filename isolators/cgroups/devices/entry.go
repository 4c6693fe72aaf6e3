// Package devices says which devices the processes of a control group may open and make, and has the kernel hold them to it:
// by the files of version 1's controller, or by a program of eBPF on a group of version 2.
package devices

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// Access is a set of what may be done with a device.
type Access uint8

// The kinds of access, in the order in which they are written.
const (
	Read Access = 1 << iota
	Write
	Mknod

	None Access = 0
	Any         = Read | Write | Mknod
)

// String is such as "rw".
func (a Access) String() string {
	var b strings.Builder
	for n, letter := range "rwm" {
		if a&(1<<n) != 0 {
			b.WriteRune(letter)
		}
	}
	return b.String()
}

// All stands for every number.
const All = -1

// An Entry is devices and what may be done with them. Kind is 'c' for characters, 'b' for blocks, or 'a' for both; 'a' has
// All numbers.
type Entry struct {
	Kind         byte
	Major, Minor int64 // or All
	Access       Access
}

// String is an entry as the kernel has it: "c 1:3 rwm".
func (e Entry) String() string {
	return fmt.Sprintf("%c %s:%s %s", e.Kind, numeral(e.Major), numeral(e.Minor), e.Access)
}

func numeral(n int64) string {
	if n == All {
		return "*"
	}
	return strconv.FormatInt(n, 10)
}

// Parse reads an entry: "c 1:3 rwm", "b *:* m", or "a" for everything.
func Parse(text string) (Entry, error) {
	bad := func(why string) (Entry, error) {
		return Entry{}, fmt.Errorf("devices %q: %s; wanted is, for instance, \"c 1:3 rwm\": %w", text, why, fault.ErrInvalid)
	}
	fields := strings.Fields(text)
	if len(fields) == 1 && fields[0] == "a" {
		return Entry{Kind: 'a', Major: All, Minor: All, Access: Any}, nil
	}
	if len(fields) != 3 || len(fields[0]) != 1 || !strings.Contains("abc", fields[0]) {
		return bad("a kind (a, b or c), numbers and access are missing")
	}
	e := Entry{Kind: fields[0][0]}
	major, minor, ok := strings.Cut(fields[1], ":")
	if !ok || !number(major, 12, &e.Major) || !number(minor, 20, &e.Minor) {
		return bad("the numbers are not major:minor")
	}
	if e.Kind == 'a' && (e.Major != All || e.Minor != All) {
		return bad("for both kinds the numbers are *:*")
	}
	for _, letter := range fields[2] {
		n := strings.IndexRune("rwm", letter)
		if n < 0 || e.Access&(1<<n) != 0 {
			return bad("access is of r, w and m, each once")
		}
		e.Access |= 1 << n
	}
	return e, nil
}

// number reads one of as many bits as the kernel has for it.
func number(s string, bits int, to *int64) bool {
	if s == "*" {
		*to = All
		return true
	}
	n, err := strconv.ParseUint(s, 10, bits)
	*to = int64(n)
	return err == nil
}

// Same tells whether two entries are about the same devices.
func (e Entry) Same(other Entry) bool {
	return e.Kind == other.Kind && e.Major == other.Major && e.Minor == other.Minor
}

// Encompasses tells whether every device of the other entry is one of this one's.
func (e Entry) Encompasses(other Entry) bool {
	covers := func(mine, its int64) bool { return mine == All || mine == its }
	return (e.Kind == 'a' || e.Kind == other.Kind) && covers(e.Major, other.Major) && covers(e.Minor, other.Minor)
}

// Wildcard tells whether it is about more than one device.
func (e Entry) Wildcard() bool { return e.Kind == 'a' || e.Major == All || e.Minor == All }
