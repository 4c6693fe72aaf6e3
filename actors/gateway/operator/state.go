package operator

import (
	"net/http"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/press"
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
	c := d.compose(f)
	answer := &node{head: &masterpb.Response{Type: masterpb.Response_Type(masterpb.Response_Type_value[call.GetType().String()]).Enum()}}
	switch call.GetType() {
	case masterpb.Call_GET_STATE:
		answer.nodes = []*node{c.state(of, v)}
	case masterpb.Call_GET_AGENTS:
		answer.nodes = []*node{c.agents(of, v)}
	case masterpb.Call_GET_FRAMEWORKS:
		answer.nodes = []*node{c.frameworks(of, v)}
	case masterpb.Call_GET_EXECUTORS:
		answer.nodes = []*node{c.executors(of, v)}
	case masterpb.Call_GET_TASKS:
		answer.nodes = []*node{c.tasks(of, v)}
	}
	w.Texts(http.StatusOK, f.MediaType(), answer.encode(f))
	c.weigh()
}

// metrics answers with numbers; they too are a list that is always there.
func (d *door) metrics(w *web.Writer, f wire.Format, list []*mesospb.Metric) {
	numbers := &node{field: fieldOf(&masterpb.Response_GetMetrics{}, "metrics"), repeated: true}
	numbers.pieces = []*press.Text{press.Make(func(dst []byte) []byte {
		for _, m := range list {
			dst = element(dst, numbers.field, f, m)
		}
		return dst
	})}
	answer := &node{head: &masterpb.Response{Type: masterpb.Response_GET_METRICS.Enum()},
		nodes: []*node{one(&masterpb.Response{}, "get_metrics", numbers)}}
	w.Texts(http.StatusOK, f.MediaType(), answer.encode(f))
}

// state is the snapshot of everything, in an answer or at the beginning of a stream.
func (c *composer) state(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetState{}
	return one(of, "get_state", c.tasks(in, v), c.executors(in, v), c.frameworks(in, v), c.agents(in, v))
}

// tasks are those of frameworks that are over too. Mesos leaves these out of the binary form alone, which is a slip.
func (c *composer) tasks(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetTasks{}
	return one(of, "get_tasks", all(c, in, "tasks", v.Tasks), all(c, in, "unreachable_tasks", v.Unreachable), all(c, in, "completed_tasks", v.Completed))
}

func (c *composer) executors(of proto.Message, v *master.View) *node {
	return one(of, "get_executors", all(c, &masterpb.Response_GetExecutors{}, "executors", v.Executors))
}

func (c *composer) frameworks(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetFrameworks{}
	return one(of, "get_frameworks", all(c, in, "frameworks", v.Frameworks), all(c, in, "completed_frameworks", v.Past))
}

func (c *composer) agents(of proto.Message, v *master.View) *node {
	in := &masterpb.Response_GetAgents{}
	return one(of, "get_agents", all(c, in, "agents", v.Agents), all(c, in, "recovered_agents", v.Recovered))
}
