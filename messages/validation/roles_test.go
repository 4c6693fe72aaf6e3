package validation_test

import (
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
)

func TestRoles(t *testing.T) {
	multi := []*mesospb.FrameworkInfo_Capability{{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()}}
	for _, c := range []struct {
		name      string
		framework *mesospb.FrameworkInfo
		want      []string
	}{
		{"several", &mesospb.FrameworkInfo{Capabilities: multi, Roles: []string{"bar", "qux"}}, []string{"bar", "qux"}},
		{"several count, a single one does not", &mesospb.FrameworkInfo{Capabilities: multi, Role: proto.String("foo"), Roles: []string{"bar"}}, []string{"bar"}},
		{"a single one", &mesospb.FrameworkInfo{Role: proto.String("foo")}, []string{"foo"}},
		{"none said", &mesospb.FrameworkInfo{}, []string{"*"}},
	} {
		if got := validation.Roles(c.framework); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}
