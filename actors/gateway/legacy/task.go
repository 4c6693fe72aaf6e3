package legacy

import (
	"maps"
	"slices"
	"strconv"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// task writes a task object. Readers have hundreds of thousands of them, so nothing here is built but the text.
func task(b []byte, t *mesospb.Task) []byte {
	b = str(b, `{"id":`, t.GetTaskId().GetValue())
	b = str(b, `,"name":`, t.GetName())
	b = str(b, `,"framework_id":`, t.GetFrameworkId().GetValue())
	b = str(b, `,"executor_id":`, t.GetExecutorId().GetValue())
	b = str(b, `,"slave_id":`, t.GetAgentId().GetValue())
	b = str(b, `,"state":`, t.GetState().String())
	b = summary(append(b, `,"resources":`...), t.Resources)
	if len(t.Limits) > 0 {
		b = limits(b, t.Limits)
	}
	role := "*"
	if len(t.Resources) > 0 {
		role = t.Resources[0].GetAllocationInfo().GetRole()
	}
	b = str(b, `,"role":`, role)
	b = append(b, `,"statuses":[`...)
	for i, s := range t.Statuses {
		if i > 0 {
			b = append(b, ',')
		}
		b = status(b, s)
	}
	b = append(b, ']')
	if t.User != nil {
		b = str(b, `,"user":`, t.GetUser())
	}
	if t.Labels != nil {
		b = labels(b, `,"labels":`, t.Labels)
	}
	if t.Discovery != nil {
		b = msg(b, `,"discovery":`, t.Discovery)
	}
	if t.Container != nil {
		b = msg(b, `,"container":`, t.Container)
	}
	if t.HealthCheck != nil {
		b = msg(b, `,"health_check":`, t.HealthCheck)
	}
	return append(b, '}')
}

func status(b []byte, s *mesospb.TaskStatus) []byte {
	b = str(b, `{"state":`, s.GetState().String())
	b = num(b, `,"timestamp":`, s.GetTimestamp())
	if s.Labels != nil {
		b = labels(b, `,"labels":`, s.Labels)
	}
	if s.ContainerStatus != nil {
		b = containerStatus(append(b, `,"container_status":`...), s.ContainerStatus)
	}
	if s.Healthy != nil {
		b = yes(b, `,"healthy":`, s.GetHealthy())
	}
	return append(b, '}')
}

// containerStatus leaves out the process id of the executor.
func containerStatus(b []byte, c *mesospb.ContainerStatus) []byte {
	b = append(b, '{')
	if c.ContainerId != nil {
		b = append(containerID(append(b, `"container_id":`...), c.ContainerId), ',')
	}
	if len(c.NetworkInfos) > 0 {
		b = append(b, `"network_infos":[`...)
		for _, n := range c.NetworkInfos {
			b = append(networkInfo(b, n), ',')
		}
		b = append(bare(b), "],"...)
	}
	if c.CgroupInfo != nil {
		b = append(wire.AppendJSON(append(b, `"cgroup_info":`...), c.CgroupInfo), ',')
	}
	return append(bare(b), '}')
}

func containerID(b []byte, c *mesospb.ContainerID) []byte {
	b = str(b, `{"value":`, c.GetValue())
	if c.Parent != nil {
		b = containerID(append(b, `,"parent":`...), c.Parent)
	}
	return append(b, '}')
}

func networkInfo(b []byte, n *mesospb.NetworkInfo) []byte {
	b = append(b, '{')
	if len(n.Groups) > 0 {
		b = append(strs(b, `"groups":`, n.Groups), ',')
	}
	if n.Labels != nil {
		b = append(labels(b, `"labels":`, n.Labels), ',')
	}
	if len(n.IpAddresses) > 0 {
		b = append(b, `"ip_addresses":[`...)
		for _, a := range n.IpAddresses {
			b = str(b, `{"protocol":`, a.GetProtocol().String())
			if a.IpAddress != nil {
				b = str(b, `,"ip_address":`, a.GetIpAddress())
			}
			b = append(b, "},"...)
		}
		b = append(bare(b), "],"...)
	}
	if n.Name != nil {
		b = append(str(b, `"name":`, n.GetName()), ',')
	}
	if len(n.PortMappings) > 0 {
		b = append(wire.AppendJSONList(append(b, `"port_mappings":`...), n.PortMappings), ',')
	}
	return append(bare(b), '}')
}

// executor writes an executor as it is shown inside of its framework.
func executor(b []byte, e *mesospb.ExecutorInfo, agent string) []byte {
	b = str(b, `{"executor_id":`, e.GetExecutorId().GetValue())
	b = str(b, `,"name":`, e.GetName())
	b = str(b, `,"framework_id":`, e.GetFrameworkId().GetValue())
	b = command(append(b, `,"command":`...), e.GetCommand())
	b = summary(append(b, `,"resources":`...), e.Resources)
	if len(e.Resources) > 0 {
		b = str(b, `,"role":`, e.Resources[0].GetAllocationInfo().GetRole())
	}
	if e.Labels != nil {
		b = labels(b, `,"labels":`, e.Labels)
	}
	if e.Type != nil {
		b = str(b, `,"type":`, e.GetType().String())
	}
	b = str(b, `,"slave_id":`, agent)
	return append(b, '}')
}

func command(b []byte, c *mesospb.CommandInfo) []byte {
	b = append(b, '{')
	if c.Shell != nil {
		b = append(yes(b, `"shell":`, c.GetShell()), ',')
	}
	if c.Value != nil {
		b = append(str(b, `"value":`, c.GetValue()), ',')
	}
	b = strs(b, `"argv":`, c.GetArguments())
	if c.Environment != nil {
		b = msg(b, `,"environment":`, c.Environment)
	}
	b = append(b, `,"uris":[`...)
	for i, u := range c.GetUris() {
		if i > 0 {
			b = append(b, ',')
		}
		b = str(b, `{"value":`, u.GetValue())
		b = strconv.AppendBool(append(b, `,"executable":`...), u.GetExecutable())
		b = append(b, '}')
	}
	return append(b, "]}"...)
}
