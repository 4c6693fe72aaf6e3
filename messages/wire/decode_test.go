package wire_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// Most of these cases were put to a real master, which answered 200 to every one of them.
func TestDecodeJSONIsLenient(t *testing.T) {
	id := func(v string) *mesospb.TaskID { return &mesospb.TaskID{Value: proto.String(v)} }
	for _, c := range []struct {
		name, text string
		want       proto.Message
	}{
		{"white space around", " \n {\"value\" : \"t\"} \r\n\t", id("t")},
		{"unknown keys of every kind", `{"a":[1,{"b":null}],"c":{"d":[true,false]},"value":"t","e":-1.5e3,"f":NaN}`, id("t")},
		{"camelCase is unknown", `{"framework_id":{"value":"f"},"frameworkId":{"value":"g"}}`,
			&schedulerpb.Call{FrameworkId: &mesospb.FrameworkID{Value: proto.String("f")}}},
		{"null is absent", `{"value":"t","parent":null}`, &mesospb.ContainerID{Value: proto.String("t")}},
		{"the last of two keys counts", `{"value":"s","value":"t"}`, id("t")},
		{"and replaces, not merges", `{"parent":{"value":"a","parent":{"value":"x"}},"value":"t","parent":{"value":"b"}}`,
			&mesospb.ContainerID{Value: proto.String("t"), Parent: &mesospb.ContainerID{Value: proto.String("b")}}},
		{"also by null", `{"port":1,"port":null,"hostname":"h"}`, &mesospb.AgentInfo{Hostname: proto.String("h")}},
		{"also bytes by null", `{"data":"AAH//g==","executor_id":{"value":"e"},"data":null}`, &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}}},
		{"also lists", `{"labels":[{"key":"a"}],"labels":[]}`, &mesospb.Labels{}},
		{"escapes", `{"value":"\"\\\/\b\f\n\r\t\u00e9\u0000\ud83d\ude00"}`, id("\"\\/\b\f\n\r\té\x00😀")},
		{"bytes that are not UTF-8", "{\"value\":\"a\xff\"}", id("a\uFFFD")},
		{"numbers as strings", `{"refuse_seconds":"5.5"}`, &mesospb.Filters{RefuseSeconds: proto.Float64(5.5)}},
		{"with blanks", `{"refuse_seconds":" 5 "}`, &mesospb.Filters{RefuseSeconds: proto.Float64(5)}},
		{"booleans as strings", `{"user":"u","name":"n","checkpoint":"true"}`,
			&mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("n"), Checkpoint: proto.Bool(true)}},
		{"a whole double for an integer", `{"nanoseconds":1.0}`, &mesospb.TimeInfo{Nanoseconds: proto.Int64(1)}},
		{"a fraction is cut", `{"nanoseconds":-0.5}`, &mesospb.TimeInfo{Nanoseconds: proto.Int64(0)}},
		{"an exponent", `{"nanoseconds":"1e3"}`, &mesospb.TimeInfo{Nanoseconds: proto.Int64(1000)}},
		{"large integers keep every digit", `{"nanoseconds":-9223372036854775808}`, &mesospb.TimeInfo{Nanoseconds: proto.Int64(math.MinInt64)}},
		{"unsigned too", `{"begin":18446744073709551615,"end":9007199254740993}`,
			&mesospb.Value_Range{Begin: proto.Uint64(math.MaxUint64), End: proto.Uint64(9007199254740993)}},
		{"a negative number for an unsigned field", `{"begin":-1,"end":0}`,
			&mesospb.Value_Range{Begin: proto.Uint64(math.MaxUint64), End: proto.Uint64(0)}},
		{"leading zeros", `{"refuse_seconds":007}`, &mesospb.Filters{RefuseSeconds: proto.Float64(7)}},
		{"infinity in quotes", `{"value":"-Infinity"}`, &mesospb.Value_Scalar{Value: proto.Float64(math.Inf(-1))}},
		{"and bare, as the writer has it", `{"value":Infinity}`, &mesospb.Value_Scalar{Value: proto.Float64(math.Inf(1))}},
		{"an unknown enum is left unset", `{"type":"get_health"}`, &masterpb.Call{}},
		{"enum by name", `{"type":"GET_HEALTH"}`, &masterpb.Call{Type: masterpb.Call_GET_HEALTH.Enum()}},
		{"one value for a list", `{"roles":"web"}`, &schedulerpb.Call_Revive{Roles: []string{"web"}}},
		{"one object for a list", `{"offer_ids":{"value":"o"}}`,
			&schedulerpb.Call_Decline{OfferIds: []*mesospb.OfferID{{Value: proto.String("o")}}}},
		{"null within a list", `{"roles":["a",null,"b"]}`, &schedulerpb.Call_Revive{Roles: []string{"a", "b"}}},
		{"a list within a list", `{"roles":[["a"],["b",["c"]]]}`, &schedulerpb.Call_Revive{Roles: []string{"a", "b", "c"}}},
		{"base64", `{"data":"AAH//g=="}`, &mesospb.Secret_Value{Data: []byte{0, 1, 0xff, 0xfe}}},
		{"base64 with blanks, without padding", `{"data":" AAH/\n/g"}`, &mesospb.Secret_Value{Data: []byte{0, 1, 0xff, 0xfe}}},
		{"short base64 without padding", `{"data":"AQ"}`, &mesospb.Secret_Value{Data: []byte{1}}},
		{"no base64 at all", `{"data":""}`, &mesospb.Secret_Value{Data: []byte{}}},
		{"a map", `{"role":"r","limits":{"cpus":{"value":1},"mem":{"value":2}}}`,
			&quotapb.QuotaConfig{Role: proto.String("r"), Limits: map[string]*mesospb.Value_Scalar{
				"cpus": {Value: proto.Float64(1)}, "mem": {Value: proto.Float64(2)}}}},
	} {
		got := c.want.ProtoReflect().New().Interface()
		if err := wire.DecodeJSON([]byte(c.text), got, wire.Limits{}); err != nil {
			t.Errorf("%s: %v", c.name, err)
		} else if !proto.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
		d := dynamicpb.NewMessage(got.ProtoReflect().Descriptor())
		if err := wire.DecodeJSON([]byte(c.text), d, wire.Limits{}); err != nil || !proto.Equal(d, dynamic(t, c.want)) {
			t.Errorf("%s, through reflection: got %v, %v", c.name, d, err)
		}
	}
}

func TestDecodeJSONRefuses(t *testing.T) {
	for _, c := range []struct {
		name, text string
		m          proto.Message
		fields     string // the paths the error names
	}{
		{"an empty body", ``, &masterpb.Call{}, ""},
		{"an array", `[]`, &masterpb.Call{}, ""},
		{"half an object", `{"type":`, &masterpb.Call{}, "type"},
		{"something after the object", `{} {}`, &masterpb.Call{}, ""},
		{"a NUL after the object", "{}\x00", &masterpb.Call{}, ""},
		{"a comma too many", `{"a":1,}`, &masterpb.Call{}, ""},
		{"a comma too few", `{"a":1 "b":2}`, &masterpb.Call{}, ""},
		{"a list with a comma too many", `{"a":[1,]}`, &masterpb.Call{}, ""},
		{"a key without quotes", `{a:1}`, &masterpb.Call{}, ""},
		{"single quotes", `{'a':1}`, &masterpb.Call{}, ""},
		{"a comment", `{/**/}`, &masterpb.Call{}, ""},
		{"a control character in a string", "{\"a\":\"\n\"}", &masterpb.Call{}, ""},
		{"an unknown escape", `{"a":"\x"}`, &masterpb.Call{}, ""},
		{"half a surrogate pair", `{"a":"\ud800"}`, &masterpb.Call{}, ""},
		{"the other half", `{"a":"\udc00\ud800"}`, &masterpb.Call{}, ""},
		{"a short \\u", `{"a":"\u12"}`, &masterpb.Call{}, ""},
		{"an unfinished string", `{"a":"b`, &masterpb.Call{}, ""},
		{"an unfinished escape", `{"a":"\`, &masterpb.Call{}, ""},
		{"a number that is none", `{"a":1-2}`, &masterpb.Call{}, ""},
		{"a number beyond doubles", `{"refuse_seconds":1e999}`, &mesospb.Filters{}, "refuse_seconds"},
		{"an integer beyond 64 bits", `{"nanoseconds":9223372036854775808}`, &mesospb.TimeInfo{}, "nanoseconds"},
		{"an integer beyond 32 bits", `{"port":2147483648}`, &mesospb.AgentInfo{}, "port"},
		{"a word for a number", `{"refuse_seconds":"five"}`, &mesospb.Filters{}, "refuse_seconds"},
		{"hexadecimal", `{"refuse_seconds":"0x10"}`, &mesospb.Filters{}, "refuse_seconds"},
		{"a boolean for a number", `{"refuse_seconds":true}`, &mesospb.Filters{}, "refuse_seconds"},
		{"a number for a boolean", `{"checkpoint":1}`, &mesospb.FrameworkInfo{}, "checkpoint"},
		{"a word for a boolean", `{"checkpoint":"yes"}`, &mesospb.FrameworkInfo{}, "checkpoint"},
		{"a number for a string", `{"type":"LIST_FILES","list_files":{"path":5}}`, &masterpb.Call{}, "list_files.path"},
		{"a string for a message", `{"list_files":"x"}`, &masterpb.Call{}, "list_files"},
		{"an array for a message", `{"list_files":[]}`, &masterpb.Call{}, "list_files"},
		{"an array for a string", `{"list_files":{"path":["/"]}}`, &masterpb.Call{}, "list_files.path"},
		{"a number for an enum", `{"type":1}`, &masterpb.Call{}, "type"},
		{"a boolean for an enum", `{"type":true}`, &masterpb.Call{}, "type"},
		{"an object for an enum", `{"type":{}}`, &masterpb.Call{}, "type"},
		{"an unknown name for a required enum", `{"task_id":{"value":"t"},"state":"TASK_DANCING"}`, &mesospb.TaskStatus{}, "state"},
		{"text that is not base64", `{"data":"a*b"}`, &mesospb.Secret_Value{}, "data"},
		{"a lone base64 character", `{"data":"AAAAA"}`, &mesospb.Secret_Value{}, "data"},
		{"infinity for an integer", `{"nanoseconds":"Infinity"}`, &mesospb.TimeInfo{}, "nanoseconds"},
		{"NaN in quotes", `{"value":"NaN"}`, &mesospb.Value_Scalar{}, "value"},
		{"required fields that miss", `{"type":"SUBSCRIBE","subscribe":{"framework_info":{}}}`, &schedulerpb.Call{},
			"subscribe.framework_info.user subscribe.framework_info.name"},
		{"a required field that is null", `{"value":null}`, &mesospb.TaskID{}, "value"},
		{"a required field in a list", `{"accept":{"offer_ids":[{"value":"o"},{}]}}`, &schedulerpb.Call{}, "accept.offer_ids[1].value"},
		{"a required field in a map", `{"role":"r","limits":{"cpus":{}}}`, &quotapb.QuotaConfig{}, "limits[cpus].value"},
		{"null for a map's message", `{"role":"r","limits":{"cpus":null}}`, &quotapb.QuotaConfig{}, "limits[cpus].value"},
		{"a number for a map", `{"role":"r","limits":1}`, &quotapb.QuotaConfig{}, "limits"},
	} {
		err := wire.DecodeJSON([]byte(c.text), c.m, wire.Limits{})
		reflected := wire.DecodeJSON([]byte(c.text), dynamicpb.NewMessage(c.m.ProtoReflect().Descriptor()), wire.Limits{})
		if fmt.Sprint(err) != fmt.Sprint(reflected) {
			t.Errorf("%s: %v, through reflection %v", c.name, err, reflected)
		}
		var e *wire.FieldError
		switch {
		case !errors.Is(err, fault.ErrInvalid) || !errors.As(err, &e):
			t.Errorf("%s: %v", c.name, err)
		case !slices.Equal(e.Fields, strings.Fields(c.fields)):
			t.Errorf("%s: error names %q, want %q: %v", c.name, e.Fields, c.fields, err)
		}
	}
}

func TestDecodeJSONReplacesTheMessage(t *testing.T) {
	m := &mesospb.ContainerID{Value: proto.String("old"), Parent: &mesospb.ContainerID{Value: proto.String("p")}}
	if err := wire.DecodeJSON([]byte(`{"value":"new"}`), m, wire.Limits{}); err != nil || m.Parent != nil || m.GetValue() != "new" {
		t.Errorf("%v, %v", m, err)
	}
}

func TestDecodeJSONList(t *testing.T) {
	got, err := wire.DecodeJSONList[*mesospb.MachineID]([]byte(` [{"hostname":"a"},{"ip":"10.0.0.1"}] `), wire.Limits{})
	if err != nil || len(got) != 2 || got[0].GetHostname() != "a" || got[1].GetIp() != "10.0.0.1" {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := wire.DecodeJSONList[*mesospb.MachineID]([]byte(`[]`), wire.Limits{}); err != nil || len(got) != 0 {
		t.Errorf("%v, %v", got, err)
	}
	for _, text := range []string{``, `{}`, `[`, `[{}`, `[{},]`, `[1]`, `[null]`, `[]x`} {
		if _, err := wire.DecodeJSONList[*mesospb.MachineID]([]byte(text), wire.Limits{}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
	_, err = wire.DecodeJSONList[*mesospb.TaskID]([]byte(`[{"value":"t"},{}]`), wire.Limits{})
	if err == nil || err.Error() != "[1].value: required but missing" {
		t.Error(err)
	}
}

// nested is a container with so many parents, in JSON.
func nested(depth int) string {
	return strings.Repeat(`{"value":"c","parent":`, depth-1) + `{"value":"c"}` + strings.Repeat(`}`, depth-1)
}

func TestDecodeJSONBounds(t *testing.T) {
	for _, c := range []struct {
		name, text string
		m          proto.Message
		limits     wire.Limits
		ok         bool
	}{
		{"a hundred levels", nested(100), &mesospb.ContainerID{}, wire.Limits{}, true},
		{"one more", nested(101), &mesospb.ContainerID{}, wire.Limits{}, false},
		{"no limit goes higher", nested(101), &mesospb.ContainerID{}, wire.Limits{Depth: 1000}, false},
		{"unknown keys nest as deep", `{"x":` + strings.Repeat("[", 99) + strings.Repeat("]", 99) + `,"value":"t"}`, &mesospb.TaskID{}, wire.Limits{}, true},
		{"and no deeper", `{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `,"value":"t"}`, &mesospb.TaskID{}, wire.Limits{}, false},
		{"a million brackets", strings.Repeat("[", 1e6), &mesospb.TaskID{}, wire.Limits{}, false},
		{"lists in lists", `{"roles":` + strings.Repeat("[", 1e6) + `}`, &schedulerpb.Call_Revive{}, wire.Limits{}, false},
		{"depth is given back", `{"x":[` + strings.Repeat("[[]],", 1000) + `[]],"value":"t"}`, &mesospb.TaskID{}, wire.Limits{Depth: 5}, true},
		{"a body of the limit", `{"value":"t"}`, &mesospb.TaskID{}, wire.Limits{Bytes: 13}, true},
		{"a byte more", `{"value":"t"} `, &mesospb.TaskID{}, wire.Limits{Bytes: 13}, false},
		{"small objects that decode large", `{"tasks":[` + strings.Repeat(`{},`, 1e5) + `{}]}`, &executorpb.Event_LaunchGroup{}, wire.Limits{Memory: 1 << 20}, false},
		{"many labels", `{"labels":[` + strings.Repeat(`{"key":"k"},`, 1e5) + `{"key":"k"}]}`, &mesospb.Labels{}, wire.Limits{Memory: 1 << 20}, false},
		{"many strings", `{"roles":[` + strings.Repeat(`"",`, 1e5) + `""]}`, &schedulerpb.Call_Revive{}, wire.Limits{Memory: 1 << 20}, false},
		{"within the memory", `{"roles":[` + strings.Repeat(`"",`, 1e4) + `""]}`, &schedulerpb.Call_Revive{}, wire.Limits{Memory: 1 << 20}, true},
	} {
		err := wire.DecodeJSON([]byte(c.text), c.m, c.limits)
		if c.ok && err != nil || !c.ok && !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
