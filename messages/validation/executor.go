package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// The least that an executor needs to run: cpus, and megabytes of memory.
const (
	MinExecutorCPUs resources.Milli = 10
	MinExecutorMem  resources.Milli = 32_000
)

// Executor checks an executor on its own.
func Executor(e *mesospb.ExecutorInfo) error {
	return in(first(
		executorType(e),
		ExecutorID(e.GetExecutorId()),
		nanoseconds("shutdown_grace_period", e.GetShutdownGracePeriod()),
		Command(e.GetCommand()),
		Container(e.GetContainer()),
	), "executor %q", e.GetExecutorId().GetValue())
}

func executorType(e *mesospb.ExecutorInfo) error {
	switch {
	case e.GetType() == mesospb.ExecutorInfo_CUSTOM && e.Command == nil:
		return refuse("of type CUSTOM: set command")
	case e.GetType() != mesospb.ExecutorInfo_DEFAULT:
		return nil // an unknown type may be one of the future
	case e.Command != nil:
		return refuse("of type DEFAULT: leave command out")
	case e.Container == nil:
		return nil
	case e.GetContainer().GetType() != mesospb.ContainerInfo_MESOS:
		return refuse("of type DEFAULT: its container must be of type MESOS")
	case e.GetContainer().GetMesos().GetImage() != nil:
		return refuse("of type DEFAULT: its container has no image, leave it out")
	}
	return nil
}

// placedExecutor checks how an executor fits in.
func placedExecutor(e *mesospb.ExecutorInfo, at Place) (resources.Resources, error) {
	if err := Executor(e); err != nil {
		return resources.Resources{}, err
	}
	r, err := used(e.GetResources(), at.Role)
	id := e.GetExecutorId().GetValue()
	switch running := at.executor(id); {
	case e.FrameworkId == nil:
		err = first(refuse("framework_id is not set"), err)
	case e.GetFrameworkId().GetValue() != at.FrameworkID:
		err = first(refuse("framework_id is %q, not %q", e.GetFrameworkId().GetValue(), at.FrameworkID), err)
	case err == nil && running != nil && !sameExecutor(e, running):
		err = refuse("another executor with this id runs on the agent, and it differs: use a new id")
	case err == nil:
		if share, said := sharesCgroups(e.GetContainer()); said && share {
			err = refuse("its container cannot share control groups: leave share_cgroups out")
		}
	}
	return r, in(err, "executor %q", id)
}

// sameExecutor compares as Mesos does: the resources as amounts, everything else literally.
func sameExecutor(a, b *mesospb.ExecutorInfo) bool {
	if !resources.FromValid(a.GetResources()).Unallocate().Equal(resources.FromValid(b.GetResources()).Unallocate()) {
		return false
	}
	a, b = proto.CloneOf(a), proto.CloneOf(b)
	a.Resources, b.Resources = nil, nil
	return proto.Equal(a, b)
}

// SmallExecutor says when an executor has less than it needs to run. For pods this is an error; for the rest Mesos
// only warns, because old frameworks do it.
func SmallExecutor(e *mesospb.ExecutorInfo) error {
	r := resources.FromValid(e.GetResources())
	switch id := e.GetExecutorId().GetValue(); {
	case r.CPUs() < MinExecutorCPUs:
		return refuse("executor %q has %s cpus: it needs %s", id, r.CPUs(), MinExecutorCPUs)
	case r.Mem() < MinExecutorMem:
		return refuse("executor %q has %s MB of memory: it needs %s", id, r.Mem(), MinExecutorMem)
	}
	return nil
}
