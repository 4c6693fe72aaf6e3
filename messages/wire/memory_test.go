package wire_test

import (
	"bytes"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// allocated is how many bytes f takes from the heap, those given back in between included.
func allocated(f func()) int {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return int(after.TotalAlloc - before.TotalAlloc)
}

// delimited is a field of a message, a string or bytes.
func delimited(number protowire.Number, value []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), value)
}

// Whatever is sent, and whether it is refused or not, takes about as much memory as the limits say, not a multiple of
// what was sent. The factor of 4 is for lists, which grow by doubling and leave their smaller selves behind.
func TestMemoryIsBounded(t *testing.T) {
	const limit = 4 << 20
	limits := wire.Limits{Memory: limit}
	many := func(open, element, close string) []byte {
		return []byte(open + strings.Repeat(element+",", 1e6) + element + close)
	}
	for _, c := range []struct {
		name   string
		format wire.Format
		data   []byte
		m      proto.Message
	}{
		{"empty strings", wire.JSON, many(`{"roles":[`, `""`, `]}`), &schedulerpb.Call_Revive{}},
		{"small objects", wire.JSON, many(`{"labels":[`, `{"key":""}`, `]}`), &mesospb.Labels{}},
		{"empty objects", wire.JSON, many(`{"machines":[`, `{}`, `]}`), &masterpb.Call_StartMaintenance{}},
		{"empty lists", wire.JSON, many(`{"machines":[`, `[]`, `]}`), &masterpb.Call_StartMaintenance{}},
		{"nulls", wire.JSON, many(`{"machines":[`, `null`, `]}`), &masterpb.Call_StartMaintenance{}},
		{"one field again and again", wire.JSON, many(`{`, `"task_group":{}`, `}`), &executorpb.Event_LaunchGroup{}},
		{"unknown keys", wire.JSON, many(`{`, `"x":{"y":[1,2]}`, `}`), &mesospb.Labels{}},
		{"enums", wire.JSON, many(`{"services":[`, `"NODE_SERVICE"`, `]}`), &mesospb.CSIPluginContainerInfo{}},
		{"entries of a map", wire.JSON, entries(1e5), &quotapb.QuotaConfig{}},
		{"a long escaped string", wire.JSON, []byte(`{"value":"` + strings.Repeat(`\u0041`, 1e6) + `"}`), &mesospb.TaskID{}},
		{"long base64", wire.JSON, []byte(`{"data":"` + strings.Repeat(`AAAA`, 2e6) + `"}`), &mesospb.Secret_Value{}},
		{"small objects, dynamic", wire.JSON, many(`{"labels":[`, `{"key":""}`, `]}`), dynamicpb.NewMessage((&mesospb.Labels{}).ProtoReflect().Descriptor())},
		{"empty strings in protobuf", wire.Protobuf, bytes.Repeat(delimited(1, nil), 1e6), &schedulerpb.Call_Revive{}},
		{"empty messages in protobuf", wire.Protobuf, bytes.Repeat(delimited(1, nil), 1e6), &masterpb.Call_StartMaintenance{}},
		{"small messages in protobuf", wire.Protobuf, bytes.Repeat(delimited(1, delimited(1, nil)), 1e6), &mesospb.Labels{}},
		{"one message again and again in protobuf", wire.Protobuf, bytes.Repeat(delimited(1, nil), 1e6), &executorpb.Event_LaunchGroup{}},
		{"packed enums", wire.Protobuf, delimited(1, bytes.Repeat([]byte{2}, 1e6)), &mesospb.CSIPluginContainerInfo{}},
		{"unknown fields in protobuf", wire.Protobuf, bytes.Repeat([]byte{15 << 3, 1}, 1e6), &mesospb.Labels{}},
		{"entries of a map in protobuf", wire.Protobuf, protoEntries(1e5), &quotapb.QuotaConfig{}},
	} {
		took := allocated(func() { _ = c.format.Decode(c.data, c.m, limits) })
		if took > 4*limit {
			t.Errorf("%s: %d bytes on the wire took %d of memory", c.name, len(c.data), took)
		}
	}
}

func entries(n int) []byte {
	text := []byte(`{"role":"r","limits":{`)
	for i := range n {
		if i > 0 {
			text = append(text, ',')
		}
		text = append(wire.AppendString(text, string(rune('a'+i%26))+string(rune(0x4e00+i%20000))+string(rune('a'+i/20000))), `:{"value":1}`...)
	}
	return append(text, "}}"...)
}

func protoEntries(n int) []byte {
	data := delimited(1, []byte("r"))
	for i := range n {
		key := string(rune(0x4e00+i%20000)) + string(rune('a'+i/20000))
		data = append(data, delimited(3, append(delimited(1, []byte(key)), delimited(2, protowire.AppendFixed64([]byte{1<<3 | 1}, 0))...))...)
	}
	return data
}
