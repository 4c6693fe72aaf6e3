package legacy

import (
	"cmp"
	"slices"
	"strconv"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// Config is what stands behind the doors that only read.
type Config struct {
	Master master.Client
	// Version is the program's. Nil: the master's own.
	Version func() *mesospb.VersionInfo
	// Flags are those that the program was started with. Nil: the master's own.
	Flags func() []*mesospb.Flag
}

// reads are doors to what the master's view has.
type reads struct {
	Config
	shelves shelves
}

// Reads are /state, /state-summary, /slaves, /frameworks, /tasks, /roles and the registry.
func Reads(c Config) []web.Route {
	s := &reads{c, newShelves()}
	return []web.Route{
		s.route("state", "Information about state of master.", s.state),
		s.route("state-summary", "Summary of agents, tasks, and registered frameworks in cluster.", s.stateSummary),
		s.route("slaves", "Information about agents.", s.slaves),
		s.route("frameworks", "Exposes the frameworks info.", s.frameworks),
		s.route("tasks", "Lists tasks from all active frameworks.", s.tasks),
		s.route("roles", "Information about roles.", s.roles),
		{Process: "registrar(1)", Pattern: "registry", Realm: realmReadOnly, Summary: "What the registry holds of the cluster.", Serve: s.registry},
	}
}

func (s *reads) route(pattern, summary string, serve func(*web.Writer, *web.Request)) web.Route {
	return web.Route{Process: "master", Pattern: pattern, Realm: realmReadOnly, Leader: true, Summary: summary, Serve: serve}
}

// state is everything.
func (s *reads) state(w *web.Writer, r *web.Request) {
	d := newDocument(s.Master.ViewFor(r.Subject()))
	d.add(func(b []byte) []byte { return append(s.about(b, d.view, r.Subject()), `,"slaves":[`...) })
	d.agents(s.shelves.agents, func(b []byte, _ string, a *masterpb.Response_GetAgents_Agent) []byte { return append(agent(b, a), '}') }, "")
	d.text(`],"recovered_slaves":[`)
	d.recovered("")
	d.text(`],`)
	d.frameworks(s.shelves.tasks, nil)
	d.text(`],"orphan_tasks":[],"unregistered_frameworks":[]}`)
	d.send(w, r)
}

// about opens the answer with what the master says of itself.
func (s *reads) about(b []byte, v *master.View, who authorization.Subject) []byte {
	version := &mesospb.VersionInfo{Version: v.Info.Version}
	if s.Version != nil && s.Version() != nil {
		version = s.Version()
	}
	b = str(b, `{"version":`, version.GetVersion())
	for _, x := range []struct {
		key   string
		value *string
	}{{`,"git_sha":`, version.GitSha}, {`,"git_branch":`, version.GitBranch}, {`,"git_tag":`, version.GitTag}} {
		if x.value != nil {
			b = str(b, x.key, *x.value)
		}
	}
	b = str(b, `,"build_date":`, version.GetBuildDate())
	b = num(b, `,"build_time":`, version.GetBuildTime())
	b = str(b, `,"build_user":`, version.GetBuildUser())
	b = num(b, `,"start_time":`, float64(v.Started.UnixNano())/1e9)
	if !v.Elected.IsZero() {
		b = num(b, `,"elected_time":`, float64(v.Elected.UnixNano())/1e9)
	}
	b = str(b, `,"id":`, v.Info.GetId())
	b = str(b, `,"pid":`, v.Info.GetPid())
	b = str(b, `,"hostname":`, v.Info.GetHostname())
	b = enums(b, `,"capabilities":`, v.Info.GetCapabilities())
	active, asleep := 0, 0
	for _, a := range v.Agents.All() {
		if a.GetActive() {
			active++
		} else {
			asleep++
		}
	}
	b = num(b, `,"activated_slaves":`, float64(active))
	b = num(b, `,"deactivated_slaves":`, float64(asleep))
	b = num(b, `,"unreachable_slaves":`, float64(v.UnreachableCount))
	if v.Info.GetDomain() != nil {
		b = msg(b, `,"domain":`, v.Info.GetDomain())
	}
	if l := v.Leader; l != nil {
		b = str(b, `,"leader":`, l.GetPid())
		b = str(b, `,"leader_info":{"id":`, l.GetId())
		b = str(b, `,"pid":`, l.GetPid())
		b = whole(b, `,"port":`, int(l.GetPort()))
		b = str(b, `,"hostname":`, l.GetHostname())
		if l.Domain != nil {
			b = msg(b, `,"domain":`, l.Domain)
		}
		b = append(b, '}')
	}
	return s.flags(b, who)
}

// shownFlags are those that have a place of their own beside the others.
var shownFlags = []string{"cluster", "log_dir", "external_log_file"}

func (s *reads) flags(b []byte, who authorization.Subject) []byte {
	if s.Master.Allows(who, authorization.ViewFlags, authorization.Object{}) != nil {
		return b
	}
	list := s.allFlags()
	for _, name := range shownFlags {
		for _, f := range list {
			if f.GetName() == name && f.GetValue() != "" {
				b = str(append(wire.AppendString(append(b, ','), name), ':'), "", f.GetValue())
			}
		}
	}
	b = append(b, `,"flags":{`...)
	for _, f := range list {
		b = append(str(append(wire.AppendString(b, f.GetName()), ':'), "", f.GetValue()), ',')
	}
	return append(bare(b), '}')
}

func (s *reads) allFlags() []*mesospb.Flag {
	if s.Flags != nil {
		return s.Flags()
	}
	return s.Master.Config().Flags()
}

// slaves is /slaves, with one agent only if slave_id says so.
func (s *reads) slaves(w *web.Writer, r *web.Request) {
	only, _ := r.Query("slave_id")
	d := newDocument(s.Master.ViewFor(r.Subject()))
	d.text(`{"slaves":[`)
	d.agents(s.shelves.full, func(b []byte, _ string, a *masterpb.Response_GetAgents_Agent) []byte {
		return append(agentFull(agent(b, a), a), '}')
	}, only)
	d.text(`],"recovered_slaves":[`)
	d.recovered(only)
	d.text(`]}`)
	d.send(w, r)
}

// frameworks is /frameworks, with one of them only if framework_id says so.
func (s *reads) frameworks(w *web.Writer, r *web.Request) {
	var only *string
	if id, given := r.Query("framework_id"); given {
		only = &id
	}
	d := newDocument(s.Master.ViewFor(r.Subject()))
	d.text(`{`)
	d.frameworks(s.shelves.tasks, only)
	d.text(`],"unregistered_frameworks":[]}`)
	d.send(w, r)
}

// page is which part of a list is wanted.
type page struct {
	limit, offset int
	ascending     bool
}

// usual is how many tasks are shown unless somebody wants another number.
const usual = 100

// pageOf reads numbers as Mesos does: what is none counts as not given, and what is below zero as more than there is.
func pageOf(r *web.Request) page {
	p := page{limit: usual}
	for name, to := range map[string]*int{"limit": &p.limit, "offset": &p.offset} {
		text, _ := r.Query(name)
		n, err := strconv.Atoi(text)
		if err != nil {
			continue
		}
		if n < 0 {
			n = int(^uint(0) >> 1)
		}
		*to = n
	}
	order, _ := r.Query("order")
	p.ascending = order == "asc"
	return p
}

// cut is the wanted part of a list of so many.
func (p page) cut(count int) (from, to int) {
	from = min(p.offset, count)
	return from, from + min(p.limit, count-from)
}

// tasks is /tasks: all that is known of, by the time of their first status.
func (s *reads) tasks(w *web.Writer, r *web.Request) {
	v := s.Master.ViewFor(r.Subject())
	framework, oneFramework := r.Query("framework_id")
	id, oneTask := r.Query("task_id")
	var list []*mesospb.Task
	add := func(t *mesospb.Task) {
		if oneTask && t.GetTaskId().GetValue() != id {
			return
		}
		list = append(list, t)
	}
	spans := [3]master.Span{{To: v.Tasks.Places()}, {To: v.Unreachable.Places()}, {To: v.Completed.Places()}}
	if oneFramework {
		spans[0], spans[1], spans[2] = v.TasksOf(framework)
	}
	for i, t := range []tasks{v.Tasks, v.Unreachable, v.Completed} {
		for _, one := range t.Range(spans[i].From, spans[i].To) {
			add(one)
		}
	}
	p := pageOf(r)
	slices.SortStableFunc(list, byAge(p.ascending))
	from, to := p.cut(len(list))
	list = list[from:to]
	d := newDocument(v)
	d.text(`{"tasks":[`)
	for from := 0; from < len(list); from += inOneGo {
		part := list[from:min(from+inOneGo, len(list))]
		d.add(func(b []byte) []byte {
			for _, t := range part {
				b = append(task(b, t), ',')
			}
			return b
		})
	}
	d.text(`]}`)
	d.send(w, r)
}

// byAge sorts tasks by their first status; those without one are the oldest.
func byAge(ascending bool) func(a, b *mesospb.Task) int {
	began := func(t *mesospb.Task) float64 {
		if len(t.GetStatuses()) == 0 {
			return -1
		}
		return t.GetStatuses()[0].GetTimestamp()
	}
	return func(a, b *mesospb.Task) int {
		if ascending {
			return cmp.Compare(began(a), began(b))
		}
		return cmp.Compare(began(b), began(a))
	}
}
