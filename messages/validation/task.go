package validation

import (
	"math"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Place is what the caller knows of where a task is to run.
type Place struct {
	FrameworkID, AgentID string
	// Role is the role that the offers were made to. Resources that do not say whom they are allocated to are
	// taken as allocated to it, as Mesos does. Empty: every resource has to say.
	Role string
	// Offered is what is left of the offers.
	Offered resources.Resources
	// CanLimit says whether the agent has the capability TASK_RESOURCE_LIMITS.
	CanLimit bool
	// Executor finds the framework's running executor of this id on the agent; nil when there is none.
	Executor func(id string) *mesospb.ExecutorInfo
	// TaskID refuses an id that a running or unreachable task of the framework has.
	TaskID func(id string) error
	// Containers lists those of the tasks under this executor, nil for tasks without.
	Containers func(executorID string) []*mesospb.ContainerInfo
}

func (p Place) executor(id string) *mesospb.ExecutorInfo {
	if p.Executor == nil {
		return nil
	}
	return p.Executor(id)
}

// Task checks a task that is launched on its own, with its executor if it has one.
func Task(t *mesospb.TaskInfo, at Place) error {
	return in(task(t, at), "task %q", t.GetTaskId().GetValue())
}

func task(t *mesospb.TaskInfo, at Place) error {
	mine, err := anyTask(t, at)
	if err != nil {
		return err
	}
	if (t.Executor == nil) == (t.Command == nil) {
		return refuse("set exactly one of command and executor")
	}
	var executors resources.Resources
	if t.Executor != nil {
		if executors, err = taskExecutor(t.Executor, at); err != nil {
			return err
		}
	}
	if share, _ := sharesCgroups(t.GetContainer()); !share {
		return refuse("only tasks of a group can have control groups of their own: leave share_cgroups out")
	}
	return fits(at, t.GetExecutor(), executors, mine)
}

// anyTask checks what holds for tasks alone and in groups, except for their executors, and returns their resources.
func anyTask(t *mesospb.TaskInfo, at Place) (resources.Resources, error) {
	if err := first(TaskID(t.GetTaskId()), at.unusedTaskID(t), at.expectedAgent(t), taskOnItsOwn(t)); err != nil {
		return resources.Resources{}, err
	}
	if len(t.GetResources()) == 0 {
		return resources.Resources{}, refuse("it uses no resources: name some")
	}
	r, err := used(t.GetResources(), at.Role)
	return r, first(err, limits(t, r, at.CanLimit))
}

func taskOnItsOwn(t *mesospb.TaskInfo) error {
	var check, health error
	if t.Check != nil {
		check = Check(t.Check)
	}
	if t.HealthCheck != nil {
		health = HealthCheck(t.HealthCheck)
	}
	return first(
		KillPolicy(t.GetKillPolicy()),
		nanoseconds("max_completion_time", t.GetMaxCompletionTime()),
		check,
		health,
		Command(t.GetCommand()),
		Container(t.GetContainer()),
	)
}

func (p Place) unusedTaskID(t *mesospb.TaskInfo) error {
	if p.TaskID == nil {
		return nil
	}
	if err := p.TaskID(t.GetTaskId().GetValue()); err != nil {
		return refuse("%w", err)
	}
	return nil
}

func (p Place) expectedAgent(t *mesospb.TaskInfo) error {
	if id := t.GetAgentId().GetValue(); id != p.AgentID {
		return refuse("agent_id is %q, but the offer is from %q", id, p.AgentID)
	}
	return nil
}

func taskExecutor(e *mesospb.ExecutorInfo, at Place) (resources.Resources, error) {
	r, err := placedExecutor(e, at)
	switch {
	case err != nil:
		return r, err
	case e.Type != nil && e.GetType() != mesospb.ExecutorInfo_CUSTOM:
		return r, refuse("executor of type %s: a task on its own has one of type CUSTOM", e.GetType())
	case e.Command == nil:
		return r, refuse("executor has no command: set it")
	case !r.Shared().IsEmpty():
		return r, refuse("executor uses shared resources %s: give them to the task", r.Shared().Brief())
	}
	return r, nil
}

// fits checks tasks and their executor together, against each other and against what is offered.
func fits(at Place, e *mesospb.ExecutorInfo, executors resources.Resources, tasks ...resources.Resources) error {
	var sum resources.Builder
	n := 0
	for _, r := range append(tasks, executors) {
		// A message can hold far more different resources than any agent has, and adding them up would take minutes.
		if n += r.Len(); n > resources.MaxResources {
			return refuse("it uses more than %d different resources", resources.MaxResources)
		}
		sum.Add(r)
	}
	total := sum.Resources()
	if err := first(distinct(append(tasks, executors)...), uniqueVolumes(total), notMixed(total)); err != nil {
		return err
	}
	needed := total
	if e != nil && at.executor(e.GetExecutorId().GetValue()) != nil {
		needed = total.Subtract(executors) // it runs already
	}
	if !at.Offered.Contains(needed) {
		return refuse("it needs %s, but only %s are offered", needed.Brief(), at.Offered.Brief())
	}
	return nil
}

// limits checks that limits are of the kinds that can be limited, and not below what is requested.
func limits(t *mesospb.TaskInfo, r resources.Resources, can bool) error {
	if len(t.GetLimits()) == 0 {
		return nil
	}
	if !can {
		return refuse("the agent cannot limit tasks: leave limits out")
	}
	for name, limit := range t.GetLimits() {
		requested, ok := r.Scalar(name)
		switch v := limit.GetValue(); {
		case name != "cpus" && name != "mem":
			return refuse("limit of %q: only cpus and mem can be limited", name)
		case !ok:
			return refuse("limit of %s without a request: add %s to the resources", name, name)
		case math.IsInf(v, 1):
		case Amount(v) != nil:
			return in(Amount(v), "limit of %s", name)
		case resources.Round(v) < requested:
			return refuse("limit of %s is %g, less than the request of %s: raise it", name, v, requested)
		}
	}
	return nil
}
