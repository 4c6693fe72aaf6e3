package wire_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/wire"
)

// fuzzed are the types that strangers send, and the largest that we answer with.
var fuzzed = []protoreflect.FullName{
	"mesos.v1.scheduler.Call", "mesos.v1.executor.Call", "mesos.v1.master.Call", "mesos.v1.agent.Call", "mesos.v1.master.Response",
}

// Whatever the text: no panic, an error of the right class or a message that, written and read again, is the same.
func FuzzDecodeJSON(f *testing.F) {
	for _, r := range readRecorded(f) {
		if len(r.text) < 2000 {
			f.Add(r.text, uint8(4))
		}
	}
	f.Add([]byte(`{"type":"ACCEPT","accept":{"offer_ids":{"value":"\ud83d\ude00"},"filters":{"refuse_seconds":"Infinity"}}}`), uint8(0))
	f.Add([]byte(`{"subscribe":{"framework_info":{"user":"u","name":"n","offer_filters":{"r":null}}}}`), uint8(0))
	f.Fuzz(func(t *testing.T, text []byte, which uint8) {
		limits := wire.Limits{Bytes: 1 << 20, Memory: 8 << 20}
		typ := fuzzed[int(which)%len(fuzzed)]
		m := newMessage(t, typ)
		err := wire.DecodeJSON(text, m, limits)
		// Reading through reflection comes to the same.
		d := dynamicpb.NewMessage(m.ProtoReflect().Descriptor())
		dynamicErr := wire.DecodeJSON(text, d, limits)
		if (err == nil) != (dynamicErr == nil) || err == nil && !bytes.Equal(wire.AppendJSON(nil, m), wire.AppendJSON(nil, d)) {
			t.Fatalf("%v, but through reflection %v:\n%s\n%s", err, dynamicErr, wire.AppendJSON(nil, m), wire.AppendJSON(nil, d))
		}
		if err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Fatalf("class of %v", err)
			}
			return
		}
		once := wire.AppendJSON(nil, m)
		back := newMessage(t, typ)
		if err := wire.DecodeJSON(once, back, wire.Limits{}); err != nil {
			t.Fatalf("%v\n%s", err, once)
		}
		withDefaults(m.ProtoReflect())
		if twice := wire.AppendJSON(nil, back); !bytes.Equal(once, twice) || !proto.Equal(m, back) {
			t.Fatalf("\n first %s\nsecond %s", once, twice)
		}
	})
}

// The same for protobuf bodies, and through JSON: what can be received can be shown.
func FuzzDecodeProto(f *testing.F) {
	for _, r := range readRecorded(f) {
		if len(r.text) < 2000 {
			m := newMessage(f, r.name)
			if err := wire.DecodeJSON(r.text, m, wire.Limits{}); err != nil {
				f.Fatal(err)
			}
			data, err := wire.AppendProto(nil, m)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data, uint8(4))
		}
	}
	f.Add(parents(3), uint8(3))
	f.Add([]byte{1 << 3, 99}, uint8(2)) // an enum number that nobody knows
	f.Fuzz(func(t *testing.T, data []byte, which uint8) {
		typ := fuzzed[int(which)%len(fuzzed)]
		m := newMessage(t, typ)
		// So little memory that the costs are always counted.
		if err := wire.DecodeProto(data, m, wire.Limits{Memory: 1 << 12}); err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Fatalf("class of %v", err)
			}
			return
		}
		if got, want := wire.AppendField(nil, 7, m), field(t, 7, m); !bytes.Equal(got, want) && !sameField(got, want, m.ProtoReflect().Type()) {
			t.Fatalf("\n got %x\nwant %x", got, want)
		}
		text := wire.AppendJSON(nil, m)
		back := newMessage(t, typ)
		if err := wire.DecodeJSON(text, back, wire.Limits{}); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if again := wire.AppendJSON(nil, back); !bytes.Equal(text, again) {
			t.Fatalf("\n first %s\nsecond %s", text, again)
		}
	})
}

// Whatever the stream: no panic, and the records that are read are those that, written again, give the same stream.
func FuzzRecordReader(f *testing.F) {
	f.Add([]byte("6\nhello!0\n1\n 13\n13 characters"))
	f.Add([]byte("007\nencodednot encoded!\n"))
	f.Add([]byte("18446744073709551616\n"))
	f.Fuzz(func(t *testing.T, stream []byte) {
		r := wire.NewRecordReader(bytes.NewReader(stream), wire.Limits{Bytes: 1 << 16})
		var again []byte
		for {
			record, err := r.Next()
			if err != nil {
				if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, fault.ErrInvalid) {
					t.Fatal(err)
				}
				// Leading zeros are the only freedom in the framing.
				if err == io.EOF && len(again) != len(stream) && !bytes.Contains(stream, []byte("0")) {
					t.Fatalf("%q became %q", stream, again)
				}
				return
			}
			again = wire.AppendRecord(again, record)
		}
	})
}
