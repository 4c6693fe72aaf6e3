package sweep

import (
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/testkit"
)

// Forward reads the registry after each write. An agent that was called gone there is never admitted again, nor
// welcomed, and never leaves the list.
var Forward = Checker{"I7: the registry only moves forward, gone stays gone", forward}

func forward(r *Run) {
	const promise = "gone stays gone"
	gone := map[string]bool{}
	writes := 0
	r.Always(promise, func() error {
		if now := r.Writes(); now == writes {
			return nil
		} else {
			writes = now
		}
		listed := map[string]bool{}
		for _, e := range r.Records() {
			if id, ok := strings.CutPrefix(e.Key, "gone/"); ok {
				listed[id], gone[id] = true, true
			}
			if id, ok := strings.CutPrefix(e.Key, "agents/"); ok && gone[id] {
				return fmt.Errorf("agent %s is admitted by the registry again", id)
			}
		}
		for id := range gone {
			if !listed[id] {
				return fmt.Errorf("agent %s is not listed any more", id)
			}
		}
		return nil
	})
	r.Observe(func(m testkit.Message) {
		id := ""
		switch say := m.Msg.(type) {
		case *controlpb.AgentRegistered:
			id = say.GetAgentId().GetValue()
		case *controlpb.AgentReregistered:
			id = say.GetAgentId().GetValue()
		}
		if gone[id] {
			r.violated(promise, "agent %s is welcomed again", id)
		}
	})
}
