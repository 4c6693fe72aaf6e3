package legacy

import (
	"iter"

	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// tasks are those of a view that are in one state of memory.
type tasks interface {
	Range(from, to int) iter.Seq2[string, *mesospb.Task]
}

// document is a large answer: jobs that write one piece each. An element of a list is written with a comma behind it, and
// the last one is taken away when the pieces are strung together, because only then is it known which the last one is.
type document struct {
	view      *master.View
	jobs      []press.Job
	executors map[string][]*masterpb.Response_GetExecutors_Executor // by framework
}

func newDocument(v *master.View) *document { return &document{view: v} }

// withExecutors finds the executors of each framework.
func (d *document) withExecutors() {
	d.executors = map[string][]*masterpb.Response_GetExecutors_Executor{}
	for _, e := range d.view.Executors.All() {
		id := e.GetExecutorInfo().GetFrameworkId().GetValue()
		d.executors[id] = append(d.executors[id], e)
	}
}

// agentsInOneGo is how many agents are written at a time.
const agentsInOneGo = 128

// agents add the agents, each opened and closed by the caller's function.
func (d *document) agents(one func(b []byte, id string, a *masterpb.Response_GetAgents_Agent) []byte, only string) {
	if only != "" {
		d.add(func(b []byte) []byte {
			if a, ok := d.view.Agents.Get(only); ok {
				b = append(one(b, only, a), ',')
			}
			return b
		})
		return
	}
	for from := 0; from < d.view.Agents.Places(); from += agentsInOneGo {
		d.add(func(b []byte) []byte {
			for id, a := range d.view.Agents.Range(from, from+agentsInOneGo) {
				b = append(one(b, id, a), ',')
			}
			return b
		})
	}
}

// recovered adds the agents that have yet to come back.
func (d *document) recovered(only string) {
	d.add(func(b []byte) []byte {
		for id, a := range d.view.Recovered.All() {
			if only == "" || id == only {
				b = append(agentInfo(b, a), "},"...)
			}
		}
		return b
	})
}

// frameworks adds those that are here, and then those that are over.
func (d *document) frameworks(only *string) {
	d.withExecutors()
	d.text(`"frameworks":[`)
	for id, f := range d.view.Frameworks.All() {
		if only == nil || *only == id {
			d.framework(f)
		}
	}
	d.text(`],"completed_frameworks":[`)
	for _, f := range d.view.Past.All() {
		if only == nil || *only == f.GetFrameworkInfo().GetId().GetValue() {
			d.framework(f)
		}
	}
}

// send has the jobs done and the pieces sent as they come.
func (d *document) send(w *web.Writer, r *web.Request) {
	w.JSON(r, func(out *web.Buffer) {
		comma := false
		press.Stream(d.jobs, func(piece []byte) bool {
			if len(piece) == 0 {
				return true
			}
			if comma && piece[0] != ']' && piece[0] != '}' {
				out.B = append(out.B, ',')
			}
			if comma = piece[len(piece)-1] == ','; comma {
				piece = piece[:len(piece)-1]
			}
			out.B = append(out.B, piece...)
			return out.Flush()
		})
	})
}
