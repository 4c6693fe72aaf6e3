package roles_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/roles"
)

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		roles []string
		valid bool
	}{
		{"names", []string{"foo", "123", "foo_123", "*", "foo-bar", "foo.bar", "foo..bar", "..."}, true},
		{"paths", []string{"foo/bar", "foo/.bar", "foo/bar/baz", "a/b/c/d/e/f/g/h", "a/b*"}, true},
		{"nothing", []string{""}, false},
		{"dots", []string{".", "..", "./.", "../..", "./foo", "../foo", "foo/.", "foo/..", "foo/./bar", "foo/../bar"}, false},
		{"stars inside", []string{"*/foo", "foo/*", "foo/*/bar"}, false},
		{"dashes in front", []string{"-foo", "foo/-bar"}, false},
		{"slashes outside and doubled", []string{"/", "/foo", "foo/", "foo/bar/", "foo//bar", "//"}, false},
		{"space", []string{"foo bar", "foo\tbar", "foo\nbar", "foo\vbar", "foo\fbar", "foo\rbar", "foo\x7fbar"}, false},
		{"absurd length", []string{strings.Repeat("a", roles.MaxLength+1)}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, role := range c.roles {
				err := roles.Validate(role)
				if (err == nil) != c.valid || err != nil && !errors.Is(err, fault.ErrInvalid) {
					t.Errorf("%.40q: %v", role, err)
				}
			}
		})
	}
	if roles.ValidateAll([]string{"foo", "bar", "*"}) != nil || roles.ValidateAll([]string{"foo", ".", "*"}) == nil {
		t.Error("ValidateAll")
	}
}

func TestParse(t *testing.T) {
	want := []string{"abc", "edf", "hgi"}
	for _, text := range []string{"abc,edf,hgi", "abc,edf,hgi,", ",abc,edf,hgi", "abc,,edf,hgi"} {
		if got, err := roles.Parse(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s is %q, %v", text, got, err)
		}
	}
	if got, err := roles.Parse("foo,.,*"); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("foo,.,* is %q, %v", got, err)
	}
}

func TestHierarchy(t *testing.T) {
	for _, c := range []struct {
		role, ancestor string
		strict, within bool
	}{
		{"foo/bar", "foo", true, true}, {"foo/bar/baz", "foo", true, true}, {"foo/bar/baz", "foo/bar", true, true},
		{"foo", "foo", false, true}, {"foo", "foo/bar", false, false}, {"foobar", "foo", false, false},
		{"foo/bar", "bar", false, false}, {"fooo/bar", "foo", false, false}, {"bar", "foo", false, false},
	} {
		if roles.IsStrictSubrole(c.role, c.ancestor) != c.strict || roles.IsWithin(c.role, c.ancestor) != c.within {
			t.Errorf("%+v", c)
		}
	}
}

func TestAncestors(t *testing.T) {
	if got := slices.Collect(roles.Ancestors("a/b/c/d")); !slices.Equal(got, []string{"a/b/c", "a/b", "a"}) {
		t.Error(got)
	}
	if got := slices.Collect(roles.Ancestors("role")); len(got) != 0 {
		t.Error(got)
	}
	for role := range roles.Ancestors("a/b/c/d") {
		if role != "a/b/c" {
			t.Errorf("%s comes after the walk was left", role)
		}
		break
	}
}
