package seccomp

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/strictjson"
)

// fields are the members of an object.
type fields struct {
	of     string
	values map[string]json.RawMessage
}

// object reads one with these fields. The order is that in which Mesos asks for them.
func object(text []byte, of string, names ...string) (fields, error) {
	members, err := strictjson.Object(text)
	if err != nil {
		return fields{}, fmt.Errorf("%s: %w", of, err)
	}
	o := fields{of, map[string]json.RawMessage{}}
	unknown := ""
	for _, m := range members {
		if o.values[m.Key] = m.Value; unknown == "" && !slices.Contains(names, m.Key) {
			unknown = m.Key
		}
	}
	if unknown == "" {
		return o, nil
	}
	for _, name := range names {
		if _, ok := o.values[name]; !ok && strings.HasPrefix(unknown, name) {
			return o, strictjson.Refuse("Cannot determine '%s' field for %s: Not found, but '%.80s'", name, of, unknown)
		}
	}
	return o, strictjson.Refuse("%s has an unknown field '%.80s'; there are %s", of, unknown, strings.Join(names, ", "))
}

func (o fields) missing(key string) error {
	return strictjson.Refuse("Cannot determine '%s' field for %s: Not found", key, o.of)
}

func orMissing(err error, o fields, key string) error {
	if err != nil {
		return err
	}
	return o.missing(key)
}

func (o fields) text(key string) (s string, err error) {
	raw, ok := o.values[key]
	if !ok {
		return "", o.missing(key)
	}
	if json.Unmarshal(raw, &s) != nil {
		return "", strictjson.Refuse("Cannot determine '%s' field for %s: it is no string", key, o.of)
	}
	return s, nil
}

// list is empty when it is not there.
func (o fields) list(key string) ([]json.RawMessage, error) {
	raw, ok := o.values[key]
	if !ok {
		return nil, nil
	}
	l, err := strictjson.Array(raw)
	if err != nil {
		return nil, fmt.Errorf("Cannot determine '%s' field for %s: %w", key, o.of, err)
	}
	return l, nil
}

func (o fields) texts(key string) (all []string, err error) {
	list, err := o.list(key)
	if err != nil {
		return nil, err
	}
	for _, raw := range list {
		var s string
		if json.Unmarshal(raw, &s) != nil || string(raw) == "null" {
			return nil, strictjson.Refuse("'%s' contains a non-string item", key)
		}
		all = append(all, s)
	}
	return all, nil
}

func (o fields) number(key string, largest uint64) (n uint64, said bool, err error) {
	raw, ok := o.values[key]
	if !ok {
		return 0, false, nil
	}
	if json.Unmarshal(raw, &n) != nil || n > largest {
		return 0, false, strictjson.Refuse("Cannot determine '%s' field for %s: it is no number from 0 to %d", key, o.of, largest)
	}
	return n, true, nil
}
