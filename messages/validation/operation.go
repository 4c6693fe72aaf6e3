package validation

import (
	"slices"
	"strings"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/values"
)

// Asker is who asks for an operation on an agent's resources, and what is known of the agent.
type Asker struct {
	// Principal is whom the asker authenticated as, "" for nobody.
	Principal string
	// Framework asks for it with an offer; nil when an operator asks.
	Framework *mesospb.FrameworkInfo
	// Capabilities are the agent's.
	Capabilities []*mesospb.AgentInfo_Capability
	// Checkpointed are the agent's volumes and dynamic reservations.
	Checkpointed resources.Resources
	// Used is what the frameworks have in use on the agent, each on its own.
	Used []resources.Resources
}

func (a Asker) can(c mesospb.AgentInfo_Capability_Type) bool {
	return slices.ContainsFunc(a.Capabilities, func(have *mesospb.AgentInfo_Capability) bool { return have.GetType() == c })
}

// Operation checks an operation on resources, which must be in the refined format. Launches are checked by Task and
// TaskGroup. Whether the asker may do it is for the authorizer to say, and whether the resources are there for
// resources.Apply.
func Operation(op *mesospb.Offer_Operation, by Asker) error {
	var err error
	switch op.GetType() {
	case mesospb.Offer_Operation_RESERVE:
		err = reserve(op.GetReserve(), by)
	case mesospb.Offer_Operation_UNRESERVE:
		err = unreserve(op.GetUnreserve())
	case mesospb.Offer_Operation_CREATE:
		err = create(op.GetCreate(), by)
	case mesospb.Offer_Operation_DESTROY:
		err = destroy(op.GetDestroy(), by)
	case mesospb.Offer_Operation_GROW_VOLUME:
		err = grow(op.GetGrowVolume(), by)
	case mesospb.Offer_Operation_SHRINK_VOLUME:
		err = shrink(op.GetShrinkVolume(), by)
	case mesospb.Offer_Operation_CREATE_DISK:
		err = createDisk(op.GetCreateDisk())
	case mesospb.Offer_Operation_DESTROY_DISK:
		err = destroyDisk(op.GetDestroyDisk())
	default:
		err = refuse("it does nothing to resources")
	}
	return in(err, "operation %s", op.GetType())
}

// operands reads the resources of one operation.
func operands(messages []*mesospb.Resource) (resources.Resources, error) {
	r, err := Resources(messages)
	return r, first(err, oneProvider(r))
}

func reserve(op *mesospb.Offer_Operation_Reserve, by Asker) error {
	r, err := operands(op.GetResources())
	if err == nil && len(op.GetSource()) > 0 {
		err = reserveFrom(op, r)
	}
	if err != nil {
		return err
	}
	for x := range r.All() {
		if err := first(dynamic(x), by.understood(x), by.reserver(x), by.allocation(x)); err != nil {
			return err
		}
	}
	if by.Framework == nil {
		return nil
	}
	return oneAllocation(r)
}

// reserveFrom checks a reservation of what is reserved otherwise: everything on each side must be reserved alike.
func reserveFrom(op *mesospb.Offer_Operation_Reserve, r resources.Resources) error {
	source, err := Resources(op.GetSource())
	switch {
	case err != nil:
		return in(err, "source")
	case !source.IsReservedAlike() || !r.IsReservedAlike():
		return refuse("several different reservations: use an operation for each")
	case !source.ToUnreserved().Equal(r.ToUnreserved()):
		return refuse("source is %s, which is not as much as %s", source.ToUnreserved().Brief(), r.ToUnreserved().Brief())
	}
	return nil
}

func dynamic(x resources.Resource) error {
	if !x.IsDynamicallyReserved() {
		return refuse("resource %s is not reserved dynamically", x)
	}
	return nil
}

// understood refuses what an older agent would not understand.
func (a Asker) understood(x resources.Resource) error {
	switch {
	case strings.Contains(x.ReservationRole(), "/") && !a.can(mesospb.AgentInfo_Capability_HIERARCHICAL_ROLE):
		return refuse("resource %s: the agent does not know hierarchical roles (HIERARCHICAL_ROLE)", x)
	case x.HasRefinedReservations() && !a.can(mesospb.AgentInfo_Capability_RESERVATION_REFINEMENT):
		return refuse("resource %s: the agent does not know refined reservations (RESERVATION_REFINEMENT)", x)
	}
	return nil
}

// reserver refuses reservations in somebody else's name.
func (a Asker) reserver(x resources.Resource) error {
	stack := x.Reservations()
	switch last := stack[len(stack)-1]; {
	case a.Principal == "":
		return nil
	case last.Principal == nil:
		return refuse("resource %s has no principal: set yours, %q", x, a.Principal)
	case last.GetPrincipal() != a.Principal:
		return refuse("resource %s is of principal %q: you are %q", x, last.GetPrincipal(), a.Principal)
	}
	return nil
}

// allocation checks whom resources to be reserved are allocated to: frameworks reserve what they were offered, for
// the role it was offered to, and operators what is offered to nobody.
func (a Asker) allocation(x resources.Resource) error {
	role, allocated := x.AllocationRole()
	switch {
	case a.Framework == nil && allocated:
		return refuse("resource %s is allocated, and operators reserve only what is not", x)
	case a.Framework == nil:
		return nil
	case !allocated:
		return refuse("resource %s is allocated to no role", x)
	case role != x.ReservationRole():
		return refuse("resource %s is for role %q, but allocated to %q", x, x.ReservationRole(), role)
	case !slices.Contains(Roles(a.Framework), role):
		return refuse("resource %s is allocated to role %q, but the framework has roles %q", x, role, Roles(a.Framework))
	}
	return nil
}

func unreserve(op *mesospb.Offer_Operation_Unreserve) error {
	r, err := operands(op.GetResources())
	if err != nil {
		return err
	}
	for x := range r.All() {
		if err := dynamic(x); err != nil {
			return err
		}
		if x.IsPersistentVolume() {
			return refuse("resource %s is a persistent volume: destroy it first", x)
		}
	}
	return nil
}

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

// provided reads a disk of a resource provider.
func provided(m *mesospb.Resource) (resources.Resource, error) {
	r, err := Resources([]*mesospb.Resource{m})
	if err != nil {
		return resources.Resource{}, err
	}
	for x := range r.All() {
		if _, ok := x.ProviderID(); !ok {
			return x, refuse("source %s is not a resource provider's", x)
		}
		return x, nil
	}
	return resources.Resource{}, refuse("source is nothing")
}

func createDisk(op *mesospb.Offer_Operation_CreateDisk) error {
	x, err := provided(op.GetSource())
	if err != nil {
		return err
	}
	source := x.Disk().GetSource()
	hasProfile := source != nil && source.Profile != nil
	switch target := op.GetTargetType(); {
	case !x.IsDisk(mesospb.Resource_DiskInfo_Source_RAW):
		return refuse("source %s is no RAW disk", x)
	case target != mesospb.Resource_DiskInfo_Source_MOUNT && target != mesospb.Resource_DiskInfo_Source_BLOCK:
		return refuse("target_type %s: use MOUNT or BLOCK", target)
	case hasProfile && op.TargetProfile != nil:
		return refuse("source has a profile already: leave target_profile out")
	case !hasProfile && op.TargetProfile == nil:
		return refuse("source has no profile: set target_profile")
	}
	return nil
}

func destroyDisk(op *mesospb.Offer_Operation_DestroyDisk) error {
	x, err := provided(op.GetSource())
	if err != nil {
		return err
	}
	switch source := x.Disk().GetSource(); {
	case source == nil || source.GetType() == mesospb.Resource_DiskInfo_Source_PATH:
		return refuse("source %s is no MOUNT, BLOCK or RAW disk", x)
	case source.Id == nil:
		return refuse("source %s is backed by no volume: it has no id", x)
	case x.IsPersistentVolume():
		return refuse("source %s holds a persistent volume: destroy that first", x)
	}
	return nil
}
