package legacy

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Amounts are summed up by name as Mesos shows them: four names always, revocable ones apart, ports as a text.
func TestSummary(t *testing.T) {
	revocable := func(list []*mesospb.Resource) []*mesospb.Resource {
		for _, r := range list {
			r.Revocable = &mesospb.Resource_RevocableInfo{}
		}
		return list
	}
	parse := func(text string) []*mesospb.Resource {
		rs, err := resources.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return rs.Proto()
	}
	for name, c := range map[string]struct {
		lists [][]*mesospb.Resource
		want  string
	}{
		"nothing": {nil, `{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0}`},
		"an agent": {[][]*mesospb.Resource{parse("cpus:8;mem:4096;disk:8192;ports:[31000-31099]")},
			`{"disk":8192.0,"mem":4096.0,"gpus":0.0,"cpus":8.0,"ports":"[31000-31099]"}`},
		"tenths are even when added": {[][]*mesospb.Resource{parse("cpus:0.1"), parse("cpus:0.2")}, `{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.3}`},
		"ranges that touch become one": {[][]*mesospb.Resource{parse("ports:[5-6, 9-9]"), parse("ports:[7-8, 20-21]")},
			`{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0,"ports":"[5-9, 20-21]"}`},
		"those of several roles are one": {[][]*mesospb.Resource{parse("cpus:1;cpus(a):2;cpus(b):4;mem(b):3;ports(a):[1-2];ports(b):[3-3]")},
			`{"disk":0.0,"mem":3.0,"gpus":0.0,"cpus":7.0,"ports":"[1-3]"}`},
		"revocable ones are apart": {[][]*mesospb.Resource{parse("cpus:1"), revocable(parse("cpus:2"))},
			`{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":1.0,"cpus_revocable":2.0}`},
		"scalars, ranges, sets": {[][]*mesospb.Resource{parse("things:{b, a};ports:[1-2];tokens:3")},
			`{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0,"tokens":3.0,"ports":"[1-2]","things":"{a, b}"}`},
	} {
		if got := string(summary(nil, c.lists...)); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// A task has the keys of Mesos in their order, and no others.
func TestTask(t *testing.T) {
	text := func(s string) *string { return &s }
	one := &mesospb.Task{
		Name: text("web"), TaskId: &mesospb.TaskID{Value: text("web.1")}, FrameworkId: &mesospb.FrameworkID{Value: text("f")},
		AgentId: &mesospb.AgentID{Value: text("s")}, State: mesospb.TaskState_TASK_RUNNING.Enum(),
		Labels: &mesospb.Labels{Labels: []*mesospb.Label{{Key: text("k"), Value: text("v\"")}, {Key: text("bare")}}},
		Statuses: []*mesospb.TaskStatus{{State: mesospb.TaskState_TASK_RUNNING.Enum(), Timestamp: proto.Float64(1.5), Message: text("hidden"), Healthy: proto.Bool(true),
			ContainerStatus: &mesospb.ContainerStatus{ContainerId: &mesospb.ContainerID{Value: text("c"), Parent: &mesospb.ContainerID{Value: text("p")}},
				ExecutorPid: proto.Uint32(7)}}},
	}
	want := `{"id":"web.1","name":"web","framework_id":"f","executor_id":"","slave_id":"s","state":"TASK_RUNNING",` +
		`"resources":{"disk":0.0,"mem":0.0,"gpus":0.0,"cpus":0.0},"role":"*","statuses":[{"state":"TASK_RUNNING","timestamp":1.5,` +
		`"container_status":{"container_id":{"value":"c","parent":{"value":"p"}}},"healthy":true}],"labels":[{"key":"k","value":"v\""},{"key":"bare"}]}`
	if got := string(task(nil, one)); got != want {
		t.Errorf("the task is %s\nwant %s", got, want)
	}
}

// Pages of a list never reach beyond it, whatever somebody asks for.
func TestPages(t *testing.T) {
	most := int(^uint(0) >> 1)
	for _, c := range []struct{ limit, offset, count, from, to int }{
		{100, 0, 5, 0, 5}, {2, 1, 5, 1, 3}, {2, 4, 5, 4, 5}, {2, 9, 5, 5, 5}, {most, 1, 5, 1, 5}, {most, most, 5, 5, 5}, {0, 0, 5, 0, 0},
	} {
		if from, to := (page{limit: c.limit, offset: c.offset}).cut(c.count); from != c.from || to != c.to {
			t.Errorf("limit %d, offset %d of %d: %d to %d, want %d to %d", c.limit, c.offset, c.count, from, to, c.from, c.to)
		}
	}
}
