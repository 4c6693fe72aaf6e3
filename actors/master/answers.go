package master

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// reading says something of a view.
type reading func(*View, *Config) *masterpb.Response

// answers are the calls that read, each answered by a plain function of a view.
var answers = map[masterpb.Call_Type]reading{
	masterpb.Call_GET_HEALTH: func(*View, *Config) *masterpb.Response {
		return &masterpb.Response{GetHealth: &masterpb.Response_GetHealth{Healthy: proto.Bool(true)}}
	},
	masterpb.Call_GET_FLAGS: func(_ *View, c *Config) *masterpb.Response {
		return &masterpb.Response{GetFlags: &masterpb.Response_GetFlags{Flags: flags(*c)}}
	},
	masterpb.Call_GET_VERSION: func(_ *View, c *Config) *masterpb.Response {
		return &masterpb.Response{GetVersion: &masterpb.Response_GetVersion{VersionInfo: &mesospb.VersionInfo{Version: proto.String(c.Version)}}}
	},
	masterpb.Call_GET_METRICS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetMetrics: &masterpb.Response_GetMetrics{Metrics: metricsOf(v)}}
	},
	masterpb.Call_GET_STATE: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetState: &masterpb.Response_GetState{GetTasks: tasksOf(v), GetExecutors: executorsOf(v),
			GetFrameworks: frameworksOf(v), GetAgents: agentsOf(v)}}
	},
	masterpb.Call_GET_AGENTS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetAgents: agentsOf(v)}
	},
	masterpb.Call_GET_FRAMEWORKS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetFrameworks: frameworksOf(v)}
	},
	masterpb.Call_GET_TASKS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetTasks: tasksOf(v)}
	},
	masterpb.Call_GET_EXECUTORS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetExecutors: executorsOf(v)}
	},
	masterpb.Call_GET_OPERATIONS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetOperations: &masterpb.Response_GetOperations{Operations: operationsOf(v)}}
	},
	masterpb.Call_GET_ROLES: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetRoles: &masterpb.Response_GetRoles{Roles: rolesOf(v)}}
	},
	masterpb.Call_GET_WEIGHTS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetWeights: weightsOf(v, everybody)}
	},
	masterpb.Call_GET_QUOTA: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetQuota: &masterpb.Response_GetQuota{Status: quotaOf(v, everybody)}}
	},
	masterpb.Call_GET_MAINTENANCE_SCHEDULE: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetMaintenanceSchedule: &masterpb.Response_GetMaintenanceSchedule{Schedule: scheduleOf(v, everybody)}}
	},
	masterpb.Call_GET_MAINTENANCE_STATUS: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetMaintenanceStatus: &masterpb.Response_GetMaintenanceStatus{Status: maintenanceOf(v, everybody)}}
	},
	masterpb.Call_GET_MASTER: func(v *View, _ *Config) *masterpb.Response {
		return &masterpb.Response{GetMaster: &masterpb.Response_GetMaster{MasterInfo: v.Info,
			StartTime: proto.Float64(float64(v.Started.UnixNano()) / 1e9), ElectedTime: proto.Float64(float64(v.Elected.UnixNano()) / 1e9)}}
	},
}

// everybody may see what is in a view: what may not be seen by who asks was left out of it (see ViewFor).
func everybody(authorization.Object) bool { return true }

func operationsOf(v *View) []*mesospb.Operation {
	list := make([]*mesospb.Operation, 0, v.Operations.Len())
	for _, o := range v.Operations.All() {
		list = append(list, o)
	}
	return list
}

func tasksOf(v *View) *masterpb.Response_GetTasks {
	out := &masterpb.Response_GetTasks{}
	for _, t := range v.Tasks.All() {
		out.Tasks = append(out.Tasks, t)
	}
	for _, t := range v.Unreachable.All() {
		out.UnreachableTasks = append(out.UnreachableTasks, t)
	}
	for _, t := range v.Completed.All() {
		out.CompletedTasks = append(out.CompletedTasks, t)
	}
	return out
}

func executorsOf(v *View) *masterpb.Response_GetExecutors {
	out := &masterpb.Response_GetExecutors{}
	for _, e := range v.Executors.All() {
		out.Executors = append(out.Executors, e)
	}
	return out
}

func frameworksOf(v *View) *masterpb.Response_GetFrameworks {
	out := &masterpb.Response_GetFrameworks{}
	for _, f := range v.Frameworks.All() {
		out.Frameworks = append(out.Frameworks, f)
	}
	for _, f := range v.Past.All() {
		out.CompletedFrameworks = append(out.CompletedFrameworks, f)
	}
	return out
}

func agentsOf(v *View) *masterpb.Response_GetAgents {
	out := &masterpb.Response_GetAgents{}
	for _, a := range v.Agents.All() {
		out.Agents = append(out.Agents, a)
	}
	for _, info := range v.Recovered.All() {
		out.RecoveredAgents = append(out.RecoveredAgents, info)
	}
	return out
}

// rolesOf lists every role that a framework is subscribed to or holds something in, and those with a weight.
// Of resources it shows what Mesos shows: cpus, mem, disk and gpus, held and offered.
func rolesOf(v *View) (roles []*mesospb.Role) {
	byName := map[string]*mesospb.Role{}
	held := map[string]resources.Resources{}
	role := func(name string) *mesospb.Role {
		r := byName[name]
		if r == nil {
			weight, ok := v.Roles.Get(name)
			if !ok {
				weight = 1
			}
			r = &mesospb.Role{Name: proto.String(name), Weight: proto.Float64(weight)}
			byName[name] = r
		}
		return r
	}
	for name := range v.Roles.All() {
		role(name)
	}
	for name := range v.Quotas.All() {
		if v.ShowsRole(name) {
			role(name)
		}
	}
	for _, f := range v.Frameworks.All() {
		for _, name := range validation.Roles(f.GetFrameworkInfo()) {
			if !v.ShowsRole(name) {
				continue
			}
			r := role(name)
			r.Frameworks = append(r.Frameworks, f.GetFrameworkInfo().GetId())
		}
		all := resources.FromValid(f.GetAllocatedResources()).Add(resources.FromValid(f.GetOfferedResources()))
		for name, rs := range all.Allocations() {
			if !v.ShowsRole(name) {
				continue
			}
			role(name)
			held[name] = held[name].Add(rs)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		r := byName[name]
		for _, kind := range []string{"cpus", "mem", "disk", "gpus"} {
			if amount, ok := held[name].Scalar(kind); ok && amount > 0 {
				r.Resources = append(r.Resources, &mesospb.Resource{Name: proto.String(kind), Type: mesospb.Value_SCALAR.Enum(),
					Scalar: &mesospb.Value_Scalar{Value: proto.Float64(amount.Float64())}})
			}
		}
		roles = append(roles, r)
	}
	return roles
}

func metricsOf(v *View) (list []*mesospb.Metric) {
	if v.Metrics == nil {
		return nil
	}
	snapshot := v.Metrics.Snapshot()
	for _, name := range slices.Sorted(maps.Keys(snapshot)) {
		list = append(list, &mesospb.Metric{Name: proto.String(name), Value: proto.Float64(snapshot[name])})
	}
	return list
}

// Flags are what the master was told, by the names of its flags, sorted.
func (c Config) Flags() []*mesospb.Flag { return flags(c) }

// flags prints a configuration by the names of its flags, sorted.
func flags(c Config) (list []*mesospb.Flag) {
	value := reflect.ValueOf(c)
	for _, field := range reflect.VisibleFields(value.Type()) {
		name := field.Tag.Get("flag")
		if name == "" {
			continue
		}
		text := fmt.Sprint(value.FieldByIndex(field.Index).Interface())
		if list, ok := value.FieldByIndex(field.Index).Interface().([]string); ok {
			text = strings.Join(list, ",")
		}
		list = append(list, &mesospb.Flag{Name: proto.String(name), Value: proto.String(text)})
	}
	slices.SortFunc(list, func(a, b *mesospb.Flag) int { return strings.Compare(a.GetName(), b.GetName()) })
	return list
}
