package validation_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/validation"
	"google.golang.org/protobuf/proto"
)

var uuid = []byte("0123456789abcdef")

func TestSchedulerCall(t *testing.T) {
	id := &mesospb.FrameworkID{Value: proto.String("f1")}
	info := aFramework(func(f *mesospb.FrameworkInfo) { f.Id = id })
	task, agent := &mesospb.TaskID{Value: proto.String("t")}, &mesospb.AgentID{Value: proto.String("a")}
	for _, c := range []struct {
		name, reason, principal string
		kind                    schedulerpb.Call_Type
		call                    *schedulerpb.Call
	}{
		{"subscribing anew", "", "", schedulerpb.Call_SUBSCRIBE, &schedulerpb.Call{Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: aFramework()}}},
		{"subscribing again", "", "p", schedulerpb.Call_SUBSCRIBE, &schedulerpb.Call{FrameworkId: id, Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: info}}},
		{"subscribing without a body", "set subscribe", "", schedulerpb.Call_SUBSCRIBE, &schedulerpb.Call{}},
		{"subscribing without a name", "name", "", schedulerpb.Call_SUBSCRIBE, &schedulerpb.Call{Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: &mesospb.FrameworkInfo{User: proto.String("u")}}}},
		{"subscribing with two ids", "differs", "", schedulerpb.Call_SUBSCRIBE, &schedulerpb.Call{FrameworkId: id, Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: aFramework()}}},
		{"subscribing as somebody else", "principal", "eve", schedulerpb.Call_SUBSCRIBE, &schedulerpb.Call{Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: aFramework()}}},
		{"tearing down", "", "", schedulerpb.Call_TEARDOWN, &schedulerpb.Call{FrameworkId: id}},
		{"tearing down nobody", "set framework_id", "", schedulerpb.Call_TEARDOWN, &schedulerpb.Call{}},
		{"accepting", "", "", schedulerpb.Call_ACCEPT, &schedulerpb.Call{FrameworkId: id, Accept: &schedulerpb.Call_Accept{}}},
		{"accepting without a body", "set accept", "", schedulerpb.Call_ACCEPT, &schedulerpb.Call{FrameworkId: id}},
		{"declining without a body", "set decline", "", schedulerpb.Call_DECLINE, &schedulerpb.Call{FrameworkId: id}},
		{"reviving all roles", "", "", schedulerpb.Call_REVIVE, &schedulerpb.Call{FrameworkId: id}},
		{"suppressing all roles", "", "", schedulerpb.Call_SUPPRESS, &schedulerpb.Call{FrameworkId: id}},
		{"killing", "", "", schedulerpb.Call_KILL, &schedulerpb.Call{FrameworkId: id, Kill: &schedulerpb.Call_Kill{TaskId: task}}},
		{"killing nothing", "task_id", "", schedulerpb.Call_KILL, &schedulerpb.Call{FrameworkId: id, Kill: &schedulerpb.Call_Kill{}}},
		{"acknowledging", "", "", schedulerpb.Call_ACKNOWLEDGE, &schedulerpb.Call{FrameworkId: id, Acknowledge: &schedulerpb.Call_Acknowledge{AgentId: agent, TaskId: task, Uuid: uuid}}},
		{"acknowledging a bad uuid", "uuid", "", schedulerpb.Call_ACKNOWLEDGE, &schedulerpb.Call{FrameworkId: id, Acknowledge: &schedulerpb.Call_Acknowledge{AgentId: agent, TaskId: task, Uuid: uuid[1:]}}},
		{"acknowledging nothing", "set acknowledge", "", schedulerpb.Call_ACKNOWLEDGE, &schedulerpb.Call{FrameworkId: id}},
		{"acknowledging an operation of no agent", "agent_id", "", schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS, &schedulerpb.Call{
			FrameworkId: id, AcknowledgeOperationStatus: &schedulerpb.Call_AcknowledgeOperationStatus{Uuid: uuid, OperationId: &mesospb.OperationID{Value: proto.String("o")}},
		}},
		{"reconciling without a body", "set reconcile", "", schedulerpb.Call_RECONCILE, &schedulerpb.Call{FrameworkId: id}},
		{"updating another framework", "differs", "", schedulerpb.Call_UPDATE_FRAMEWORK, &schedulerpb.Call{FrameworkId: id, UpdateFramework: &schedulerpb.Call_UpdateFramework{FrameworkInfo: aFramework()}}},
		{"something of the future", "", "", schedulerpb.Call_UNKNOWN, &schedulerpb.Call{FrameworkId: id}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.call.Type = &c.kind
			check(t, validation.SchedulerCall(c.call, c.principal), c.reason)
		})
	}
	mustRefuse(t, validation.SchedulerCall(&schedulerpb.Call{FrameworkId: id}, ""), "no type")
}

func TestExecutorCall(t *testing.T) {
	call := func(kind executorpb.Call_Type) *executorpb.Call {
		return &executorpb.Call{
			Type: &kind, ExecutorId: &mesospb.ExecutorID{Value: proto.String("e1")}, FrameworkId: &mesospb.FrameworkID{Value: proto.String("f1")},
		}
	}
	t.Run("subscribing", func(t *testing.T) {
		c := call(executorpb.Call_SUBSCRIBE)
		mustRefuse(t, validation.ExecutorCall(c), "set subscribe")
		c.Subscribe = &executorpb.Call_Subscribe{}
		mustPass(t, validation.ExecutorCall(c))
		c.ExecutorId = nil
		mustRefuse(t, validation.ExecutorCall(c), "executor_id")
	})
	for _, c := range []struct {
		name, reason string
		edit         func(*mesospb.TaskStatus)
	}{
		{"as it should be", "", func(*mesospb.TaskStatus) {}},
		{"without a uuid", "uuid", func(s *mesospb.TaskStatus) { s.Uuid = nil }},
		{"with a bad uuid", "uuid", func(s *mesospb.TaskStatus) { s.Uuid = []byte("x") }},
		{"of another executor", `"e2"`, func(s *mesospb.TaskStatus) { s.ExecutorId = &mesospb.ExecutorID{Value: proto.String("e2")} }},
		{"from elsewhere", "SOURCE_EXECUTOR", func(s *mesospb.TaskStatus) { s.Source = mesospb.TaskStatus_SOURCE_AGENT.Enum() }},
		{"of a staging task", "TASK_STAGING", func(s *mesospb.TaskStatus) { s.State = mesospb.TaskState_TASK_STAGING.Enum() }},
		{"with a check of no type", "check status", func(s *mesospb.TaskStatus) { s.CheckStatus = &mesospb.CheckStatusInfo{} }},
		{"with a check of another type", "set the field", func(s *mesospb.TaskStatus) {
			s.CheckStatus = &mesospb.CheckStatusInfo{Type: mesospb.CheckInfo_HTTP.Enum(), Tcp: &mesospb.CheckStatusInfo_Tcp{}}
		}},
		{"with a check", "", func(s *mesospb.TaskStatus) {
			s.CheckStatus = &mesospb.CheckStatusInfo{Type: mesospb.CheckInfo_TCP.Enum(), Tcp: &mesospb.CheckStatusInfo_Tcp{}}
		}},
	} {
		t.Run("an update "+c.name, func(t *testing.T) {
			x := call(executorpb.Call_UPDATE)
			x.Update = &executorpb.Call_Update{Status: &mesospb.TaskStatus{
				TaskId: &mesospb.TaskID{Value: proto.String("t1")}, State: mesospb.TaskState_TASK_RUNNING.Enum(),
				Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum(), Uuid: uuid,
			}}
			c.edit(x.Update.Status)
			check(t, validation.ExecutorCall(x), c.reason)
		})
	}
	t.Run("the rest", func(t *testing.T) {
		mustPass(t, validation.ExecutorCall(call(executorpb.Call_HEARTBEAT)))
		mustRefuse(t, validation.ExecutorCall(call(executorpb.Call_MESSAGE)), "set message")
		mustRefuse(t, validation.ExecutorCall(&executorpb.Call{}), "no type")
	})
}

func TestMasterCall(t *testing.T) {
	for _, c := range []struct {
		name, reason string
		kind         masterpb.Call_Type
		call         *masterpb.Call
	}{
		{"asking for the state", "", masterpb.Call_GET_STATE, &masterpb.Call{}},
		{"subscribing", "", masterpb.Call_SUBSCRIBE, &masterpb.Call{}},
		{"asking for metrics without a body", "set get_metrics", masterpb.Call_GET_METRICS, &masterpb.Call{}},
		{"updating quota without a body", "set update_quota", masterpb.Call_UPDATE_QUOTA, &masterpb.Call{}},
		{"updating quota", "", masterpb.Call_UPDATE_QUOTA, &masterpb.Call{UpdateQuota: &masterpb.Call_UpdateQuota{}}},
		{"tearing down without a body", "set teardown", masterpb.Call_TEARDOWN, &masterpb.Call{}},
		{"reserving bad resources", "role", masterpb.Call_RESERVE_RESOURCES, &masterpb.Call{ReserveResources: &masterpb.Call_ReserveResources{
			AgentId: &mesospb.AgentID{Value: proto.String("a")},
			Resources: []*mesospb.Resource{{
				Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(1)}, Role: proto.String("/"),
			}},
		}}},
		{"growing a volume of no agent", "agent_id", masterpb.Call_GROW_VOLUME, &masterpb.Call{GrowVolume: &masterpb.Call_GrowVolume{
			Volume: amounts(t, "disk:1").Proto()[0], Addition: amounts(t, "disk:1").Proto()[0],
		}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.call.Type = &c.kind
			check(t, validation.MasterCall(c.call), c.reason)
		})
	}
	mustRefuse(t, validation.MasterCall(&masterpb.Call{}), "no type")
}

func TestChecks(t *testing.T) {
	command := &mesospb.CommandInfo{Value: proto.String("true")}
	for _, c := range []struct {
		name, reason string
		health       *mesospb.HealthCheck
		check        *mesospb.CheckInfo
	}{
		{"without a type", "no type", &mesospb.HealthCheck{}, &mesospb.CheckInfo{}},
		{"of an unknown type", "UNKNOWN", &mesospb.HealthCheck{Type: mesospb.HealthCheck_UNKNOWN.Enum()}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_UNKNOWN.Enum()}},
		{"a command", "", &mesospb.HealthCheck{Type: mesospb.HealthCheck_COMMAND.Enum(), Command: command}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_COMMAND.Enum(), Command: &mesospb.CheckInfo_Command{Command: command}}},
		{"no command", "set command", &mesospb.HealthCheck{Type: mesospb.HealthCheck_COMMAND.Enum()}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_COMMAND.Enum()}},
		{"an empty command", "set", &mesospb.HealthCheck{Type: mesospb.HealthCheck_COMMAND.Enum(), Command: &mesospb.CommandInfo{}}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_COMMAND.Enum(), Command: &mesospb.CheckInfo_Command{}}},
		{"a command without a value", "shell", &mesospb.HealthCheck{Type: mesospb.HealthCheck_COMMAND.Enum(), Command: &mesospb.CommandInfo{}}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_COMMAND.Enum(), Command: &mesospb.CheckInfo_Command{Command: &mesospb.CommandInfo{}}}},
		{"a command with a bad environment", "set value", &mesospb.HealthCheck{Type: mesospb.HealthCheck_COMMAND.Enum(), Command: badCommand()}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_COMMAND.Enum(), Command: &mesospb.CheckInfo_Command{Command: badCommand()}}},
		{"over HTTP", "", &mesospb.HealthCheck{Type: mesospb.HealthCheck_HTTP.Enum(), Http: &mesospb.HealthCheck_HTTPCheckInfo{Scheme: proto.String("https"), Path: proto.String("/x")}}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_HTTP.Enum(), Http: &mesospb.CheckInfo_Http{Path: proto.String("/x")}}},
		{"over nothing", "set http", &mesospb.HealthCheck{Type: mesospb.HealthCheck_HTTP.Enum()}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_HTTP.Enum()}},
		{"with a bad path", "start with /", &mesospb.HealthCheck{Type: mesospb.HealthCheck_HTTP.Enum(), Http: &mesospb.HealthCheck_HTTPCheckInfo{Path: proto.String("x")}}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_HTTP.Enum(), Http: &mesospb.CheckInfo_Http{Path: proto.String("x")}}},
		{"over TCP", "", &mesospb.HealthCheck{Type: mesospb.HealthCheck_TCP.Enum(), Tcp: &mesospb.HealthCheck_TCPCheckInfo{}}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_TCP.Enum(), Tcp: &mesospb.CheckInfo_Tcp{}}},
		{"over no TCP", "set tcp", &mesospb.HealthCheck{Type: mesospb.HealthCheck_TCP.Enum()}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_TCP.Enum()}},
		{"with a negative delay", "delay_seconds", &mesospb.HealthCheck{Type: mesospb.HealthCheck_TCP.Enum(), Tcp: &mesospb.HealthCheck_TCPCheckInfo{}, DelaySeconds: proto.Float64(-1)}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_TCP.Enum(), Tcp: &mesospb.CheckInfo_Tcp{}, DelaySeconds: proto.Float64(-1)}},
		{"with a negative interval", "interval_seconds", &mesospb.HealthCheck{Type: mesospb.HealthCheck_TCP.Enum(), Tcp: &mesospb.HealthCheck_TCPCheckInfo{}, IntervalSeconds: proto.Float64(-1)}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_TCP.Enum(), Tcp: &mesospb.CheckInfo_Tcp{}, IntervalSeconds: proto.Float64(-1)}},
		{"with a negative timeout", "timeout_seconds", &mesospb.HealthCheck{Type: mesospb.HealthCheck_TCP.Enum(), Tcp: &mesospb.HealthCheck_TCPCheckInfo{}, TimeoutSeconds: proto.Float64(-1)}, &mesospb.CheckInfo{Type: mesospb.CheckInfo_TCP.Enum(), Tcp: &mesospb.CheckInfo_Tcp{}, TimeoutSeconds: proto.Float64(-1)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			check(t, validation.HealthCheck(c.health), c.reason)
			check(t, validation.Check(c.check), c.reason)
		})
	}
	t.Run("over another scheme", func(t *testing.T) {
		mustRefuse(t, validation.HealthCheck(&mesospb.HealthCheck{Type: mesospb.HealthCheck_HTTP.Enum(), Http: &mesospb.HealthCheck_HTTPCheckInfo{Scheme: proto.String("ftp")}}), "ftp")
	})
	t.Run("with a negative grace period", func(t *testing.T) {
		mustRefuse(t, validation.HealthCheck(&mesospb.HealthCheck{
			Type: mesospb.HealthCheck_TCP.Enum(), Tcp: &mesospb.HealthCheck_TCPCheckInfo{}, GracePeriodSeconds: proto.Float64(-1),
		}), "grace_period_seconds")
	})
}

func TestCheckStatus(t *testing.T) {
	command, http, tcp := mesospb.CheckInfo_COMMAND.Enum(), mesospb.CheckInfo_HTTP.Enum(), mesospb.CheckInfo_TCP.Enum()
	for _, c := range []struct {
		name, reason string
		s            *mesospb.CheckStatusInfo
	}{
		{"without a type", "no type", &mesospb.CheckStatusInfo{}},
		{"of an unknown type", "UNKNOWN", &mesospb.CheckStatusInfo{Type: mesospb.CheckInfo_UNKNOWN.Enum()}},
		{"of no command", "COMMAND", &mesospb.CheckStatusInfo{Type: command}},
		{"of a command", "", &mesospb.CheckStatusInfo{Type: command, Command: &mesospb.CheckStatusInfo_Command{}}},
		{"over nothing", "HTTP", &mesospb.CheckStatusInfo{Type: http}},
		{"over HTTP", "", &mesospb.CheckStatusInfo{Type: http, Http: &mesospb.CheckStatusInfo_Http{}}},
		{"over no TCP", "TCP", &mesospb.CheckStatusInfo{Type: tcp}},
		{"over TCP", "", &mesospb.CheckStatusInfo{Type: tcp, Tcp: &mesospb.CheckStatusInfo_Tcp{}}},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.CheckStatus(c.s), c.reason) })
	}
}

func TestVolume(t *testing.T) {
	docker := mesospb.Volume_Source_DOCKER_VOLUME.Enum()
	for _, c := range []struct {
		name, reason string
		v            *mesospb.Volume
	}{
		{"of the host", "", &mesospb.Volume{HostPath: proto.String("/x")}},
		{"from nowhere", "exactly one", &mesospb.Volume{}},
		{"from two places", "exactly one", &mesospb.Volume{HostPath: proto.String("/x"), Image: &mesospb.Image{}}},
		{"of Docker", "", &mesospb.Volume{Source: &mesospb.Volume_Source{Type: docker, DockerVolume: &mesospb.Volume_Source_DockerVolume{}}}},
		{"of Docker without saying which", "set the field", &mesospb.Volume{Source: &mesospb.Volume_Source{Type: docker}}},
		{"of another type", "set the field", &mesospb.Volume{Source: &mesospb.Volume_Source{Type: docker, Secret: secretValue("x")}}},
		{"of CSI", "", &mesospb.Volume{Source: &mesospb.Volume_Source{Type: mesospb.Volume_Source_CSI_VOLUME.Enum(), CsiVolume: &mesospb.Volume_Source_CSIVolume{StaticProvisioning: &mesospb.Volume_Source_CSIVolume_StaticProvisioning{}}}}},
		{"of CSI without a volume", "set the field", &mesospb.Volume{Source: &mesospb.Volume_Source{Type: mesospb.Volume_Source_CSI_VOLUME.Enum(), CsiVolume: &mesospb.Volume_Source_CSIVolume{}}}},
		{"of no type", "unknown", &mesospb.Volume{Source: &mesospb.Volume_Source{}}},
	} {
		t.Run(c.name, func(t *testing.T) { check(t, validation.Volume(c.v), c.reason) })
	}
}
