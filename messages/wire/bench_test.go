package wire_test

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// cluster is a GET_STATE answer as a master with so many agents and ten times as many running tasks gives it.
func cluster(agents int) *masterpb.Response {
	state := &masterpb.Response_GetState{
		GetTasks:      &masterpb.Response_GetTasks{},
		GetAgents:     &masterpb.Response_GetAgents{},
		GetExecutors:  &masterpb.Response_GetExecutors{},
		GetFrameworks: &masterpb.Response_GetFrameworks{},
	}
	for i := range agents {
		id := &mesospb.AgentID{Value: proto.String(fmt.Sprintf("5f3d7a1e-7d0c-4b0e-9f0b-3f5c1b2a4d6e-S%d", i))}
		state.GetAgents.Agents = append(state.GetAgents.Agents, agent(id, i))
		for j := range 10 {
			state.GetTasks.Tasks = append(state.GetTasks.Tasks, task(id, i*10+j))
		}
	}
	return &masterpb.Response{Type: masterpb.Response_GET_STATE.Enum(), GetState: state}
}

func scalar(name string, v float64) *mesospb.Resource {
	return &mesospb.Resource{
		Name: proto.String(name), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(v)},
		AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String("web")},
	}
}

func agent(id *mesospb.AgentID, i int) *masterpb.Response_GetAgents_Agent {
	total := []*mesospb.Resource{scalar("cpus", 32), scalar("mem", 131072), scalar("disk", 1048576)}
	return &masterpb.Response_GetAgents_Agent{
		AgentInfo: &mesospb.AgentInfo{
			Hostname: proto.String(fmt.Sprintf("agent-%d.example.com", i)), Port: proto.Int32(5051), Id: id, Resources: total,
			Attributes: []*mesospb.Attribute{{
				Name: proto.String("rack"), Type: mesospb.Value_TEXT.Enum(),
				Text: &mesospb.Value_Text{Value: proto.String(fmt.Sprintf("r%d", i%40))},
			}},
		},
		Active: proto.Bool(true), Version: proto.String("1.12.0"), Pid: proto.String("slave(1)@10.0.0.1:5051"),
		RegisteredTime: &mesospb.TimeInfo{Nanoseconds: proto.Int64(1700000000123456789)},
		TotalResources: total, AllocatedResources: total[:2],
	}
}

func task(agent *mesospb.AgentID, i int) *mesospb.Task {
	id := &mesospb.TaskID{Value: proto.String(fmt.Sprintf("web.instance-%08d._app.1", i))}
	status := &mesospb.TaskStatus{
		TaskId: id, State: mesospb.TaskState_TASK_RUNNING.Enum(), AgentId: agent, Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum(),
		Timestamp: proto.Float64(1700000000.123456), Uuid: []byte("0123456789abcdef"),
		ExecutorId: &mesospb.ExecutorID{Value: id.Value},
		ContainerStatus: &mesospb.ContainerStatus{
			ContainerId: &mesospb.ContainerID{Value: proto.String("c5f0cc63-6d8a-4a39-9c59-a0a2c9d5e6f7")},
			NetworkInfos: []*mesospb.NetworkInfo{{IpAddresses: []*mesospb.NetworkInfo_IPAddress{{
				Protocol: mesospb.NetworkInfo_IPv4.Enum(), IpAddress: proto.String("10.0.0.1"),
			}}}},
		},
	}
	return &mesospb.Task{
		Name: proto.String("web"), TaskId: id, AgentId: agent,
		FrameworkId: &mesospb.FrameworkID{Value: proto.String("5f3d7a1e-7d0c-4b0e-9f0b-3f5c1b2a4d6e-0000")},
		State:       mesospb.TaskState_TASK_RUNNING.Enum(),
		Resources:   []*mesospb.Resource{scalar("cpus", 0.5), scalar("mem", 512)},
		Statuses:    []*mesospb.TaskStatus{status}, StatusUpdateState: mesospb.TaskState_TASK_RUNNING.Enum(),
		StatusUpdateUuid: status.Uuid,
		Labels:           &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("tier"), Value: proto.String("front")}}},
		User:             proto.String("nobody"),
	}
}

const benchAgents = 1000

func BenchmarkEncodeJSON(b *testing.B) {
	m := cluster(benchAgents)
	b.SetBytes(int64(len(wire.AppendJSON(nil, m))))
	b.ReportAllocs()
	for b.Loop() {
		if err := wire.EncodeJSON(io.Discard, m); err != nil {
			b.Fatal(err)
		}
	}
}

// The same message without a known layout, so through reflection.
func BenchmarkEncodeJSONDynamic(b *testing.B) {
	m := dynamic(b, cluster(benchAgents/10))
	b.SetBytes(int64(len(wire.AppendJSON(nil, m))))
	b.ReportAllocs()
	for b.Loop() {
		if err := wire.EncodeJSON(io.Discard, m); err != nil {
			b.Fatal(err)
		}
	}
}

func dynamic(tb testing.TB, m proto.Message) proto.Message {
	tb.Helper()
	data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m)
	if err != nil {
		tb.Fatal(err)
	}
	d := dynamicpb.NewMessage(m.ProtoReflect().Descriptor())
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, d); err != nil {
		tb.Fatal(err)
	}
	return d
}

func BenchmarkDecodeJSON(b *testing.B) {
	data := wire.AppendJSON(nil, cluster(benchAgents))
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var m masterpb.Response
		if err := wire.DecodeJSON(data, &m, wire.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeProto(b *testing.B) {
	m := cluster(benchAgents)
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if buf, err = wire.AppendProto(buf[:0], m); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(buf)))
	}
}

func BenchmarkDecodeProto(b *testing.B) {
	data, err := wire.AppendProto(nil, cluster(benchAgents))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var m masterpb.Response
		if err := wire.DecodeProto(data, &m, wire.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecordReader(b *testing.B) {
	const records = 1000
	var stream []byte
	for range records {
		stream = wire.AppendRecord(stream, make([]byte, 500))
	}
	b.SetBytes(int64(len(stream)))
	b.ReportAllocs()
	for b.Loop() {
		r := wire.NewRecordReader(bytes.NewReader(stream), wire.Limits{})
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkRecordWriter(b *testing.B) {
	record := make([]byte, 500)
	w := wire.NewRecordWriter(io.Discard)
	b.SetBytes(int64(len(record)))
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(record); err != nil {
			b.Fatal(err)
		}
	}
}
