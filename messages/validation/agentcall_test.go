package validation_test

import (
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

// container is the id of a container in others, the outermost first.
func container(path ...string) (id *mesospb.ContainerID) {
	for _, v := range path {
		id = &mesospb.ContainerID{Value: proto.String(v), Parent: id}
	}
	return id
}

func TestContainerID(t *testing.T) {
	deep := make([]string, 40)
	for i := range deep {
		deep[i] = "x"
	}
	for _, c := range []struct {
		name   string
		id     *mesospb.ContainerID
		reason string
	}{
		{"a plain one", container("redis"), ""},
		{"in another", container("redis", "backup"), ""},
		{"the longest", container("redis", strings.Repeat("x", 242)), ""},
		{"empty", container(""), "empty"},
		{"a slash", container("/"), "slash"},
		{"a backslash", container("\\"), "slash"},
		{"a space", container("redis backup"), "space"},
		{"a dot inside", container("redis.backup"), "dot"},
		{"a dot", container("."), "directory"},
		{"two dots", container(".."), "directory"},
		{"in one without a name", container("", "backup"), "empty"},
		{"too long", container("redis", strings.Repeat("x", 243)), "at most 242"},
		{"absurdly deep", container(deep...), "deeper"},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.ContainerID(c.id), c.reason) })
	}
}

func secretValue(data string) *mesospb.Secret {
	return &mesospb.Secret{Type: mesospb.Secret_VALUE.Enum(), Value: &mesospb.Secret_Value{Data: []byte(data)}}
}

func TestSecret(t *testing.T) {
	reference := &mesospb.Secret_Reference{Name: proto.String("name")}
	for _, c := range []struct {
		name   string
		secret *mesospb.Secret
		reason string
	}{
		{"a value", secretValue("x"), ""},
		{"a value that is missing", &mesospb.Secret{Type: mesospb.Secret_VALUE.Enum()}, "set value"},
		{"a value with a reference", &mesospb.Secret{Type: mesospb.Secret_VALUE.Enum(), Value: &mesospb.Secret_Value{}, Reference: reference}, "leave reference out"},
		{"a reference", &mesospb.Secret{Type: mesospb.Secret_REFERENCE.Enum(), Reference: reference}, ""},
		{"a reference that is missing", &mesospb.Secret{Type: mesospb.Secret_REFERENCE.Enum()}, "set reference"},
		{"a reference with a value", &mesospb.Secret{Type: mesospb.Secret_REFERENCE.Enum(), Value: &mesospb.Secret_Value{}, Reference: reference}, "leave value out"},
		{"of a type of the future", &mesospb.Secret{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.Secret(c.secret), c.reason) })
	}
}

func environment(v *mesospb.Environment_Variable) *mesospb.Environment {
	v.Name = proto.String("KEY")
	return &mesospb.Environment{Variables: []*mesospb.Environment_Variable{v}}
}

func TestEnvironment(t *testing.T) {
	secret := mesospb.Environment_Variable_SECRET.Enum()
	for _, c := range []struct {
		name   string
		v      *mesospb.Environment_Variable
		reason string
	}{
		{"a value without a type", &mesospb.Environment_Variable{Value: proto.String("x")}, ""},
		{"no value", &mesospb.Environment_Variable{}, `"KEY": of type VALUE: set value`},
		{"a value with a secret", &mesospb.Environment_Variable{Value: proto.String("x"), Secret: secretValue("x")}, "leave secret out"},
		{"a secret", &mesospb.Environment_Variable{Type: secret, Secret: secretValue("x")}, ""},
		{"no secret", &mesospb.Environment_Variable{Type: secret}, "set secret"},
		{"a secret with a value", &mesospb.Environment_Variable{Type: secret, Secret: secretValue("x"), Value: proto.String("x")}, "leave value out"},
		{"a secret with a null byte", &mesospb.Environment_Variable{Type: secret, Secret: secretValue("ab\x00cd")}, "null byte"},
		{"a bad secret", &mesospb.Environment_Variable{Type: secret, Secret: &mesospb.Secret{Type: mesospb.Secret_REFERENCE.Enum()}}, "set reference"},
		{"an unknown type", &mesospb.Environment_Variable{Type: mesospb.Environment_Variable_UNKNOWN.Enum(), Value: proto.String("x")}, "UNKNOWN"},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.Environment(environment(c.v)), c.reason) })
	}
}

// badCommand shows that a command is looked into.
func badCommand() *mesospb.CommandInfo {
	return &mesospb.CommandInfo{Value: proto.String("exit 0"), Environment: environment(&mesospb.Environment_Variable{})}
}

func sharing(share bool) *mesospb.ContainerInfo {
	return &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum(), LinuxInfo: &mesospb.LinuxInfo{ShareCgroups: &share}}
}

// A step is one call of a story, in which a call is mended until it passes.
type step struct {
	name, reason string
	call         *agentpb.Call
}

func runSteps(t *testing.T, kind agentpb.Call_Type, name string, steps ...step) {
	t.Run(name, func(t *testing.T) {
		for _, s := range steps {
			t.Run(s.name, func(t *testing.T) {
				s.call.Type = &kind
				check(t, validation.AgentCall(s.call), s.reason)
			})
		}
	})
}

func TestAgentCall(t *testing.T) {
	type nested = agentpb.Call_LaunchNestedContainer
	launch := func(l *nested) *agentpb.Call { return &agentpb.Call{LaunchNestedContainer: l} }
	runSteps(t, agentpb.Call_LAUNCH_NESTED_CONTAINER, "launch a nested container",
		step{"without a body", "set launch_nested_container", launch(nil)},
		step{"with a bad id", "space", launch(&nested{ContainerId: container("no spaces allowed")})},
		step{"without a parent", "parent", launch(&nested{ContainerId: container("a")})},
		step{"with a bad environment", `"KEY": of type VALUE: set value`, launch(&nested{ContainerId: container("a", "b"), Command: badCommand()})},
		step{"as it should be", "", launch(&nested{ContainerId: container("a", "b"), Command: &mesospb.CommandInfo{Value: proto.String("exit 0")}})},
		step{"deeper", "", launch(&nested{ContainerId: container("a", "b", "c")})},
		step{"deeper with control groups of its own", "share_cgroups", launch(&nested{ContainerId: container("a", "b", "c"), Container: sharing(false)})},
		step{"with control groups of its own", "", launch(&nested{ContainerId: container("a", "b"), Container: sharing(false)})},
	)
	type session = agentpb.Call_LaunchNestedContainerSession
	open := func(l *session) *agentpb.Call { return &agentpb.Call{LaunchNestedContainerSession: l} }
	runSteps(t, agentpb.Call_LAUNCH_NESTED_CONTAINER_SESSION, "launch a nested session",
		step{"without a body", "set launch_nested_container_session", open(nil)},
		step{"with a bad id", "space", open(&session{ContainerId: container("no spaces allowed")})},
		step{"without a parent", "parent", open(&session{ContainerId: container("a")})},
		step{"with a bad environment", "set value", open(&session{ContainerId: container("a", "b"), Command: badCommand()})},
		step{"with control groups of its own", "share_cgroups", open(&session{ContainerId: container("a", "b"), Container: sharing(false)})},
		step{"as it should be", "", open(&session{ContainerId: container("a", "b"), Container: sharing(true)})},
		step{"deeper", "", open(&session{ContainerId: container("a", "b", "c"), Container: sharing(true)})},
	)
	testAloneContainers(t)
	testShortCalls(t)
	testProviderCalls(t)
	runSteps(t, agentpb.Call_GET_STATE, "ask for the state", step{"without a body", "", &agentpb.Call{}})
	runSteps(t, agentpb.Call_GET_CONTAINERS, "ask for containers", step{"without a body", "", &agentpb.Call{}})
	runSteps(t, agentpb.Call_READ_FILE, "read a file",
		step{"without a body", "set read_file", &agentpb.Call{}},
		step{"without a path", "path", &agentpb.Call{ReadFile: &agentpb.Call_ReadFile{Offset: proto.Uint64(0)}}},
	)
	mustRefuse(t, validation.AgentCall(&agentpb.Call{}), "no type")
}

func testAloneContainers(t *testing.T) {
	type launch = agentpb.Call_LaunchContainer
	call := func(l *launch) *agentpb.Call { return &agentpb.Call{LaunchContainer: l} }
	negative := amounts(t, "cpus:1").Proto()
	negative[0].Scalar.Value = proto.Float64(-0.1)
	runSteps(t, agentpb.Call_LAUNCH_CONTAINER, "launch a container",
		step{"without a body", "set launch_container", call(nil)},
		step{"with a bad id", "space", call(&launch{ContainerId: container("no spaces allowed")})},
		step{"with a bad environment", "set value", call(&launch{ContainerId: container("a"), Command: badCommand()})},
		step{"with negative resources", "negative", call(&launch{ContainerId: container("a"), Resources: negative})},
		step{"with half a gpu", "whole", call(&launch{ContainerId: container("a"), Resources: amounts(t, "gpus:0.5").Proto()})},
		step{"with reserved resources", "reserved", call(&launch{ContainerId: container("a"), Resources: amounts(t, "cpus(eng):1").Proto()})},
		step{"for Docker without saying what", "set docker", call(&launch{ContainerId: container("a"), Container: &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_DOCKER.Enum()}})},
		step{"with nobody's control groups", "share_cgroups", call(&launch{ContainerId: container("a"), Container: sharing(true)})},
		step{"as it should be", "", call(&launch{ContainerId: container("a"), Container: sharing(false), Resources: amounts(t, "cpus:0.1").Proto()})},
		step{"deeper with control groups of its own", "share_cgroups", call(&launch{ContainerId: container("a", "b", "c"), Container: sharing(false)})},
		step{"deeper with resources of its own", "resources", call(&launch{ContainerId: container("a", "b", "c"), Resources: amounts(t, "cpus:0.1").Proto()})},
		step{"deeper with limits of its own", "limits", call(&launch{ContainerId: container("a", "b", "c"), Limits: map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(1)}}})},
		step{"deeper, as it should be", "", call(&launch{ContainerId: container("a", "b", "c"), Container: sharing(true)})},
	)
}

// testShortCalls are the calls that name a container and little else.
func testShortCalls(t *testing.T) {
	for _, c := range []struct {
		kind   agentpb.Call_Type
		name   string
		nested bool
		call   func(*mesospb.ContainerID) *agentpb.Call
	}{
		{agentpb.Call_WAIT_NESTED_CONTAINER, "wait for a nested container", true, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{WaitNestedContainer: &agentpb.Call_WaitNestedContainer{ContainerId: id}}
		}},
		{agentpb.Call_KILL_NESTED_CONTAINER, "kill a nested container", true, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{KillNestedContainer: &agentpb.Call_KillNestedContainer{ContainerId: id}}
		}},
		{agentpb.Call_REMOVE_NESTED_CONTAINER, "remove a nested container", true, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{RemoveNestedContainer: &agentpb.Call_RemoveNestedContainer{ContainerId: id}}
		}},
		{agentpb.Call_WAIT_CONTAINER, "wait for a container", false, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{WaitContainer: &agentpb.Call_WaitContainer{ContainerId: id}}
		}},
		{agentpb.Call_KILL_CONTAINER, "kill a container", false, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{KillContainer: &agentpb.Call_KillContainer{ContainerId: id}}
		}},
		{agentpb.Call_REMOVE_CONTAINER, "remove a container", false, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{RemoveContainer: &agentpb.Call_RemoveContainer{ContainerId: id}}
		}},
		{agentpb.Call_ATTACH_CONTAINER_OUTPUT, "attach to the output", false, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{AttachContainerOutput: &agentpb.Call_AttachContainerOutput{ContainerId: id}}
		}},
		{agentpb.Call_ATTACH_CONTAINER_INPUT, "attach to the input", false, func(id *mesospb.ContainerID) *agentpb.Call {
			return &agentpb.Call{AttachContainerInput: &agentpb.Call_AttachContainerInput{Type: agentpb.Call_AttachContainerInput_CONTAINER_ID.Enum(), ContainerId: id}}
		}},
	} {
		alone := ""
		if c.nested {
			alone = "parent"
		}
		runSteps(t, c.kind, c.name,
			step{"without a body", "set " + strings.ToLower(c.kind.String()), &agentpb.Call{}},
			step{"with a bad id", "space", c.call(container("a b"))},
			step{"without a parent", alone, c.call(container("a"))},
			step{"as it should be", "", c.call(container("a", "b"))},
		)
	}
}

func testProviderCalls(t *testing.T) {
	info := &mesospb.ResourceProviderInfo{Type: proto.String("org.apache.mesos.rp.type"), Name: proto.String("name")}
	named := proto.CloneOf(info)
	named.Id = &mesospb.ResourceProviderID{Value: proto.String("id")}
	runSteps(t, agentpb.Call_ADD_RESOURCE_PROVIDER_CONFIG, "add a resource provider",
		step{"without a body", "set add_resource_provider_config", &agentpb.Call{}},
		step{"with an id", "leave it out", &agentpb.Call{AddResourceProviderConfig: &agentpb.Call_AddResourceProviderConfig{Info: named}}},
		step{"as it should be", "", &agentpb.Call{AddResourceProviderConfig: &agentpb.Call_AddResourceProviderConfig{Info: info}}},
	)
	runSteps(t, agentpb.Call_UPDATE_RESOURCE_PROVIDER_CONFIG, "update a resource provider",
		step{"without a body", "set update_resource_provider_config", &agentpb.Call{}},
		step{"with an id", "leave it out", &agentpb.Call{UpdateResourceProviderConfig: &agentpb.Call_UpdateResourceProviderConfig{Info: named}}},
		step{"as it should be", "", &agentpb.Call{UpdateResourceProviderConfig: &agentpb.Call_UpdateResourceProviderConfig{Info: info}}},
	)
	runSteps(t, agentpb.Call_REMOVE_RESOURCE_PROVIDER_CONFIG, "remove a resource provider",
		step{"without a body", "set remove_resource_provider_config", &agentpb.Call{}},
		step{"as it should be", "", &agentpb.Call{RemoveResourceProviderConfig: &agentpb.Call_RemoveResourceProviderConfig{Type: info.Type, Name: info.Name}}},
	)
}
