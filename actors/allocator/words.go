package allocator

import (
	"cmp"
	"slices"

	"github.com/meseta-io/meseta/actors/allocator/drf"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// words translates resources between the form in which they are spoken of and the engine's. Nothing is lost on the way: what the
// engine does not look at is carried in the detail of a kind, as the resource's own bytes.
type words struct {
	plain      map[plainName]*drf.Kind
	prototypes map[*drf.Kind]*mesospb.Resource // of kinds with a detail
}

type plainName struct {
	name string
	kind mesospb.Value_Type
}

// prototypeLimit bounds the prototypes, which are read from the detail again when they are forgotten.
const prototypeLimit = 1 << 13

func newWords() *words {
	return &words{map[plainName]*drf.Kind{}, map[*drf.Kind]*mesospb.Resource{}}
}

// bundle leaves out whom the resources are allocated to.
func (w *words) bundle(rs resources.Resources) drf.Bundle {
	if rs.IsEmpty() {
		return nil
	}
	b := make(drf.Bundle, 0, rs.Len())
	for r := range rs.All() {
		b = append(b, w.one(r))
	}
	return b
}

func (w *words) one(r resources.Resource) drf.Resource {
	x := drf.Resource{Kind: w.kind(r)}
	switch r.Type() {
	case mesospb.Value_RANGES:
		ranges := make([]drf.Range, len(r.Ranges()))
		for i, rg := range r.Ranges() {
			ranges[i] = drf.Range{Lo: rg.Begin, Hi: rg.End}
		}
		x.Set = drf.RangeSet(ranges...)
	case mesospb.Value_SET:
		x.Set = drf.ItemSet(r.Set()...)
	default:
		if x.N = int64(r.Scalar()); x.Kind.Size > 0 {
			x.N = int64(r.Copies())
		}
	}
	return x
}

var types = map[mesospb.Value_Type]drf.Type{
	mesospb.Value_SCALAR: drf.Scalar, mesospb.Value_RANGES: drf.Ranges, mesospb.Value_SET: drf.Items,
}

func (w *words) kind(r resources.Resource) *drf.Kind {
	_, provided := r.ProviderID()
	bare := !r.IsReserved() && !r.IsShared() && !provided && r.Disk() == nil
	if bare && !r.IsRevocable() {
		name := plainName{r.Name(), r.Type()}
		k := w.plain[name]
		if k == nil {
			k = &drf.Kind{Name: r.Name(), Type: types[r.Type()]}
			w.plain[name] = k
		}
		return k
	}
	k := &drf.Kind{Name: r.Name(), Type: types[r.Type()], Role: r.ReservationRole(), Refined: r.HasRefinedReservations(),
		Revocable: r.IsRevocable(), Shared: r.IsShared()}
	if isWhole(r) {
		k.Size = int64(r.Scalar())
	}
	if !bare {
		k.Detail = detail(r)
	}
	return k
}

// isWhole says whether a thing is taken or left as a whole: a disk or volume of its own, or something shared.
func isWhole(r resources.Resource) bool {
	return r.IsShared() || r.IsPersistentVolume() ||
		r.IsDisk(mesospb.Resource_DiskInfo_Source_MOUNT) || r.IsDisk(mesospb.Resource_DiskInfo_Source_BLOCK) ||
		r.IsDisk(mesospb.Resource_DiskInfo_Source_RAW) && r.Disk().GetSource().Id != nil // without an id it is a pool
}

// detail is the resource without its amount and without the role that it is allocated to, as bytes that are equal when these are.
// Labels are sorted, because their order means nothing.
func detail(r resources.Resource) string {
	m := r.Proto()
	m.Scalar, m.Ranges, m.Set, m.AllocationInfo = nil, nil, nil, nil
	for _, reservation := range m.Reservations {
		sortLabels(reservation.GetLabels())
	}
	sortLabels(m.GetDisk().GetSource().GetMetadata())
	bytes, err := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m)
	if err != nil {
		return err.Error() // cannot happen to a message that was read before
	}
	return string(bytes)
}

func sortLabels(l *mesospb.Labels) {
	slices.SortFunc(l.GetLabels(), func(a, b *mesospb.Label) int {
		return cmp.Or(cmp.Compare(a.GetKey(), b.GetKey()), cmp.Compare(a.GetValue(), b.GetValue()))
	})
}

// resources is the way back; role, if not empty, is whom they are allocated to.
func (w *words) resources(b drf.Bundle, role string) resources.Resources {
	var allocation *mesospb.Resource_AllocationInfo
	if role != "" {
		allocation = &mesospb.Resource_AllocationInfo{Role: &role}
	}
	list := make([]*mesospb.Resource, 0, len(b))
	for _, r := range b {
		m := w.message(r)
		m.AllocationInfo = allocation
		list = append(list, m)
		if r.Kind.Size > 0 {
			for range r.N - 1 { // copies are messages of their own
				list = append(list, m)
			}
		}
	}
	return resources.FromValid(list)
}

func (w *words) message(r drf.Resource) *mesospb.Resource {
	m := w.identity(r.Kind)
	switch r.Kind.Type {
	case drf.Ranges:
		m.Ranges = &mesospb.Value_Ranges{Range: make([]*mesospb.Value_Range, len(r.Set.Ranges))}
		for i, rg := range r.Set.Ranges {
			m.Ranges.Range[i] = &mesospb.Value_Range{Begin: &rg.Lo, End: &rg.Hi}
		}
	case drf.Items:
		m.Set = &mesospb.Value_Set{Item: slices.Clone(r.Set.Items)}
	default:
		n := r.N
		if r.Kind.Size > 0 {
			n = r.Kind.Size
		}
		m.Scalar = &mesospb.Value_Scalar{Value: proto.Float64(resources.Milli(n).Float64())}
	}
	return m
}

// identity is a new message with everything but the amount. What it points to is shared and not to be changed.
func (w *words) identity(k *drf.Kind) *mesospb.Resource {
	kind := [...]mesospb.Value_Type{mesospb.Value_SCALAR, mesospb.Value_RANGES, mesospb.Value_SET}[k.Type]
	m := &mesospb.Resource{Name: &k.Name, Type: &kind}
	if k.Revocable {
		m.Revocable = &mesospb.Resource_RevocableInfo{}
	}
	if k.Detail == "" {
		return m
	}
	p := w.prototypes[k]
	if p == nil {
		p = &mesospb.Resource{}
		if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal([]byte(k.Detail), p); err != nil {
			return m // cannot happen: these bytes are ours
		}
		if len(w.prototypes) >= prototypeLimit {
			clear(w.prototypes)
		}
		w.prototypes[k] = p
	}
	m.Reservations, m.Disk, m.ProviderId, m.Shared = p.Reservations, p.Disk, p.ProviderId, p.Shared
	return m
}

// thousandths rounds amounts by name.
func thousandths(by map[string]float64) map[string]int64 {
	out := make(map[string]int64, len(by))
	for name, amount := range by {
		out[name] = int64(resources.Round(amount))
	}
	return out
}

// units is the way back.
func units(by map[string]int64) map[string]float64 {
	out := make(map[string]float64, len(by))
	for name, n := range by {
		out[name] = resources.Milli(n).Float64()
	}
	return out
}
