package wire_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/meseta-io/meseta/messages/wire"
)

// publicMessages are all message types of the public API.
func publicMessages() []protoreflect.MessageType {
	var all []protoreflect.MessageType
	protoregistry.GlobalTypes.RangeMessages(func(t protoreflect.MessageType) bool {
		if strings.HasPrefix(string(t.Descriptor().FullName()), "mesos.") {
			all = append(all, t)
		}
		return true
	})
	return all
}

// fill sets about half of m's fields, and all required ones, to values of every awkward kind.
func fill(r *rand.Rand, m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if fd.Cardinality() != protoreflect.Required && (depth <= 0 || r.IntN(2) == 0) {
			continue
		}
		switch {
		case fd.IsMap():
			for range r.IntN(4) {
				v := m.NewField(fd).Map().NewValue()
				if fd.MapValue().Message() != nil {
					fill(r, v.Message(), depth-1)
				} else {
					v = value(r, fd.MapValue())
				}
				m.Mutable(fd).Map().Set(value(r, fd.MapKey()).MapKey(), v)
			}
		case fd.IsList():
			for range r.IntN(4) {
				l := m.Mutable(fd).List()
				if fd.Message() != nil {
					fill(r, l.AppendMutable().Message(), depth-1)
				} else {
					l.Append(value(r, fd))
				}
			}
		case fd.Message() != nil:
			fill(r, m.Mutable(fd).Message(), depth-1)
		default:
			m.Set(fd, value(r, fd))
		}
	}
}

var texts = []string{"", "web", "a\"b\\c/d", "\x00\x1f\n\r\t\b\f\x7f", "größe 雪 \U0001F600", "\u2028"}

func value(r *rand.Rand, fd protoreflect.FieldDescriptor) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(texts[r.IntN(len(texts))])
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte(texts[r.IntN(len(texts))]))
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(r.IntN(2) == 0)
	case protoreflect.EnumKind:
		v := fd.Enum().Values()
		return protoreflect.ValueOfEnum(v.Get(r.IntN(v.Len())).Number())
	case protoreflect.DoubleKind:
		if r.IntN(2) == 0 {
			return protoreflect.ValueOfFloat64(float64(r.IntN(2000)-1000) / 8)
		}
		return protoreflect.ValueOfFloat64(finite(math.Float64frombits(r.Uint64())))
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(r.Uint32()))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(r.Uint64()))
	case protoreflect.Uint32Kind:
		return protoreflect.ValueOfUint32(r.Uint32())
	case protoreflect.Uint64Kind:
		return protoreflect.ValueOfUint64(r.Uint64())
	}
	panic("no value for a " + fd.Kind().String())
}

// finite lets infinities through, which the format knows, but no NaN, which equals nothing.
func finite(x float64) float64 {
	if math.IsNaN(x) {
		return math.Inf(-1)
	}
	return x
}

// withDefaults sets in m what the encoder writes for unset fields, so that m can be compared with what a reader gets.
func withDefaults(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		deprecated := fd.Options().(interface{ GetDeprecated() bool }).GetDeprecated()
		switch {
		case !m.Has(fd):
			if fd.HasDefault() && !deprecated {
				m.Set(fd, fd.Default())
			}
		case fd.IsMap():
			if fd.MapValue().Message() != nil {
				m.Get(fd).Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
					withDefaults(v.Message())
					return true
				})
			}
		case fd.Message() == nil:
		case fd.IsList():
			for j := range m.Get(fd).List().Len() {
				withDefaults(m.Get(fd).List().Get(j).Message())
			}
		default:
			withDefaults(m.Mutable(fd).Message())
		}
	}
}

// For every message type: what is written is read back as the same message, with the defaults that the writer adds.
func TestEveryMessageComesBack(t *testing.T) {
	for _, typ := range publicMessages() {
		for seed := range uint64(20) {
			m := typ.New()
			fill(rand.New(rand.NewPCG(seed, 1)), m, 4)
			text := wire.AppendJSON(nil, m.Interface())
			back := typ.New().Interface()
			if err := wire.DecodeJSON(text, back, wire.Limits{}); err != nil {
				t.Fatalf("%s, seed %d: %v\n%s", typ.Descriptor().FullName(), seed, err, text)
			}
			withDefaults(m)
			if !proto.Equal(m.Interface(), back) {
				t.Fatalf("%s, seed %d:\n sent %v\n  got %v", typ.Descriptor().FullName(), seed, m, back)
			}
		}
	}
}

// Reading struct fields in place and asking reflection give the same text, for every message type.
func TestLayoutAgreesWithReflection(t *testing.T) {
	for _, typ := range publicMessages() {
		for seed := range uint64(20) {
			m := typ.New().Interface()
			fill(rand.New(rand.NewPCG(seed, 2)), m.ProtoReflect(), 4)
			d := dynamicpb.NewMessage(typ.Descriptor())
			proto.Merge(d, m)
			fast, slow := wire.AppendJSON(nil, m), wire.AppendJSON(nil, d)
			if string(fast) != string(slow) {
				t.Fatalf("%s, seed %d:\n in place %s\nreflected %s", typ.Descriptor().FullName(), seed, fast, slow)
			}
			// And the reader fills both kinds alike.
			back := dynamicpb.NewMessage(typ.Descriptor())
			if err := wire.DecodeJSON(slow, back, wire.Limits{}); err != nil {
				t.Fatal(err)
			}
			if again := wire.AppendJSON(nil, back); string(again) != string(slow) {
				t.Fatalf("%s, seed %d:\n first %s\nsecond %s", typ.Descriptor().FullName(), seed, slow, again)
			}
		}
	}
}
