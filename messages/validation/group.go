package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// TaskGroup checks a pod: tasks that are launched together under one executor. A task may repeat the executor or leave
// it out.
func TaskGroup(g *mesospb.TaskGroupInfo, e *mesospb.ExecutorInfo, at Place) error {
	all := make([]resources.Resources, len(g.GetTasks()))
	for i, t := range g.GetTasks() {
		r, err := groupTask(t, at)
		if err != nil {
			return in(err, "task %q", t.GetTaskId().GetValue())
		}
		all[i] = r
	}
	executors, err := groupExecutor(g, e, at)
	if err != nil {
		return err
	}
	return in(first(fits(at, e, executors, all...), groupSharing(g, e, at)), "task group")
}

func groupTask(t *mesospb.TaskInfo, at Place) (resources.Resources, error) {
	r, err := anyTask(t, at)
	if err != nil {
		return r, err
	}
	share, _ := sharesCgroups(t.GetContainer())
	health := t.GetHealthCheck().GetType()
	switch {
	case len(t.GetContainer().GetNetworkInfos()) > 0 && (health == mesospb.HealthCheck_HTTP || health == mesospb.HealthCheck_TCP):
		return r, refuse("a health check over %s cannot reach a network of its own: use COMMAND, or leave network_infos out", health)
	case t.GetContainer().GetType() == mesospb.ContainerInfo_DOCKER && t.Container != nil:
		return r, refuse("container of type DOCKER: in a group use MESOS")
	case len(t.GetLimits()) > 0 && share:
		return r, refuse("limits need control groups of its own: set share_cgroups to false")
	}
	return r, nil
}

func groupExecutor(g *mesospb.TaskGroupInfo, e *mesospb.ExecutorInfo, at Place) (resources.Resources, error) {
	r, err := placedExecutor(e, at)
	if err != nil {
		return r, err
	}
	id := e.GetExecutorId().GetValue()
	switch _, disk := r.Scalar("disk"); {
	case e.Type == nil || e.GetType() == mesospb.ExecutorInfo_UNKNOWN:
		return r, refuse("executor %q has no known type: set DEFAULT or CUSTOM", id)
	case e.Container != nil && e.GetContainer().GetType() == mesospb.ContainerInfo_DOCKER:
		return r, refuse("executor %q: container of type DOCKER: in a group use MESOS", id)
	case SmallExecutor(e) != nil:
		return r, SmallExecutor(e)
	case !disk:
		return r, refuse("executor %q has no disk: it needs some", id)
	}
	for _, t := range g.GetTasks() {
		if t.Executor != nil && !sameExecutor(t.Executor, e) {
			return r, refuse("executor of task %q differs from the group's", t.GetTaskId().GetValue())
		}
	}
	return r, nil
}

// groupSharing checks that all tasks under one executor agree on whether they share its control groups.
func groupSharing(g *mesospb.TaskGroupInfo, e *mesospb.ExecutorInfo, at Place) error {
	var containers []*mesospb.ContainerInfo
	for _, t := range g.GetTasks() {
		containers = append(containers, t.GetContainer())
	}
	if at.Containers != nil {
		containers = append(containers, at.Containers(e.GetExecutorId().GetValue())...)
	}
	for _, c := range containers {
		a, _ := sharesCgroups(containers[0])
		if b, _ := sharesCgroups(c); a != b {
			return refuse("share_cgroups differs between tasks of executor %q: it must be the same for all", e.GetExecutorId().GetValue())
		}
	}
	return nil
}
