package allocator

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// Whatever resources there are come back as they were, and equal ones are equal kinds.
func TestWordsThereAndBack(t *testing.T) {
	w := newWords()
	for seed := range uint64(400) {
		chance := rand.New(rand.NewPCG(seed, 1))
		var list []*mesospb.Resource
		for range chance.IntN(8) {
			list = append(list, randomResource(chance))
		}
		rs, err := resources.FromProto(list)
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		role := []string{"", "x", "x/y"}[chance.IntN(3)]
		want := rs
		if role != "" {
			want = rs.Allocate(role)
		}
		if got := w.resources(w.bundle(want), role); !got.Equal(want) {
			t.Fatalf("seed %d:\nwant %v\ngot  %v", seed, want, got)
		}
		again := resources.FromValid(rs.Proto())
		for i, r := range w.bundle(rs) {
			if x := w.bundle(again)[i]; *x.Kind != *r.Kind {
				t.Fatalf("seed %d: %+v and %+v should be one kind", seed, *r.Kind, *x.Kind)
			}
		}
	}
}

func randomResource(chance *rand.Rand) *mesospb.Resource {
	r := &mesospb.Resource{Name: proto.String([]string{"cpus", "mem", "tape"}[chance.IntN(3)]), Type: mesospb.Value_SCALAR.Enum(),
		Scalar: &mesospb.Value_Scalar{Value: proto.Float64(float64(1+chance.IntN(9000)) / 1000)}}
	switch chance.IntN(5) {
	case 0:
		begin := uint64(chance.IntN(100))
		r = &mesospb.Resource{Name: proto.String([]string{"ports", "vlans"}[chance.IntN(2)]), Type: mesospb.Value_RANGES.Enum(),
			Ranges: &mesospb.Value_Ranges{Range: []*mesospb.Value_Range{
				{Begin: &begin, End: proto.Uint64(begin + 5)}, {Begin: proto.Uint64(1 << 63), End: proto.Uint64(1<<64 - 1)}}}}
	case 1:
		r = &mesospb.Resource{Name: proto.String("zones"), Type: mesospb.Value_SET.Enum(),
			Set: &mesospb.Value_Set{Item: []string{"b", "a", fmt.Sprint(chance.IntN(3))}}}
	case 2, 3:
		r.Name = proto.String("disk")
		randomDisk(chance, r)
	}
	if r.GetDisk().GetPersistence() != nil || chance.IntN(3) == 0 {
		randomReservations(chance, r)
	} else if r.Disk == nil && r.GetType() == mesospb.Value_SCALAR && chance.IntN(4) == 0 {
		r.Revocable = &mesospb.Resource_RevocableInfo{}
	}
	if chance.IntN(5) == 0 {
		r.ProviderId = &mesospb.ResourceProviderID{Value: proto.String("provider")}
	}
	return r
}

func randomDisk(chance *rand.Rand, r *mesospb.Resource) {
	source := func(t mesospb.Resource_DiskInfo_Source_Type) *mesospb.Resource_DiskInfo {
		s := &mesospb.Resource_DiskInfo_Source{Type: &t}
		if chance.IntN(2) == 0 {
			s.Profile = proto.String("fast")
			s.Metadata = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("b")}, {Key: proto.String("a"), Value: proto.String("1")}}}
		}
		if t != mesospb.Resource_DiskInfo_Source_PATH && chance.IntN(2) == 0 {
			s.Id = proto.String(fmt.Sprint("id", chance.IntN(3)))
		}
		return &mesospb.Resource_DiskInfo{Source: s}
	}
	switch chance.IntN(5) {
	case 0:
		r.Disk = source(mesospb.Resource_DiskInfo_Source_PATH)
		r.Disk.Source.Path = &mesospb.Resource_DiskInfo_Source_Path{Root: proto.String(fmt.Sprint("/p", chance.IntN(2)))}
	case 1:
		r.Disk = source(mesospb.Resource_DiskInfo_Source_MOUNT)
		r.Disk.Source.Mount = &mesospb.Resource_DiskInfo_Source_Mount{Root: proto.String(fmt.Sprint("/m", chance.IntN(2)))}
	case 2:
		r.Disk = source(mesospb.Resource_DiskInfo_Source_BLOCK)
	case 3:
		r.Disk = source(mesospb.Resource_DiskInfo_Source_RAW)
	case 4:
		r.Disk = &mesospb.Resource_DiskInfo{
			Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String(fmt.Sprint("v", chance.IntN(3))), Principal: proto.String("p")},
			Volume:      &mesospb.Volume{ContainerPath: proto.String("path"), Mode: mesospb.Volume_RW.Enum()}}
		if chance.IntN(2) == 0 {
			r.Shared = &mesospb.Resource_SharedInfo{}
		}
	}
}

func randomReservations(chance *rand.Rand, r *mesospb.Resource) {
	for i, role := range []string{"x", "x/y"}[:1+chance.IntN(2)] {
		info := &mesospb.Resource_ReservationInfo{Role: proto.String(role), Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum()}
		switch {
		case i == 0 && chance.IntN(2) == 0:
			info.Type = mesospb.Resource_ReservationInfo_STATIC.Enum()
		case chance.IntN(2) == 0:
			info.Principal = proto.String("p")
			info.Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("z")}, {Key: proto.String("k"), Value: proto.String(fmt.Sprint(chance.IntN(2)))}}}
		}
		r.Reservations = append(r.Reservations, info)
	}
}
