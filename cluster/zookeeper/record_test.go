package zookeeper

import (
	"bytes"
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// mesosRecord is a record as masters of Mesos 1.12 write it.
const mesosRecord = `{"address":{"hostname":"m1","ip":"10.0.0.1","port":5050},"capabilities":[{"type":"AGENT_UPDATE"},{"type":"AGENT_DRAINING"},` +
	`{"type":"QUOTA_V2"}],"hostname":"m1","id":"0e7d1a9c-9f4f-4b57-9e8d-0f5f6a3c8a11","ip":16777226,"pid":"master@10.0.0.1:5050","port":5050,"version":"1.12.0"}`

func someMaster(port uint32) *mesospb.MasterInfo {
	pid := map[uint32]string{5050: "master@10.0.0.1:5050", 5051: "master@10.0.0.1:5051", 5052: "master@10.0.0.1:5052"}[port]
	return &mesospb.MasterInfo{
		Id: proto.String("id-of-" + pid), Ip: proto.Uint32(16777226), Port: proto.Uint32(port), Pid: proto.String(pid), Hostname: proto.String("m1"),
		Version: proto.String("1.12.0"), Address: &mesospb.Address{Hostname: proto.String("m1"), Ip: proto.String("10.0.0.1"), Port: proto.Int32(int32(port))},
		Capabilities: []*mesospb.MasterInfo_Capability{{Type: mesospb.MasterInfo_Capability_AGENT_UPDATE.Enum()}},
	}
}

func TestFirst(t *testing.T) {
	for _, c := range []struct {
		name  string
		names []string
		want  string
	}{
		{"the smallest number, whatever stands before it", []string{"json.info_0000000012", "info_0000000003", "json.info_0000000100"}, "info_0000000003"},
		{"numbers are compared as numbers", []string{"json.info_9", "json.info_10"}, "json.info_9"},
		{"the ancient kind has no label", []string{"0000000001", "json.info_0000000002"}, "0000000001"},
		{"what Mesos keeps beside is none", []string{"log_replicas", "meseta", "log_0000000000", "json.info_", "_3", "json.info_-1", "json.info_1x"}, ""},
		{"nothing", nil, ""},
	} {
		got, ok := first(c.names)
		if got.name != c.want || ok != (c.want != "") {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

func TestDecode(t *testing.T) {
	info := someMaster(5050)
	old, err := proto.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}
	bare := &mesospb.MasterInfo{Id: proto.String("x"), Ip: proto.Uint32(16777226), Port: proto.Uint32(5051)}
	oldest, _ := proto.Marshal(bare)
	for _, c := range []struct {
		name, label string
		data        []byte
		want        string
	}{
		{"JSON", inJSON, []byte(mesosRecord), "master@10.0.0.1:5050"},
		{"protobuf", inProto, old, "master@10.0.0.1:5050"},
		{"only the number of the address", inProto, oldest, "master@10.0.0.1:5051"},
		{"a name instead of an address", inJSON, []byte(`{"id":"x","ip":0,"port":1,"address":{"hostname":"m9","port":5053}}`), "master@m9:5053"},
		{"nothing but the pid", inText, []byte("master@10.0.0.2:5050\n"), "master@10.0.0.2:5050"},
		{"no JSON", inJSON, []byte("hello"), ""},
		{"JSON without what has to be there", inJSON, []byte("{}"), ""},
		{"no protobuf", inProto, []byte("\xff"), ""},
		{"no pid", inText, []byte("hello"), ""},
		{"a pid that would lead elsewhere", inJSON, []byte(`{"id":"x","ip":0,"port":1,"pid":"master@h/x:1"}`), ""},
		{"a label of others", "log", []byte(mesosRecord), ""},
		{"far too large", inText, bytes.Repeat([]byte("x"), 1<<20), ""},
	} {
		got, err := decode(c.label, c.data)
		if c.want == "" && err == nil || c.want != "" && (err != nil || got.UPID != c.want) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
	}
}

// TestEncode compares with what Mesos wrote, key by key: readers of old habits know no others.
func TestEncode(t *testing.T) {
	leader, err := decode(inJSON, []byte(mesosRecord))
	if err != nil {
		t.Fatal(err)
	}
	data, err := encode(leader.Info)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if json.Unmarshal(data, &got) != nil || json.Unmarshal([]byte(mesosRecord), &want) != nil {
		t.Fatalf("%s", data)
	}
	a, _ := json.Marshal(got)
	b, _ := json.Marshal(want)
	if !bytes.Equal(a, b) {
		t.Fatalf("written  %s\nby Mesos %s", a, b)
	}
	for _, bad := range []*mesospb.MasterInfo{{}, {Id: proto.String("x"), Ip: proto.Uint32(1), Port: proto.Uint32(1), Pid: proto.String("nonsense")}} {
		if _, err := encode(bad); err == nil {
			t.Errorf("%v can be published", bad)
		}
	}
}

func FuzzRecord(f *testing.F) {
	data, _ := proto.Marshal(someMaster(5050))
	f.Add("json.info_0000000001", []byte(mesosRecord))
	f.Add("info_0000000001", data)
	f.Add("0000000001", []byte("master@10.0.0.1:5050"))
	f.Add("json.info_0000000001", []byte(`{"id":"x","ip":1,"port":5050}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		r, ok := parseName(name)
		if !ok {
			return
		}
		leader, err := decode(r.label, data)
		if err != nil {
			return
		}
		if checkPID(leader.UPID) != nil {
			t.Fatalf("%q leads", leader.UPID)
		}
		if leader.Info == nil || leader.Info.GetPid() == "" {
			return
		}
		again, err := encode(leader.Info)
		if err != nil {
			t.Fatalf("%s cannot be written again: %v", data, err)
		}
		if same, err := decode(inJSON, again); err != nil || same.UPID != leader.UPID {
			t.Fatalf("%s became %s: %v", data, again, err)
		}
	})
}

func FuzzFence(f *testing.F) {
	f.Add(fence{7, "0x1"}.encode())
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		one, err := decodeFence(data)
		if err != nil {
			return
		}
		if again, err := decodeFence(one.encode()); err != nil || again != one {
			t.Fatalf("%+v became %+v, %v", one, again, err)
		}
	})
}
