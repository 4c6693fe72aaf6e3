package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// AgentCall checks a call of an agent's API.
func AgentCall(c *agentpb.Call) error {
	if c.Type == nil {
		return refuse("call has no type")
	}
	kind := c.GetType().String()
	if err := body(c, kind, "GET_CONTAINERS", "PRUNE_IMAGES"); err != nil {
		return err
	}
	return in(agentCall(c), "call %s", kind)
}

func agentCall(c *agentpb.Call) error {
	switch c.GetType() {
	case agentpb.Call_LAUNCH_NESTED_CONTAINER:
		return launchNested(c.GetLaunchNestedContainer())
	case agentpb.Call_LAUNCH_NESTED_CONTAINER_SESSION:
		return launchSession(c.GetLaunchNestedContainerSession())
	case agentpb.Call_LAUNCH_CONTAINER:
		return launchContainer(c.GetLaunchContainer())
	case agentpb.Call_WAIT_NESTED_CONTAINER:
		return nested(c.GetWaitNestedContainer().GetContainerId())
	case agentpb.Call_KILL_NESTED_CONTAINER:
		return nested(c.GetKillNestedContainer().GetContainerId())
	case agentpb.Call_REMOVE_NESTED_CONTAINER:
		return nested(c.GetRemoveNestedContainer().GetContainerId())
	case agentpb.Call_WAIT_CONTAINER:
		return ContainerID(c.GetWaitContainer().GetContainerId())
	case agentpb.Call_KILL_CONTAINER:
		return ContainerID(c.GetKillContainer().GetContainerId())
	case agentpb.Call_REMOVE_CONTAINER:
		return ContainerID(c.GetRemoveContainer().GetContainerId())
	case agentpb.Call_ATTACH_CONTAINER_OUTPUT:
		return ContainerID(c.GetAttachContainerOutput().GetContainerId())
	case agentpb.Call_ATTACH_CONTAINER_INPUT:
		return attachInput(c.GetAttachContainerInput())
	case agentpb.Call_ADD_RESOURCE_PROVIDER_CONFIG:
		return newProvider(c.GetAddResourceProviderConfig().GetInfo())
	case agentpb.Call_UPDATE_RESOURCE_PROVIDER_CONFIG:
		return newProvider(c.GetUpdateResourceProviderConfig().GetInfo())
	}
	return nil
}

// newProvider refuses an id: the agent gives it.
func newProvider(info *mesospb.ResourceProviderInfo) error {
	if info.Id != nil {
		return refuse("info.id is given by the agent: leave it out")
	}
	return nil
}

// nested checks the id of a container in another one.
func nested(id *mesospb.ContainerID) error {
	if err := ContainerID(id); err != nil {
		return err
	}
	if id.GetParent() == nil {
		return refuse("container_id has no parent: name the container it is in")
	}
	return nil
}

// isDeep says whether a container is nested at the second level or deeper.
func isDeep(id *mesospb.ContainerID) bool { return id.GetParent().GetParent() != nil }

func launchNested(l *agentpb.Call_LaunchNestedContainer) error {
	err := first(nested(l.GetContainerId()), Command(l.GetCommand()), Container(l.GetContainer()))
	if share, _ := sharesCgroups(l.GetContainer()); err == nil && !share && isDeep(l.GetContainerId()) {
		return refuse("containers at the second level and deeper share control groups: leave share_cgroups out")
	}
	return err
}

func launchSession(l *agentpb.Call_LaunchNestedContainerSession) error {
	err := first(nested(l.GetContainerId()), Command(l.GetCommand()), Container(l.GetContainer()))
	if share, _ := sharesCgroups(l.GetContainer()); err == nil && !share {
		return refuse("sessions share the control groups of their parent: leave share_cgroups out")
	}
	return err
}

func launchContainer(l *agentpb.Call_LaunchContainer) error {
	if err := ContainerID(l.GetContainerId()); err != nil {
		return err
	}
	r, err := Resources(l.GetResources())
	if err == nil && l.GetContainerId().GetParent() == nil {
		err = standalone(r)
	}
	if err := first(err, Command(l.GetCommand()), Container(l.GetContainer())); err != nil {
		return err
	}
	share, said := sharesCgroups(l.GetContainer())
	deep := isDeep(l.GetContainerId())
	switch {
	case deep && len(l.GetResources()) > 0:
		return refuse("containers at the second level and deeper have no resources of their own: leave resources out")
	case deep && len(l.GetLimits()) > 0:
		return refuse("containers at the second level and deeper have no limits of their own: leave limits out")
	case deep && !share:
		return refuse("containers at the second level and deeper share control groups: leave share_cgroups out")
	case l.GetContainerId().GetParent() == nil && said && share:
		return refuse("a container without a parent has no control groups to share: leave share_cgroups out")
	}
	return nil
}

// standalone checks the resources of a container of an operator: nobody accounts for them, so they can only be plain.
func standalone(r resources.Resources) error {
	for x := range r.All() {
		switch {
		case x.IsReserved():
			return refuse("resource %s is reserved, which a standalone container cannot use", x)
		case x.IsPersistentVolume():
			return refuse("resource %s is a persistent volume, which a standalone container cannot use", x)
		case x.IsRevocable():
			return refuse("resource %s may be revoked, which a standalone container cannot use", x)
		}
	}
	return nil
}

func attachInput(a *agentpb.Call_AttachContainerInput) error {
	switch a.GetType() {
	case agentpb.Call_AttachContainerInput_CONTAINER_ID:
		return ContainerID(a.GetContainerId())
	case agentpb.Call_AttachContainerInput_PROCESS_IO:
		return nil
	}
	return refuse("type %s: use CONTAINER_ID or PROCESS_IO", a.GetType())
}
