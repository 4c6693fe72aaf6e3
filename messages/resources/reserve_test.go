package resources_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

func TestReservations(t *testing.T) {
	t.Run("by owner", func(t *testing.T) {
		free := parse(t, "cpus:1;mem:2;disk:4")
		role1, role2 := parse(t, "cpus(role1):2;mem(role1):4;disk(role1):8"), parse(t, "cpus(role2):4;mem(role2):8;disk(role2):6")
		all := add(free, role1, role2)
		owners := all.Reservations()
		if len(owners) != 2 {
			t.Errorf("owners %v", owners)
		}
		mustEqual(t, owners["role1"], role1)
		mustEqual(t, owners["role2"], role2)
		mustEqual(t, all.ReservedTo("role1"), role1)
		mustEqual(t, all.ReservedTo("role2"), role2)
		mustBeEmpty(t, all.ReservedTo("*"))
		mustEqual(t, all.Unreserved(), free)
		mustEqual(t, all.Reserved(), role1.Add(role2))
	})
	t.Run("what is reserved to an ancestor may be used", func(t *testing.T) {
		free := parse(t, "cpus:1;mem:2;disk:4")
		grandfather := parse(t, "cpus(a):2;mem(a):4;disk(a):8")
		father := parse(t, "cpus(a/bx):4;mem(a/bx):8;disk(a/bx):16")
		uncle := parse(t, "cpus(a/b):4;mem(a/b):8;disk(a/b):16")
		child := parse(t, "cpus(a/bx/c):8;mem(a/bx/c):16;disk(a/bx/c):32")
		family := add(free, grandfather, father, uncle, child)
		mustEqual(t, family.AllocatableTo("*"), free)
		mustEqual(t, family.AllocatableTo("a"), add(grandfather, free))
		mustEqual(t, family.AllocatableTo("a/bx"), add(grandfather, father, free))
		mustEqual(t, family.AllocatableTo("a/bx/c"), add(grandfather, father, child, free))
		mustEqual(t, family.ReservedWithin("a/bx"), add(father, child))
	})
	t.Run("without reservations amounts add up", func(t *testing.T) {
		mustEqual(t, parse(t, "cpus(role1):1;cpus(role2):2;mem(role1):5").ToUnreserved(), parse(t, "cpus:3;mem:5"))
	})
	t.Run("pushed and popped", func(t *testing.T) {
		r := parse(t, "cpus:1;mem:2")
		pushed, err := r.PushReservation(dynamic("eng", "bob"))
		if err != nil {
			t.Fatal(err)
		}
		refined, err := pushed.PushReservation(dynamic("eng/web", "bob"))
		if err != nil {
			t.Fatal(err)
		}
		back, err := refined.PopReservation()
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, back, pushed)
		if _, err := pushed.PushReservation(dynamic("other", "bob")); err == nil {
			t.Error("eng was refined to other")
		}
		if _, err := r.PopReservation(); err == nil {
			t.Error("what is not reserved was unreserved")
		}
	})
	t.Run("alike or not", func(t *testing.T) {
		a, b := with(t, "cpus:1", reserved(dynamic("eng", "bob"))), with(t, "mem:1", reserved(dynamic("eng", "bob"), dynamic("eng/web", "bob")))
		if !a.IsReservedAlike() || !add(a, with(t, "mem:1", reserved(dynamic("eng", "bob")))).IsReservedAlike() || a.Add(b).IsReservedAlike() || b.Add(a).IsReservedAlike() {
			t.Error("wrong")
		}
		if only(t, a).HasRefinedReservations() || !only(t, b).HasRefinedReservations() {
			t.Error("refined and not are mixed up")
		}
	})
	t.Run("the ancestor of two", func(t *testing.T) {
		push := func(r resources.Resources, role string) resources.Resources {
			pushed, err := r.PushReservation(dynamic(role, ""))
			if err != nil {
				t.Fatal(err)
			}
			return pushed
		}
		base := parse(t, "cpus:2;mem:10")
		foo := push(base, "foo")
		bar, baz := push(foo, "foo/bar"), push(foo, "foo/baz")
		for _, c := range []struct{ a, b, want resources.Resources }{
			{base, base, base}, {foo, foo, foo}, {foo, base, base}, {base, foo, base},
			{bar, bar, bar}, {bar, base, base}, {base, bar, base},
			{bar, foo, foo}, {foo, bar, foo}, {bar, baz, foo},
		} {
			mustEqual(t, c.a.ReservationAncestor(c.b), c.want)
		}
	})
}

func TestReservedResources(t *testing.T) {
	t.Run("all kinds are valid", func(t *testing.T) {
		for _, m := range []*mesospb.Resource{
			message(t, "cpus:8"),
			message(t, "cpus:8", reserved(static("role"))),
			message(t, "cpus:8", reserved(dynamic("role", "principal2"))),
			message(t, "cpus:8", reserved(dynamic("role", "principal2", "foo", "bar"))),
		} {
			if err := resources.Validate([]*mesospb.Resource{m}); err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("type, role, principal and labels tell them apart", func(t *testing.T) {
		different := []resources.Resources{
			with(t, "cpus:8"),
			with(t, "cpus:8", reserved(static("role1"))),
			with(t, "cpus:8", reserved(static("role2"))),
			with(t, "cpus:8", reserved(dynamic("role1", ""))),
			with(t, "cpus:8", reserved(dynamic("role1", "principal1"))),
			with(t, "cpus:8", reserved(dynamic("role1", "principal2"))),
			with(t, "cpus:8", reserved(dynamic("role2", "principal1"))),
			with(t, "cpus:8", reserved(dynamic("role2", "principal2"))),
			with(t, "cpus:8", reserved(dynamic("role1", "principal2", "foo", "bar"))),
			with(t, "cpus:8", reserved(dynamic("role1", "principal2", "foo", "baz"))),
		}
		for i, a := range different {
			for j, b := range different {
				if i != j {
					mustDiffer(t, a, b)
				}
			}
		}
	})
	t.Run("the order of labels does not matter", func(t *testing.T) {
		a := with(t, "cpus:8", reserved(dynamic("eng", "bob", "k1", "v", "k2", "v", "k1", "w")))
		b := with(t, "cpus:8", reserved(dynamic("eng", "bob", "k1", "w", "k1", "v", "k2", "v")))
		c := with(t, "cpus:8", reserved(dynamic("eng", "bob", "k1", "v", "k2", "v", "k2", "v")))
		mustEqual(t, a, b)
		mustDiffer(t, a, c)
	})
	for name, reservation := range map[string]*mesospb.Resource_ReservationInfo{
		"static ones add up":                    static("role"),
		"dynamic ones without labels add up":    dynamic("role", "principal"),
		"dynamic ones with equal labels add up": dynamic("role", "principal", "foo", "bar"),
	} {
		t.Run(name, func(t *testing.T) {
			sum := with(t, "cpus:8", reserved(reservation)).Add(with(t, "cpus:4", reserved(reservation)))
			mustEqual(t, sum, with(t, "cpus:12", reserved(reservation)))
		})
	}
	t.Run("dynamic ones with other labels stay apart", func(t *testing.T) {
		a := with(t, "cpus:6", reserved(dynamic("role", "principal", "foo", "bar")))
		b := with(t, "cpus:6", reserved(dynamic("role", "principal", "foo", "baz")))
		sum := a.Add(b)
		if sum.Len() != 2 {
			t.Errorf("%s is one", sum)
		}
		mustDiffer(t, sum, a.Add(a))
		mustDiffer(t, sum, b.Add(b))
		mustEqual(t, sum, b.Add(a))
	})
	t.Run("only the same are subtracted", func(t *testing.T) {
		bar := reserved(dynamic("role", "principal", "foo", "bar"))
		baz := reserved(dynamic("role", "principal", "foo", "baz"))
		fixed := with(t, "cpus:8", reserved(static("role")))
		moving := with(t, "cpus:8", bar)
		mustBeEmpty(t, fixed.Subtract(fixed))
		mustBeEmpty(t, moving.Subtract(moving))
		mustEqual(t, fixed.Subtract(moving), fixed)
		mustEqual(t, moving.Subtract(fixed), moving)
		mustEqual(t, moving.Subtract(with(t, "cpus:8", baz)), moving)
		left := fixed.Add(moving).Subtract(with(t, "cpus:2", reserved(static("role")))).Subtract(with(t, "cpus:4", bar))
		mustEqual(t, left, with(t, "cpus:6", reserved(static("role"))).Add(with(t, "cpus:4", bar)))
	})
	t.Run("only the same are contained", func(t *testing.T) {
		a, b := with(t, "cpus:8", reserved(static("role"))), with(t, "cpus:12", reserved(dynamic("role", "principal")))
		both := a.Add(b)
		for _, x := range []resources.Resources{a, b} {
			mustContain(t, x, x)
			mustContain(t, both, x)
			mustNotContain(t, x, both)
		}
		mustNotContain(t, a, b)
		mustNotContain(t, b, a)
		mustContain(t, both, both)
	})
}

func TestAllocations(t *testing.T) {
	one, two := parse(t, "cpus:1").Allocate("role1"), parse(t, "cpus:1").Allocate("role2")
	both := one.Add(two)
	t.Run("equal only when allocated to the same role", func(t *testing.T) {
		mustEqual(t, one, parse(t, "cpus:1").Allocate("role1"))
		mustDiffer(t, one, two)
		mustDiffer(t, one, parse(t, "cpus:1"))
	})
	t.Run("contained", func(t *testing.T) {
		mustContain(t, both, one)
		mustContain(t, both, two)
		mustNotContain(t, one, two)
	})
	t.Run("kept apart in a sum", func(t *testing.T) {
		if both.Len() != 2 || both.CPUs() != 2000 {
			t.Error(both)
		}
	})
	t.Run("subtracted only from the same role", func(t *testing.T) {
		mustBeEmpty(t, one.Subtract(one))
		mustEqual(t, one.Subtract(two), one)
		mustEqual(t, two.Subtract(one), two)
	})
	t.Run("grouped by role", func(t *testing.T) {
		star := parse(t, "cpus:1;mem:1024").Allocate("*")
		role1 := parse(t, "cpus:2;mem:2048").Allocate("role1")
		role2 := parse(t, "cpus(role2):3;mem(role2):3096").Allocate("role2")
		groups := add(star, role1, role2).Allocations()
		if len(groups) != 3 {
			t.Errorf("groups %v", groups)
		}
		mustEqual(t, groups["*"], star)
		mustEqual(t, groups["role1"], role1)
		mustEqual(t, groups["role2"], role2)
		mustEqual(t, role2.Unallocate(), parse(t, "cpus(role2):3;mem(role2):3096"))
		if m := star.Unallocate().Proto()[0]; m.AllocationInfo != nil {
			t.Errorf("%v is allocated", m)
		}
		mustEqual(t, add(star, role1, role2).AllocatedWithin("role1"), role1)
	})
	t.Run("only what is allocated to nobody is allocated", func(t *testing.T) {
		mustEqual(t, one.Add(parse(t, "mem:5")).AllocateMissing("role3"), one.Add(parse(t, "mem:5").Allocate("role3")))
	})
	t.Run("what becomes alike adds up", func(t *testing.T) {
		mustEqual(t, both.Allocate("role3"), parse(t, "cpus:2").Allocate("role3"))
		mustEqual(t, both.Unallocate(), parse(t, "cpus:2"))
	})
}
