package wire_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// library is what the protobuf library itself writes for a field with message m.
func library(t *testing.T, field protoreflect.FieldNumber, m proto.Message) []byte {
	t.Helper()
	body, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, field, protowire.BytesType), body)
}

// small leaves no map with two entries, whose order is not fixed.
func small(m protoreflect.Message) {
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.IsMap():
			for v.Map().Len() > 1 {
				v.Map().Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
					v.Map().Clear(k)
					return false
				})
			}
			v.Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				if m, ok := v.Interface().(protoreflect.Message); ok {
					small(m)
				}
				return true
			})
		case fd.Message() == nil:
		case fd.IsList():
			for i := range v.List().Len() {
				small(v.List().Get(i).Message())
			}
		default:
			small(v.Message())
		}
		return true
	})
}

// Structs written in place give the very bytes of the library, for every message type, with and without unknown fields.
func TestBinaryLayoutAgreesWithTheLibrary(t *testing.T) {
	for _, typ := range publicMessages() {
		for seed := range uint64(40) {
			m := typ.New()
			fill(rand.New(rand.NewPCG(seed, 3)), m, 4)
			small(m)
			if seed%4 == 0 {
				m.SetUnknown(protowire.AppendVarint(protowire.AppendTag(nil, 70_000, protowire.VarintType), seed))
			}
			before := []byte("before")
			got := wire.AppendElement(bytes.Clone(before), 7, m.Interface())
			if want := append(before, library(t, 7, m.Interface())...); !bytes.Equal(got, want) {
				t.Fatalf("%s, seed %d:\n got %x\nwant %x", typ.Descriptor().FullName(), seed, got, want)
			}
		}
	}
}

// What no decoder makes, but a program can.
func TestBinaryLayoutOfOddStructs(t *testing.T) {
	negative := mesospb.TaskState(-5)
	long := string(bytes.Repeat([]byte("x"), 20_000))
	for name, m := range map[string]proto.Message{
		"an empty one":            &mesospb.Task{},
		"none":                    (*mesospb.Task)(nil),
		"a negative enum":         &mesospb.Task{State: &negative},
		"a nil in a list":         &mesospb.Task{Statuses: []*mesospb.TaskStatus{nil, {Healthy: proto.Bool(true)}, nil}},
		"bytes that are empty":    &mesospb.TaskStatus{Uuid: []byte{}, Data: nil},
		"lengths of three bytes":  &mesospb.Labels{Labels: []*mesospb.Label{{Key: &long, Value: &long}, {Key: proto.String("k")}}},
		"a length of one byte":    &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String(long[:123])}}},
		"a length of just two":    &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String(long[:124])}, {Key: proto.String(long[:126])}}},
		"text that is not UTF-8":  &mesospb.Label{Key: proto.String("\xff\xfe"), Value: proto.String("")},
		"an answer of ten agents": cluster(10),
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := wire.AppendElement(nil, 3000, m), library(t, 3000, m); !bytes.Equal(got, want) {
				t.Errorf("got  %x\nwant %x", got, want)
			}
		})
	}
	full, err := wire.AppendProto(nil, cluster(100))
	if err != nil {
		t.Fatal(err)
	}
	var back masterpb.Response
	if err := proto.Unmarshal(full, &back); err != nil || !proto.Equal(&back, cluster(100)) {
		t.Error("an answer of a hundred agents does not come back", err)
	}
}
