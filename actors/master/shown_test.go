package master_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// busy is a cluster with everything in it that the old endpoints can show: frameworks of both kinds and one that is over,
// tasks that run, are over and cannot be reached, executors, offers, and an agent with everything that it can say.
func busy(t *testing.T) (*doors, *fakeScheduler, *fakeAgent) {
	s := newStage(t, nil)
	a := s.stranger("a1", "cpus:8;mem:4096;disk:100;ports:[31000-31099];gold(ann):2")
	a.info.Attributes = []*mesospb.Attribute{{Name: proto.String("rack"), Type: mesospb.Value_TEXT.Enum(), Text: &mesospb.Value_Text{Value: proto.String("r1")}}}
	a.register()
	lost := s.agent("a2", "cpus:2;mem:128")
	multi := func(roles ...string) shape {
		return func(i *mesospb.FrameworkInfo) {
			i.Roles, i.Principal = roles, proto.String("p")
			i.Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k"), Value: proto.String("v")}}}
			capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(i)
		}
	}
	f := s.framework("f1", multi("ann"), aware, patient(time.Hour), func(i *mesospb.FrameworkInfo) { i.User = proto.String("ann") })
	on := func(a *fakeAgent) *mesospb.Offer { return &mesospb.Offer{AgentId: a.info.Id} }
	offers := f.offers(2)
	byAgent := map[string]*mesospb.Offer{}
	for _, o := range offers {
		byAgent[o.GetAgentId().GetValue()] = o
	}
	rich := command("t1", on(a), "cpus:1;mem:64")
	rich.Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k")}}}
	rich.Discovery = &mesospb.DiscoveryInfo{Visibility: mesospb.DiscoveryInfo_CLUSTER.Enum(), Name: proto.String("web")}
	own := command("t2", on(a), "cpus:1;mem:64")
	own.Command, own.Executor = nil, &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}, FrameworkId: fid(f.id), Name: proto.String("mine"),
		Command: &mesospb.CommandInfo{Value: proto.String("run"), Uris: []*mesospb.CommandInfo_URI{{Value: proto.String("http://x/y")}}}}
	f.launch(byAgent[a.id()], rich, own, command("t3", on(a), "cpus:1;mem:64"))
	f.launch(byAgent[lost.id()], command("t4", on(lost), "cpus:1;mem:64"))
	f.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{}}) // the rest is for others
	for _, id := range []string{"t1", "t2", "t3"} {
		a.run(id)
		a.update(f.id, id, mesospb.TaskState_TASK_RUNNING, id)
	}
	lost.run("t4")
	lost.update(f.id, "t4", mesospb.TaskState_TASK_RUNNING, "t4")
	a.update(f.id, "t3", mesospb.TaskState_TASK_FINISHED, "done")
	s.Advance(time.Second)
	f.acknowledge(a, "t3", "t3")
	f.acknowledge(a, "t3", "done")
	lost.deaf = true
	s.Advance(2 * time.Minute)
	old := s.framework("f2", func(i *mesospb.FrameworkInfo) { i.Role, i.User = proto.String("bob"), proto.String("bob") })
	over := s.framework("f3", func(i *mesospb.FrameworkInfo) { i.User = proto.String("bob") })
	s.order(&masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: fid(over.id)}})
	old.offer()
	return s.doors(t), f, a
}

const (
	agentKeys = "id hostname port attributes pid registered_time resources used_resources offered_resources reserved_resources unreserved_resources " +
		"active deactivated version capabilities"
	frameworkKeys = "id name pid used_resources offered_resources capabilities hostname webui_url active connected recovered"
	restOfKeys    = " user failover_timeout checkpoint registered_time unregistered_time principal resources reregistered_time roles tasks unreachable_tasks " +
		"completed_tasks offers executors labels offer_constraints"
	countedKeys = " TASK_STAGING TASK_STARTING TASK_RUNNING TASK_KILLING TASK_FINISHED TASK_KILLED TASK_FAILED TASK_LOST TASK_ERROR TASK_UNREACHABLE"
)

// The old endpoints show what Mesos shows: the same keys in the same order, and what stands behind them.
func TestOldEndpoints(t *testing.T) {
	d, f, a := busy(t)
	state := d.get("", "/master/state")
	for what, want := range map[string]string{
		"/state": "version build_date build_time build_user start_time elected_time id pid hostname capabilities activated_slaves deactivated_slaves " +
			"unreachable_slaves leader leader_info cluster log_dir flags slaves recovered_slaves frameworks completed_frameworks orphan_tasks unregistered_frameworks",
		"/state-summary": "hostname cluster slaves frameworks", "/slaves": "slaves recovered_slaves",
		"/frameworks": "frameworks completed_frameworks unregistered_frameworks", "/tasks": "tasks", "/roles": "roles",
	} {
		equal(t, what, keysOf(t, d.get("", what)), want)
	}
	equal(t, "an agent", keysOf(t, at(t, state, "slaves", 0)), agentKeys)
	equal(t, "an agent's sum", keysOf(t, at(t, d.get("", "/state-summary"), "slaves", 0)), agentKeys+countedKeys+" framework_ids")
	equal(t, "an agent at length", keysOf(t, at(t, d.get("", "/slaves"), "slaves", 0)),
		agentKeys+" reserved_resources_full unreserved_resources_full used_resources_full offered_resources_full")
	mine := at(t, d.get("", "/frameworks?framework_id="+f.id), "frameworks", 0)
	equal(t, "a framework", keysOf(t, mine), strings.Replace(frameworkKeys+restOfKeys, "reregistered_time ", "", 1))
	equal(t, "a role", keysOf(t, at(t, d.get("", "/roles"), "roles", 0)), "name weight quota resources allocated offered reserved frameworks")
	equal(t, "running tasks", each(t, at(t, mine, "tasks"), "id"), "t1 t2")
	equal(t, "lost tasks", each(t, at(t, mine, "unreachable_tasks"), "state"), "TASK_UNREACHABLE")
	equal(t, "past tasks", each(t, at(t, mine, "completed_tasks"), "state"), "TASK_FINISHED")
	equal(t, "a task", keysOf(t, at(t, mine, "tasks", 0)), "id name framework_id executor_id slave_id state resources role statuses labels discovery")
	equal(t, "a status", keysOf(t, at(t, mine, "tasks", 0, "statuses", 0)), "state timestamp")
	equal(t, "an executor", keysOf(t, at(t, mine, "executors", 0)), "executor_id name framework_id command resources slave_id")
	equal(t, "its files", string(at(t, mine, "executors", 0, "command", "uris")), `[{"value":"http://x/y","executable":false}]`)
	equal(t, "lost agents", string(at(t, state, "unreachable_slaves")), "1.0")
	equal(t, "past frameworks", each(t, at(t, state, "completed_frameworks"), "name"), "f3")
	var old, offer []byte
	for i := range 2 {
		if one := at(t, state, "frameworks", i); strings.Contains(string(one), `"name":"f2"`) {
			old = one
		}
	}
	equal(t, "a role alone", string(at(t, old, "role")), `"bob"`)
	offer = at(t, old, "offers", 0)
	equal(t, "an offer", keysOf(t, offer), "id framework_id allocation_info slave_id resources")
	equal(t, "what is reserved", string(at(t, state, "slaves", 0, "reserved_resources", "ann", "gold")), "2.0")
	summary := at(t, d.get("", "/state-summary"), "slaves", 0)
	equal(t, "whose it runs", string(at(t, summary, "framework_ids")), `["`+f.id+`"]`)
	equal(t, "how many run", string(at(t, summary, "TASK_RUNNING"))+string(at(t, summary, "TASK_FINISHED")), "21")
	equal(t, "one agent", each(t, at(t, d.get("", "/slaves?slave_id="+a.id()), "slaves"), "id"), a.id())
	equal(t, "no such agent", count(t, d.get("", "/slaves?slave_id=x"), "slaves"), 0)
	equal(t, "no such framework", count(t, d.get("", "/frameworks?framework_id=x"), "frameworks"), 0)
}

// Lists of tasks come in pages, of some framework and id, in either order, and to scripts of pages in a browser.
func TestPagesOfTasks(t *testing.T) {
	d, f, _ := busy(t)
	ids := func(path string) string { return each(t, at(t, d.get("", path), "tasks"), "id") }
	equal(t, "all", len(strings.Fields(ids("/tasks"))), 4)
	all := strings.Fields(ids("/tasks?order=asc"))
	for path, want := range map[string]string{
		"?order=asc&limit=2": all[0] + " " + all[1], "?order=asc&offset=3": all[3], "?order=asc&offset=9": "", "?limit=0": "",
		"?task_id=t3": "t3", "?task_id=t3&framework_id=" + f.id: "t3", "?framework_id=x": "", "?task_id=": "",
	} {
		equal(t, path, ids("/tasks"+path), want)
	}
	w := d.do("", "GET", "/tasks?limit=0&jsonp=show", "")
	equal(t, "jsonp", w.Body.String()+" "+w.Header().Get("Content-Type"), `show({"tasks":[]}) text/javascript`)
}

// Nobody is shown what belongs to frameworks, tasks or roles that he may not see, at no endpoint, in neither API.
func TestOldEndpointsHide(t *testing.T) {
	d, _, _ := busy(t)
	d.permit(`{"permissive": false, "view_frameworks": [{"principals": {"values": ["ann", "half"]}, "users": {"values": ["ann"]}}],
		"view_tasks": [{"principals": {"values": ["ann"]}, "users": {"type": "ANY"}}], "view_executors": [{"principals": {"values": ["ann"]}, "users": {"type": "ANY"}}],
		"view_roles": [{"principals": {"values": ["ann"]}, "roles": {"values": ["ann"]}}]}`)
	for who, want := range map[string]struct{ frameworks, past, tasks, executors, roles, running string }{
		"ann":  {"f1", "", "4", "1", "ann", "2"},
		"half": {"f1", "", "0", "0", "", "0"},
		"eve":  {"", "", "0", "0", "", "0"},
	} {
		for _, path := range []string{"/state", "/frameworks"} {
			equal(t, path+" of "+who, each(t, at(t, d.get(who, path), "frameworks"), "name"), want.frameworks)
			equal(t, "the past in "+path+" of "+who, each(t, at(t, d.get(who, path), "completed_frameworks"), "name"), want.past)
			if want.frameworks != "" {
				equal(t, "tasks in "+path+" of "+who, count(t, d.get(who, path), "frameworks", 0, "tasks"), int(want.running[0]-'0'))
				equal(t, "executors in "+path+" of "+who, count(t, d.get(who, path), "frameworks", 0, "executors"), int(want.executors[0]-'0'))
			}
		}
		summary := d.get(who, "/state-summary")
		equal(t, "the sum of "+who, each(t, at(t, summary, "frameworks"), "name"), want.frameworks)
		equal(t, "what runs for "+who, string(at(t, summary, "slaves", 0, "TASK_RUNNING")), want.running)
		equal(t, "tasks of "+who, count(t, d.get(who, "/tasks"), "tasks"), int(want.tasks[0]-'0'))
		equal(t, "roles of "+who, each(t, at(t, d.get(who, "/roles"), "roles"), "name"), want.roles)
		equal(t, "reservations of "+who, strings.Contains(string(d.get(who, "/slaves")), "gold"), who == "ann")
		equal(t, "reservations in GET_AGENTS of "+who, strings.Contains(string(d.say(who, `{"type":"GET_AGENTS"}`)), "gold"), who == "ann")
		equal(t, "flags of "+who, strings.Contains(string(d.get(who, "/state")), `"flags"`), false)
		equal(t, "GET_EXECUTORS of "+who, count(t, d.say(who, `{"type":"GET_EXECUTORS"}`), "get_executors", "executors"), int(want.executors[0]-'0'))
	}
}

// The v1 lists have what there is, and lists that are empty are there.
func TestListsOverHTTP(t *testing.T) {
	empty := newStage(t, nil).doors(t)
	equal(t, "no tasks", string(at(t, empty.say("", `{"type":"GET_TASKS"}`), "get_tasks")), `{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]}`)
	equal(t, "no executors", string(at(t, empty.say("", `{"type":"GET_EXECUTORS"}`), "get_executors")), `{"executors":[]}`)
	d, f, a := busy(t)
	executors := at(t, d.say("", `{"type":"GET_EXECUTORS"}`), "get_executors", "executors")
	equal(t, "the executor", string(at(t, executors, 0, "executor_info", "executor_id", "value"))+string(at(t, executors, 0, "agent_id", "value")), `"e""`+a.id()+`"`)
	equal(t, "its framework", string(at(t, executors, 0, "executor_info", "framework_id", "value")), `"`+f.id+`"`)
	tasks := at(t, d.say("", `{"type":"GET_TASKS"}`), "get_tasks")
	equal(t, "tasks", count(t, tasks, "tasks")*100+count(t, tasks, "unreachable_tasks")*10+count(t, tasks, "completed_tasks"), 211)
	// However little time somebody has, all numbers are there.
	for _, timeout := range []string{`{}`, `{"timeout":{"nanoseconds":0}}`, `{"timeout":{"nanoseconds":5000000000}}`} {
		if n := count(t, d.say("", `{"type":"GET_METRICS","get_metrics":`+timeout+`}`), "get_metrics", "metrics"); n < 150 {
			t.Errorf("%d metrics with %s", n, timeout)
		}
	}
	equal(t, "the level", string(d.say("", `{"type":"GET_LOGGING_LEVEL"}`)), `{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":0}}`)
	equal(t, "SET_LOGGING_LEVEL", d.do("", "POST", "/api/v1", `{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":60000000000}}}`,
		"Content-Type", "application/json").Code, 200)
	equal(t, "the level set", string(at(t, d.say("", `{"type":"GET_LOGGING_LEVEL"}`), "get_logging_level", "level")), "1")
}
