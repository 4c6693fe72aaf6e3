package resources

import (
	"fmt"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/values"
)

// Conversion turns some resources into others, as an operation of an offer does.
type Conversion struct {
	Consumed, Converted Resources

	// gone must not be contained in what comes out: a shared volume is destroyed only with its last copy.
	gone Resources
}

// Convert applies conversions one after the other, or none of them. It fails with ErrMissing when something to be
// consumed is not there.
func (r Resources) Convert(conversions ...Conversion) (Resources, error) {
	for _, c := range conversions {
		if !r.Contains(c.Consumed) {
			return Resources{}, fmt.Errorf("%s is not in %s: %w", c.Consumed.Brief(), r.Brief(), ErrMissing)
		}
		r = r.Subtract(c.Consumed).Add(c.Converted)
		if !c.gone.IsEmpty() && r.Contains(c.gone) {
			return Resources{}, fmt.Errorf("volume %s has more shared copies: %w", c.gone.Brief(), ErrMissing)
		}
	}
	return r, nil
}

// Apply applies an operation that takes effect at once: RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or
// SHRINK_VOLUME. The operation must have been validated otherwise; who may do it is not asked here.
func (r Resources) Apply(op *mesospb.Offer_Operation) (Resources, error) {
	conversions, err := Conversions(op)
	if err != nil {
		return Resources{}, err
	}
	result, err := r.Convert(conversions...)
	if err != nil {
		return Resources{}, fmt.Errorf("operation %s: %w", op.GetType(), err)
	}
	// Operations change whose things are and what they are, never how much there is.
	if !result.scalarsAndPortsOf(r) {
		return Resources{}, fmt.Errorf("operation %s changes the amount of resources: %w", op.GetType(), ErrOperation)
	}
	return result, nil
}

func (r Resources) scalarsAndPortsOf(that Resources) bool {
	return r.CPUs() == that.CPUs() && r.GPUs() == that.GPUs() && r.Mem() == that.Mem() && r.Disk() == that.Disk() &&
		r.Ports().Equal(that.Ports())
}

// Conversions says what an operation consumes and what it makes of it.
func Conversions(op *mesospb.Offer_Operation) ([]Conversion, error) {
	switch op.GetType() {
	case mesospb.Offer_Operation_RESERVE:
		return reserving(op.GetReserve())
	case mesospb.Offer_Operation_UNRESERVE:
		return unreserving(op.GetUnreserve())
	case mesospb.Offer_Operation_CREATE:
		return creating(op.GetCreate())
	case mesospb.Offer_Operation_DESTROY:
		return destroying(op.GetDestroy())
	case mesospb.Offer_Operation_GROW_VOLUME:
		return growing(op.GetGrowVolume())
	case mesospb.Offer_Operation_SHRINK_VOLUME:
		return shrinking(op.GetShrinkVolume())
	}
	return nil, fmt.Errorf("operation %s has no effect on resources until it is done: %w", op.GetType(), ErrOperation)
}

// reserving consumes what is named as the source, or else the same without its last reservation.
func reserving(op *mesospb.Offer_Operation_Reserve) ([]Conversion, error) {
	reserved, err := FromProto(op.GetResources())
	if err != nil {
		return nil, err
	}
	if len(op.GetSource()) > 0 {
		source, err := FromProto(op.GetSource())
		return []Conversion{{Consumed: source, Converted: reserved}}, err
	}
	source, err := reserved.PopReservation()
	return []Conversion{{Consumed: source, Converted: reserved}}, err
}

func unreserving(op *mesospb.Offer_Operation_Unreserve) ([]Conversion, error) {
	return convertEach(op.GetResources(), func(x Resource) (Conversion, error) {
		reserved := Of(x)
		left, err := reserved.PopReservation()
		return Conversion{Consumed: reserved, Converted: left}, err
	})
}

func creating(op *mesospb.Offer_Operation_Create) ([]Conversion, error) {
	return convertEach(op.GetVolumes(), func(x Resource) (Conversion, error) {
		return Conversion{Consumed: Of(x.WithoutVolume()), Converted: Of(x)}, nil
	})
}

func destroying(op *mesospb.Offer_Operation_Destroy) ([]Conversion, error) {
	return convertEach(op.GetVolumes(), func(x Resource) (Conversion, error) {
		return Conversion{Consumed: Of(x), Converted: Of(x.WithoutVolume()), gone: Of(x)}, nil
	})
}

func growing(op *mesospb.Offer_Operation_GrowVolume) ([]Conversion, error) {
	volume, err := resizable(op.GetVolume())
	if err != nil {
		return nil, err
	}
	addition, err := one(op.GetAddition())
	if err != nil {
		return nil, err
	}
	grown := volume
	grown.scalar = grown.scalar.Plus(addition.scalar)
	return []Conversion{{Consumed: Of(volume, addition), Converted: Of(grown)}}, nil
}

func shrinking(op *mesospb.Offer_Operation_ShrinkVolume) ([]Conversion, error) {
	volume, err := resizable(op.GetVolume())
	if err != nil {
		return nil, err
	}
	by, err := values.MilliOf(op.GetSubtract().GetValue())
	if err != nil {
		return nil, fmt.Errorf("shrink %s: %w", volume, err)
	}
	if by >= volume.scalar {
		return nil, fmt.Errorf("shrink %s by %s: nothing would be left, destroy it instead: %w", volume, by, ErrOperation)
	}
	freed, shrunk := volume.WithoutVolume(), volume
	freed.scalar = by
	shrunk.scalar -= by
	return []Conversion{{Consumed: Of(volume), Converted: Of(shrunk, freed)}}, nil
}

func resizable(m *mesospb.Resource) (Resource, error) {
	x, err := one(m)
	if err != nil {
		return x, err
	}
	if _, provided := x.ProviderID(); provided {
		return x, fmt.Errorf("volume %s is a resource provider's, which cannot be resized: %w", x, ErrOperation)
	}
	return x, nil
}

// WithoutVolume is the disk space that a volume is made from and becomes again. It is never shared: only volumes are.
func (r Resource) WithoutVolume() Resource {
	r.copies = 1
	return r.with(func(t *traits) {
		t.shared = false
		if t.disk.GetSource() == nil {
			t.disk = nil
			return
		}
		t.disk = &mesospb.Resource_DiskInfo{Source: t.disk.Source}
	})
}

func convertEach(messages []*mesospb.Resource, convert func(Resource) (Conversion, error)) ([]Conversion, error) {
	out := make([]Conversion, 0, len(messages))
	for _, m := range messages {
		x, err := one(m)
		if err != nil {
			return nil, err
		}
		c, err := convert(x)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	return out, nil
}

// ApplyCheckpoint brings back, after a restart of an agent, what it had checkpointed: dynamic reservations and
// persistent volumes on top of what its flags say now. It fails with ErrMissing when the flags no longer provide for it.
func (r Resources) ApplyCheckpoint(checkpointed Resources) (Resources, error) {
	for x := range checkpointed.All() {
		if !x.NeedsCheckpoint() {
			return Resources{}, fmt.Errorf("resource %s is not one that is checkpointed: %w", x, ErrOperation)
		}
		from := x
		if x.IsDynamicallyReserved() {
			from = from.with(func(t *traits) { t.stack = static(t.stack) })
		}
		if x.IsPersistentVolume() {
			from = from.WithoutVolume()
		}
		next, err := r.Convert(Conversion{Consumed: Of(from), Converted: Of(x)})
		if err != nil {
			return Resources{}, fmt.Errorf("checkpointed %s does not fit the agent's resources: %w", x, err)
		}
		r = next
	}
	return r, nil
}

// static is the part of a stack that flags can make: at most a static reservation at its bottom.
func static(stack []*mesospb.Resource_ReservationInfo) []*mesospb.Resource_ReservationInfo {
	if len(stack) > 0 && stack[0].GetType() == mesospb.Resource_ReservationInfo_STATIC {
		return stack[:1:1]
	}
	return nil
}
