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

// field is m as a field of the message around it, by the protobuf library.
func field(tb testing.TB, number protoreflect.FieldNumber, m proto.Message) []byte {
	tb.Helper()
	data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), data)
}

// sameField says whether two fields are the same, but for the order of a map's entries, which nobody promises.
func sameField(a, b []byte, typ protoreflect.MessageType) bool {
	if len(a) != len(b) {
		return false
	}
	read := func(data []byte) (protoreflect.ProtoMessage, bool) {
		_, _, tag := protowire.ConsumeTag(data)
		value, n := protowire.ConsumeBytes(data[max(tag, 0):])
		m := typ.New().Interface()
		err := proto.UnmarshalOptions{AllowPartial: true}.Unmarshal(value, m)
		return m, tag > 0 && tag+n == len(data) && err == nil
	}
	x, ok := read(a)
	y, also := read(b)
	return ok && also && proto.Equal(x, y)
}

// strange gives about every fourth message a field that nobody knows.
func strange(r *rand.Rand, m protoreflect.Message) {
	if r.IntN(4) == 0 {
		m.SetUnknown(protowire.AppendBytes(protowire.AppendTag(nil, 50_000, protowire.BytesType), []byte(texts[r.IntN(len(texts))])))
	}
	m.Range(func(fd protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case fd.Message() == nil || fd.IsMap():
		case fd.IsList():
			for i := range v.List().Len() {
				strange(r, v.List().Get(i).Message())
			}
		default:
			strange(r, v.Message())
		}
		return true
	})
}

func hasMaps(d protoreflect.MessageDescriptor, seen map[protoreflect.FullName]bool) bool {
	if seen[d.FullName()] {
		return false
	}
	seen[d.FullName()] = true
	for i := range d.Fields().Len() {
		fd := d.Fields().Get(i)
		if fd.IsMap() || fd.Message() != nil && hasMaps(fd.Message(), seen) {
			return true
		}
	}
	return false
}

// For every message type, also with fields that nobody knows: the bytes are those of the protobuf library.
func TestFieldAgreesWithTheLibrary(t *testing.T) {
	for _, typ := range publicMessages() {
		maps := hasMaps(typ.Descriptor(), map[protoreflect.FullName]bool{})
		for seed := range uint64(30) {
			r := rand.New(rand.NewPCG(seed, 3))
			m := typ.New()
			fill(r, m, 4)
			strange(r, m)
			number := protoreflect.FieldNumber(1 + r.IntN(100))
			got, want := wire.AppendField([]byte("before"), number, m.Interface()), field(t, number, m.Interface())
			got, found := bytes.CutPrefix(got, []byte("before"))
			if !found || !bytes.Equal(got, want) && !(maps && sameField(got, want, typ)) {
				t.Fatalf("%s, seed %d: %v\n got %x\nwant %x", typ.Descriptor().FullName(), seed, m, got, want)
			}
		}
	}
}

// What a caller may hand over by mistake or in full size is written as the library writes it.
func TestFieldAtTheEdges(t *testing.T) {
	long := make([]byte, 1<<20)
	for name, m := range map[string]proto.Message{
		"no message":         (*mesospb.Task)(nil),
		"an empty message":   &mesospb.Task{},
		"a nil in a list":    &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("a")}, nil, {Key: proto.String("b")}}},
		"an empty list":      &mesospb.Labels{Labels: []*mesospb.Label{}},
		"bytes without any":  &mesospb.TaskStatus{Uuid: []byte{}},
		"more than a buffer": &mesospb.TaskStatus{Message: proto.String("text"), Uuid: long, Data: long},
		"a negative number":  &mesospb.AgentInfo{Port: proto.Int32(-1)},
		"an unknown enum":    &mesospb.Task{State: mesospb.TaskState(-7).Enum()},
	} {
		if got, want := wire.AppendField(nil, 3, m), field(t, 3, m); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes, want %d: %.60x, want %.60x", name, len(got), len(want), got, want)
		}
	}
}

// The messages of which a large cluster has very many are written in place, with all that they hold.
func TestHotMessagesAreWrittenInPlace(t *testing.T) {
	for _, m := range []proto.Message{&mesospb.Task{}, &mesospb.TaskStatus{}, &mesospb.Resource{}, &mesospb.AgentInfo{}, &mesospb.ExecutorInfo{},
		&mesospb.FrameworkInfo{}, &masterpb.Response_GetAgents_Agent{}, &masterpb.Response_GetExecutors_Executor{}} {
		if !wire.HasBinaryLayout(m) {
			t.Errorf("%s goes through reflection", m.ProtoReflect().Descriptor().FullName())
		}
	}
}

func BenchmarkAppendField(b *testing.B) {
	tasks := cluster(benchAgents).GetGetState().GetGetTasks().GetTasks()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		for _, t := range tasks {
			buf = wire.AppendField(buf, 1, t)
		}
		b.SetBytes(int64(len(buf)))
	}
}

// The same by the library.
func BenchmarkAppendFieldLibrary(b *testing.B) {
	tasks := cluster(benchAgents).GetGetState().GetGetTasks().GetTasks()
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		buf = buf[:0]
		for _, t := range tasks {
			buf = protowire.AppendTag(buf, 1, protowire.BytesType)
			buf = protowire.AppendVarint(buf, uint64(proto.Size(t)))
			buf, _ = proto.MarshalOptions{AllowPartial: true, UseCachedSize: true}.MarshalAppend(buf, t)
		}
		b.SetBytes(int64(len(buf)))
	}
}
