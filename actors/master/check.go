package master

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// oldestAgent is the oldest version of an agent that this master understands.
const oldestAgent = "0.1.0"

// maxHostname bounds a host name, as DNS does.
const maxHostname = 255

// checkAgent says what is wrong with an agent that wants in, and returns what it has.
func checkAgent(info *mesospb.AgentInfo, version string) (resources.Resources, error) {
	if info.GetHostname() == "" || len(info.GetHostname()) > maxHostname {
		return resources.Resources{}, fmt.Errorf("an agent needs a host name of 1 to %d bytes: %w", maxHostname, fault.ErrInvalid)
	}
	if err := checkVersion(version); err != nil {
		return resources.Resources{}, err
	}
	if info.Id != nil {
		if err := validation.AgentID(info.Id); err != nil {
			return resources.Resources{}, err
		}
	}
	total, err := resources.FromProto(info.GetResources())
	if err != nil {
		return total, fmt.Errorf("resources of agent %s: %w", info.GetHostname(), err)
	}
	return total, nil
}

// checkVersion refuses agents that are too old, or do not say how old they are.
func checkVersion(version string) error {
	is, ok := parseVersion(version)
	if !ok {
		return fmt.Errorf("version %q cannot be read: %w", version, fault.ErrInvalid)
	}
	least, _ := parseVersion(oldestAgent)
	for i := range least {
		if is[i] != least[i] {
			if is[i] < least[i] {
				return fmt.Errorf("version %s is too old: this master understands %s and later: %w", version, oldestAgent, fault.ErrUnsupported)
			}
			break
		}
	}
	return nil
}

// parseVersion reads the numbers of "1.2.3-rc1+build".
func parseVersion(text string) (v [3]uint64, ok bool) {
	text, _, _ = strings.Cut(strings.TrimPrefix(text, "v"), "+")
	text, _, _ = strings.Cut(text, "-")
	parts := strings.Split(text, ".")
	if len(parts) != len(v) {
		return v, false
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 32)
		if err != nil {
			return v, false
		}
		v[i] = n
	}
	return v, true
}

// checkReturn says what is wrong with a returning agent's report, and returns what it has. Everything in it
// must be of that agent, complete and said once, so that nothing behind it has to ask again.
func checkReturn(r *controlpb.ReregisterAgent) (resources.Resources, error) {
	total, err := checkAgent(r.GetAgent(), r.GetVersion())
	id := r.GetAgent().GetId()
	if err == nil {
		err = validation.AgentID(id)
	}
	if err == nil {
		total, err = holdings(total, r.GetCheckpointedResources())
	}
	frameworks := map[string]bool{}
	for _, f := range r.GetFrameworks() {
		if err == nil {
			err = validation.FrameworkID(f.GetId())
		}
		frameworks[f.GetId().GetValue()] = true
	}
	seen := map[string]bool{}
	for _, e := range r.GetExecutors() {
		if err == nil {
			err = checkReturnedExecutor(e, frameworks, seen)
		}
	}
	clear(seen)
	for _, t := range r.GetTasks() {
		if err == nil {
			err = checkReturnedTask(t, id.GetValue(), frameworks, seen)
		}
	}
	if err != nil {
		return total, fmt.Errorf("agent %s: %w", id.GetValue(), err)
	}
	return total, nil
}

func checkReturnedExecutor(e *mesospb.ExecutorInfo, frameworks, seen map[string]bool) error {
	id, framework := e.GetExecutorId().GetValue(), e.GetFrameworkId().GetValue()
	once := key(framework, id)
	switch {
	case validation.ExecutorID(e.GetExecutorId()) != nil:
		return validation.ExecutorID(e.GetExecutorId())
	case !frameworks[framework]:
		return fmt.Errorf("executor %s is of framework %q, which is not described: %w", id, framework, fault.ErrInvalid)
	case seen[once]:
		return fmt.Errorf("executor %s of framework %s comes twice: %w", id, framework, fault.ErrInvalid)
	}
	seen[once] = true
	return nil
}

func checkReturnedTask(t *mesospb.Task, agent string, frameworks, seen map[string]bool) error {
	id := t.GetTaskId().GetValue()
	once := key(t.GetFrameworkId().GetValue(), id)
	switch {
	case validation.TaskID(t.GetTaskId()) != nil:
		return validation.TaskID(t.GetTaskId())
	case !frameworks[t.GetFrameworkId().GetValue()]:
		return fmt.Errorf("task %s is of framework %q, which is not described: %w", id, t.GetFrameworkId().GetValue(), fault.ErrInvalid)
	case t.GetAgentId().GetValue() != agent:
		return fmt.Errorf("task %s is of agent %q: %w", id, t.GetAgentId().GetValue(), fault.ErrInvalid)
	case t.State == nil:
		return fmt.Errorf("task %s has no state: %w", id, fault.ErrInvalid)
	case seen[once]:
		return fmt.Errorf("task %s of framework %s comes twice: %w", id, t.GetFrameworkId().GetValue(), fault.ErrInvalid)
	}
	seen[once] = true
	return nil
}
