package registrar

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Operation edits the registry, or refuses with a reason and then has edited nothing. It is a pure function
// of what the registry holds. An operation that finds its work done edits nothing and does not refuse.
type Operation func(*Edit) error

// Admit adds an agent that was never seen before.
func Admit(info *mesospb.AgentInfo) Operation {
	return func(e *Edit) error {
		id := info.GetId().GetValue()
		if err := agentID(id); err != nil {
			return err
		}
		if _, ok := e.Admitted[id]; ok {
			return fmt.Errorf("agent %s is already admitted: %w", id, fault.ErrConflict)
		}
		if _, ok := e.Unreachable[id]; ok {
			// Or it would be recorded twice, and one record would outlive the other.
			return fmt.Errorf("agent %s is unreachable, not new: %w", id, fault.ErrConflict)
		}
		if _, ok := e.Gone[id]; ok {
			return fmt.Errorf("agent %s is gone: %w", id, fault.ErrConflict)
		}
		e.admit(&controlpb.AdmittedAgent{Agent: info})
		return nil
	}
}

// Update replaces what is known of an admitted agent.
func Update(info *mesospb.AgentInfo) Operation {
	return func(e *Edit) error {
		id := info.GetId().GetValue()
		old, ok := e.Admitted[id]
		if !ok {
			return notAdmitted(id)
		}
		if !equal(old.GetAgent(), info) {
			next := proto.CloneOf(old)
			next.Agent = info
			e.admit(next)
		}
		return nil
	}
}

// MarkUnreachable moves an admitted agent among those that are missed. Draining and deactivation stay.
func MarkUnreachable(id string, since time.Time) Operation {
	return func(e *Edit) error {
		a, ok := e.Admitted[id]
		if !ok {
			return notAdmitted(id)
		}
		e.discharge(id)
		e.miss(&controlpb.UnreachableAgent{AgentId: &mesospb.AgentID{Value: proto.String(id)}, Since: nanoseconds(since),
			DrainInfo: a.DrainInfo, Deactivated: a.Deactivated})
		return nil
	}
}

// MarkReachable admits an agent that returns: one that is missed, one that is admitted already (after a
// failover agents come back before anybody missed them), or one whose record was pruned long ago. Only a
// gone agent is refused, for ever.
func MarkReachable(info *mesospb.AgentInfo) Operation {
	return func(e *Edit) error {
		id := info.GetId().GetValue()
		if err := agentID(id); err != nil {
			return err
		}
		if _, ok := e.Gone[id]; ok {
			return fmt.Errorf("agent %s is gone: %w", id, fault.ErrConflict)
		}
		if _, ok := e.Admitted[id]; ok {
			return nil
		}
		a := &controlpb.AdmittedAgent{Agent: info}
		if missed, ok := e.Unreachable[id]; ok {
			a.DrainInfo, a.Deactivated = missed.DrainInfo, missed.Deactivated
			e.unmiss(id)
		}
		e.admit(a)
		return nil
	}
}

// MarkGone ends an agent for ever.
func MarkGone(id string, since time.Time) Operation {
	return func(e *Edit) error {
		_, gone := e.Gone[id]
		_, admitted := e.Admitted[id]
		_, missed := e.Unreachable[id]
		switch {
		case gone:
			return fmt.Errorf("agent %s is already gone: %w", id, fault.ErrConflict)
		case admitted:
			e.discharge(id)
		case missed:
			e.unmiss(id)
		default:
			return fmt.Errorf("agent %s is not in the registry: %w", id, fault.ErrNotFound)
		}
		e.lose(&controlpb.GoneAgent{AgentId: &mesospb.AgentID{Value: proto.String(id)}, Since: nanoseconds(since)})
		e.requireCapabilities()
		return nil
	}
}

// Remove forgets an admitted agent that said goodbye.
func Remove(id string) Operation {
	return func(e *Edit) error {
		a, ok := e.Admitted[id]
		if !ok {
			return notAdmitted(id)
		}
		e.discharge(id)
		if a.GetDeactivated() {
			e.requireCapabilities()
		}
		return nil
	}
}

// Prune forgets agents that were missed or gone for long. Those that changed meanwhile are left alone.
func Prune(unreachable, gone []string) Operation {
	return func(e *Edit) error {
		for _, id := range unreachable {
			if _, ok := e.Unreachable[id]; ok {
				e.unmiss(id)
				e.cut()
			}
		}
		for _, id := range gone {
			if _, ok := e.Gone[id]; ok {
				e.forgetGone(id)
				e.cut()
			}
		}
		if len(e.Cluster.GetMinimumCapabilities()) > 0 {
			e.requireCapabilities()
		}
		return nil
	}
}

func agentID(id string) error {
	if id == "" {
		return fmt.Errorf("an agent has no id: %w", fault.ErrInvalid)
	}
	return nil
}

func notAdmitted(id string) error {
	return fmt.Errorf("agent %s is not admitted: %w", id, fault.ErrNotFound)
}

func nanoseconds(t time.Time) *mesospb.TimeInfo {
	return &mesospb.TimeInfo{Nanoseconds: proto.Int64(t.UnixNano())}
}
