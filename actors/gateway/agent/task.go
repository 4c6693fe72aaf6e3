package agent

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// task is one that has been handed to its executor.
func (d *document) task(t *mesospb.Task) {
	d.open('{')
	d.string("id", t.GetTaskId().GetValue())
	d.string("name", t.GetName())
	d.string("framework_id", t.GetFrameworkId().GetValue())
	d.string("executor_id", t.GetExecutorId().GetValue())
	d.string("slave_id", t.GetAgentId().GetValue())
	d.string("state", t.GetState().String())
	rs := resources.FromValid(t.GetResources())
	d.summary("resources", rs)
	if len(t.Limits) > 0 {
		d.limits(t)
	}
	d.string("role", roleOf(t.GetResources()))
	list(d, "statuses", t.GetStatuses(), d.status)
	if t.User != nil {
		d.string("user", t.GetUser())
	}
	d.labels(t.Labels)
	if t.Discovery != nil {
		d.message("discovery", t.Discovery)
	}
	if t.Container != nil {
		d.message("container", t.Container)
	}
	if t.HealthCheck != nil {
		d.message("health_check", t.HealthCheck)
	}
	d.close('}')
	d.Flush()
}

func (d *document) limits(t *mesospb.Task) {
	d.key("limits")
	d.open('{')
	for name, limit := range sorted(t.Limits) {
		d.number(name, limit.GetValue())
	}
	d.close('}')
}

// roleOf is the role that resources are allocated to.
func roleOf(all []*mesospb.Resource) string {
	for _, r := range all {
		if role := r.GetAllocationInfo().GetRole(); role != "" {
			return role
		}
	}
	return "*"
}

func (d *document) status(s *mesospb.TaskStatus) {
	d.open('{')
	d.string("state", s.GetState().String())
	d.number("timestamp", s.GetTimestamp())
	d.labels(s.Labels)
	if c := s.ContainerStatus; c != nil {
		d.key("container_status")
		d.open('{')
		if c.ContainerId != nil {
			d.message("container_id", c.ContainerId)
		}
		if len(c.NetworkInfos) > 0 {
			list(d, "network_infos", c.NetworkInfos, d.network)
		}
		if c.CgroupInfo != nil {
			d.message("cgroup_info", c.CgroupInfo)
		}
		d.close('}')
	}
	if s.Healthy != nil {
		d.bool("healthy", s.GetHealthy())
	}
	d.close('}')
}

func (d *document) network(n *mesospb.NetworkInfo) {
	d.open('{')
	if len(n.Groups) > 0 {
		d.strings("groups", n.Groups)
	}
	d.labels(n.Labels)
	if len(n.IpAddresses) > 0 {
		list(d, "ip_addresses", n.IpAddresses, func(a *mesospb.NetworkInfo_IPAddress) { d.element(a) })
	}
	if n.Name != nil {
		d.string("name", n.GetName())
	}
	if len(n.PortMappings) > 0 {
		list(d, "port_mappings", n.PortMappings, func(p *mesospb.NetworkInfo_PortMapping) { d.element(p) })
	}
	d.close('}')
}

// queued is one that waits for its executor.
func (d *document) queued(t *mesospb.TaskInfo) {
	d.open('{')
	d.string("id", t.GetTaskId().GetValue())
	d.string("name", t.GetName())
	d.string("slave_id", t.GetAgentId().GetValue())
	d.summary("resources", resources.FromValid(t.GetResources()))
	d.string("role", roleOf(t.GetResources()))
	if t.Command != nil {
		d.command(t.Command)
	}
	if t.Executor != nil {
		d.string("executor_id", t.GetExecutor().GetExecutorId().GetValue())
	}
	if t.Discovery != nil {
		d.message("discovery", t.Discovery)
	}
	d.close('}')
	d.Flush()
}

func (d *document) command(c *mesospb.CommandInfo) {
	d.key("command")
	d.open('{')
	if c.Shell != nil {
		d.bool("shell", c.GetShell())
	}
	if c.Value != nil {
		d.string("value", c.GetValue())
	}
	d.strings("argv", c.Arguments)
	if c.Environment != nil {
		d.message("environment", c.Environment)
	}
	list(d, "uris", c.Uris, func(u *mesospb.CommandInfo_URI) {
		d.open('{')
		d.string("value", u.GetValue())
		d.bool("executable", u.GetExecutable())
		d.close('}')
	})
	d.close('}')
}
