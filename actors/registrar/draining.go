package registrar

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// standing is what an operator decided about an agent, wherever it is recorded.
type standing struct {
	drain       *mesospb.DrainInfo
	deactivated bool
}

// restand changes the standing of an admitted or missed agent. An unknown agent is left alone, as in Mesos:
// it was removed while the operator typed.
func (e *Edit) restand(id string, change func(standing) (standing, error)) error {
	if a, ok := e.Admitted[id]; ok {
		s, err := change(standing{a.GetDrainInfo(), a.GetDeactivated()})
		if err != nil {
			return err
		}
		e.admit(&controlpb.AdmittedAgent{Agent: a.Agent, DrainInfo: s.drain, Deactivated: proto.Bool(s.deactivated)})
	} else if a, ok := e.Unreachable[id]; ok {
		s, err := change(standing{a.GetDrainInfo(), a.GetDeactivated()})
		if err != nil {
			return err
		}
		e.miss(&controlpb.UnreachableAgent{AgentId: a.AgentId, Since: a.Since, DrainInfo: s.drain, Deactivated: proto.Bool(s.deactivated)})
	} else {
		return nil
	}
	e.requireCapabilities()
	return nil
}

// Drain deactivates an agent whose tasks are to be killed. maxGrace is negative for none.
func Drain(id string, maxGrace time.Duration, markGone bool) Operation {
	return func(e *Edit) error {
		return e.restand(id, func(standing) (standing, error) {
			return standing{Draining(maxGrace, markGone), true}, nil
		})
	}
}

// Draining is what Drain records of an agent.
func Draining(maxGrace time.Duration, markGone bool) *mesospb.DrainInfo {
	config := &mesospb.DrainConfig{MarkGone: proto.Bool(markGone)}
	if maxGrace >= 0 {
		config.MaxGracePeriod = &mesospb.DurationInfo{Nanoseconds: proto.Int64(maxGrace.Nanoseconds())}
	}
	return &mesospb.DrainInfo{State: mesospb.DrainState_DRAINING.Enum(), Config: config}
}

// MarkDrained says that nothing runs on a draining agent any more.
func MarkDrained(id string) Operation {
	return func(e *Edit) error {
		return e.restand(id, func(s standing) (standing, error) {
			if s.drain.GetState() != mesospb.DrainState_DRAINING {
				return s, fmt.Errorf("agent %s is not draining: %w", id, fault.ErrConflict)
			}
			drain := proto.CloneOf(s.drain)
			drain.State = mesospb.DrainState_DRAINED.Enum()
			return standing{drain, s.deactivated}, nil
		})
	}
}

// Deactivate keeps an agent's resources from being offered.
func Deactivate(id string) Operation {
	return func(e *Edit) error {
		return e.restand(id, func(s standing) (standing, error) { return standing{s.drain, true}, nil })
	}
}

// Reactivate ends draining and deactivation.
func Reactivate(id string) Operation {
	return func(e *Edit) error {
		return e.restand(id, func(standing) (standing, error) { return standing{}, nil })
	}
}
