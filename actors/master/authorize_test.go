package master_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	faults "github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

// lists make access control lists: each is "list principal objects value", a value of ANY or NONE being the type.
func lists(permissive bool, entries ...string) string {
	b := fmt.Sprintf(`{"permissive": %v`, permissive)
	for _, e := range entries {
		w := strings.Fields(e)
		entity := func(v string) string {
			if v == "ANY" || v == "NONE" {
				return `{"type": "` + v + `"}`
			}
			return `{"values": ["` + strings.ReplaceAll(v, ",", `","`) + `"]}`
		}
		b += fmt.Sprintf(`, %q: [{"principals": %s, %q: %s}]`, w[0], entity(w[1]), w[2], entity(w[3]))
	}
	return b + "}"
}

func ruled(acls string) func(*master.Config) { return func(c *master.Config) { c.ACLs = acls } }

func known(principal string, roles ...string) shape {
	return func(info *mesospb.FrameworkInfo) {
		info.Principal = proto.String(principal)
		if len(roles) > 0 {
			capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(info)
			info.Roles = roles
		}
	}
}

func as(principal string) authorization.Subject { return authorization.Subject{Principal: principal} }

func TestRegisterFramework(t *testing.T) {
	acls := lists(true, "register_frameworks guest roles NONE")
	t.Run("an authorized role", func(t *testing.T) {
		s := newStage(t, ruled(lists(false, "register_frameworks guest roles web,eng/%", "register_agents ANY agents ANY")))
		s.framework("f", known("guest", "web", "eng/front"))
		equal(t, "frameworks", s.client.View().Frameworks.Len(), 1)
	})
	t.Run("an unauthorized role", func(t *testing.T) {
		s := newStage(t, ruled(lists(false, "register_frameworks guest roles web,eng/%")))
		f := s.scheduler("f", known("guest", "web", "eng"))
		f.Send(s.master(), f.subscribeCall())
		why := f.Expect(event(schedulerpb.Event_ERROR))[0].Msg.(*schedulerpb.Event).GetError().GetMessage()
		if !strings.HasPrefix(why, "Not authorized to register framework  with roles { web, eng }") || !strings.Contains(why, `"register_frameworks"`) {
			t.Errorf("it is told %q", why)
		}
		equal(t, "frameworks", s.client.View().Frameworks.Len(), 0)
	})
	t.Run("asking twice", func(t *testing.T) {
		s := newStage(t, ruled(lists(false, "register_frameworks guest roles *")))
		f := s.scheduler("f", known("guest"))
		f.Send(s.master(), f.subscribeCall())
		f.Send(s.master(), f.subscribeCall())
		first := f.Expect(event(schedulerpb.Event_SUBSCRIBED))[0].Msg.(*schedulerpb.Event).GetSubscribed().GetFrameworkId()
		second := f.Expect(event(schedulerpb.Event_SUBSCRIBED))[0].Msg.(*schedulerpb.Event).GetSubscribed().GetFrameworkId()
		equal(t, "the second id", second.GetValue(), first.GetValue())
		equal(t, "frameworks", s.client.View().Frameworks.Len(), 1)
	})
	t.Run("coming back twice", func(t *testing.T) {
		s := newStage(t, ruled(lists(false, "register_frameworks guest roles *")))
		f := s.framework("f", known("guest"))
		f.Send(s.master(), f.subscribeCall())
		f.Send(s.master(), f.subscribeCall())
		equal(t, "the answers", len(f.Expect(event(schedulerpb.Event_SUBSCRIBED)))+len(f.Expect(event(schedulerpb.Event_SUBSCRIBED))), 2)
		equal(t, "frameworks", s.client.View().Frameworks.Len(), 1)
	})
	t.Run("a framework that is gone before it is asked about", func(t *testing.T) {
		s := newStage(t, ruled(lists(false, "register_frameworks guest roles *")))
		f := s.scheduler("f", known("guest"))
		f.Send(s.master(), f.subscribeCall())
		f.node.Crash()
		s.Advance(time.Minute)
		equal(t, "frameworks", s.client.View().Frameworks.Len(), 0)
	})
	t.Run("a right that was taken away does not come back with the framework", func(t *testing.T) {
		s := newStage(t, nil)
		f := s.framework("f", known("guest"), patient(time.Hour))
		s.permit(acls)
		f.Send(s.master(), f.subscribeCall())
		f.Expect(event(schedulerpb.Event_ERROR))
	})
	t.Run("a role that is added later", func(t *testing.T) {
		s := newStage(t, ruled(lists(false, "register_frameworks guest roles web")))
		f := s.framework("f", known("guest", "web"))
		more := proto.CloneOf(f.info)
		more.Roles = []string{"web", "db"}
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), UpdateFramework: &schedulerpb.Call_UpdateFramework{FrameworkInfo: more}})
		why := f.Expect(testkit.Of[*controlpb.Refused]())[0].Msg.(*controlpb.Refused)
		if !strings.Contains(why.GetMessage(), "Not authorized to register framework "+f.id+" with roles { web, db }") {
			t.Errorf("it is told %v", why)
		}
	})
	t.Run("whoever proved who he is counts as that, whatever he calls himself", func(t *testing.T) {
		s := newStage(t, ruled(acls))
		p := s.Probe("connection")
		_, err := settled(s, s.client.Say(p.UPID(), as("guest"), subscribe("")))
		if !errors.Is(err, faults.ErrDenied) {
			t.Errorf("%v", err)
		}
		if _, err := settled(s, s.client.Say(p.UPID(), as("ops"), subscribe(""))); err != nil {
			t.Error(err)
		}
		for _, f := range s.client.View().Frameworks.All() {
			equal(t, "its principal", f.GetFrameworkInfo().GetPrincipal(), "ops")
		}
	})
	t.Run("nobody takes another's framework", func(t *testing.T) {
		s := newStage(t, nil)
		p, q := s.Probe("p"), s.Probe("q")
		if _, err := settled(s, s.client.Say(p.UPID(), as("ops"), subscribe(""))); err != nil {
			t.Fatal(err)
		}
		c := subscribe("")
		for _, f := range s.client.View().Frameworks.All() {
			c.FrameworkId = f.GetFrameworkInfo().GetId()
			c.Subscribe.FrameworkInfo.Id = c.FrameworkId
		}
		for _, who := range []string{"", "guest"} {
			if _, err := settled(s, s.client.Say(q.UPID(), as(who), c)); err == nil {
				t.Errorf("%q has it", who)
			}
		}
		if _, err := settled(s, s.client.Say(q.UPID(), as("ops"), c)); err != nil {
			t.Error(err)
		}
	})
}

func user(name string) func(*mesospb.TaskInfo) {
	return func(t *mesospb.TaskInfo) { t.Command.User = proto.String(name) }
}

func TestRunTask(t *testing.T) {
	acls := lists(false, "register_agents ANY agents ANY", "register_frameworks ANY roles ANY", "run_tasks guest users nobody")
	start := func(t *testing.T) (*stage, *fakeAgent, *fakeScheduler) {
		s := newStage(t, ruled(acls))
		a := s.agent("a", "cpus:4;mem:4096")
		return s, a, s.framework("f", known("guest"))
	}
	task := func(id string, o *mesospb.Offer, change ...func(*mesospb.TaskInfo)) *mesospb.TaskInfo {
		info := command(id, o, "cpus:1;mem:64")
		for _, f := range change {
			f(info)
		}
		return info
	}
	t.Run("authorized", func(t *testing.T) {
		_, a, f := start(t)
		o := f.offer()
		f.launch(o, task("t1", o), task("t2", o, user("nobody")))
		a.run("t1")
		a.run("t2")
	})
	t.Run("unauthorized", func(t *testing.T) {
		s, a, f := start(t)
		o := f.offer()
		f.launch(o, task("t1", o, user("root")), task("t2", o))
		status := f.updated("t1", mesospb.TaskState_TASK_ERROR)
		equal(t, "the reason", status.GetReason(), mesospb.TaskStatus_REASON_TASK_UNAUTHORIZED)
		equal(t, "the source", status.GetSource(), mesospb.TaskStatus_SOURCE_MASTER)
		if !strings.HasPrefix(status.GetMessage(), "Not authorized to launch as user 'root'") {
			t.Errorf("it says %q", status.GetMessage())
		}
		a.run("t2") // the others are not held responsible
		equal(t, "tasks", s.client.View().Tasks.Len(), 1)
	})
	t.Run("one of a group is enough", func(t *testing.T) {
		_, a, f := start(t)
		o := f.offer()
		executor := &mesospb.ExecutorInfo{Type: mesospb.ExecutorInfo_DEFAULT.Enum(), ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")},
			Resources: command("", o, "cpus:0.1;mem:32;disk:0").Resources}
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{OfferIds: []*mesospb.OfferID{o.Id},
			Operations: []*mesospb.Offer_Operation{{Type: mesospb.Offer_Operation_LAUNCH_GROUP.Enum(), LaunchGroup: &mesospb.Offer_Operation_LaunchGroup{
				Executor: executor, TaskGroup: &mesospb.TaskGroupInfo{Tasks: []*mesospb.TaskInfo{task("t1", o), task("t2", o, user("root"))}}}}}}})
		for _, id := range []string{"t1", "t2"} {
			equal(t, "the reason", f.updated(id, mesospb.TaskState_TASK_ERROR).GetReason(), mesospb.TaskStatus_REASON_TASK_GROUP_UNAUTHORIZED)
		}
		a.ExpectNone(time.Second, testkit.Of[*controlpb.RunTaskGroup]())
	})
	t.Run("an executor of another user", func(t *testing.T) {
		_, _, f := start(t)
		o := f.offer()
		f.launch(o, task("t1", o, func(info *mesospb.TaskInfo) {
			info.Executor = &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")},
				Command: &mesospb.CommandInfo{Value: proto.String("x"), User: proto.String("root")}}
			info.Command = nil
		}), task("t2", o, func(info *mesospb.TaskInfo) {
			info.Executor = &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")},
				Command: &mesospb.CommandInfo{Value: proto.String("x"), User: proto.String("root")}}
			info.Command.User = proto.String("nobody")
		}))
		for _, id := range []string{"t1", "t2"} {
			equal(t, "the reason", f.updated(id, mesospb.TaskState_TASK_ERROR).GetReason(), mesospb.TaskStatus_REASON_TASK_UNAUTHORIZED)
		}
	})
	t.Run("a right that was given meanwhile", func(t *testing.T) {
		s, a, f := start(t)
		s.permit(`{}`)
		o := f.offer()
		f.launch(o, task("t1", o, user("root")))
		a.run("t1")
	})
}

func TestRegisterAgent(t *testing.T) {
	refused := func(t *testing.T, a *fakeAgent, why string) {
		t.Helper()
		r := a.Expect(testkit.Of[*controlpb.Refused]())[0].Msg.(*controlpb.Refused)
		if !strings.Contains(r.GetMessage(), why) {
			t.Errorf("it is told %v", r)
		}
	}
	ask := func(s *stage, a *fakeAgent) {
		a.Send(s.master(), &controlpb.RegisterAgent{Agent: a.info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities})
	}
	reserving := lists(false, "register_agents ANY agents ANY", "reserve_resources ANY roles web")
	t.Run("authorized, and back again", func(t *testing.T) {
		s := newStage(t, ruled(lists(false, "register_agents ANY agents ANY")))
		a := s.agent("a", "cpus:4;mem:4096")
		a.reregister()
	})
	t.Run("unauthorized", func(t *testing.T) {
		s := newStage(t, ruled(lists(true, "register_agents ANY agents NONE")))
		a := s.stranger("a", "cpus:4;mem:4096")
		ask(s, a)
		refused(t, a, `ANY may not REGISTER_AGENT`)
		equal(t, "agents", s.client.View().Agents.Len(), 0)
		s.permit(`{}`)
		a.register() // it asks again, and again
	})
	t.Run("unauthorized when it comes back", func(t *testing.T) {
		s := newStage(t, nil)
		a := s.agent("a", "cpus:4;mem:4096")
		s.permit(lists(true, "register_agents ANY agents NONE"))
		a.Send(s.master(), a.report())
		refused(t, a, `REGISTER_AGENT`)
	})
	t.Run("with a role that it may reserve to", func(t *testing.T) {
		s := newStage(t, ruled(reserving))
		s.agent("a", "cpus(web):4;mem:4096")
	})
	t.Run("with a role that it may not reserve to", func(t *testing.T) {
		s := newStage(t, ruled(reserving))
		a := s.stranger("a", "cpus(web):1;cpus(db):4;mem:4096")
		ask(s, a)
		refused(t, a, "RESERVE_RESOURCES")
	})
	t.Run("that may reserve nothing", func(t *testing.T) {
		s := newStage(t, ruled(lists(true, "reserve_resources ANY roles NONE")))
		a := s.stranger("a", "cpus(web):1;mem:4096")
		ask(s, a)
		refused(t, a, "RESERVE_RESOURCES")
		s.agent("b", "cpus:1;mem:4096")
	})
}

// crowd is a master with frameworks of two users and things of all kinds.
func crowd(t *testing.T) *stage {
	s := newStage(t, nil)
	a := s.agent("a", "cpus:8;mem:4096;cpus(web):2;cpus(db):2")
	for _, name := range []string{"alice", "bob"} {
		f := s.framework(name, known(name, map[string]string{"alice": "web", "bob": "db"}[name]), func(info *mesospb.FrameworkInfo) { info.User = proto.String(name) })
		f.launch(f.offer(), command("task-of-"+name, &mesospb.Offer{AgentId: a.info.Id}, "cpus:1;mem:64"))
		a.run("task-of-" + name)
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{}})
	}
	gone := s.framework("bob-of-old", known("bob"), func(info *mesospb.FrameworkInfo) { info.User = proto.String("bob") })
	gone.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	s.Advance(time.Second)
	return s
}

var readings = []masterpb.Call_Type{masterpb.Call_GET_STATE, masterpb.Call_GET_TASKS, masterpb.Call_GET_FRAMEWORKS, masterpb.Call_GET_EXECUTORS, masterpb.Call_GET_AGENTS,
	masterpb.Call_GET_ROLES, masterpb.Call_GET_OPERATIONS, masterpb.Call_GET_WEIGHTS, masterpb.Call_GET_QUOTA}

// What somebody may not see is in no list, under none of its names.
func TestListsAreFiltered(t *testing.T) {
	s := crowd(t)
	for _, c := range []struct {
		name, acls     string
		hidden, shown_ []string
	}{
		{"everybody", `{}`, nil, []string{"alice", "bob", "task-of-bob", "bob-of-old", "db"}},
		{"frameworks, and what is theirs", lists(true, "view_frameworks guest users alice"), nil, []string{"alice", "bob"}},
		{"only some frameworks", lists(false, "view_frameworks guest users alice", "view_tasks guest users ANY", "view_roles guest roles ANY"), []string{"bob"}, []string{"alice", "task-of-alice", "db"}},
		{"only some tasks", lists(false, "view_frameworks guest users ANY", "view_tasks guest users alice", "view_roles guest roles ANY"), []string{"task-of-bob"}, []string{"bob-of-old", "task-of-alice"}},
		{"only some roles", lists(false, "view_roles guest roles web"), []string{`"db"`, "alice", "bob"}, []string{`"web"`}},
		{"nothing", `{"permissive": false}`, []string{"alice", "bob", `"web"`, `"db"`}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.permit(c.acls)
			all := ""
			for _, call := range readings {
				r, err := settled(s, s.client.Ask(as("guest"), &masterpb.Call{Type: call.Enum()}))
				if err != nil {
					t.Fatal(err)
				}
				text := fmt.Sprint(r)
				all += text
				for _, secret := range c.hidden {
					if strings.Contains(text, secret) {
						t.Errorf("%v shows %s: %s", call, secret, text)
					}
				}
			}
			for _, name := range c.shown_ {
				if !strings.Contains(all, name) {
					t.Errorf("%s is not shown", name)
				}
			}
		})
	}
}

// A new map in the view is seen through the lens, or the test says so.
func TestEveryMapOfAViewIsFiltered(t *testing.T) {
	s := crowd(t)
	whole := s.client.View()
	s.permit(`{"permissive": false}`)
	seen := s.client.ViewFor(as("guest"))
	for i := range reflect.TypeFor[master.View]().NumField() {
		field := reflect.TypeFor[master.View]().Field(i)
		count := func(v *master.View) int {
			return int(reflect.ValueOf(v).Elem().Field(i).MethodByName("Len").Call(nil)[0].Int())
		}
		if _, ok := reflect.PointerTo(field.Type).MethodByName("Through"); !ok {
			continue
		}
		_, open := map[string]bool{"Agents": true, "Recovered": true}[field.Name] // agents are no secret, what is reserved on them is
		if lens := reflect.ValueOf(seen).Elem().Field(i).FieldByName("lens"); lens.IsNil() {
			t.Errorf("%s is seen by everybody", field.Name)
		}
		if got := count(seen); got != 0 && !open || open && got != count(whole) {
			t.Errorf("%d of %d %s are seen by somebody who may see nothing", got, count(whole), field.Name)
		}
	}
	if s.client.ViewFor(authorization.Subject{Principal: "x"}) == whole {
		t.Error("somebody else sees everything")
	}
	s.permit(`{}`)
	if s.client.ViewFor(as("guest")) != s.client.View() {
		t.Error("who may see everything looks through a lens")
	}
}

func TestOrdersAreAuthorized(t *testing.T) {
	s := crowd(t)
	var bobs *mesospb.FrameworkID
	for _, f := range s.client.View().Frameworks.All() {
		if f.GetFrameworkInfo().GetName() == "bob" {
			bobs = f.GetFrameworkInfo().GetId()
		}
	}
	teardown := &masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(), Teardown: &masterpb.Call_Teardown{FrameworkId: bobs}}
	s.permit(lists(true, "teardown_frameworks guest framework_principals alice", "view_flags guest flags NONE", "mark_agents_gone guest agents NONE"))
	for _, c := range []*masterpb.Call{
		{Type: masterpb.Call_GET_FLAGS.Enum()},
		{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: aid("nosuch")}},
	} {
		_, err := settled(s, s.client.Ask(as("guest"), c))
		if !errors.Is(err, faults.ErrDenied) || !strings.Contains(err.Error(), "principal 'guest' may not") {
			t.Errorf("%v: %v", c.GetType(), err)
		}
	}
	s.permit(`{"permissive": false}`)
	if _, err := settled(s, s.client.Ask(as("guest"), teardown)); !errors.Is(err, faults.ErrDenied) || strings.Contains(err.Error(), "bob") {
		t.Errorf("TEARDOWN: %v", err)
	}
	equal(t, "frameworks", s.client.View().Frameworks.Len(), 2)
	s.permit(lists(false, "teardown_frameworks guest framework_principals bob"))
	if _, err := settled(s, s.client.Ask(as("guest"), teardown)); err != nil {
		t.Error(err)
	}
	equal(t, "frameworks", s.client.View().Frameworks.Len(), 1)
}
