package scheduler

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Volume describes a persistent volume that is to be made.
type Volume struct {
	// ID is the volume's, unique among those of its role on the agent.
	ID string
	// Path is where a task that has the volume finds it, relative to its sandbox.
	Path string
	// Principal is who makes it: the framework's principal, or nobody if it has none.
	Principal string
	// Shared volumes may be used by several tasks at once. Only frameworks with the capability SHARED_RESOURCES are
	// offered them.
	Shared bool
}

// The methods below add an operation to a plan and answer with what it makes, as tasks and operations after it name it:
//
//	disk, err := plan.Reserve("", needs, principal)
//	volume, err := plan.Create("", disk, scheduler.Volume{ID: "data", Path: "data", Principal: principal})
//	plan.Launch(scheduler.Shell("writer", "date >> data/log", cpus.Add(volume)))
//
// An operation with an id is followed by updates of its state (OperationWatcher, Driver.ReconcileOperations); without
// one, by nothing but the next offer. An error says why the offers cannot bear it, and leaves the plan as it was.

// Reserve reserves what the offers have of so much for the plan's role, in the name of a principal: the framework's
// own, or "" if it has none. What is reserved to the role already is reserved no further.
func (p *Plan) Reserve(id string, want resources.Resources, principal string) (resources.Resources, error) {
	reservation := &mesospb.Resource_ReservationInfo{Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String(p.role)}
	if principal != "" {
		reservation.Principal = proto.String(principal)
	}
	reserved, err := want.Unallocate().PushReservation(reservation)
	if err != nil {
		return resources.Resources{}, err
	}
	return reserved, p.add(id, &mesospb.Offer_Operation{
		Type:    mesospb.Offer_Operation_RESERVE.Enum(),
		Reserve: &mesospb.Offer_Operation_Reserve{Resources: p.allocated(reserved)},
	})
}

// Unreserve gives back the last reservation of resources.
func (p *Plan) Unreserve(id string, reserved resources.Resources) (resources.Resources, error) {
	freed, err := reserved.Unallocate().PopReservation()
	if err != nil {
		return resources.Resources{}, err
	}
	return freed, p.add(id, &mesospb.Offer_Operation{
		Type:      mesospb.Offer_Operation_UNRESERVE.Enum(),
		Unreserve: &mesospb.Offer_Operation_Unreserve{Resources: p.allocated(reserved)},
	})
}

// Create makes a volume of one disk, which is reserved. A disk of type MOUNT is taken as a whole.
func (p *Plan) Create(id string, disk resources.Resources, v Volume) (resources.Resources, error) {
	made, err := single(disk, "a disk")
	if err != nil {
		return resources.Resources{}, err
	}
	if made.Disk == nil {
		made.Disk = &mesospb.Resource_DiskInfo{}
	}
	made.Disk.Persistence = &mesospb.Resource_DiskInfo_Persistence{Id: proto.String(v.ID)}
	if v.Principal != "" {
		made.Disk.Persistence.Principal = proto.String(v.Principal)
	}
	made.Disk.Volume = &mesospb.Volume{ContainerPath: proto.String(v.Path), Mode: mesospb.Volume_RW.Enum()}
	if v.Shared {
		made.Shared = &mesospb.Resource_SharedInfo{}
	}
	volume, err := resources.FromProto([]*mesospb.Resource{made})
	if err != nil {
		return resources.Resources{}, err
	}
	return volume, p.add(id, &mesospb.Offer_Operation{
		Type:   mesospb.Offer_Operation_CREATE.Enum(),
		Create: &mesospb.Offer_Operation_Create{Volumes: p.allocated(volume)},
	})
}

// Destroy removes volumes with everything in them. What they were made of stays reserved.
func (p *Plan) Destroy(id string, volumes resources.Resources) (disks resources.Resources, err error) {
	for x := range volumes.Unallocate().All() {
		disks = disks.Add(resources.Of(x.WithoutVolume()))
	}
	return disks, p.add(id, &mesospb.Offer_Operation{
		Type:    mesospb.Offer_Operation_DESTROY.Enum(),
		Destroy: &mesospb.Offer_Operation_Destroy{Volumes: p.allocated(volumes)},
	})
}

// Grow adds disk to a volume, from the same disk and with the same reservations.
func (p *Plan) Grow(id string, volume, addition resources.Resources) (resources.Resources, error) {
	grown, err := single(volume, "a volume")
	if err != nil {
		return resources.Resources{}, err
	}
	more, err := single(addition, "an addition")
	if err != nil {
		return resources.Resources{}, err
	}
	op := &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_GROW_VOLUME.Enum(),
		GrowVolume: &mesospb.Offer_Operation_GrowVolume{Volume: p.allocated(volume)[0], Addition: p.allocated(addition)[0]}}
	grown.Scalar = &mesospb.Value_Scalar{Value: proto.Float64(grown.GetScalar().GetValue() + more.GetScalar().GetValue())}
	return p.resize(id, op, grown)
}

// Shrink takes so many megabytes from a volume and leaves them reserved. What is in the volume is not looked at.
func (p *Plan) Shrink(id string, volume resources.Resources, by float64) (resources.Resources, error) {
	shrunk, err := single(volume, "a volume")
	if err != nil {
		return resources.Resources{}, err
	}
	op := &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_SHRINK_VOLUME.Enum(),
		ShrinkVolume: &mesospb.Offer_Operation_ShrinkVolume{Volume: p.allocated(volume)[0], Subtract: &mesospb.Value_Scalar{Value: &by}}}
	shrunk.Scalar = &mesospb.Value_Scalar{Value: proto.Float64(shrunk.GetScalar().GetValue() - by)}
	return p.resize(id, op, shrunk)
}

func (p *Plan) resize(id string, op *mesospb.Offer_Operation, to *mesospb.Resource) (resources.Resources, error) {
	volume, err := resources.FromProto([]*mesospb.Resource{to})
	if err != nil {
		return resources.Resources{}, err
	}
	return volume, p.add(id, op)
}

// add is Add with an id, if there is one.
func (p *Plan) add(id string, op *mesospb.Offer_Operation) error {
	if id != "" {
		op.Id = &mesospb.OperationID{Value: proto.String(id)}
	}
	return p.Add(op)
}

// allocated is how operations name resources: allocated to the role of the offers.
func (p *Plan) allocated(rs resources.Resources) []*mesospb.Resource {
	if p.role == "" {
		return rs.Unallocate().Proto()
	}
	return rs.Allocate(p.role).Proto()
}

// single is the message of the only one of resources, which may be changed.
func single(rs resources.Resources, what string) (*mesospb.Resource, error) {
	if rs.Len() != 1 {
		return nil, fmt.Errorf("%s is one resource, not %q: %w", what, rs, fault.ErrInvalid)
	}
	return proto.CloneOf(rs.Unallocate().Proto()[0]), nil
}
