package beyond

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/isolators/sample"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// Usage is what one container uses, as /usage shows it.
type Usage struct {
	FrameworkID   string      `json:"framework_id"`
	FrameworkName string      `json:"framework_name"`
	ExecutorID    string      `json:"executor_id"`
	ContainerID   string      `json:"container_id"`
	Tasks         []UsingTask `json:"tasks"`
	// Statistics are Mesos' ResourceStatistics; absent for a container that has just ended.
	Statistics json.RawMessage `json:"statistics,omitempty"`
	// Sample is what the kernel's programs have counted; absent where there are none.
	Sample *sample.Sample `json:"sample,omitempty"`
	// History is the last hour, the oldest first, a point for each Interval; the last one ended at HistoryEnd.
	History    []sample.Point `json:"history,omitempty"`
	HistoryEnd *time.Time     `json:"history_end,omitempty"`
}

// UsingTask is a task in a container.
type UsingTask struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State string `json:"state"`
}

// UsageReport is an answer of /usage.
type UsageReport struct {
	Hostname string        `json:"hostname"`
	Time     time.Time     `json:"time"`
	Interval time.Duration `json:"history_interval_ns"`
	// Containers that the caller may see.
	Containers []Usage `json:"containers"`
}

// AgentRoutes are the doors of an agent.
func AgentRoutes(a agent.Client) []web.Route {
	route := func(pattern, summary, details string, serve func(agent.Client, *web.Writer, *web.Request)) web.Route {
		return web.Route{Process: a.UPID().ID, Pattern: pattern, Realm: "mesos-agent-readonly", Exact: true, Methods: []string{http.MethodGet},
			Summary: summary, Details: details, Serve: func(w *web.Writer, r *web.Request) { serve(a, w, r) }}
	}
	return []web.Route{
		route("usage", "Says what containers use and have used in the last hour, as JSON.",
			"?history=true adds the last hour, ?container_id=ID and ?task_id=ID choose. Numbers are at most half a second old. Containers that "+
				"the caller may not see are not there.", used),
		route("usage/metrics", "Says what containers use, for Prometheus.",
			"The names are in docs/metrics.md. Containers that the caller may not see are not there.", exposed),
	}
}

func used(a agent.Client, w *web.Writer, r *web.Request) {
	uses, err := a.Used(r.Subject()).Get(r.Context())
	if err != nil {
		w.Error(err)
		return
	}
	history, _ := r.Query("history")
	container, byContainer := r.Query("container_id")
	task, byTask := r.Query("task_id")
	report := UsageReport{Hostname: a.View().Info.GetHostname(), Time: time.Now(), Interval: sample.Interval, Containers: []Usage{}}
	for _, u := range uses {
		shown := usageOf(u, history == "true")
		if byContainer && u.Container != container || byTask && !shown.has(task) {
			continue
		}
		report.Containers = append(report.Containers, shown)
	}
	body, err := json.Marshal(report)
	if err != nil {
		w.Error(err)
		return
	}
	w.JSON(r, func(b *web.Buffer) { b.B = append(b.B, body...) })
}

func usageOf(u agent.Use, history bool) Usage {
	shown := Usage{FrameworkID: u.Framework.GetId().GetValue(), FrameworkName: u.Framework.GetName(),
		ExecutorID: u.Executor.GetExecutorId().GetValue(), ContainerID: u.Container, Tasks: []UsingTask{}, Sample: u.Sample}
	for _, t := range u.Tasks {
		shown.Tasks = append(shown.Tasks, UsingTask{t.GetTaskId().GetValue(), t.GetName(), t.GetState().String()})
	}
	if u.Statistics != nil {
		shown.Statistics = wire.AppendJSON(nil, u.Statistics)
	}
	if history && !u.Kept.IsZero() {
		shown.History, shown.HistoryEnd = u.History, &u.Kept
	}
	return shown
}

func (u *Usage) has(task string) bool {
	for _, t := range u.Tasks {
		if t.ID == task {
			return true
		}
	}
	return false
}

// Figures reads the statistics.
func (u *Usage) Figures() (*mesospb.ResourceStatistics, error) {
	s := &mesospb.ResourceStatistics{}
	if len(u.Statistics) == 0 {
		return s, nil
	}
	return s, wire.DecodeJSON(u.Statistics, s, wire.Limits{})
}
