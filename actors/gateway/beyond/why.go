package beyond

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/resources"
)

// Explanation is an answer of /why, for one role.
type Explanation struct {
	Role string `json:"role"`
	// Inactive: nothing is offered wherever it fits, because the framework is disconnected or the role suppressed.
	Inactive bool `json:"inactive"`
	// Agents counts all agents by the first reason that applies, from the most lasting to the most passing.
	Agents []Count `json:"agents"`
	// Nearest are those that are short of least, the nearest first.
	Nearest []Miss `json:"nearest"`
	// Changes are smaller demands that would fit.
	Changes []Change `json:"changes"`
}

// Count is how many agents share a reason.
type Count struct {
	Reason string `json:"reason"`
	Agents int    `json:"agents"`
}

// Miss is an agent that nearly serves, and what it is short of.
type Miss struct {
	AgentID string             `json:"agent_id"`
	Reason  string             `json:"reason"`
	Short   map[string]float64 `json:"short"`
}

// Change is how much of one resource could be had on how many agents, if the rest of the demand stays.
type Change struct {
	Resource string  `json:"resource"`
	AtMost   float64 `json:"at_most"`
	Agents   int     `json:"agents"`
}

// leastOffered is the default of --min_allocatable_resources.
const leastOffered = "cpus:0.01;mem:32"

func why(m master.Client, w *web.Writer, r *web.Request) {
	q, err := question(r)
	if err != nil {
		w.Error(err)
		return
	}
	answers, err := m.Why(r.Subject(), q).Get(r.Context())
	if err != nil {
		w.Error(err)
		return
	}
	list := make([]Explanation, 0, len(answers))
	for _, a := range answers {
		list = append(list, explain(a))
	}
	body, err := json.Marshal(map[string]any{"framework_id": q.Framework, "resources": q.Demand.String(), "explanations": list})
	if err != nil {
		w.Error(err)
		return
	}
	w.JSON(r, func(b *web.Buffer) { b.B = append(b.B, body...) })
}

func question(r *web.Request) (q master.Question, err error) {
	q.Framework, _ = r.Query("framework")
	if q.Framework == "" {
		return q, web.Refuse(http.StatusBadRequest, "Missing 'framework' query parameter: the id of a framework")
	}
	q.Role, _ = r.Query("role")
	text, given := r.Query("resources")
	if !given {
		text = leastOffered
	}
	if q.Demand, err = resources.Parse(text); err != nil {
		return q, web.Refuse(http.StatusBadRequest, "Invalid 'resources' query parameter: %s", web.Reason(err))
	}
	q.Nearest = 5
	if text, given := r.Query("nearest"); given {
		if q.Nearest, err = strconv.Atoi(text); err != nil || q.Nearest < 0 {
			return q, web.Refuse(http.StatusBadRequest, "Invalid 'nearest' query parameter '%s': a number expected", text)
		}
	}
	return q, nil
}

func explain(a master.Explanation) Explanation {
	out := Explanation{Role: a.Role, Inactive: a.Inactive, Agents: []Count{}, Nearest: []Miss{}, Changes: []Change{}}
	for _, reason := range allocator.Reasons {
		if n := a.Agents[reason]; n > 0 {
			out.Agents = append(out.Agents, Count{fmt.Sprint(reason), n})
		}
	}
	for _, n := range a.Nearest {
		out.Nearest = append(out.Nearest, Miss{n.Agent, fmt.Sprint(n.Reason), n.Short})
	}
	for _, c := range a.Changes {
		out.Changes = append(out.Changes, Change{c.Name, c.AtMost, c.Agents})
	}
	return out
}
