package resources_test

import (
	"errors"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

func reserve(r resources.Resources) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{
		Type:    mesospb.Offer_Operation_RESERVE.Enum(),
		Reserve: &mesospb.Offer_Operation_Reserve{Resources: r.Proto()},
	}
}

func unreserve(r resources.Resources) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{
		Type:      mesospb.Offer_Operation_UNRESERVE.Enum(),
		Unreserve: &mesospb.Offer_Operation_Unreserve{Resources: r.Proto()},
	}
}

func create(r resources.Resources) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{
		Type:   mesospb.Offer_Operation_CREATE.Enum(),
		Create: &mesospb.Offer_Operation_Create{Volumes: r.Proto()},
	}
}

func destroy(r resources.Resources) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{
		Type:    mesospb.Offer_Operation_DESTROY.Enum(),
		Destroy: &mesospb.Offer_Operation_Destroy{Volumes: r.Proto()},
	}
}

func mustApply(t *testing.T, to resources.Resources, op *mesospb.Offer_Operation) resources.Resources {
	t.Helper()
	r, err := to.Apply(op)
	if err != nil {
		t.Errorf("%s to %s: %v", op.GetType(), to, err)
	}
	return r
}

func mustNotApply(t *testing.T, to resources.Resources, op *mesospb.Offer_Operation, class error) {
	t.Helper()
	if r, err := to.Apply(op); !errors.Is(err, class) {
		t.Errorf("%s to %s made %s, %v; want %v", op.GetType(), to, r, err, class)
	}
}

func TestReserveAndUnreserve(t *testing.T) {
	cpus, mem := parse(t, "cpus:1"), parse(t, "mem:512")
	mine := with(t, "cpus:1", reserved(dynamic("role", "principal")))
	mineMem := with(t, "mem:512", reserved(dynamic("role", "principal")))
	more := with(t, "cpus:2", reserved(dynamic("role", "principal")))
	t.Run("reserving what is free", func(t *testing.T) {
		mustEqual(t, mustApply(t, cpus.Add(mem), reserve(mine)), mem.Add(mine))
	})
	t.Run("reserving more than is free", func(t *testing.T) {
		mustNotApply(t, cpus.Add(mem), reserve(more), resources.ErrMissing)
	})
	t.Run("unreserving what is reserved", func(t *testing.T) {
		mustEqual(t, mustApply(t, mine.Add(mineMem), unreserve(mine)), mineMem.Add(cpus))
	})
	t.Run("unreserving more than is reserved", func(t *testing.T) {
		mustNotApply(t, mine.Add(mineMem), unreserve(more), resources.ErrMissing)
	})
	t.Run("refining and going back one step", func(t *testing.T) {
		refined := with(t, "cpus:1", reserved(dynamic("role", "principal"), dynamic("role/a", "principal")))
		mustEqual(t, mustApply(t, mine, reserve(refined)), refined)
		mustEqual(t, mustApply(t, refined, unreserve(refined)), mine)
	})
	t.Run("from a source", func(t *testing.T) {
		other := with(t, "cpus:1", reserved(dynamic("other", "principal")))
		op := reserve(other)
		op.Reserve.Source = mine.Proto()
		mustEqual(t, mustApply(t, mine.Add(mem), op), other.Add(mem))
		op.Reserve.Source = cpus.Add(mem).Proto()
		mustNotApply(t, cpus.Add(mem), op, resources.ErrOperation) // it would swallow the memory
	})
}

func TestCreateAndDestroy(t *testing.T) {
	t.Run("a volume from reserved disk", func(t *testing.T) {
		total := parse(t, "cpus:1;mem:512;disk(role):1000")
		v := with(t, "disk(role):200", volume("1", "path"))
		created := mustApply(t, total, create(v))
		mustEqual(t, created, parse(t, "cpus:1;mem:512;disk(role):800").Add(v))
		mustEqual(t, mustApply(t, created, destroy(v)), total)
		mustNotApply(t, total, create(with(t, "disk(role):2000", volume("1", "path"))), resources.ErrMissing)
	})
	t.Run("a volume takes a whole mount", func(t *testing.T) {
		total := with(t, "disk(role):200", onMount("mnt"))
		v := with(t, "disk(role):200", volume("1", "path"), onMount("mnt"))
		mustEqual(t, mustApply(t, total, create(v)), v)
		mustNotApply(t, total, create(with(t, "disk(role):50", volume("1", "path"), onMount("mnt"))), resources.ErrMissing)
	})
	t.Run("a shared volume from reserved disk", func(t *testing.T) {
		total := parse(t, "cpus:1;mem:512;disk(role):1000")
		v := with(t, "disk(role):200", volume("1", "path"), shared)
		created := mustApply(t, total, create(v))
		mustEqual(t, created, parse(t, "cpus:1;mem:512;disk(role):800").Add(v))
		mustEqual(t, mustApply(t, created, destroy(v)), total)
		mustNotApply(t, total, create(with(t, "disk(role):2000", volume("1", "path"), shared)), resources.ErrMissing)
	})
	t.Run("a shared volume dies with its last copy", func(t *testing.T) {
		v := with(t, "disk(role):200", volume("1", "path"), shared)
		total := add(parse(t, "cpus:1;mem:512;disk(role):800"), v, v)
		mustNotApply(t, total, destroy(v), resources.ErrMissing)
		mustNotApply(t, total, destroy(v), fault.ErrConflict)
	})
}

func TestResize(t *testing.T) {
	v, free := with(t, "disk(role):200", volume("1", "path")), parse(t, "disk(role):100")
	grow := func(v, by resources.Resources) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{
			Type:       mesospb.Offer_Operation_GROW_VOLUME.Enum(),
			GrowVolume: &mesospb.Offer_Operation_GrowVolume{Volume: v.Proto()[0], Addition: by.Proto()[0]},
		}
	}
	shrink := func(v resources.Resources, by float64) *mesospb.Offer_Operation {
		return &mesospb.Offer_Operation{
			Type: mesospb.Offer_Operation_SHRINK_VOLUME.Enum(),
			ShrinkVolume: &mesospb.Offer_Operation_ShrinkVolume{
				Volume: v.Proto()[0], Subtract: &mesospb.Value_Scalar{Value: proto.Float64(by)},
			},
		}
	}
	t.Run("growing and shrinking", func(t *testing.T) {
		grown := mustApply(t, v.Add(free), grow(v, free))
		mustEqual(t, grown, with(t, "disk(role):300", volume("1", "path")))
		mustEqual(t, mustApply(t, grown, shrink(grown, 100)), v.Add(free))
	})
	t.Run("by nothing or everything", func(t *testing.T) {
		mustNotApply(t, v, shrink(v, 200), fault.ErrInvalid)
		mustNotApply(t, v, shrink(v, -1), fault.ErrInvalid)
	})
	t.Run("not a provider's", func(t *testing.T) {
		its := with(t, "disk(role):200", volume("1", "path"), provider("p"))
		mustNotApply(t, its, shrink(its, 10), resources.ErrOperation)
	})
	t.Run("not what has no effect at once", func(t *testing.T) {
		mustNotApply(t, v, &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_LAUNCH.Enum()}, resources.ErrOperation)
	})
}

func TestApplyCheckpoint(t *testing.T) {
	flags := parse(t, "cpus:4;disk:1000;disk(eng):500")
	for _, c := range []struct {
		name         string
		checkpointed resources.Resources
		want         resources.Resources
		wrong        error
	}{
		{"nothing", resources.Resources{}, flags, nil},
		{
			"a dynamic reservation and a volume",
			add(with(t, "cpus:1", reserved(dynamic("eng", "bob"))), with(t, "disk(eng):100", volume("1", "path"))),
			add(parse(t, "cpus:3;disk:1000;disk(eng):400"), with(t, "cpus:1", reserved(dynamic("eng", "bob"))), with(t, "disk(eng):100", volume("1", "path"))),
			nil,
		},
		{
			"a refinement of a static reservation",
			with(t, "disk:100", reserved(static("eng"), dynamic("eng/web", "bob"))),
			add(parse(t, "cpus:4;disk:1000;disk(eng):400"), with(t, "disk:100", reserved(static("eng"), dynamic("eng/web", "bob")))),
			nil,
		},
		{"what flags can say", parse(t, "cpus:1"), resources.Resources{}, resources.ErrOperation},
		{"more than the flags give", with(t, "cpus:5", reserved(dynamic("eng", "bob"))), resources.Resources{}, resources.ErrMissing},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := flags.ApplyCheckpoint(c.checkpointed)
			if !errors.Is(err, c.wrong) {
				t.Fatalf("got %v, want %v", err, c.wrong)
			}
			mustEqual(t, got, c.want)
		})
	}
}

func TestFind(t *testing.T) {
	for _, c := range []struct {
		name, in, target string
		want             string
		missing          bool
	}{
		{"in the role, then unreserved", "cpus(role1):2;mem(role1):10;cpus:4;mem:20", "cpus(role1):3;mem(role1):15", "cpus(role1):2;mem(role1):10;cpus:1;mem:5", false},
		{
			"in the role, then unreserved, then anywhere", "cpus(role1):1;mem(role1):5;cpus(role2):2;mem(role2):8;cpus:1;mem:7",
			"cpus(role1):3;mem(role1):15", "cpus(role1):1;mem(role1):5;cpus:1;mem:7;cpus(role2):1;mem(role2):3", false,
		},
		{"unreserved, then anywhere", "cpus(role1):5;mem(role1):5;cpus:5;mem:5", "cpus:6;mem:6", "cpus:5;mem:5;cpus(role1):1;mem(role1):1", false},
		{"not enough", "cpus(role1):1;mem(role1):1", "cpus(role1):2;mem(role1):2", "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			found, ok := parse(t, c.in).Find(parse(t, c.target))
			if ok == c.missing {
				t.Fatalf("found %s, %t", found, ok)
			}
			mustEqual(t, found, parse(t, c.want))
		})
	}
}
