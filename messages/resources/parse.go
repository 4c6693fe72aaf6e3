package resources

import (
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
	"github.com/meseta-io/meseta/messages/values"
	"github.com/meseta-io/meseta/messages/wire"
	"google.golang.org/protobuf/proto"
)

// MaxText bounds the text that Parse reads, in bytes.
const MaxText = 4 << 20

// Parse reads what operators write in flags: "cpus:4;mem:4096;ports:[31000-32000];disk(role):100;name:{a,b}", or a
// JSON array of Resource messages. Resources that only operations can make are refused: persistent volumes, revocable
// ones and dynamic reservations.
func Parse(text string) (Resources, error) { return ParseFor(text, roles.Any) }

// ParseFor is Parse with a role for those that name none, as in --default_role.
func ParseFor(text, defaultRole string) (Resources, error) {
	messages, err := Messages(text, defaultRole)
	if err != nil {
		return Resources{}, err
	}
	r, err := FromProto(messages)
	if err != nil {
		return Resources{}, err
	}
	return r, r.validateFlag()
}

// Messages reads the same text and returns the resources as written: not validated, not added up, empty ones kept.
// An agent uses it to tell "gpus:0" from gpus that are not mentioned.
func Messages(text, defaultRole string) ([]*mesospb.Resource, error) {
	if len(text) > MaxText {
		return nil, fmt.Errorf("resources of %d bytes: at most %d: %w", len(text), MaxText, ErrValue)
	}
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		return parseJSON(text, defaultRole)
	}
	var out []*mesospb.Resource
	for token := range strings.SplitSeq(text, ";") {
		if token == "" {
			continue
		}
		m, err := parseToken(token, defaultRole)
		if err != nil {
			return nil, err
		}
		if out = append(out, m); len(out) > MaxResources {
			return nil, tooMany(len(out))
		}
	}
	return out, nil
}

func parseToken(token, role string) (*mesospb.Resource, error) {
	// Mesos skips empty parts, so "cpus::4" is "cpus:4".
	parts := strings.FieldsFunc(token, func(c rune) bool { return c == ':' })
	if len(parts) != 2 {
		return nil, fmt.Errorf("resource %.80q: missing or extra ':': write name:value: %w", token, ErrValue)
	}
	name, open := parts[0], strings.IndexByte(parts[0], '(')
	if open >= 0 {
		closed := strings.IndexByte(name, ')')
		if closed < open {
			return nil, fmt.Errorf("resource %.80q: mismatched parentheses: write name(role):value: %w", token, ErrValue)
		}
		name, role = name[:open], strings.TrimSpace(name[open+1:closed])
	}
	return parseValue(strings.TrimSpace(name), parts[1], role)
}

func parseValue(name, text, role string) (*mesospb.Resource, error) {
	v, err := values.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("resource %.80q: %w: %w", name, ErrValue, err)
	}
	m := &mesospb.Resource{Name: &name, Type: &v.Type}
	switch v.Type {
	case mesospb.Value_SCALAR:
		m.Scalar = &mesospb.Value_Scalar{Value: &v.Number}
	case mesospb.Value_RANGES:
		m.Ranges = v.Ranges.Proto()
	case mesospb.Value_SET:
		m.Set = v.Set.Proto()
	default:
		return nil, fmt.Errorf("resource %.80q: %.80q is no amount: write a number from 0 up, [ranges] or {set}: %w",
			name, v.Text, ErrValue)
	}
	if role != roles.Any {
		static := mesospb.Resource_ReservationInfo_STATIC
		m.Reservations = []*mesospb.Resource_ReservationInfo{{Type: &static, Role: &role}}
	}
	return m, nil
}

func parseJSON(text, role string) ([]*mesospb.Resource, error) {
	list, err := wire.DecodeJSONList[*mesospb.Resource]([]byte(text), wire.Limits{})
	if err != nil {
		return nil, fmt.Errorf("resources in JSON: %v: %w", err, ErrValue)
	}
	if len(list) > MaxResources {
		return nil, tooMany(len(list))
	}
	for _, m := range list {
		if m.Role == nil && len(m.Reservations) == 0 {
			m.Role = proto.String(role)
		}
	}
	return list, nil
}

// validateFlag refuses what no flag may say.
func (r Resources) validateFlag() error {
	types := make(map[string]mesospb.Value_Type)
	for _, x := range r.items {
		switch kind, known := types[x.name]; {
		case x.IsPersistentVolume():
			return fmt.Errorf("resource %s: persistent volumes are created by operations, not by flags: %w", x, ErrDisk)
		case x.IsRevocable():
			return fmt.Errorf("resource %s: flags cannot make resources revocable: leave \"revocable\" out: %w", x, ErrValue)
		case x.IsDynamicallyReserved():
			return fmt.Errorf("resource %s: flags reserve statically: use type STATIC: %w", x, ErrReservation)
		case known && kind != x.kind:
			return fmt.Errorf("resource %s: another of this name is of type %s: use one type for a name: %w", x, kind, ErrValue)
		}
		types[x.name] = x.kind
	}
	return nil
}
