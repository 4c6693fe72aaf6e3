package containerid_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/containerid"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestThereAndBack(t *testing.T) {
	parent := &mesospb.ContainerID{Value: proto.String("parent")}
	child := &mesospb.ContainerID{Value: proto.String("child"), Parent: parent}
	grandchild := &mesospb.ContainerID{Value: proto.String("grandchild"), Parent: child}
	for text, id := range map[string]*mesospb.ContainerID{"parent": parent, "parent.child": child, "parent.child.grandchild": grandchild} {
		if got := containerid.Format(id); got != text {
			t.Errorf("%v is written %q", id, got)
		}
		if got, err := containerid.Parse(text); err != nil || !proto.Equal(got, id) {
			t.Errorf("%q is read as %v, %v", text, got, err)
		}
	}
	if got := containerid.Format(nil); got != "" {
		t.Errorf("nil is written %q", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", ".", "a.", ".a", "a..b"} {
		if id, err := containerid.Parse(text); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q: %v, %v", text, id, err)
		}
	}
}
