package agent

import (
	"net/http"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
)

// wants says which containers a request is about.
type wants struct{ container, framework, executor string }

// asked reads a query. ok is false for a combination that says nothing.
func asked(r *web.Request) (q wants, ok bool) {
	var c, f, e bool
	q.container, c = r.Query("container_id")
	q.framework, f = r.Query("framework_id")
	q.executor, e = r.Query("executor_id")
	return q, !(c && (f || e) || e && !f)
}

func (q wants) has(c *agentpb.Response_GetContainers_Container) bool {
	fits := func(want, is string) bool { return want == "" || want == is }
	return fits(q.container, c.GetContainerId().GetValue()) && fits(q.framework, c.GetFrameworkId().GetValue()) &&
		fits(q.executor, c.GetExecutorId().GetValue())
}

func (d *door) containers(w *web.Writer, r *web.Request) {
	q, ok := asked(r)
	if !ok {
		w.Text(http.StatusBadRequest, "Supported query parameters are container_id only, framework_id only, or executor_id and framework_id only")
		return
	}
	answer := d.Agent.Ask(r.Subject(), &agentpb.Call{Type: agentpb.Call_GET_CONTAINERS.Enum()})
	d.list(w, r, answer, func(j *document, c *agentpb.Response_GetContainers_Container, source string) {
		if !q.has(c) {
			return
		}
		j.open('{')
		j.string("container_id", c.GetContainerId().GetValue())
		j.string("executor_id", c.GetExecutorId().GetValue())
		j.string("executor_name", c.GetExecutorName())
		j.string("framework_id", c.GetFrameworkId().GetValue())
		j.string("source", source)
		if c.ResourceStatistics != nil {
			j.message("statistics", c.ResourceStatistics)
		}
		if c.ContainerStatus != nil {
			j.message("status", c.ContainerStatus)
		}
		j.close('}')
		j.Flush()
	})
}

// monitor waits for its turn: measuring looks at every process of the machine.
func (d *door) monitor(w *web.Writer, r *web.Request) {
	if !d.statistics.pass(r.Context()) {
		w.Text(http.StatusServiceUnavailable, "Too many requests wait for statistics")
		return
	}
	d.list(w, r, d.Agent.Measure(r.Subject()), func(j *document, c *agentpb.Response_GetContainers_Container, source string) {
		if c.ResourceStatistics == nil {
			return // it has just ended
		}
		j.open('{')
		j.string("executor_id", c.GetExecutorId().GetValue())
		j.string("executor_name", c.GetExecutorName())
		j.string("framework_id", c.GetFrameworkId().GetValue())
		j.string("source", source)
		j.message("statistics", c.ResourceStatistics)
		j.close('}')
		j.Flush()
	})
}

// list writes the containers that somebody may see.
func (d *door) list(w *web.Writer, r *web.Request, all process.Future[*agentpb.Response], each func(*document, *agentpb.Response_GetContainers_Container, string)) {
	answer, err := all.Get(r.Context())
	if err != nil {
		w.Error(err)
		return
	}
	sources := map[string]string{}
	d.Agent.View().EveryExecutor(func(_ *agent.FrameworkView, e *agent.ExecutorView, _ bool) { sources[e.Container] = e.Info.GetSource() })
	w.JSON(r, func(b *web.Buffer) {
		j := &document{Buffer: b, fresh: true}
		j.open('[')
		for _, c := range answer.GetGetContainers().GetContainers() {
			each(j, c, sources[c.GetContainerId().GetValue()])
		}
		j.close(']')
	})
}

// debug is /containerizer/debug: what goes on for long. Launching and destroying are all that this agent's does, and
// both show in /state.
func (d *door) debug(w *web.Writer, r *web.Request) {
	w.JSON(r, func(b *web.Buffer) { b.B = append(b.B, `{"pending":[]}`...) })
}
