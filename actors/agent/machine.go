package agent

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/values"
)

// Machine is what an agent can see of the machine it stands for. The zero Machine offers nothing of its own: an
// agent on it has exactly what Config.Resources says, which is how the testkit makes agents.
type Machine struct {
	Hostname string
	CPUs     int
	// Memory and Disk are sizes in bytes, in use or not.
	Memory, Disk uint64
	// BootID differs after each start of the machine: no process of an earlier one is alive. Empty: unknown.
	BootID string
	// Root says whether the agent may run tasks as other users.
	Root bool
}

const (
	mb = 1 << 20
	gb = 1 << 30
)

// leftForTheSystem is Mesos' rule: memory less 1 GB, disk less 5 GB, or half of what is less than twice that.
func leftForTheSystem(total, reserve uint64) uint64 {
	if total > 2*reserve {
		return total - reserve
	}
	return total / 2
}

// ResourcesOf are all that an agent on a machine offers, named or detected.
func ResourcesOf(c Config, m Machine) ([]*mesospb.Resource, error) {
	info, err := describe(c, m, 0)
	return info.GetResources(), err
}

// detect is the text of the resources of the machine that were not named.
func (m Machine) detect(named resources.Resources) string {
	var found []string
	for _, r := range []struct {
		name, value string
		there       bool
	}{
		{"cpus", fmt.Sprint(m.CPUs), m.CPUs > 0},
		{"mem", fmt.Sprint(leftForTheSystem(m.Memory, gb) / mb), m.Memory > 0},
		{"disk", fmt.Sprint(leftForTheSystem(m.Disk, 5*gb) / mb), m.Disk > 0},
		{"ports", "[31000-32000]", m.CPUs > 0},
	} {
		if r.there && named.Named(r.name).IsEmpty() {
			found = append(found, r.name+":"+r.value)
		}
	}
	return strings.Join(found, ";")
}

// describe is the agent as the master will know it, without an id.
func describe(c Config, m Machine, port int32) (*mesospb.AgentInfo, error) {
	named, err := resources.ParseFor(c.Resources, c.DefaultRole)
	if err != nil {
		return nil, fmt.Errorf("--resources: %w", err)
	}
	detected, err := resources.ParseFor(m.detect(named), c.DefaultRole)
	if err != nil {
		return nil, err
	}
	attributes, err := parseAttributes(c.Attributes)
	if err != nil {
		return nil, fmt.Errorf("--attributes: %w", err)
	}
	hostname := c.Hostname
	if hostname == "" {
		hostname = m.Hostname
	}
	if hostname == "" {
		hostname = "localhost"
	}
	info := &mesospb.AgentInfo{
		Hostname:   proto.String(hostname),
		Port:       proto.Int32(port),
		Resources:  named.Add(detected).Proto(),
		Attributes: attributes,
		Domain:     c.Domain,
	}
	info.ProtoReflect().SetUnknown(checkpoints)
	return info, nil
}

// checkpoints says true in the seventh field, "checkpoint" of Mesos' older API. The present one has no such field, but
// every agent of Mesos sends it, and it passes through to whoever reads protobuf.
var checkpoints = protoreflect.RawFields(protowire.AppendVarint(protowire.AppendTag(nil, 7, protowire.VarintType), 1))

// parseAttributes reads 'name:value;name:value'.
func parseAttributes(text string) ([]*mesospb.Attribute, error) {
	var attributes []*mesospb.Attribute
	for token := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ';' || r == '\n' }) {
		name, value, ok := strings.Cut(token, ":")
		name = strings.TrimSpace(name)
		if !ok || name == "" {
			return nil, fmt.Errorf("%q is not name:value: %w", token, fault.ErrInvalid)
		}
		v, err := values.Parse(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		a := &mesospb.Attribute{Name: proto.String(name), Type: v.Type.Enum()}
		switch v.Type {
		case mesospb.Value_SCALAR:
			a.Scalar = &mesospb.Value_Scalar{Value: proto.Float64(v.Number)}
		case mesospb.Value_RANGES:
			a.Ranges = v.Ranges.Proto()
		case mesospb.Value_TEXT:
			a.Text = &mesospb.Value_Text{Value: proto.String(v.Text)}
		default:
			return nil, fmt.Errorf("%s: an attribute is a number, ranges or text: %w", name, fault.ErrInvalid)
		}
		attributes = append(attributes, a)
	}
	return attributes, nil
}

// compatible tells why a restarted agent may not keep its id, nil if it may. Resources and attributes that
// frameworks rely on do not vanish under the same id.
func compatible(policy string, before, now *mesospb.AgentInfo) error {
	if before.GetHostname() != now.GetHostname() {
		return fmt.Errorf("the hostname was %s and is %s", before.GetHostname(), now.GetHostname())
	}
	if before.GetPort() != now.GetPort() {
		return fmt.Errorf("the port was %d and is %d", before.GetPort(), now.GetPort())
	}
	had, has := resources.FromValid(before.Resources), resources.FromValid(now.Resources)
	if policy == policyEqual && !had.Equal(has) {
		return fmt.Errorf("the resources were %s and are %s", had, has)
	}
	if !has.Contains(had) {
		return fmt.Errorf("the resources were %s and are only %s", had, has)
	}
	if policy == policyEqual && len(before.Attributes) != len(now.Attributes) {
		return fmt.Errorf("there were %d attributes and are %d", len(before.Attributes), len(now.Attributes))
	}
	if (policy == policyEqual || before.Domain != nil) && !proto.Equal(before.Domain, now.Domain) {
		return errors.New("the domain has changed")
	}
	for _, a := range before.Attributes {
		if !hasAttribute(now.Attributes, a) {
			return fmt.Errorf("the attribute %s has changed or is missing", a.GetName())
		}
	}
	return nil
}

func hasAttribute(in []*mesospb.Attribute, a *mesospb.Attribute) bool {
	for _, b := range in {
		if proto.Equal(a, b) {
			return true
		}
	}
	return false
}
