package legacy

import (
	"iter"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// counted are the states that are counted, and no others.
var counted = [...]mesospb.TaskState{
	mesospb.TaskState_TASK_STAGING, mesospb.TaskState_TASK_STARTING, mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_KILLING,
	mesospb.TaskState_TASK_FINISHED, mesospb.TaskState_TASK_KILLED, mesospb.TaskState_TASK_FAILED, mesospb.TaskState_TASK_LOST,
	mesospb.TaskState_TASK_ERROR, mesospb.TaskState_TASK_UNREACHABLE,
}

var countedAt = func() map[mesospb.TaskState]int {
	at := map[mesospb.TaskState]int{}
	for i, s := range counted {
		at[s] = i
	}
	return at
}()

// tally is how many tasks somebody has in each state, and with whom.
type tally struct {
	counts [len(counted)]int
	others map[string]bool
}

func (t *tally) add(s mesospb.TaskState, other string) {
	if i, ok := countedAt[s]; ok {
		t.counts[i]++
	}
	if !t.others[other] {
		t.others[other] = true
	}
}

func (t *tally) append(b []byte, key string) []byte {
	for i, s := range counted {
		b = whole(append(append(append(b, `,"`...), s.String()...), '"'), ":", t.counts[i])
	}
	return strs(b, key, sortedKeys(t.others))
}

type tallies map[string]*tally

func (m tallies) of(id string) *tally {
	t := m[id]
	if t == nil {
		t = &tally{others: map[string]bool{}}
		m[id] = t
	}
	return t
}

// stateSummary is /state-summary: counts in place of tasks.
func (s *reads) stateSummary(w *web.Writer, r *web.Request) {
	d := newDocument(s.Master.ViewFor(r.Subject()))
	v := d.view
	byAgent, byFramework := tallies{}, tallies{}
	for _, all := range []iter.Seq2[string, *mesospb.Task]{v.Tasks.All(), v.Unreachable.All(), v.Completed.All()} {
		id, here := "", false
		for _, t := range all {
			if f := t.GetFrameworkId().GetValue(); f != id {
				id = f
				_, here = v.Frameworks.Get(id)
			}
			if here {
				byAgent.of(t.GetAgentId().GetValue()).add(t.GetState(), id)
				byFramework.of(id).add(t.GetState(), t.GetAgentId().GetValue())
			}
		}
	}
	none := &tally{}
	find := func(m tallies, id string) *tally {
		if t := m[id]; t != nil {
			return t
		}
		return none
	}
	d.add(func(b []byte) []byte {
		b = str(b, `{"hostname":`, v.Info.GetHostname())
		for _, f := range s.allFlags() {
			if f.GetName() == "cluster" && f.GetValue() != "" {
				b = str(b, `,"cluster":`, f.GetValue())
			}
		}
		return append(b, `,"slaves":[`...)
	})
	d.agents(nil, func(b []byte, id string, a *masterpb.Response_GetAgents_Agent) []byte {
		return append(find(byAgent, id).append(agent(b, a), `,"framework_ids":`), '}')
	}, "")
	d.add(func(b []byte) []byte {
		b = append(b, `],"frameworks":[`...)
		for id, f := range v.Frameworks.All() {
			b = append(find(byFramework, id).append(frameworkSummary(b, v, f), `,"slave_ids":`), "},"...)
		}
		return append(bare(b), "]}"...)
	})
	d.send(w, r)
}
