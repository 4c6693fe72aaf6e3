package master_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// figures asks the desk for all metrics.
func (s *stage) figures() map[string]float64 {
	all := map[string]float64{}
	for _, m := range s.ask(masterpb.Call_GET_METRICS).GetGetMetrics().GetMetrics() {
		all[m.GetName()] = m.GetValue()
	}
	return all
}

// documented reads the names that Mesos documents, with <…> for what differs; absent are those of them that need
// not be there.
func documented(t *testing.T) (names []string, absent map[string]bool) {
	text, err := os.ReadFile("testdata/metrics.tsv")
	if err != nil {
		t.Fatal(err)
	}
	absent = map[string]bool{}
	for _, line := range strings.Split(strings.TrimSpace(string(text)), "\n")[1:] {
		name, why, _ := strings.Cut(line, "\t")
		names, absent[name] = append(names, name), why != ""
	}
	return names, absent
}

var blank = regexp.MustCompile(`<[A-Z_]+>`)

// fits reports whether a metric's name is an instance of a documented one.
func fits(pattern, name string) bool {
	parts := blank.Split(pattern, -1)
	for i := range parts {
		parts[i] = regexp.QuoteMeta(parts[i])
	}
	return regexp.MustCompile("^" + strings.Join(parts, "[^/]+") + "$").MatchString(name)
}

// The metrics of a cluster at work have the names that Mesos documents, and those names have metrics.
func TestMetricsHaveMesosNames(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1")
	o := f.offer()
	f.launch(o, command("t1", o, "cpus:1;mem:64"), command("t2", o, "cpus:1;mem:64"))
	a.run("t1")
	a.run("t2")
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "1")
	a.update(f.id, "t2", mesospb.TaskState_TASK_FINISHED, "2")
	s.Advance(5 * time.Second)
	got := s.figures()
	names, absent := documented(t)
	for _, name := range names {
		if !absent[name] && !slices.ContainsFunc(keys(got), func(g string) bool { return fits(name, g) }) {
			t.Errorf("%s is missing", name)
		}
	}
	// What dashboards of Mesos do not know, and is worth knowing.
	ours := regexp.MustCompile(`^master/(offers_(sent|accepted|declined|rescinded)|task_[a-z_]+/source_[a-z]+/reason_[a-z_]+)$`)
	for _, g := range keys(got) {
		if !strings.HasPrefix(g, "master/") || ours.MatchString(g) {
			continue
		}
		if !slices.ContainsFunc(names, func(name string) bool { return fits(name, g) }) {
			t.Errorf("nobody knows %s", g)
		}
	}
}

func keys(all map[string]float64) (names []string) {
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func TestMetricsOfAFramework(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.MaxCompletedFrameworks = 1 })
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", patient(time.Hour), func(info *mesospb.FrameworkInfo) { info.Name = proto.String("my/app 1") })
	prefix := "master/frameworks/my%2Fapp%201/" + f.id + "/"
	shows := func(when string, want map[string]float64) {
		t.Helper()
		s.Advance(2 * time.Second)
		got := s.figures()
		for name, w := range want {
			equal(t, when+" "+name, got[prefix+name], w)
		}
	}
	o := f.offer()
	f.launch(o, command("t1", o, "cpus:1;mem:64"), command("t2", o, "cpus:1;mem:64"))
	a.run("t1")
	a.run("t2")
	a.update(f.id, "t1", mesospb.TaskState_TASK_RUNNING, "1")
	a.update(f.id, "t2", mesospb.TaskState_TASK_FINISHED, "2")
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{}})
	shows("at work:", map[string]float64{
		"subscribed": 1, "calls": 3, "calls/subscribe": 1, "calls/accept": 1, "calls/suppress": 1,
		"events/subscribed": 1, "events/update": 2, "operations": 1, "operations/launch": 1,
		"offers/sent": 1, "offers/accepted": 1, "offers/declined": 0, "offers/rescinded": 0,
		"tasks/active/task_running": 1, "tasks/active/task_staging": 0, "tasks/terminal/task_finished": 1, "roles/*/suppressed": 1,
	})
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), Revive: &schedulerpb.Call_Revive{}})
	shows("revived:", map[string]float64{"roles/*/suppressed": 0})
	f.node.Crash()
	s.Advance(time.Minute)
	shows("away:", map[string]float64{"subscribed": 0})

	// A framework that has ended is remembered with what it did, until it is forgotten.
	s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid(f.id)}})
	shows("over:", map[string]float64{"tasks/active/task_running": 0, "tasks/terminal/task_killed": 1})
	g := s.framework("f2")
	s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid(g.id)}})
	s.Advance(time.Second)
	for _, name := range keys(s.figures()) {
		if strings.HasPrefix(name, prefix) {
			t.Errorf("%s is remembered", name)
		}
	}
}

// What is totalled step by step equals what is there, firm and revocable apart.
func TestMetricsOfResources(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	s.agent("a2", "cpus:2;mem:1024;disk:10")
	f := s.framework("f1")
	offers := f.offers(2)
	o := offers[slices.IndexFunc(offers, func(o *mesospb.Offer) bool { return o.GetAgentId().GetValue() == a.id() })]
	f.launch(o, command("t1", o, "cpus:1;mem:1024"))
	a.run("t1")
	s.Advance(time.Second)
	shows := func(want map[string]float64) {
		t.Helper()
		got := s.figures()
		for name, w := range want {
			equal(t, name, got["master/"+name], w)
		}
	}
	shows(map[string]float64{"cpus_total": 6, "cpus_used": 1, "cpus_percent": 1.0 / 6, "mem_total": 5120, "mem_used": 1024,
		"disk_total": 10, "disk_used": 0, "cpus_revocable_total": 0, "slaves_connected": 2, "slaves_active": 2})
	a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "1")
	s.Advance(time.Second)
	shows(map[string]float64{"cpus_total": 6, "cpus_used": 0, "mem_used": 0})
	a.node.Crash()
	s.Advance(30 * time.Second)
	shows(map[string]float64{"slaves_connected": 1, "slaves_disconnected": 1, "slaves_active": 1, "slaves_inactive": 1})
	s.Advance(15 * time.Minute)
	shows(map[string]float64{"cpus_total": 2, "mem_total": 1024, "slaves_connected": 1, "slaves_disconnected": 0})
}
