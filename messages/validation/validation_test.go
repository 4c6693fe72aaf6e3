package validation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// mustPass and mustRefuse hold an error to the promises of the package: its class, and that it says the reason.
func mustPass(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("refused: %v", err)
	}
}

func mustRefuse(t *testing.T, err error, reason string) {
	t.Helper()
	switch {
	case err == nil:
		t.Errorf("passed; want a refusal with %q", reason)
	case !errors.Is(err, fault.ErrInvalid):
		t.Errorf("%v is not a fault.ErrInvalid", err)
	case !strings.Contains(err.Error(), reason):
		t.Errorf("refused with %q, which does not say %q", err, reason)
	}
}

func check(t *testing.T, err error, reason string) {
	t.Helper()
	if reason == "" {
		mustPass(t, err)
		return
	}
	mustRefuse(t, err, reason)
}

func amounts(t *testing.T, text string) resources.Resources {
	t.Helper()
	r, err := resources.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestID(t *testing.T) {
	for _, c := range []struct{ name, id, reason string }{
		{"a plain one", "task-1.a_b", ""},
		{"dots inside", "a..b", ""},
		{"the longest", strings.Repeat("x", 255), ""},
		{"unicode", "tâche", ""},
		{"empty", "", "empty"},
		{"too long", strings.Repeat("x", 256), "at most 255"},
		{"a dot", ".", "directory"},
		{"two dots", "..", "directory"},
		{"a slash", "a/b", "slash"},
		{"a backslash", `a\b`, "slash"},
		{"a newline", "a\nb", "control"},
		{"a null byte", "a\x00b", "control"},
		{"a delete", "a\x7fb", "control"},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.ID(c.id), c.reason) })
	}
}
