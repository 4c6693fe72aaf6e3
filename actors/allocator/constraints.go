package allocator

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// maxProgram bounds the instructions of a constraint's regular expression, because every agent is matched against it.
const maxProgram = 100

// ValidateConstraints says what is wrong with offer constraints, for whoever takes them from a framework.
func ValidateConstraints(c *schedulerpb.OfferConstraints) error {
	_, err := compileConstraints(c)
	return err
}

// constraints are those of one role: the agent must pass all tests of at least one group.
type constraints struct{ groups [][]test }

// test looks at one attribute of an agent.
type test func(*mesospb.AgentInfo) bool

func (c *constraints) excludes(info *mesospb.AgentInfo) bool {
	return !slices.ContainsFunc(c.groups, func(group []test) bool {
		return !slices.ContainsFunc(group, func(t test) bool { return !t(info) })
	})
}

func compileConstraints(c *schedulerpb.OfferConstraints) (map[string]*constraints, error) {
	out := map[string]*constraints{}
	for role, r := range c.GetRoleConstraints() {
		if len(r.GetGroups()) == 0 {
			return nil, fmt.Errorf("offer constraints of role %q have no groups: %w", role, fault.ErrInvalid)
		}
		compiled := &constraints{}
		for _, g := range r.GetGroups() {
			group, err := compileGroup(g.GetAttributeConstraints())
			if err != nil {
				return nil, fmt.Errorf("offer constraints of role %q: %w", role, err)
			}
			compiled.groups = append(compiled.groups, group)
		}
		out[role] = compiled
	}
	return out, nil
}

func compileGroup(list []*schedulerpb.AttributeConstraint) ([]test, error) {
	if len(list) == 0 {
		return nil, fmt.Errorf("a group is empty: %w", fault.ErrInvalid)
	}
	var group []test
	for _, c := range list {
		read, err := selector(c.GetSelector())
		if err != nil {
			return nil, err
		}
		holds, err := predicate(c.GetPredicate())
		if err != nil {
			return nil, err
		}
		group = append(group, func(info *mesospb.AgentInfo) bool { return holds(read(info)) })
	}
	return group, nil
}

// value is what a selector found: nothing, a text, or an attribute that is no text, of which only existence is asked.
type value struct {
	found, isText bool
	text          string
}

func text(s string) value { return value{true, true, s} }

func selector(s *schedulerpb.AttributeConstraint_Selector) (func(*mesospb.AgentInfo) value, error) {
	switch x := s.GetSelector().(type) {
	case *schedulerpb.AttributeConstraint_Selector_AttributeName:
		return func(info *mesospb.AgentInfo) value { return attribute(info, x.AttributeName) }, nil
	case *schedulerpb.AttributeConstraint_Selector_PseudoattributeType_:
		switch x.PseudoattributeType {
		case schedulerpb.AttributeConstraint_Selector_HOSTNAME:
			return func(info *mesospb.AgentInfo) value { return text(info.GetHostname()) }, nil
		case schedulerpb.AttributeConstraint_Selector_REGION:
			return inDomain(func(d *mesospb.DomainInfo_FaultDomain) string { return d.GetRegion().GetName() }), nil
		case schedulerpb.AttributeConstraint_Selector_ZONE:
			return inDomain(func(d *mesospb.DomainInfo_FaultDomain) string { return d.GetZone().GetName() }), nil
		}
		return nil, fmt.Errorf("a pseudo-attribute is unknown: %w", fault.ErrInvalid)
	}
	return nil, fmt.Errorf("a selector names neither an attribute nor a pseudo-attribute: %w", fault.ErrInvalid)
}

func inDomain(name func(*mesospb.DomainInfo_FaultDomain) string) func(*mesospb.AgentInfo) value {
	return func(info *mesospb.AgentInfo) value {
		if d := info.GetDomain().GetFaultDomain(); d != nil {
			return text(name(d))
		}
		return value{}
	}
}

// attribute is the first of that name.
func attribute(info *mesospb.AgentInfo, name string) value {
	for _, a := range info.GetAttributes() {
		if a.GetName() == name {
			return value{true, a.GetType() == mesospb.Value_TEXT, a.GetText().GetValue()}
		}
	}
	return value{}
}

// predicate makes the test of a value. A negative test holds for what is absent; every test of the text holds for an attribute that
// is no text.
func predicate(p *schedulerpb.AttributeConstraint_Predicate) (func(value) bool, error) {
	switch x := p.GetPredicate().(type) {
	case *schedulerpb.AttributeConstraint_Predicate_Exists_:
		return func(v value) bool { return v.found }, nil
	case *schedulerpb.AttributeConstraint_Predicate_NotExists_:
		return func(v value) bool { return !v.found }, nil
	case *schedulerpb.AttributeConstraint_Predicate_TextEquals_:
		return onText(func(s string) bool { return s == x.TextEquals.GetValue() }, false), nil
	case *schedulerpb.AttributeConstraint_Predicate_TextNotEquals_:
		return onText(func(s string) bool { return s != x.TextNotEquals.GetValue() }, true), nil
	case *schedulerpb.AttributeConstraint_Predicate_TextMatches_:
		re, err := expression(x.TextMatches.GetRegex())
		return onText(func(s string) bool { return re.MatchString(s) }, false), err
	case *schedulerpb.AttributeConstraint_Predicate_TextNotMatches_:
		re, err := expression(x.TextNotMatches.GetRegex())
		return onText(func(s string) bool { return !re.MatchString(s) }, true), err
	}
	return nil, fmt.Errorf("a predicate is unknown: %w", fault.ErrInvalid)
}

func onText(holds func(string) bool, absent bool) func(value) bool {
	return func(v value) bool {
		switch {
		case !v.found:
			return absent
		case !v.isText:
			return true
		}
		return holds(v.text)
	}
}

// expression compiles a regular expression that must match the whole text.
func expression(pattern string) (*regexp.Regexp, error) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w: %w", pattern, err, fault.ErrInvalid)
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return nil, fmt.Errorf("regular expression %q is too complex: %w", pattern, fault.ErrInvalid)
	}
	re, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w: %w", pattern, err, fault.ErrInvalid)
	}
	return re, nil
}
