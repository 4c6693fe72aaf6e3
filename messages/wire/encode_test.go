package wire_test

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/wire"
)

func TestDoubles(t *testing.T) {
	for _, c := range []struct {
		value float64
		want  string
	}{
		{0, "0.0"},
		{math.Copysign(0, -1), "-0.0"},
		{15, "15.0"},
		{-3, "-3.0"},
		{0.1, "0.1"},
		{1700000000.123456, "1700000000.123456"},
		{1e15, "1000000000000000.0"},
		{123456789012345680000, "123456789012345680000.0"},
		{1e21, "1e21"},
		{1.5e300, "1.5e300"},
		{1e-6, "0.000001"},
		{1e-7, "1e-7"},
		{1.25e-10, "1.25e-10"},
		{-1e-7, "-1e-7"},
		{5e-324, "5e-324"},
		{math.MaxFloat64, "1.7976931348623157e308"},
		{math.Inf(1), "Infinity"},
		{math.Inf(-1), "-Infinity"},
		{math.NaN(), "NaN"},
	} {
		if got := string(wire.AppendDouble(nil, c.value)); got != c.want {
			t.Errorf("%g: got %s, want %s", c.value, got, c.want)
		}
	}
}

func TestStrings(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"slashes stay", "a/b", `"a/b"`},
		{"quotes and backslashes", `a"b\c`, `"a\"b\\c"`},
		{"short escapes", "\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"other control characters", "\x00\x1f", `"\u0000\u001F"`},
		{"DEL stays", "\x7f", "\"\x7f\""},
		{"UTF-8 stays", "größe 雪 😀", `"größe 雪 😀"`},
		{"bytes that are not UTF-8", "a\xffb\xc3", `"a` + "\uFFFD" + `b` + "\uFFFD" + `"`},
	} {
		if got := string(wire.AppendString(nil, c.value)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

// A character that is not written as it is is found wherever it stands, and none is found where there is none.
func TestStringsOfAnyLength(t *testing.T) {
	for length := range 40 {
		for c := range 256 {
			for at := range max(1, length) {
				s := []byte(strings.Repeat("~", length))
				want := "\"" + string(s) + "\""
				if length > 0 {
					s[at] = byte(c)
					one := string(wire.AppendString(nil, string(s[at:at+1])))
					want = "\"" + string(s[:at]) + one[1:len(one)-1] + string(s[at+1:]) + "\""
				}
				if got := string(wire.AppendString(nil, string(s))); got != want {
					t.Fatalf("%q: got %s, want %s", s, got, want)
				}
			}
		}
	}
}

func TestEncodeJSON(t *testing.T) {
	for _, c := range []struct {
		name string
		m    proto.Message
		want string
	}{
		{"unset fields are absent", &mesospb.TaskID{}, `{}`},
		{"a set but empty message is there", &mesospb.ContainerID{Value: proto.String("c"), Parent: &mesospb.ContainerID{}}, `{"value":"c","parent":{}}`},
		{"declared defaults are written", &mesospb.Filters{}, `{"refuse_seconds":5.0}`},
		{"a default in words", &mesospb.Environment_Variable{Name: proto.String("A")}, `{"name":"A","type":"VALUE"}`},
		{"deprecated defaults are not", &mesospb.Resource{Name: proto.String("cpus")}, `{"name":"cpus"}`},
		//lint:ignore SA1019 old clients still send it
		{"deprecated fields that are set", &mesospb.Resource{Name: proto.String("cpus"), Role: proto.String("*")}, `{"name":"cpus","role":"*"}`},
		{"64-bit numbers are numbers", &mesospb.TimeInfo{Nanoseconds: proto.Int64(math.MinInt64)}, `{"nanoseconds":-9223372036854775808}`},
		{"unsigned too", &mesospb.Value_Range{Begin: proto.Uint64(0), End: proto.Uint64(math.MaxUint64)}, `{"begin":0,"end":18446744073709551615}`},
		{"bytes in base64", &mesospb.Secret_Value{Data: []byte{0, 1, 0xff, 0xfe}}, `{"data":"AAH//g=="}`},
		{"empty bytes that are set", &mesospb.Secret_Value{Data: []byte{}}, `{"data":""}`},
		{"unlimited", &mesospb.Value_Scalar{Value: proto.Float64(math.Inf(1))}, `{"value":Infinity}`},
		{"empty lists are absent", &mesospb.Labels{Labels: []*mesospb.Label{}}, `{}`},
		{"maps in order of keys", &quotapb.QuotaConfig{Role: proto.String("r"), Limits: map[string]*mesospb.Value_Scalar{
			"mem": {Value: proto.Float64(1)}, "cpus": {Value: proto.Float64(2)}}},
			`{"role":"r","limits":{"cpus":{"value":2.0},"mem":{"value":1.0}}}`},
		{"lists of the operator API are there when empty", &masterpb.Response_GetTasks{}, `{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}`},
		{"but not those it has no source for", &masterpb.Response_GetRoles{}, `{}`},
		{"and on the agent", &agentpb.Response_GetExecutors{}, `{"executors":[],"completed_executors":[]}`},
		{"an enum without a name is absent", &mesospb.TaskStatus{TaskId: &mesospb.TaskID{Value: proto.String("t")},
			State: mesospb.TaskState(99).Enum()}, `{"task_id":{"value":"t"}}`},
		{"a nil in a list", &mesospb.Labels{Labels: []*mesospb.Label{nil}}, `{"labels":[{}]}`},
		{"no message at all", (*mesospb.TaskID)(nil), `{}`},
	} {
		if got := string(wire.AppendJSON(nil, c.m)); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAppendJSONList(t *testing.T) {
	list := []*mesospb.WeightInfo{{Role: proto.String("a"), Weight: proto.Float64(2)}, {Role: proto.String("b"), Weight: proto.Float64(0.5)}}
	const want = `[{"weight":2.0,"role":"a"},{"weight":0.5,"role":"b"}]`
	if got := string(wire.AppendJSONList(nil, list)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := string(wire.AppendJSONList([]byte("x="), list[:0])); got != "x=[]" {
		t.Errorf("got %s", got)
	}
}

// Many goroutines may meet a message type for the first time together.
func TestConcurrentFirstUse(t *testing.T) {
	file := protodesc.ToFileDescriptorProto(mesospb.File_mesos_v1_mesos_proto)
	for range 5 {
		// A descriptor that nobody has seen, whatever other tests have done before.
		f, err := protodesc.NewFile(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		m := dynamicpb.NewMessage(f.Messages().ByName("Filters"))
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if got := string(wire.AppendJSON(nil, m)); got != `{"refuse_seconds":5.0}` {
					t.Errorf("got %s", got)
				}
			})
		}
		all.Wait()
	}
}

func TestNetworkInfo(t *testing.T) {
	m := &mesospb.NetworkInfo{
		IpAddresses: []*mesospb.NetworkInfo_IPAddress{{Protocol: mesospb.NetworkInfo_IPv4.Enum(), IpAddress: proto.String("10.0.0.1")}},
		Groups:      []string{"foo", "bar"},
	}
	const want = `{"ip_addresses":[{"protocol":"IPv4","ip_address":"10.0.0.1"}],"groups":["foo","bar"]}`
	if got := string(wire.AppendJSON(nil, m)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// The fields that Mesos writes although nobody set them. The list is the wire's documentation; the encoder derives it from
// the descriptors.
func TestFieldsWithDefaults(t *testing.T) {
	want := strings.Fields(`
		FrameworkInfo.failover_timeout=0.0 FrameworkInfo.checkpoint=false
		CheckInfo.delay_seconds=15.0 CheckInfo.interval_seconds=10.0 CheckInfo.timeout_seconds=20.0
		HealthCheck.delay_seconds=15.0 HealthCheck.interval_seconds=10.0 HealthCheck.timeout_seconds=20.0
		HealthCheck.consecutive_failures=3 HealthCheck.grace_period_seconds=10.0
		HealthCheck.HTTPCheckInfo.protocol="IPv4" HealthCheck.TCPCheckInfo.protocol="IPv4"
		CommandInfo.shell=true CommandInfo.URI.extract=true MasterInfo.port=5050 AgentInfo.port=5051
		CSIPluginInfo.name="default" Filters.refuse_seconds=5.0 Environment.Variable.type="VALUE" Image.cached=true
		NetworkInfo.IPAddress.protocol="IPv4" LinuxInfo.share_cgroups=true
		ContainerInfo.DockerInfo.network="HOST" ContainerInfo.DockerInfo.privileged=false DrainConfig.mark_gone=false master.Call.DrainAgent.mark_gone=false`)
	var got []string
	for _, typ := range publicMessages() {
		text := string(wire.AppendJSON(nil, typ.New().Interface()))
		text = strings.Trim(strings.NewReplacer(`":`, "=", `,"`, " ", `{"`, " ").Replace(text), "{} ")
		for _, field := range strings.Fields(text) {
			if !strings.HasSuffix(field, "=[]") {
				got = append(got, strings.TrimPrefix(string(typ.Descriptor().FullName()), "mesos.v1.")+"."+field)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

// pieces remembers what was written to it, and how large the largest write was.
type pieces struct {
	bytes.Buffer
	largest int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.largest = max(p.largest, len(b))
	return p.Buffer.Write(b)
}

func TestEncodeJSONStreams(t *testing.T) {
	m := cluster(100)
	var p pieces
	if err := wire.EncodeJSON(&p, m); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Bytes(), wire.AppendJSON(nil, m)) {
		t.Error("streamed text differs")
	}
	if p.largest > 64<<10 || p.Len() < 10*p.largest {
		t.Errorf("%d bytes came in pieces of up to %d", p.Len(), p.largest)
	}
}

type broken struct{ writes int }

var errBroken = errors.New("broken pipe")

func (b *broken) Write([]byte) (int, error) {
	b.writes++
	return 0, errBroken
}

func TestEncodeJSONStopsAtAnError(t *testing.T) {
	var w broken
	if err := wire.EncodeJSON(&w, cluster(100)); err != errBroken || w.writes != 1 {
		t.Errorf("error %v after %d writes", err, w.writes)
	}
	// The next message starts clean.
	var p pieces
	if err := wire.EncodeJSON(&p, &mesospb.TaskID{Value: proto.String("t")}); err != nil || p.String() != `{"value":"t"}` {
		t.Errorf("%v, %s", err, p.String())
	}
}

func TestEncodeJSONAllocatesNothing(t *testing.T) {
	m := cluster(1)
	buf := make([]byte, 0, 1<<20)
	if n := testing.AllocsPerRun(10, func() { wire.AppendJSON(buf, m) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Each message type must keep its fast path: losing it silently would cost the snapshots most of their speed.
func TestEveryMessageWithoutOneofHasALayout(t *testing.T) {
	for _, typ := range publicMessages() {
		if typ.Descriptor().Oneofs().Len() > 0 {
			continue
		}
		m := typ.New()
		if !wire.HasLayout(m.Interface()) {
			t.Errorf("%s has none", typ.Descriptor().FullName())
		}
	}
}
