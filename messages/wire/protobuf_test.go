package wire_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

func TestProtobufBodies(t *testing.T) {
	want := cluster(3)
	data, err := wire.AppendProto([]byte("before"), want)
	if err != nil || !bytes.HasPrefix(data, []byte("before")) {
		t.Fatal(err)
	}
	got := want.ProtoReflect().New().Interface()
	if err := wire.DecodeProto(data[len("before"):], got, wire.Limits{}); err != nil {
		t.Fatal(err)
	}
	if !proto.Equal(got, want) {
		t.Error("came back different")
	}
}

func TestProtobufKeepsUnknownFields(t *testing.T) {
	data, _ := wire.AppendProto(nil, &mesospb.TaskID{Value: proto.String("t")})
	data = protowire.AppendString(protowire.AppendTag(data, 1000, protowire.BytesType), "from the future")
	var m mesospb.TaskID
	if err := wire.DecodeProto(data, &m, wire.Limits{}); err != nil {
		t.Fatal(err)
	}
	if again, _ := wire.AppendProto(nil, &m); !bytes.Equal(again, data) {
		t.Error("the unknown field is lost")
	}
}

// An enum number from the future leaves the field unset, or is missing where it is required; and it is passed on.
func TestProtobufUnknownEnums(t *testing.T) {
	enum := func(number protowire.Number, n uint64) []byte {
		return protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.VarintType), n)
	}
	unknown := func(m proto.Message) string { return fmt.Sprintf("%x", m.ProtoReflect().GetUnknown()) }

	call := &schedulerpb.Call{}
	dynamicCall := dynamicpb.NewMessage(call.ProtoReflect().Descriptor())
	for _, m := range []proto.Message{call, dynamicCall} {
		if err := wire.DecodeProto(enum(2, 999), m, wire.Limits{}); err != nil {
			t.Fatal(err)
		}
		if text := string(wire.AppendJSON(nil, m)); text != "{}" || unknown(m) != fmt.Sprintf("%x", enum(2, 999)) {
			t.Errorf("%s with unknown fields %s", text, unknown(m))
		}
	}

	services := slices.Concat(enum(1, 2), enum(1, 77), enum(1, 1), enum(1, 1<<64-5))
	for _, m := range []proto.Message{&mesospb.CSIPluginContainerInfo{}, dynamicpb.NewMessage((&mesospb.CSIPluginContainerInfo{}).ProtoReflect().Descriptor())} {
		if err := wire.DecodeProto(services, m, wire.Limits{}); err != nil {
			t.Fatal(err)
		}
		const want = `{"services":["NODE_SERVICE","CONTROLLER_SERVICE"]}`
		if text := string(wire.AppendJSON(nil, m)); text != want || unknown(m) != fmt.Sprintf("%x", slices.Concat(enum(1, 77), enum(1, 1<<64-5))) {
			t.Errorf("%s with unknown fields %s", text, unknown(m))
		}
	}

	label := delimited(1, []byte("cpus"))
	offer := delimited(4, delimited(2, delimited(2, delimited(1, slices.Concat(delimited(4, append(label, enum(2, 42)...)))))))
	err := wire.DecodeProto(offer, &schedulerpb.Call{}, wire.Limits{})
	if err == nil || !strings.HasPrefix(err.Error(), "accept.operations[0].launch.task_infos[0]") || !strings.Contains(err.Error(), "resources[0].type") {
		t.Error(err)
	}
}

func TestProtobufNamesWhatIsMissing(t *testing.T) {
	m := &schedulerpb.Call{Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: &mesospb.FrameworkInfo{Name: proto.String("f")}}}
	incomplete, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	_, appendErr := wire.AppendProto(nil, m)
	for _, err := range []error{appendErr, wire.DecodeProto(incomplete, &schedulerpb.Call{}, wire.Limits{}), wire.CheckRequired(m)} {
		var e *wire.FieldError
		if !errors.As(err, &e) || !errors.Is(err, fault.ErrInvalid) || !e.Missing || !slices.Equal(e.Fields, []string{"subscribe.framework_info.user"}) {
			t.Error(err)
		}
	}
	deep := &quotapb.QuotaConfig{Role: proto.String("r"), Limits: map[string]*mesospb.Value_Scalar{"cpus": {}}}
	if err := wire.CheckRequired(deep); err == nil || err.Error() != "limits[cpus].value: required but missing" {
		t.Error(err)
	}
	list := &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k")}, {}}}
	if err := wire.CheckRequired(list); err == nil || err.Error() != "labels[1].key: required but missing" {
		t.Error(err)
	}
}

// parents is a serialized container with so many levels.
func parents(depth int) []byte {
	var data []byte
	for range depth {
		inner := data
		data = protowire.AppendString(protowire.AppendTag(nil, 1, protowire.BytesType), "c")
		if inner != nil {
			data = protowire.AppendBytes(protowire.AppendTag(data, 2, protowire.BytesType), inner)
		}
	}
	return data
}

func TestDecodeProtoBounds(t *testing.T) {
	labels := bytes.Repeat([]byte{1<<3 | 2, 3, 1<<3 | 2, 1, 'k'}, 1e5)
	roles := bytes.Repeat([]byte{1<<3 | 2, 0}, 1e5)
	unknown := bytes.Repeat([]byte{2 << 3, 1}, 1e6)
	for _, c := range []struct {
		name   string
		data   []byte
		m      proto.Message
		limits wire.Limits
		ok     bool
	}{
		{"garbage", []byte{0x7f, 0x7f, 0x7f}, &mesospb.Labels{}, wire.Limits{}, false},
		{"JSON", []byte(`{"type":"GET_HEALTH"}`), &mesospb.Labels{}, wire.Limits{}, false},
		{"nothing", nil, &mesospb.Labels{}, wire.Limits{}, true},
		{"a length beyond the end", []byte{1<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0x0f}, &mesospb.Labels{}, wire.Limits{}, false},
		{"as deep as allowed", parents(100), &mesospb.ContainerID{}, wire.Limits{}, true},
		{"too deep", parents(102), &mesospb.ContainerID{}, wire.Limits{}, false},
		{"far too deep", parents(10000), &mesospb.ContainerID{}, wire.Limits{Memory: 1 << 10}, false},
		{"too large", labels, &mesospb.Labels{}, wire.Limits{Bytes: 1000}, false},
		{"small fields that decode large", labels, &mesospb.Labels{}, wire.Limits{Memory: 1 << 20}, false},
		{"with enough memory", labels, &mesospb.Labels{}, wire.Limits{}, true},
		{"looked at twice and fine", labels, &mesospb.Labels{}, wire.Limits{Memory: 64 << 20}, true},
		{"empty strings", roles, &schedulerpb.Call_Revive{}, wire.Limits{Memory: 1 << 20}, false},
		{"unknown fields", unknown, &mesospb.Labels{}, wire.Limits{Memory: 1 << 20}, false},
	} {
		err := wire.DecodeProto(c.data, c.m, c.limits)
		if c.ok && err != nil || !c.ok && !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
