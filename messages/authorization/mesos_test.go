package authorization_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// question is one thing that somebody wants, and whether he may.
type question struct {
	who  string // "": anonymous
	what authorization.Object
	may  bool
}

func named(value string) authorization.Object { return authorization.Object{Value: value} }

// Objects whose user is said in each of the ways in which it can be.
func byFramework(user string) authorization.Object {
	return authorization.Object{Framework: framework(user, "")}
}
func byExecutor(user string) authorization.Object {
	return authorization.Object{Framework: framework("other", ""), Executor: &mesospb.ExecutorInfo{
		ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}, Command: &mesospb.CommandInfo{User: proto.String(user)}}}
}
func byTask(user string) authorization.Object {
	return authorization.Object{Framework: framework("other", ""), Task: &mesospb.Task{User: proto.String(user)}}
}
func byTaskInfo(user string) authorization.Object {
	return authorization.Object{Framework: framework("other", ""), TaskInfo: &mesospb.TaskInfo{Command: &mesospb.CommandInfo{User: proto.String(user)}}}
}
func byTaskExecutor(user string) authorization.Object {
	return authorization.Object{Framework: framework("other", ""), TaskInfo: &mesospb.TaskInfo{Executor: &mesospb.ExecutorInfo{Command: &mesospb.CommandInfo{User: proto.String(user)}}}}
}
func byCommand(user string) authorization.Object {
	return authorization.Object{Command: &mesospb.CommandInfo{User: proto.String(user)}}
}
func owned(principal string) authorization.Object {
	return authorization.Object{Framework: framework("root", principal)}
}
func reserved(role, principal string) authorization.Object {
	return authorization.Object{Resource: &mesospb.Resource{Reservations: []*mesospb.Resource_ReservationInfo{
		{Type: mesospb.Resource_ReservationInfo_STATIC.Enum(), Role: proto.String("outer")},
		{Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String(role), Principal: proto.String(principal)}}}}
}
func volume(creator string) authorization.Object {
	return authorization.Object{Resource: &mesospb.Resource{Disk: &mesospb.Resource_DiskInfo{
		Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String("v"), Principal: proto.String(creator)}}}}
}

var nothing authorization.Object

// What Mesos' own authorizer is tested with, under the names of its tests.
func TestMesosAuthorization(t *testing.T) {
	const anyone, noone = `{"type": "ANY"}`, `{"type": "NONE"}`
	one := func(list, principals, key, objects string) string {
		return `{"permissive": false, "` + list + `": [` + entry(principals, key, objects) + `]}`
	}
	names := func(names string) string { return `{"values": ["` + names + `"]}` }
	// wholesale lets foo touch everything of a kind, and bar nothing.
	wholesale := func(list, key string) string {
		return `{"` + list + `": [` + entry(names("foo"), key, anyone) + `, ` + entry(names("bar"), key, noone) + `]}`
	}
	foobar := func(o authorization.Object) []question {
		return []question{{"foo", o, true}, {"bar", o, false}, {"baz", o, true}, {"foo", nothing, true}, {"bar", nothing, false}}
	}
	// users lets foo touch what runs as user, bar nothing, and ops everything; others are not in the list.
	users := func(list string) string {
		return `{"permissive": false, "` + list + `": [` + entry(names("foo"), "users", names("user")) + `, ` + entry(names("bar"), "users", noone) +
			`, ` + entry(names("ops"), "users", anyone) + `]}`
	}
	userQuestions := func(makers ...func(string) authorization.Object) (all []question) {
		for _, make := range makers {
			all = append(all, question{"foo", make("user"), true}, question{"foo", make("root"), false}, question{"bar", make("user"), false},
				question{"ops", make("root"), true}, question{"baz", make("user"), false}, question{"", make("user"), false})
		}
		return append(all, question{"foo", nothing, false}, question{"ops", nothing, true})
	}
	// trees lets king and its subroles be touched by elizabeth, only the subroles by charles, only king by welby.
	trees := func(list string) string {
		return `{"permissive": false, "` + list + `": [` + entry(names("elizabeth"), "roles", `{"values": ["king", "king/%"]}`) + `, ` +
			entry(names("charles"), "roles", names("king/%")) + `, ` + entry(names("welby"), "roles", names("king")) + `, ` +
			entry(names("ops"), "roles", anyone) + `, ` + entry(names("bar"), "roles", noone) + `]}`
	}
	roleQuestions := func(make func(string) authorization.Object) []question {
		return []question{
			{"elizabeth", make("king"), true}, {"elizabeth", make("king/wales"), true}, {"elizabeth", make("king/wales/cambridge"), true}, {"elizabeth", make("kingdom"), false},
			{"charles", make("king"), false}, {"charles", make("king/wales"), true}, {"charles", make("king/wales/cambridge"), true}, {"charles", make("kingdom/wales"), false},
			{"welby", make("king"), true}, {"welby", make("king/wales"), false}, {"welby", make("ki"), false},
			{"ops", make("anything"), true}, {"ops", nothing, true}, {"bar", make("king"), false}, {"stranger", make("king"), false}, {"welby", nothing, false},
		}
	}
	reservedTo := func(role string) authorization.Object { return reserved(role, "someone") }
	reservedBy := func(principal string) authorization.Object { return reserved("role", principal) }
	// creators lets foo touch what foo made, ops everything, bar nothing.
	creators := func(list, key string) string {
		return `{"permissive": false, "` + list + `": [` + entry(names("foo"), key, names("foo")) + `, ` + entry(names("ops"), key, anyone) + `, ` + entry(names("bar"), key, noone) + `]}`
	}
	creatorQuestions := func(make func(string) authorization.Object) []question {
		return []question{{"foo", make("foo"), true}, {"foo", make("bar"), false}, {"ops", make("bar"), true}, {"bar", make("bar"), false}, {"zelda", make("zelda"), false},
			{"foo", make(""), false}, {"ops", make(""), true}}
	}

	for _, c := range []struct {
		name      string
		action    authorization.Action
		acls      string
		questions []question
	}{
		{"AnyPrincipalRunAsUser", authorization.RunTask, one("run_tasks", anyone, "users", names("guest")),
			[]question{{"foo", byFramework("guest"), true}, {"bar", byFramework("guest"), true}, {"", byFramework("guest"), true}, {"foo", byFramework("root"), false}}},
		{"NoPrincipalRunAsUser", authorization.RunTask, `{"run_tasks": [` + entry(noone, "users", names("root")) + `]}`,
			[]question{{"foo", byFramework("root"), false}, {"", byFramework("root"), false}, {"foo", byFramework("guest"), true}}},
		{"PrincipalRunAsAnyUser", authorization.RunTask, one("run_tasks", names("foo"), "users", anyone),
			[]question{{"foo", byFramework("user1"), true}, {"foo", byFramework("user2"), true}, {"foo", nothing, true}, {"bar", byFramework("user1"), false}}},
		{"AnyPrincipalRunAsAnyUser", authorization.RunTask, one("run_tasks", anyone, "users", anyone),
			[]question{{"foo", byTask("user1"), true}, {"bar", byTaskInfo("user2"), true}, {"", nothing, true}}},
		{"OnlySomePrincipalsRunAsSomeUsers", authorization.RunTask, `{"run_tasks": [` + entry(`{"values": ["foo", "bar"]}`, "users", `{"values": ["user1", "user2"]}`) + `, ` + entry(noone, "users", `{"values": ["user1", "user2"]}`) + `]}`,
			[]question{{"foo", byTaskInfo("user1"), true}, {"bar", byTaskExecutor("user2"), true}, {"baz", byTaskInfo("user1"), false}, {"baz", byFramework("user2"), false}, {"baz", byTaskInfo("user3"), true}}},
		{"SomePrincipalOnlySomeUser", authorization.RunTask, `{"run_tasks": [` + entry(names("foo"), "users", names("user1")) + `, ` + entry(names("foo"), "users", noone) + `]}`,
			[]question{{"foo", byTaskInfo("user1"), true}, {"foo", byTaskInfo("user2"), false}, {"bar", byTaskInfo("user2"), true}, {"foo", nothing, false}}},
		{"PrincipalRunAsSomeUserRestrictive", authorization.RunTask, one("run_tasks", names("foo"), "users", names("user1")),
			[]question{{"foo", byTaskInfo("user1"), true}, {"foo", byTaskInfo("user2"), false}, {"bar", byTaskInfo("user1"), false}}},
		{"AnyPrincipalOfferedRole", authorization.RegisterFramework, one("register_frameworks", anyone, "roles", names("*")),
			[]question{{"foo", named("*"), true}, {"", named("*"), true}, {"foo", named("analytics"), false}}},
		{"SomePrincipalsOfferedRole", authorization.RegisterFramework, `{"register_frameworks": [` + entry(`{"values": ["foo", "bar"]}`, "roles", names("ads")) + `, ` + entry(noone, "roles", names("ads")) + `]}`,
			[]question{{"foo", named("ads"), true}, {"bar", named("ads"), true}, {"baz", named("ads"), false}, {"baz", named("other"), true}}},
		{"PrincipalOfferedRole", authorization.RegisterFramework, `{"register_frameworks": [` + entry(names("foo"), "roles", names("analytics")) + `, ` + entry(noone, "roles", names("analytics")) + `]}`,
			[]question{{"foo", named("analytics"), true}, {"bar", named("analytics"), false}}},
		{"PrincipalNotOfferedAnyRoleRestrictive", authorization.RegisterFramework, one("register_frameworks", names("foo"), "roles", names("analytics")),
			[]question{{"foo", named("analytics"), true}, {"bar", named("*"), false}, {"foo", named("*"), false}}},
		{"RegisterFrameworkHierarchical", authorization.RegisterFramework, trees("register_frameworks"), roleQuestions(named)},
		{"Reserve", authorization.ReserveResources, trees("reserve_resources"), append(roleQuestions(reservedTo), roleQuestions(named)...)},
		{"Unreserve", authorization.UnreserveResources, creators("unreserve_resources", "reserver_principals"), append(creatorQuestions(reservedBy), creatorQuestions(named)...)},
		{"CreateVolume", authorization.CreateVolume, trees("create_volumes"), roleQuestions(reservedTo)},
		{"DestroyVolume", authorization.DestroyVolume, creators("destroy_volumes", "creator_principals"), append(creatorQuestions(volume), creatorQuestions(named)...)},
		{"ResizeVolume", authorization.ResizeVolume, trees("resize_volumes"), roleQuestions(reservedTo)},
		{"CreateBlockDisk", authorization.CreateBlockDisk, trees("create_block_disks"), roleQuestions(reservedTo)},
		{"DestroyBlockDisk", authorization.DestroyBlockDisk, trees("destroy_block_disks"), roleQuestions(reservedTo)},
		{"CreateMountDisk", authorization.CreateMountDisk, trees("create_mount_disks"), roleQuestions(reservedTo)},
		{"DestroyMountDisk", authorization.DestroyMountDisk, trees("destroy_mount_disks"), roleQuestions(reservedTo)},
		{"DestroyRawDisk", authorization.DestroyRawDisk, trees("destroy_raw_disks"), roleQuestions(reservedTo)},
		{"GetQuota", authorization.GetQuota, trees("get_quotas"), roleQuestions(named)},
		{"UpdateQuota", authorization.UpdateQuota, trees("update_quotas"), roleQuestions(named)},
		{"UpdateQuotaConfig", authorization.UpdateQuotaWithConfig, trees("update_quotas"), roleQuestions(named)},
		{"UpdateWeight", authorization.UpdateWeight, trees("update_weights"), roleQuestions(named)},
		{"ViewRole", authorization.ViewRole, trees("view_roles"), roleQuestions(named)},
		{"ViewFramework", authorization.ViewFramework, users("view_frameworks"), userQuestions(byFramework)},
		{"ViewTask", authorization.ViewTask, users("view_tasks"), userQuestions(byTask, byTaskInfo, byTaskExecutor, byFramework)},
		{"ViewExecutor", authorization.ViewExecutor, users("view_executors"), userQuestions(byExecutor, byFramework)},
		{"SandBoxAccess", authorization.AccessSandbox, users("access_sandboxes"), userQuestions(byExecutor, byFramework)},
		{"LogAccess", authorization.AccessMesosLog, wholesale("access_mesos_logs", "logs"), foobar(nothing)},
		{"ViewFlags", authorization.ViewFlags, wholesale("view_flags", "flags"), foobar(nothing)},
		{"SetLogLevel", authorization.SetLogLevel, wholesale("set_log_level", "level"), foobar(nothing)},
		{"KillNestedContainer", authorization.KillNestedContainer, users("kill_nested_containers"), userQuestions(byExecutor, byFramework)},
		{"WaitNestedContainer", authorization.WaitNestedContainer, users("wait_nested_containers"), userQuestions(byExecutor, byFramework)},
		{"RemoveNestedContainer", authorization.RemoveNestedContainer, users("remove_nested_containers"), userQuestions(byExecutor, byFramework)},
		{"AttachContainerInput", authorization.AttachContainerInput, users("attach_containers_input"), userQuestions(byExecutor, byFramework)},
		{"AttachContainerOutput", authorization.AttachContainerOutput, users("attach_containers_output"), userQuestions(byExecutor, byFramework)},
		{"ViewContainer", authorization.ViewContainer, users("view_containers"), userQuestions(byExecutor, byFramework)},
		{"LaunchStandaloneContainer", authorization.LaunchStandaloneContainer, users("launch_standalone_containers"), userQuestions(byCommand)},
		{"ViewStandaloneContainer", authorization.ViewStandaloneContainer, users("view_standalone_containers"), userQuestions(byCommand)},
		{"RegisterAgent", authorization.RegisterAgent, wholesale("register_agents", "agents"), foobar(nothing)},
		{"UpdateMaintenanceSchedule", authorization.UpdateMaintenanceSchedule, wholesale("update_maintenance_schedules", "machines"), foobar(nothing)},
		{"GetMaintenanceSchedule", authorization.GetMaintenanceSchedule, wholesale("get_maintenance_schedules", "machines"), foobar(nothing)},
		{"StartMaintenance", authorization.StartMaintenance, wholesale("start_maintenances", "machines"), foobar(nothing)},
		{"StopMaintenance", authorization.StopMaintenance, wholesale("stop_maintenances", "machines"), foobar(nothing)},
		{"GetMaintenanceStatus", authorization.GetMaintenanceStatus, wholesale("get_maintenance_statuses", "machines"), foobar(nothing)},
		{"DrainAgent", authorization.DrainAgent, wholesale("drain_agents", "agents"), foobar(nothing)},
		{"DeactivateAgent", authorization.DeactivateAgent, wholesale("deactivate_agents", "agents"), foobar(nothing)},
		{"ReactivateAgent", authorization.ReactivateAgent, wholesale("reactivate_agents", "agents"), foobar(nothing)},
		{"MarkAgentGone", authorization.MarkAgentGone, wholesale("mark_agents_gone", "agents"), foobar(nothing)},
		{"MarkResourceProviderGone", authorization.MarkResourceProviderGone, wholesale("mark_resource_providers_gone", "resource_providers"), foobar(nothing)},
		{"ModifyResourceProviderConfig", authorization.ModifyResourceProviderConfig, wholesale("modify_resource_provider_configs", "resource_providers"), foobar(nothing)},
		{"ViewResourceProvider", authorization.ViewResourceProvider, wholesale("view_resource_providers", "resource_providers"), foobar(nothing)},
		{"PruneImages", authorization.PruneImages, wholesale("prune_images", "images"), foobar(nothing)},
		{"TeardownFramework", authorization.TeardownFramework, creators("teardown_frameworks", "framework_principals"), append(creatorQuestions(owned), creatorQuestions(named)...)},
		{"ValidateEndpoints", authorization.GetEndpointWithPath, `{"permissive": false, "get_endpoints": [` + entry(names("foo"), "paths", names("/containers")) + `, ` + entry(names("bar"), "paths", noone) + `, ` + entry(names("ops"), "paths", anyone) + `]}`,
			[]question{{"foo", named("/containers"), true}, {"foo", named("/metrics/snapshot"), false}, {"foo", named("/container"), false}, {"bar", named("/containers"), false}, {"ops", named("/metrics/snapshot"), true}, {"", named("/containers"), false}}},
		{"OptionalObject", authorization.RegisterFramework, `{"permissive": false, "register_frameworks": [` + entry(names("foo"), "roles", anyone) + `, ` + entry(names("bar"), "roles", names("ads")) + `]}`,
			[]question{{"foo", nothing, true}, {"bar", nothing, false}, {"baz", nothing, false}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := parse(t, c.acls)
			for _, q := range c.questions {
				if got := authorization.Approves(l, as(q.who), c.action, q.what); got != q.may {
					t.Errorf("%q may %v of %v: %v", q.who, c.action, q.what, got)
				}
			}
		})
	}
}

func entry(principals, key, objects string) string {
	return `{"principals": ` + principals + `, "` + key + `": ` + objects + `}`
}

// Whoever launches a container below another needs both: to run as the user of the new one, and to be let into the
// container around it.
func TestNestedContainers(t *testing.T) {
	for _, c := range []struct {
		name      string
		action    authorization.Action
		as, under string
	}{
		{"LaunchNestedContainers", authorization.LaunchNestedContainer, "launch_nested_containers_as_user", "launch_nested_containers_under_parent_with_user"},
		{"LaunchNestedContainerSessions", authorization.LaunchNestedContainerSession, "launch_nested_container_sessions_as_user", "launch_nested_container_sessions_under_parent_with_user"},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := parse(t, `{"permissive": false,
				"`+c.as+`": [{"principals": {"values": ["foo"]}, "users": {"values": ["guest"]}}, {"principals": {"values": ["half"]}, "users": {"type": "ANY"}}, {"principals": {"values": ["ops"]}, "users": {"type": "ANY"}}],
				"`+c.under+`": [{"principals": {"values": ["foo"]}, "users": {"values": ["user"]}}, {"principals": {"values": ["ops"]}, "users": {"type": "ANY"}}]}`)
			launch := func(child, parent string) authorization.Object {
				o := byExecutor(parent)
				o.Command = &mesospb.CommandInfo{User: proto.String(child)}
				if child == "" {
					o.Command = nil // it runs as the one around it
				}
				return o
			}
			for _, q := range []question{
				{"foo", launch("guest", "user"), true}, {"foo", launch("root", "user"), false}, {"foo", launch("guest", "root"), false}, {"foo", launch("", "user"), false},
				{"half", launch("guest", "user"), false}, {"ops", launch("root", "root"), true}, {"ops", launch("", "root"), true}, {"baz", launch("guest", "user"), false},
			} {
				if got := authorization.Approves(l, as(q.who), c.action, q.what); got != q.may {
					t.Errorf("%q may launch %v: %v", q.who, q.what, got)
				}
			}
		})
	}
}
