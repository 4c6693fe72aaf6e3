// Package labels turns labels into maps and back, for those who need one value for each key: plugins for storage and
// networks are given maps.
package labels

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Map is the labels by key, never nil. A map can say neither that a key has two values nor that it has none, so such
// labels are of class fault.ErrInvalid.
func Map(l *mesospb.Labels) (map[string]string, error) {
	m := make(map[string]string, len(l.GetLabels()))
	for _, label := range l.GetLabels() {
		if label.Value == nil {
			return nil, fmt.Errorf("label %q has no value: %w", label.GetKey(), fault.ErrInvalid)
		}
		if _, twice := m[label.GetKey()]; twice {
			return nil, fmt.Errorf("label %q is given twice: %w", label.GetKey(), fault.ErrInvalid)
		}
		m[label.GetKey()] = label.GetValue()
	}
	return m, nil
}

// FromMap is the labels of a map, in the order of keys.
func FromMap(m map[string]string) *mesospb.Labels {
	l := &mesospb.Labels{}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		l.Labels = append(l.Labels, &mesospb.Label{Key: proto.String(key), Value: proto.String(m[key])})
	}
	return l
}
