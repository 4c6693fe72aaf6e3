package authorization_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// names is an entity as it is written.
type names struct {
	Type   string   `json:"type,omitempty"`
	Values []string `json:"values,omitempty"`
}

type line struct {
	Principals names `json:"principals"`
	Roles      names `json:"roles"`
}

type file struct {
	Permissive bool   `json:"permissive"`
	ViewRoles  []line `json:"view_roles"`
}

// decides is the rule of Mesos' documentation, word by word and without any cleverness: the first entry that speaks of the
// subject and of the object decides, and NONE and ANY speak of everybody.
func (f file) decides(who, role string) bool {
	covers := func(n names, name string) bool {
		return slices.ContainsFunc(n.Values, func(v string) bool {
			tree, ok := strings.CutSuffix(v, "%")
			return name != "" && (v == name || ok && strings.HasPrefix(name, tree) && name != tree)
		})
	}
	for _, l := range f.ViewRoles {
		if (l.Principals.Type == "" && !covers(l.Principals, who)) || (l.Roles.Type == "" && !covers(l.Roles, role)) {
			continue
		}
		return l.Principals.Type != "NONE" && l.Roles.Type != "NONE"
	}
	return f.Permissive
}

// Whatever is in the file, the lists decide as the rule says.
func TestListsDecideByTheRule(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	people, places := []string{"foo", "bar", "baz"}, []string{"a", "a/b", "a/b/c", "ab", "a/%", "a/b/%"}
	entity := func(from []string) (n names) {
		switch r.IntN(4) {
		case 0:
			n.Type = "ANY"
		case 1:
			n.Type = "NONE"
		default:
			for range 1 + r.IntN(2) {
				n.Values = append(n.Values, from[r.IntN(len(from))])
			}
		}
		return n
	}
	for range 3000 {
		f := file{Permissive: r.IntN(2) == 0}
		for range r.IntN(5) {
			f.ViewRoles = append(f.ViewRoles, line{entity(people), entity(places)})
		}
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		l := parse(t, string(text))
		for _, who := range append(people, "", "stranger") {
			may := l.Approver(as(who), authorization.ViewRole)
			all := authorization.Unlimited(authorization.NewLive(l), as(who), authorization.ViewFlags, authorization.ViewRole)
			for _, role := range []string{"a", "a/b", "a/b/c", "a/b/c/d", "ab", "ab/c", "b", ""} {
				if got, want := may(named(role)), f.decides(who, role); got != want {
					t.Fatalf("%q may see %q: %v, the rule says %v, by %s", who, role, got, want, text)
				}
				if all && !may(named(role)) {
					t.Fatalf("%q is unlimited and may not see %q, by %s", who, role, text)
				}
			}
		}
	}
}

// An action that no list speaks of is denied when nothing is permitted, and every action has a list that can permit it.
func TestEveryActionIsListed(t *testing.T) {
	for _, a := range authorization.Actions() {
		if authorization.Approves(parse(t, `{"permissive": false}`), as("foo"), a, everyField()) {
			t.Errorf("%v is allowed by nobody", a)
		}
	}
	for _, a := range []authorization.Action{authorization.Unknown, 255} {
		if authorization.Approves(parse(t, `{}`), as("foo"), a, everyField()) || a.String() != "UNKNOWN" {
			t.Errorf("action %d, which there is not, is allowed", a)
		}
	}
	for list := range strings.Lines(lists) {
		key, objects, _ := strings.Cut(strings.TrimSpace(list), " ")
		l := parse(t, `{"`+key+`": [`+entry(`{"values": ["foo"]}`, objects, `{"type": "NONE"}`)+`]}`)
		denied := 0
		for _, a := range authorization.Actions() {
			if !authorization.Approves(l, as("foo"), a, everyField()) {
				denied++
			}
			if !authorization.Approves(l, as("bar"), a, everyField()) {
				t.Errorf("%s takes %v from another", key, a)
			}
		}
		if want := 1 + strings.Count(key, "update_quotas"); denied != want {
			t.Errorf("%s decides about %d actions, want %d", key, denied, want)
		}
	}
}

// The lists of Mesos' ACLs message, each with the name of its objects.
const lists = `register_frameworks roles
run_tasks users
reserve_resources roles
unreserve_resources reserver_principals
create_volumes roles
destroy_volumes creator_principals
teardown_frameworks framework_principals
update_weights roles
get_endpoints paths
get_quotas roles
update_quotas roles
view_frameworks users
view_tasks users
view_executors users
access_sandboxes users
access_mesos_logs logs
view_roles roles
view_flags flags
launch_nested_containers_as_user users
launch_nested_containers_under_parent_with_user users
kill_nested_containers users
wait_nested_containers users
launch_nested_container_sessions_as_user users
launch_nested_container_sessions_under_parent_with_user users
attach_containers_input users
attach_containers_output users
view_containers users
set_log_level level
remove_nested_containers users
register_agents agents
update_maintenance_schedules machines
get_maintenance_schedules machines
start_maintenances machines
stop_maintenances machines
get_maintenance_statuses machines
drain_agents agents
deactivate_agents agents
reactivate_agents agents
mark_agents_gone agents
launch_standalone_containers users
kill_standalone_containers users
wait_standalone_containers users
remove_standalone_containers users
view_standalone_containers users
modify_resource_provider_configs resource_providers
mark_resource_providers_gone resource_providers
view_resource_providers resource_providers
prune_images images
resize_volumes roles
create_block_disks roles
destroy_block_disks roles
create_mount_disks roles
destroy_mount_disks roles
destroy_raw_disks roles`

func everyField() authorization.Object {
	o := byExecutor("user")
	o.Value, o.Command, o.Task, o.Resource = "v", &mesospb.CommandInfo{}, &mesospb.Task{}, reserved("role", "foo").Resource
	o.ContainerID = &mesospb.ContainerID{Value: proto.String("c")}
	return o
}

func executor(framework, id, container string) authorization.Subject {
	return authorization.Subject{Claims: map[string]string{authorization.ClaimFramework: framework, authorization.ClaimExecutor: id, authorization.ClaimContainer: container}}
}

func below(ids ...string) authorization.Object {
	var id *mesospb.ContainerID
	for _, v := range ids {
		id = &mesospb.ContainerID{Value: proto.String(v), Parent: id}
	}
	return authorization.Object{ContainerID: id}
}

// An executor looks after the containers below its own, and nothing else, whatever the lists say.
func TestExecutors(t *testing.T) {
	me := executor("f", "e", "c")
	for name, l := range map[string]authorization.Authorizer{
		"with lists that permit everything": parse(t, `{}`), "with lists that permit nothing": parse(t, `{"permissive": false}`), "without lists": authorization.Everything,
	} {
		t.Run(name, func(t *testing.T) {
			may := map[authorization.Action]bool{authorization.LaunchNestedContainer: true, authorization.LaunchNestedContainerSession: true, authorization.WaitNestedContainer: true,
				authorization.KillNestedContainer: true, authorization.RemoveNestedContainer: true, authorization.AttachContainerOutput: true, authorization.ViewContainer: true}
			for _, a := range authorization.Actions() {
				for _, c := range []struct {
					name string
					what authorization.Object
					own  bool
				}{
					{"below its own container", below("c", "child"), true},
					{"far below it", below("c", "child", "grandchild"), true},
					{"another container", below("d"), false},
					{"below another, with its name", below("d", "c"), false},
					{"with a name that begins with its own", below("cc", "child"), false},
					{"no container", nothing, false},
					{"too deep", below(append([]string{"c"}, make([]string, 200)...)...), false},
				} {
					if got := authorization.Approves(l, me, a, c.what); got != (c.own && may[a]) {
						t.Errorf("%v of a container %s: %v", a, c.name, got)
					}
				}
			}
			task := &mesospb.Task{FrameworkId: &mesospb.FrameworkID{Value: proto.String("f")}, TaskId: &mesospb.TaskID{Value: proto.String("t")}, ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}}
			its := authorization.Object{Framework: framework("root", ""), Task: task, Executor: byExecutor("root").Executor}
			for _, a := range []authorization.Action{authorization.ViewFramework, authorization.ViewTask, authorization.ViewExecutor} {
				if !authorization.Approves(l, me, a, its) {
					t.Errorf("%v of its own is refused", a)
				}
				for _, other := range []authorization.Subject{executor("g", "e", "c"), executor("", "", ""), {Claims: map[string]string{"x": "y"}}} {
					if authorization.Approves(l, other, a, its) || authorization.Approves(l, other, a, nothing) {
						t.Errorf("%v of another's is allowed to %v", a, other)
					}
				}
			}
			for _, a := range []authorization.Action{authorization.ViewTask, authorization.ViewExecutor} {
				if authorization.Approves(l, executor("f", "x", "c"), a, its) {
					t.Errorf("%v of another executor of its framework is allowed", a)
				}
			}
		})
	}
}

// What was taken away is taken away from who holds an approver already.
func TestLive(t *testing.T) {
	var zero authorization.Live
	if !zero.Approver(as("foo"), authorization.ViewFlags)(nothing) {
		t.Error("without rules something is refused")
	}
	l := authorization.NewLive(nil)
	may := l.Approver(as("foo"), authorization.ViewFlags)
	for _, c := range []struct {
		rules authorization.Authorizer
		want  bool
	}{{parse(t, `{"permissive": false}`), false}, {parse(t, `{}`), true}, {nil, true}, {parse(t, `{"permissive": false}`), false}} {
		l.Swap(c.rules)
		if may(nothing) != c.want || authorization.Approves(l, as("foo"), authorization.ViewFlags, nothing) != c.want {
			t.Errorf("after %v: %v", c.rules, !c.want)
		}
	}
	if !authorization.Approves(nil, as("foo"), authorization.ViewFlags, nothing) || authorization.Approves(nil, executor("f", "e", "c"), authorization.ViewFlags, nothing) {
		t.Error("no authorizer is not Everything")
	}
}

func TestUnlimited(t *testing.T) {
	var zero authorization.Live
	for name, c := range map[string]struct {
		by   authorization.Authorizer
		who  authorization.Subject
		want bool
	}{
		"nobody limits": {authorization.Everything, as(""), true}, "not even live": {&zero, as("foo"), true}, "an empty file": {parse(t, `{}`), as("foo"), true},
		"an executor is limited":         {authorization.Everything, executor("f", "e", "c"), false},
		"in an empty file, too":          {parse(t, `{}`), executor("f", "e", "c"), false},
		"a file that permits nothing":    {parse(t, `{"permissive": false}`), as("foo"), false},
		"a list that speaks of somebody": {parse(t, `{"view_tasks": [`+entry(`{"values": ["bar"]}`, "users", `{"type": "ANY"}`)+`]}`), as("foo"), false},
		"a list of another action":       {parse(t, `{"view_roles": [`+entry(`{"values": ["bar"]}`, "roles", `{"type": "ANY"}`)+`]}`), as("foo"), true},
		"an authorizer of another kind":  {stranger{}, as("foo"), false},
	} {
		if got := authorization.Unlimited(c.by, c.who, authorization.ViewFlags, authorization.ViewTask); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

type stranger struct{}

func (stranger) Approver(authorization.Subject, authorization.Action) authorization.Approver {
	return func(authorization.Object) bool { return false }
}

// A refusal says what is missing, and not what there is.
func TestRefusal(t *testing.T) {
	err := authorization.Refusal(as("foo"), authorization.ViewTask)
	if got := err.Error(); !errors.Is(err, fault.ErrDenied) || got != `principal 'foo' may not VIEW_TASK: an operator has to allow it in "view_tasks" of --acls: not allowed` {
		t.Errorf("%s", got)
	}
	if got := authorization.Refusal(executor("f", "e", "c"), authorization.ViewFlags).Error(); !strings.Contains(got, "executor 'e' of framework 'f' may not VIEW_FLAGS") {
		t.Errorf("%s", got)
	}
	if got := authorization.Refusal(as(""), 255).Error(); !strings.Contains(got, "ANY may not UNKNOWN") {
		t.Errorf("%s", got)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"permissive": false, "run_tasks": [{"principals": {"values": ["foo"]}, "users": {"type": "ANY"}}]}`), "foo")
	f.Add([]byte(`{"register_frameworks": [{"principals": {"type": "NONE"}, "roles": {"values": ["eng/%", "*"]}}], "get_endpoints": null}`), "bar")
	f.Fuzz(func(t *testing.T, text []byte, who string) {
		l, err := authorization.Parse(text)
		if err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Error(err)
			}
			return
		}
		// Everything that is taken answers every question.
		for _, a := range authorization.Actions() {
			authorization.Approves(l, as(who), a, everyField())
			if authorization.Approves(l, executor("f", "e", "c"), a, below("d")) {
				t.Errorf("an executor may %v", a)
			}
		}
	})
}

func BenchmarkApprover(b *testing.B) {
	l := parse(b, `{"permissive": false, "view_tasks": [{"principals": {"values": ["foo"]}, "users": {"values": ["user", "other"]}}, {"principals": {"type": "ANY"}, "users": {"type": "NONE"}}]}`)
	may := authorization.NewLive(l).Approver(as("foo"), authorization.ViewTask)
	o := byTask("user")
	for b.Loop() {
		if !may(o) {
			b.Fatal("refused")
		}
	}
}
