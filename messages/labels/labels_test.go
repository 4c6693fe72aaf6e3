package labels_test

import (
	"errors"
	"maps"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/labels"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// of makes labels of keys and values in turn; a key at the end has no value.
func of(text ...string) *mesospb.Labels {
	l := &mesospb.Labels{}
	for i, s := range text {
		if i%2 == 0 {
			l.Labels = append(l.Labels, &mesospb.Label{Key: proto.String(s)})
		} else {
			l.Labels[i/2].Value = proto.String(s)
		}
	}
	return l
}

func TestMapAndBack(t *testing.T) {
	for _, c := range []struct {
		labels *mesospb.Labels
		want   map[string]string
	}{
		{of("foo", "bar"), map[string]string{"foo": "bar"}},
		{of("a", "", "b", "2"), map[string]string{"a": "", "b": "2"}},
		{of(), map[string]string{}},
	} {
		got, err := labels.Map(c.labels)
		if err != nil || !maps.Equal(got, c.want) {
			t.Errorf("%v: %v, %v", c.labels, got, err)
		}
		if back := labels.FromMap(got); !proto.Equal(back, c.labels) {
			t.Errorf("%v came back as %v", c.labels, back)
		}
	}
	if got, err := labels.Map(nil); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
}

func TestMapRefuses(t *testing.T) {
	for name, l := range map[string]*mesospb.Labels{
		"two values": of("foo", "bar", "foo", "baz"),
		"no value":   of("foo"),
	} {
		if m, err := labels.Map(l); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v, %v", name, m, err)
		}
	}
}
