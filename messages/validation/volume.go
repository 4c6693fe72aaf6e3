package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/values"
)

func create(op *mesospb.Offer_Operation_Create, by Asker) error {
	r, err := operands(op.GetVolumes())
	if err := first(err, volumes(r), uniqueVolumes(by.Checkpointed.Unallocate().Add(r.Unallocate()))); err != nil {
		return err
	}
	for x := range r.All() {
		if err := first(by.sharer(x), by.understood(x), by.creator(x)); err != nil {
			return err
		}
	}
	if by.Framework == nil {
		return nil
	}
	return oneAllocation(r)
}

// volumes checks that everything is a persistent volume that can be written.
func volumes(r resources.Resources) error {
	for x := range r.All() {
		switch d := x.Disk(); {
		case d.GetPersistence() == nil:
			return refuse("resource %s is no persistent volume", x)
		case d.Volume == nil:
			return refuse("resource %s: set volume", x)
		case d.GetVolume().GetMode() == mesospb.Volume_RO:
			return refuse("resource %s can only be read: use RW", x)
		}
	}
	return nil
}

func (a Asker) sharer(x resources.Resource) error {
	if x.IsShared() && a.Framework != nil && !HasCapability(a.Framework, mesospb.FrameworkInfo_Capability_SHARED_RESOURCES) {
		return refuse("resource %s is shared: declare the capability SHARED_RESOURCES", x)
	}
	return nil
}

// creator refuses volumes in somebody else's name.
func (a Asker) creator(x resources.Resource) error {
	switch p := x.Disk().GetPersistence(); {
	case a.Principal == "":
		return nil
	case p.Principal == nil:
		return refuse("resource %s has no principal: set yours, %q", x, a.Principal)
	case p.GetPrincipal() != a.Principal:
		return refuse("resource %s is of principal %q: you are %q", x, p.GetPrincipal(), a.Principal)
	}
	return nil
}

func destroy(op *mesospb.Offer_Operation_Destroy, by Asker) error {
	r, err := operands(op.GetVolumes())
	if err := first(err, volumes(r)); err != nil {
		return err
	}
	for x := range r.Unallocate().All() {
		volume := resources.Of(x)
		if _, provided := x.ProviderID(); !provided && !by.Checkpointed.Unallocate().Contains(volume) {
			return refuse("volume %s is not on the agent", x)
		}
		for _, used := range by.Used {
			if used.Unallocate().Contains(volume) {
				return refuse("volume %s is in use", x)
			}
		}
	}
	return nil
}

func grow(op *mesospb.Offer_Operation_GrowVolume, by Asker) error {
	volume, err := resizable(op.GetVolume(), by)
	if err != nil {
		return err
	}
	addition, err := resources.FromProto([]*mesospb.Resource{op.GetAddition()})
	switch {
	case err != nil:
		return in(err, "addition")
	case addition.IsEmpty():
		return refuse("addition is nothing")
	}
	// Only more of the same adds up with what the volume is made of.
	if resources.Of(volume.WithoutVolume()).Add(addition).Len() != 1 {
		return refuse("addition %s does not fit volume %s: it needs the same disk and reservations", addition.Brief(), volume)
	}
	return nil
}

func shrink(op *mesospb.Offer_Operation_ShrinkVolume, by Asker) error {
	volume, err := resizable(op.GetVolume(), by)
	if err != nil {
		return err
	}
	less, err := values.MilliOf(op.GetSubtract().GetValue())
	switch {
	case err != nil:
		return in(err, "subtract")
	case less == 0:
		return refuse("subtract is nothing")
	case less >= volume.Scalar():
		return refuse("volume %s cannot be shrunk by %s: destroy it to free all of it", volume, less)
	case volume.IsDisk(mesospb.Resource_DiskInfo_Source_MOUNT):
		return refuse("volume %s is on a MOUNT disk, which is indivisible", volume)
	}
	return nil
}

func resizable(m *mesospb.Resource, by Asker) (resources.Resource, error) {
	x, err := resources.FromOne(m)
	if err != nil {
		return x, in(err, "volume")
	}
	_, provided := x.ProviderID()
	switch err := volumes(resources.Of(x)); {
	case provided:
		return x, refuse("volume %s is a resource provider's, which cannot be resized", x)
	case err != nil:
		return x, err
	case x.IsShared():
		return x, refuse("volume %s is shared, and cannot be resized under its users", x)
	case !by.can(mesospb.AgentInfo_Capability_RESIZE_VOLUME):
		return x, refuse("volume %s: the agent cannot resize volumes (RESIZE_VOLUME)", x)
	}
	return x, nil
}
