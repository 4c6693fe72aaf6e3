// Package roles knows the names of roles: paths like "eng/frontend", whose parts are separated by slashes. "*" is
// the default role, to which nothing can be reserved.
package roles

import (
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// Any is the default role, "*".
const Any = "*"

// MaxLength bounds a role's name, in bytes: a role names directories of persistent volumes.
const MaxLength = 4096

// Validate refuses what cannot name a role: roles become paths on disk and in URLs.
func Validate(role string) error {
	if role == Any {
		return nil
	}
	switch {
	case role == "":
		return fmt.Errorf("role is empty: name one, or use \"*\": %w", fault.ErrInvalid)
	case len(role) > MaxLength:
		return fmt.Errorf("role of %d bytes: at most %d: %w", len(role), MaxLength, fault.ErrInvalid)
	case role[0] == '/' || role[len(role)-1] == '/':
		return refuse(role, "it cannot start or end with a slash")
	}
	for part := range strings.SplitSeq(role, "/") {
		if reason := bad(part); reason != "" {
			return refuse(role, reason)
		}
	}
	return nil
}

// Parse reads roles as a flag lists them, "a,b/c". Empty parts are skipped.
func Parse(text string) ([]string, error) {
	list := strings.FieldsFunc(text, func(c rune) bool { return c == ',' })
	return list, ValidateAll(list)
}

// ValidateAll is Validate for each.
func ValidateAll(list []string) error {
	for _, role := range list {
		if err := Validate(role); err != nil {
			return err
		}
	}
	return nil
}

func bad(part string) string {
	switch {
	case part == "":
		return "it has two adjacent slashes"
	case part == "." || part == ".." || part == Any:
		return strconv.Quote(part) + " cannot be a part of it"
	case part[0] == '-':
		return "no part may start with a dash"
	case strings.ContainsAny(part, "\t\n\v\f\r \x7f"):
		return "it contains whitespace or backspace"
	}
	return ""
}

func refuse(role, reason string) error {
	return fmt.Errorf("role %.80q: %s: %w", role, reason, fault.ErrInvalid)
}

// IsStrictSubrole says whether role lies below ancestor: "eng/a" below "eng". Nothing lies below itself.
func IsStrictSubrole(role, ancestor string) bool {
	return len(role) > len(ancestor) && role[len(ancestor)] == '/' && strings.HasPrefix(role, ancestor)
}

// IsWithin says whether role is subtree or lies below it.
func IsWithin(role, subtree string) bool { return role == subtree || IsStrictSubrole(role, subtree) }

// Ancestors walks up: for "a/b/c" it yields "a/b", then "a".
func Ancestors(role string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := len(role) - 1; i >= 0; i-- {
			if role[i] == '/' && !yield(role[:i]) {
				return
			}
		}
	}
}
