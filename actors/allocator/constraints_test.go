package allocator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"google.golang.org/protobuf/encoding/protojson"
)

// constraintsOf reads groups of constraints for "role" from JSON.
func constraintsOf(t *testing.T, groups string) *schedulerpb.OfferConstraints {
	t.Helper()
	c := &schedulerpb.OfferConstraints{}
	if err := protojson.Unmarshal([]byte(`{"role_constraints":{"role":{"groups":[`+groups+`]}}}`), c); err != nil {
		t.Fatal(err)
	}
	return c
}

func constraint(selector, predicate string) string {
	return fmt.Sprintf(`{"selector":{%s},"predicate":{%s}}`, selector, predicate)
}

func group(constraints ...string) string {
	return `{"attribute_constraints":[` + strings.Join(constraints, ",") + `]}`
}

func TestConstraints(t *testing.T) {
	rack, size, none, host := `"attribute_name":"rack"`, `"attribute_name":"size"`, `"attribute_name":"none"`, `"pseudoattribute_type":"HOSTNAME"`
	exists, notExists := `"exists":{}`, `"not_exists":{}`
	is := func(s string) string { return fmt.Sprintf(`"text_equals":{"value":%q}`, s) }
	isNot := func(s string) string { return fmt.Sprintf(`"text_not_equals":{"value":%q}`, s) }
	matches := func(s string) string { return fmt.Sprintf(`"text_matches":{"regex":%q}`, s) }
	matchesNot := func(s string) string { return fmt.Sprintf(`"text_not_matches":{"regex":%q}`, s) }
	number := mesospb.Value_SCALAR
	seven := 7.0
	sized := func(a *allocator.Agent) {
		a.Info.Attributes = append(a.Info.Attributes, &mesospb.Attribute{Name: str("size"), Type: &number, Scalar: &mesospb.Value_Scalar{Value: &seven}})
	}
	for _, x := range []struct {
		name, groups string
		offered      bool
	}{
		{"exists", group(constraint(rack, exists)), true},
		{"exists not", group(constraint(none, exists)), false},
		{"not exists", group(constraint(none, notExists)), true},
		{"not exists, but does", group(constraint(rack, notExists)), false},
		{"equal", group(constraint(rack, is("r1"))), true},
		{"unequal", group(constraint(rack, is("r2"))), false},
		{"absent is equal to nothing", group(constraint(none, is("r1"))), false},
		{"absent is unequal to all", group(constraint(none, isNot("r1"))), true},
		{"a number passes tests of text", group(constraint(size, is("x")), constraint(size, isNot("x")), constraint(size, matches("x")), constraint(size, matchesNot("x"))), true},
		{"matches as a whole", group(constraint(rack, matches("r."))), true},
		{"not in part", group(constraint(rack, matches("r"))), false},
		{"matches not", group(constraint(rack, matchesNot("r.*"))), false},
		{"the first of a name", group(constraint(rack, is("r9"))), false},
		{"hostname", group(constraint(host, is("host-a"))), true},
		{"no region", group(constraint(`"pseudoattribute_type":"REGION"`, exists)), false},
		{"no zone", group(constraint(`"pseudoattribute_type":"ZONE"`, notExists)), true},
		{"all of a group", group(constraint(rack, exists), constraint(rack, is("r2"))), false},
		{"any group", group(constraint(rack, is("r2"))) + "," + group(constraint(rack, is("r1"))), true},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := newCluster(t)
			c.agent("a", "cpus:1;mem:32", attribute("rack", "r1"), attribute("rack", "r9"), sized)
			c.framework("f", "role", func(f *allocator.Framework) { f.Constraints = constraintsOf(t, x.groups) })
			if x.offered {
				c.want("f role a cpus:1;mem:32")
			} else {
				c.want()
			}
		})
	}

	t.Run("they-change", func(t *testing.T) {
		c := newCluster(t)
		c.agent("a", "cpus:1;mem:32", attribute("rack", "r1"))
		f := framework("f", []string{"role"})
		f.Constraints = constraintsOf(t, group(constraint(rack, is("r2"))))
		c.AddFramework("f", f)
		c.want()
		f.Constraints = constraintsOf(t, group(constraint(rack, is("r1"))))
		c.UpdateFramework("f", f)
		c.want()
		c.tick()
		c.decline(c.want("f role a cpus:1;mem:32"), 0)
		c.UpdateAgent("a", c.agentSpec("a", "cpus:1;mem:32", attribute("rack", "r3")))
		c.want()
	})

	t.Run("bad-ones-are-refused", func(t *testing.T) {
		for name, groups := range map[string]string{
			"no groups":      "",
			"an empty group": `{}`,
			"no selector":    group(`{"predicate":{` + exists + `}}`),
			"no predicate":   group(`{"selector":{` + rack + `}}`),
			"unknown pseudo": group(constraint(`"pseudoattribute_type":"UNKNOWN"`, exists)),
			"no expression":  group(constraint(rack, matches("("))),
			"too complex":    group(constraint(rack, matches("(a{50}){50}"))),
		} {
			c := &schedulerpb.OfferConstraints{}
			o := protojson.UnmarshalOptions{AllowPartial: true}
			if err := o.Unmarshal([]byte(`{"role_constraints":{"role":{"groups":[`+groups+`]}}}`), c); err != nil {
				t.Fatal(name, err)
			}
			if err := allocator.ValidateConstraints(c); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
