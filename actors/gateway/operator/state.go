package operator

import (
	"iter"
	"net/http"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// lists answers with what may be large: its top-level lists are there even if they are empty, as in Mesos.
func lists(d *door, w *web.Writer, r *web.Request, f wire.Format, call *masterpb.Call) {
	v := d.Master.ViewFor(r.Subject())
	if !v.Serving {
		w.Error(web.Refuse(http.StatusServiceUnavailable, "Master has not finished recovery"))
		return
	}
	var of proto.Message = &masterpb.Response{}
	answer := &node{head: &masterpb.Response{Type: masterpb.Response_Type(masterpb.Response_Type_value[call.GetType().String()]).Enum()}}
	switch call.GetType() {
	case masterpb.Call_GET_STATE:
		answer.nodes = []*node{state(of, v)}
	case masterpb.Call_GET_AGENTS:
		answer.nodes = []*node{agents(of, v)}
	case masterpb.Call_GET_FRAMEWORKS:
		answer.nodes = []*node{frameworks(of, v)}
	case masterpb.Call_GET_EXECUTORS:
		answer.nodes = []*node{executors(of, v)}
	case masterpb.Call_GET_TASKS:
		answer.nodes = []*node{tasks(of, v)}
	}
	w.Segments(http.StatusOK, f.MediaType(), answer.encode(f))
}

// metrics answers with numbers; they too are a list that is always there.
func (d *door) metrics(w *web.Writer, f wire.Format, list []*mesospb.Metric) {
	answer := &node{
		head: &masterpb.Response{Type: masterpb.Response_GET_METRICS.Enum()},
		nodes: []*node{one(&masterpb.Response{}, "get_metrics",
			many(&masterpb.Response_GetMetrics{}, "metrics", len(list), func(from, to int, yield func(proto.Message)) {
				for _, m := range list[from:to] {
					yield(m)
				}
			}))},
	}
	w.Segments(http.StatusOK, f.MediaType(), answer.encode(f))
}

// state is the snapshot of everything, in an answer or at the beginning of a stream.
func state(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetState{}
	return one(of, "get_state", tasks(in, v), executors(in, v), frameworks(in, v), agents(in, v))
}

// ranged is a map of a view.
type ranged[M proto.Message] interface {
	Places() int
	Range(from, to int) iter.Seq2[string, M]
}

// all is a repeated field with what is in a map, as far as it can be seen.
func all[M proto.Message](of proto.Message, name protoreflect.Name, t ranged[M]) *node {
	return many(of, name, t.Places(), func(from, to int, yield func(proto.Message)) {
		for _, m := range t.Range(from, to) {
			yield(m)
		}
	})
}

// tasks are those of frameworks that are over too. Mesos leaves these out of the binary form alone, which is a slip.
func tasks(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetTasks{}
	return one(of, "get_tasks", all(in, "tasks", v.Tasks), all(in, "unreachable_tasks", v.Unreachable), all(in, "completed_tasks", v.Completed))
}

func executors(of proto.Message, v *master.View) *node {
	return one(of, "get_executors", all(&masterpb.Response_GetExecutors{}, "executors", v.Executors))
}

func frameworks(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetFrameworks{}
	return one(of, "get_frameworks", all(in, "frameworks", v.Frameworks), all(in, "completed_frameworks", v.Past))
}

func agents(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetAgents{}
	return one(of, "get_agents", all(in, "agents", v.Agents), all(in, "recovered_agents", v.Recovered))
}
