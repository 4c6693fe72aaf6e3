package master

import (
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func TestDeclined(t *testing.T) {
	const year = 365 * 24 * 3600
	for name, c := range map[string]struct {
		asked *mesospb.Filters
		want  float64
	}{
		"no filters":        {nil, 5},
		"empty filters":     {&mesospb.Filters{}, 5},
		"nothing":           {&mesospb.Filters{RefuseSeconds: proto.Float64(0)}, 0},
		"an hour":           {&mesospb.Filters{RefuseSeconds: proto.Float64(3600)}, 3600},
		"more than a year":  {&mesospb.Filters{RefuseSeconds: proto.Float64(1e300)}, year},
		"negative":          {&mesospb.Filters{RefuseSeconds: proto.Float64(-0.5)}, 5},
		"not even a number": {&mesospb.Filters{RefuseSeconds: proto.Float64(nan())}, 5},
	} {
		if got := declined(c.asked).GetRefuseSeconds(); got != c.want {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }

func TestRates(t *testing.T) {
	for text, want := range map[string]time.Duration{"": 0, "1/10mins": 10 * time.Minute, "10/1secs": 100 * time.Millisecond} {
		if got, err := parseRate(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"1", "0/1secs", "1/0secs", "x/1secs", "1/x", "-1/1secs"} {
		if got, err := parseRate(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
	for text, want := range map[string]float64{"0%": 0, "70%": 0.7, "100%": 1} {
		if got, err := parsePercent(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "%", "70", "101%", "-1%", "NaN%"} {
		if got, err := parsePercent(text); err == nil {
			t.Errorf("%q was read as %v", text, got)
		}
	}
}

func TestVersions(t *testing.T) {
	for text, ok := range map[string]bool{"0.1.0": true, "0.1.0-rc1": true, "v0.2.3+abc": true, "1.11.0": true,
		"0.0.9": false, "": false, "1": false, "1.2": false, "1.2.x": false, "99999999999.0.0": false, "1.2.3.4": false} {
		if err := checkVersion(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestAdvance(t *testing.T) {
	state := func(s mesospb.TaskState) *mesospb.TaskState { return &s }
	const staging, running, finished, lost, unreachable = mesospb.TaskState_TASK_STAGING, mesospb.TaskState_TASK_RUNNING,
		mesospb.TaskState_TASK_FINISHED, mesospb.TaskState_TASK_LOST, mesospb.TaskState_TASK_UNREACHABLE
	for _, c := range []struct {
		name   string
		old    mesospb.TaskState
		status mesospb.TaskState
		latest *mesospb.TaskState
		want   mesospb.TaskState
		ended  bool
	}{
		{"it starts", staging, running, nil, running, false},
		{"it ends", running, finished, nil, finished, true},
		{"the agent knows more than it tells", staging, running, state(finished), finished, true},
		{"an old update is told again", running, mesospb.TaskState_TASK_STARTING, state(running), running, false},
		{"an end is final", finished, lost, nil, finished, false},
		{"an end is final whatever comes", finished, running, nil, finished, false},
		{"its agent is away", running, unreachable, nil, unreachable, true},
		{"it ended while its agent was away", unreachable, finished, nil, finished, false},
	} {
		old := &mesospb.Task{State: c.old.Enum()}
		next, ended := advance(old, &mesospb.TaskStatus{State: c.status.Enum(), Data: []byte("x")}, c.latest)
		if next.GetState() != c.want || ended != c.ended || old.GetState() != c.old || len(old.Statuses) != 0 {
			t.Errorf("%s: %v, ended %v", c.name, next, ended)
		}
		if len(next.Statuses) != 1 || next.Statuses[0].Data != nil {
			t.Errorf("%s: kept %v", c.name, next.Statuses)
		}
	}
}

// Every field of a Task is carried over: a new one in the API must not be forgotten in shallow.
func TestShallowIsComplete(t *testing.T) {
	full := &mesospb.Task{}
	fill(full)
	if copied := shallow(full); !proto.Equal(copied, full) {
		t.Errorf("the copy is %v, of %v", copied, full)
	}
}

// fill sets every field of a message to something.
func fill(m proto.Message) {
	r := m.ProtoReflect()
	fields := r.Descriptor().Fields()
	for i := range fields.Len() {
		f := fields.Get(i)
		switch {
		case f.IsMap():
			entries := r.Mutable(f).Map()
			entries.Set(protoreflect.ValueOfString("k").MapKey(), entries.NewValue())
		case f.IsList():
			list := r.Mutable(f).List()
			list.Append(list.NewElement())
		default:
			r.Set(f, r.NewField(f))
		}
	}
}

func TestRing(t *testing.T) {
	task := func(id string) *mesospb.Task { return &mesospb.Task{TaskId: &mesospb.TaskID{Value: proto.String(id)}} }
	r := ring{max: 2}
	for i := range 4 {
		number, forgotten := r.add(task(fmt.Sprint(i)))
		if number != i || i < 2 && forgotten != nil || i >= 2 && (len(forgotten) != 1 || forgotten[0] != i-2) {
			t.Fatalf("task %d got %d and forgot %v", i, number, forgotten)
		}
	}
	if _, ok := r.find("1"); ok {
		t.Error("1 is still there")
	}
	number, ok := r.find("3")
	if !ok || number != 3 {
		t.Fatalf("3 has number %d, %v", number, ok)
	}
	r.remove(number)
	if _, ok := r.find("3"); ok || len(r.entries) != 1 {
		t.Errorf("left are %v", r.entries)
	}
	twice := ring{max: 2}
	for range 3 {
		twice.add(task("x"))
	}
	twice.add(task("y"))
	if number, ok := twice.find("x"); !ok || number != 2 || twice.task("x") != twice.entries[0].task {
		t.Errorf("the latest x is %d, %v", number, ok)
	}
	twice.add(task("z"))
	if twice.task("x") != nil || len(twice.numbers) != 2 {
		t.Errorf("listed are %v", twice.numbers)
	}
	none := ring{}
	if number, forgotten := none.add(task("x")); len(forgotten) != 1 || forgotten[0] != number || len(none.entries)+len(none.numbers) != 0 {
		t.Errorf("a memory of nothing keeps %v", none.entries)
	}
}

func TestSurplus(t *testing.T) {
	now := time.Unix(1000, 0)
	records := map[string]*controlpb.UnreachableAgent{}
	for i, age := range []time.Duration{50, 40, 30, 20, 10} {
		records[fmt.Sprint("a", i)] = &controlpb.UnreachableAgent{Since: timeInfo(now.Add(-age * time.Second))}
	}
	for _, c := range []struct {
		age   time.Duration
		count int
		want  string
	}{
		{time.Hour, 10, "[]"},
		{time.Hour, 3, "[a0 a1]"},
		{40 * time.Second, 10, "[a0 a1]"},
		{20 * time.Second, 4, "[a0 a1 a2 a3]"},
		{time.Hour, 0, "[a0 a1 a2 a3 a4]"},
	} {
		got := surplus(records, now, Config{RegistryMaxAgentAge: c.age, RegistryMaxAgentCount: c.count})
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s, %d: %v, want %s", c.age, c.count, got, c.want)
		}
	}
}

func TestIPv4(t *testing.T) {
	for host, want := range map[string]uint32{"127.0.0.1": 0x0100007f, "10.0.0.1": 0x0100000a, "::1": 0, "host": 0, "": 0} {
		if got := ipv4(host); got != want {
			t.Errorf("%s: %x, want %x", host, got, want)
		}
	}
}

// Nothing is granted twice, whatever the allocator believed when it proposed.
func TestFree(t *testing.T) {
	parse := func(text string) resources.Resources {
		rs, err := resources.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		return rs
	}
	a := &agent{connected: true, total: parse("cpus:4;ports:[1-10]"), used: map[string]resources.Resources{},
		offered: parse("cpus:0.5;ports:[1-2]").Allocate("eng")}
	a.hold("f", parse("cpus:3;ports:[3-4]").Allocate("*"))
	f := &framework{connected: true, info: &mesospb.FrameworkInfo{Role: proto.String("eng")}}
	for text, want := range map[string]bool{"cpus:0.5": true, "cpus:0.6": false, "ports:[5-10]": true, "ports:[4-5]": false, "ports:[2-5]": false, "mem:1": false} {
		p := allocator.Proposal{Framework: "f", Agent: "a", Role: "eng", Resources: parse(text).Allocate("eng")}
		if got := grantable(f, a, p); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
		p.Role = "ops"
		if grantable(f, a, p) {
			t.Errorf("%s was granted for a role that the framework has not", text)
		}
	}
	a.deactivated = true
	if grantable(f, a, allocator.Proposal{Role: "eng", Resources: parse("cpus:0.1")}) {
		t.Error("something of a deactivated agent was granted")
	}
}
