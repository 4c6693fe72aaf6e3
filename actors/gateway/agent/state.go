package agent

import (
	"iter"
	"maps"
	"net"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// sorted walks a map by its keys, because what is read by people and compared by programs should not jump about.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// state is /state: everything that there is to know.
func (d *door) state(w *web.Writer, r *web.Request) {
	v := d.Agent.View()
	if v.Recovering {
		w.Error(agent.ErrRecovering)
		return
	}
	who := r.Subject()
	seen := v.Seen(d.Authorizer, who)
	var flags map[string]string
	if authorization.Approves(d.Authorizer, who, authorization.ViewFlags, authorization.Object{}) {
		flags = d.flags()
	}
	w.JSON(r, func(b *web.Buffer) {
		j := &document{Buffer: b, fresh: true}
		j.open('{')
		d.self(j, v)
		j.owned(v)
		if v.Master != nil {
			j.string("master_hostname", hostname(v))
		}
		if flags != nil {
			j.flags(flags)
		}
		list(j, "frameworks", seen.Frameworks, j.framework)
		list(j, "completed_frameworks", seen.Completed, j.framework)
		j.close('}')
	})
}

// self is who the agent is.
func (d *door) self(j *document, v *agent.View) {
	j.string("version", d.Version.GetVersion())
	for name, text := range sorted(map[string]*string{"git_branch": d.Version.GitBranch, "git_sha": d.Version.GitSha, "git_tag": d.Version.GitTag}) {
		if text != nil {
			j.string(name, *text)
		}
	}
	j.string("build_date", d.Version.GetBuildDate())
	j.number("build_time", d.Version.GetBuildTime())
	j.string("build_user", d.Version.GetBuildUser())
	j.number("start_time", float64(v.Started.UnixNano())/1e9)
	j.string("id", v.Info.GetId().GetValue())
	j.string("pid", d.Agent.UPID().String())
	j.string("hostname", v.Info.GetHostname())
	list(j, "capabilities", v.Capabilities, func(c *mesospb.AgentInfo_Capability) { j.text(c.GetType().String()) })
	if v.Info.Domain != nil {
		j.message("domain", v.Info.Domain)
	}
}

// owned is what the agent has, and how much of it is in use.
func (j *document) owned(v *agent.View) {
	allocated := v.Allocated()
	j.summary("resources", v.Total)
	byRole(j, "reserved_resources", v.Total, j.summary)
	j.summary("unreserved_resources", v.Total.Unreserved())
	byRole(j, "reserved_resources_full", v.Total, j.full)
	j.full("unreserved_resources_full", v.Total.Unreserved())
	byRole(j, "reserved_resources_allocated", allocated, j.summary)
	j.summary("unreserved_resources_allocated", allocated.Unreserved())
	list(j, "resource_providers", nil, func(struct{}) {})
	j.attributes(v.Info.GetAttributes())
}

// byRole is an object of the roles that resources are reserved to.
func byRole(j *document, name string, all resources.Resources, each func(string, resources.Resources)) {
	roles := map[string]bool{}
	for x := range all.Reserved().All() {
		roles[x.ReservationRole()] = true
	}
	j.key(name)
	j.open('{')
	for role := range sorted(roles) {
		each(role, all.ReservedTo(role))
	}
	j.close('}')
}

// hostname is what the leading master calls itself, or its address.
func hostname(v *agent.View) string {
	if name := v.Master.Info.GetHostname(); name != "" {
		return name
	}
	_, addr, _ := strings.Cut(v.Master.UPID, "@")
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return addr
	}
	return host
}

// flags are the settings that have a value.
func (d *door) flags() map[string]string {
	if d.Flags != nil {
		return d.Flags()
	}
	all := map[string]string{}
	for _, f := range d.Agent.Flags() {
		all[f.GetName()] = f.GetValue()
	}
	return all
}

func (j *document) flags(all map[string]string) {
	for _, name := range []string{"log_dir", "external_log_file"} {
		if all[name] != "" {
			j.string(name, all[name])
		}
	}
	j.key("flags")
	j.open('{')
	for name, value := range sorted(all) {
		j.string(name, value)
	}
	j.close('}')
}

func (j *document) framework(f *agent.FrameworkView) {
	j.open('{')
	j.string("id", f.Info.GetId().GetValue())
	j.string("name", f.Info.GetName())
	j.string("user", f.Info.GetUser())
	j.number("failover_timeout", f.Info.GetFailoverTimeout())
	j.bool("checkpoint", f.Info.GetCheckpoint())
	j.string("hostname", f.Info.GetHostname())
	if f.Info.Principal != nil {
		j.string("principal", f.Info.GetPrincipal())
	}
	if hasMultiRole(f.Info) {
		j.strings("roles", f.Info.Roles)
	} else {
		j.string("role", f.Info.GetRole())
	}
	visible := func(all []*agent.ExecutorView) []*agent.ExecutorView {
		return slices.DeleteFunc(slices.Clone(all), func(e *agent.ExecutorView) bool { return e.Hidden })
	}
	list(j, "executors", visible(f.Executors), j.executor)
	list(j, "completed_executors", visible(f.Completed), j.executor)
	j.close('}')
}

func hasMultiRole(f *mesospb.FrameworkInfo) bool {
	return slices.ContainsFunc(f.GetCapabilities(), func(c *mesospb.FrameworkInfo_Capability) bool {
		return c.GetType() == mesospb.FrameworkInfo_Capability_MULTI_ROLE
	})
}

func (j *document) executor(e *agent.ExecutorView) {
	j.open('{')
	j.string("id", e.Info.GetExecutorId().GetValue())
	j.string("name", e.Info.GetName())
	j.string("source", e.Info.GetSource())
	j.string("container", e.Container)
	j.string("directory", e.Sandbox)
	j.summary("resources", e.Resources())
	if len(e.Info.Resources) > 0 {
		j.string("role", roleOf(e.Info.Resources))
	}
	j.labels(e.Info.Labels)
	if e.Info.Type != nil {
		j.string("type", e.Info.GetType().String())
	}
	list(j, "tasks", e.Launched, j.task)
	list(j, "queued_tasks", e.Waiting, j.queued)
	list(j, "completed_tasks", slices.Concat(e.Completed, e.Ended), j.task)
	j.close('}')
}
