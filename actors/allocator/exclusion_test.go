package allocator

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"google.golang.org/protobuf/encoding/protojson"
)

// agentWith reads attributes like "foo:bar;n:123;r:[1-17]".
func agentWith(text string) *mesospb.AgentInfo {
	info := &mesospb.AgentInfo{}
	for _, part := range strings.Split(text, ";") {
		name, v, found := strings.Cut(part, ":")
		if !found {
			continue
		}
		a := &mesospb.Attribute{Name: &name, Type: mesospb.Value_TEXT.Enum(), Text: &mesospb.Value_Text{Value: &v}}
		switch {
		case strings.HasPrefix(v, "["):
			a = &mesospb.Attribute{Name: &name, Type: mesospb.Value_RANGES.Enum(), Ranges: &mesospb.Value_Ranges{}}
		case strings.Trim(v, "0123456789") == "":
			n := 1.0
			a = &mesospb.Attribute{Name: &name, Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: &n}}
		}
		info.Attributes = append(info.Attributes, a)
	}
	return info
}

// one is a constraint on the attribute "bar", or on another that it names.
func one(predicate string, attribute ...string) string {
	name := append(attribute, "bar")[0]
	return fmt.Sprintf(`{"selector":{"attribute_name":%q},"predicate":{%s}}`, name, predicate)
}

func groupsOf(groups ...string) string {
	for i, g := range groups {
		groups[i] = `{"attribute_constraints":[` + g + `]}`
	}
	return `{"groups":[` + strings.Join(groups, ",") + `]}`
}

func compiled(t *testing.T, roles string) (map[string]*constraints, error) {
	t.Helper()
	c := &schedulerpb.OfferConstraints{}
	if err := protojson.Unmarshal([]byte(`{"role_constraints":{`+roles+`}}`), c); err != nil {
		t.Fatal(err)
	}
	return compileConstraints(c)
}

// Whom constraints exclude, attribute by attribute.
func TestExclusion(t *testing.T) {
	exists, notExists := `"exists":{}`, `"not_exists":{}`
	for name, x := range map[string]struct {
		role           string
		excludes, lets []string
	}{
		"exists":     {groupsOf(one(exists)), []string{"foo:123"}, []string{"bar:123", "foo:123;bar:456"}},
		"not exists": {groupsOf(one(notExists)), []string{"bar:123", "foo:123;bar:456"}, []string{"foo:123"}},
		"equals": {groupsOf(one(`"text_equals":{"value":"baz"}`)),
			[]string{"bar:zab", "foo:baz"}, []string{"bar:baz", "bar:123", "bar:[1-17]"}},
		"not equals": {groupsOf(one(`"text_not_equals":{"value":"baz"}`)),
			[]string{"bar:baz"}, []string{"bar:zab", "foo:baz", "bar:123", "bar:[1-17]"}},
		"matches": {groupsOf(one(`"text_matches":{"regex":"[a-d]+"}`)),
			[]string{"bar:bcde", "foo:abcd"}, []string{"bar:abcd", "bar:123", "bar:[1-17]"}},
		"not matches": {groupsOf(one(`"text_not_matches":{"regex":"[a-d]+"}`)),
			[]string{"bar:abcd"}, []string{"bar:bcde", "foo:abcd", "bar:123", "bar:[1-17]"}},
		"only the first of a name": {groupsOf(one(`"text_equals":{"value":"baz"}`)),
			[]string{"bar:foo;bar:baz", "bar:foo;bar:123"}, []string{"bar:baz;bar:foo", "bar:123;bar:foo"}},
		"both of a group": {groupsOf(one(exists, "foo") + "," + one(notExists)),
			[]string{"", "bar:456", "bar:123;foo:456"}, []string{"foo:123", "baz:123;foo:456"}},
		"either group": {groupsOf(one(exists, "foo"), one(notExists)),
			[]string{"bar:123"}, []string{"", "baz:123", "bar:123;foo:456"}},
	} {
		t.Run(name, func(t *testing.T) {
			all, err := compiled(t, `"roleA":`+x.role)
			if err != nil {
				t.Fatal(err)
			}
			for _, attributes := range x.excludes {
				if !all["roleA"].excludes(agentWith(attributes)) {
					t.Errorf("%q is not excluded", attributes)
				}
			}
			for _, attributes := range x.lets {
				if all["roleA"].excludes(agentWith(attributes)) {
					t.Errorf("%q is excluded", attributes)
				}
			}
		})
	}

	t.Run("each role has its own", func(t *testing.T) {
		all, err := compiled(t, `"roleA":`+groupsOf(one(exists, "foo"))+`,"roleB":`+groupsOf(one(exists)))
		if err != nil {
			t.Fatal(err)
		}
		for role, lets := range map[string]string{"roleA": "foo:123", "roleB": "bar:123"} {
			for _, attributes := range []string{"foo:123", "bar:123"} {
				if all[role].excludes(agentWith(attributes)) != (attributes != lets) {
					t.Errorf("%s and %s", role, attributes)
				}
			}
		}
	})

	t.Run("no constraints", func(t *testing.T) {
		if all, err := compileConstraints(&schedulerpb.OfferConstraints{}); err != nil || all["role"] != nil {
			t.Fatal(all, err)
		}
	})

	t.Run("an expression that is none", func(t *testing.T) {
		for _, predicate := range []string{"text_matches", "text_not_matches"} {
			if _, err := compiled(t, `"r":`+groupsOf(one(`"`+predicate+`":{"regex":"[a-d"}`))); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%s: %v", predicate, err)
			}
		}
	})

	t.Run("an expression that is too complex", func(t *testing.T) {
		for regex, good := range map[string]bool{"(a+){10}": true, "(a+){50}": false, "(a+){500}": false} {
			_, err := compiled(t, `"r":`+groupsOf(one(fmt.Sprintf(`"text_not_matches":{"regex":%q}`, regex))))
			if good && err != nil || !good && (!errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "too complex")) {
				t.Errorf("%s: %v", regex, err)
			}
		}
	})
}
