package resources_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

func TestContainsAndEqualAllocateNothing(t *testing.T) {
	traits := []edit{reserved(static("eng"), dynamic("eng/web", "bob", "tier", "gold")), volume("id", "path"), onPath("/mnt"), provider("p")}
	big := add(parse(t, "cpus:8;mem:4096;ports:[1-10,20-30];cpus(eng):2;disks:{a,b,c}"), with(t, "disk:64", traits...)).Allocate("eng")
	small := add(parse(t, "mem:64;ports:[2-3,25-25];cpus(eng):1;disks:{b}"), with(t, "disk:64", traits...)).Allocate("eng")
	same := add(with(t, "disk:64", traits...), parse(t, "disks:{c,b,a};cpus(eng):2;ports:[20-30,1-10];mem:4096;cpus:8")).Allocate("eng")
	mustContain(t, big, small)
	mustEqual(t, big, same)
	wanted, bounds := small.ScalarQuantities(), limits(t, "cpus:16")
	if !big.ContainsQuantities(wanted) || !bounds.ContainsQuantities(wanted) {
		t.Fatal("the test compares the wrong things")
	}
	for name, f := range map[string]func(){
		"contains":   func() { big.Contains(small); small.Contains(big) },
		"equals":     func() { big.Equal(same); big.Equal(small) },
		"quantities": func() { big.ContainsQuantities(wanted); bounds.ContainsQuantities(wanted); wanted.Contains(wanted) },
		"sums":       func() { big.CPUs(); big.Mem(); big.Disk(); big.GPUs() },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestOperationsLeaveTheirOperandsAlone(t *testing.T) {
	a, b := parse(t, "cpus:4;ports:[1-10];disks:{x,y};mem(eng):5"), parse(t, "cpus:1;ports:[3-4];disks:{x};mem(eng):5")
	text := a.String()
	a.Add(b)
	a.Subtract(b)
	a.Allocate("eng")
	a.ToUnreserved()
	var sum resources.Builder
	sum.Add(a)
	sum.Add(b)
	sum.Subtract(a)
	if a.String() != text {
		t.Errorf("%s became %s", text, a)
	}
	mustEqual(t, a.Subtract(b).Add(b), a)

	// Two that share a beginning must not write into each other's end.
	base := a.Add(parse(t, "gpus:1"))
	left, right := base.Add(parse(t, "left:1")), base.Add(parse(t, "right:1"))
	if left.Contains(parse(t, "right:1")) || !right.Contains(parse(t, "right:1")) {
		t.Errorf("%s and %s are entangled", left, right)
	}
}

func TestMessagesAreNotKept(t *testing.T) {
	m := message(t, "disk:1", reserved(dynamic("eng", "bob")), volume("id", "path"))
	r, err := resources.FromProto([]*mesospb.Resource{m})
	if err != nil {
		t.Fatal(err)
	}
	text := r.String()
	m.Reservations[0].Role, m.Disk.Persistence.Id = proto.String("other"), proto.String("other")
	out := r.Proto()[0]
	out.Reservations[0].Role, out.Disk.Persistence.Id = proto.String("other"), proto.String("other")
	for x := range r.All() {
		x.Reservations()[0].Role = proto.String("other")
		x.Disk().Persistence.Id = proto.String("other")
	}
	if r.String() != text {
		t.Errorf("%s became %s", text, r)
	}
}

func TestProtoRoundTrip(t *testing.T) {
	want := add(
		parse(t, "cpus:1.5;ports:[1-2,4-5];disks:{a,b};mem(eng):64").Allocate("eng"),
		with(t, "disk:64", reserved(static("eng"), dynamic("eng/web", "bob", "k", "v")), volume("id", "path"), onMount("/m"), shared),
		with(t, "gpus:1", revocable, provider("p")),
	)
	got, err := resources.FromProto(want.Proto())
	if err != nil {
		t.Fatal(err)
	}
	mustEqual(t, got, want)
	if got.String() != want.String() {
		t.Errorf("%s came back as %s", want, got)
	}
}

func TestEmpty(t *testing.T) {
	t.Run("the zero value is empty", func(t *testing.T) {
		mustBeEmpty(t, resources.Resources{})
	})
	t.Run("nothing does not equal something", func(t *testing.T) {
		mustDiffer(t, parse(t, ""), parse(t, "cpus:2"))
	})
	t.Run("zero is named but not kept", func(t *testing.T) {
		mustBeEmpty(t, parse(t, "gpus:0"))
		if m := message(t, "gpus:0"); m.GetName() != "gpus" {
			t.Errorf("Messages lost gpus:0: %v", m)
		}
	})
	t.Run("invalid resources and zeros are left out", func(t *testing.T) {
		nameless := message(t, "cpus:1", func(m *mesospb.Resource) { m.Name = nil })
		mustBeEmpty(t, resources.FromValid([]*mesospb.Resource{nameless}))
		mustBeEmpty(t, resources.FromValid([]*mesospb.Resource{message(t, "cpus:0")}))
		if _, err := resources.FromProto([]*mesospb.Resource{nameless}); err == nil {
			t.Error("FromProto takes a resource without a name")
		}
	})
}

func TestGetters(t *testing.T) {
	t.Run("sums by name", func(t *testing.T) {
		r := parse(t, "cpus:45.55;mem:1024;ports:[10000-20000, 30000-50000];disk:512")
		if r.CPUs() != 45550 || r.Mem() != 1024_000 || r.Disk() != 512_000 {
			t.Errorf("cpus %s, mem %s, disk %s", r.CPUs(), r.Mem(), r.Disk())
		}
		if s := r.Ports().String(); s != "[10000-20000, 30000-50000]" {
			t.Errorf("ports %s", s)
		}
		r = parse(t, "cpus:45.55;disk:512")
		if _, ok := r.Scalar("mem"); ok || len(r.Ports()) != 0 {
			t.Errorf("%s has mem or ports", r)
		}
	})
	t.Run("everything of a name", func(t *testing.T) {
		cpus, mem := parse(t, "cpus(role1):2;cpus:4"), parse(t, "mem(role1):10;mem:10")
		mustEqual(t, cpus.Add(mem).Named("cpus"), cpus)
		mustEqual(t, cpus.Add(mem).Named("mem"), mem)
	})
	t.Run("sets and scalars", func(t *testing.T) {
		r := parse(t, "zones:{a,b};zones(eng):{b,c};cpus:1;mem(eng):2")
		if zones, ok := r.Set("zones"); !ok || zones.String() != "{a, b, c}" {
			t.Error(zones)
		}
		if _, ok := r.Set("cpus"); ok {
			t.Error("cpus are a set")
		}
		mustEqual(t, r.Scalars(), parse(t, "cpus:1;mem(eng):2"))
		mustEqual(t, r.Allocate("a").Add(r.Allocate("b")).AllocatedTo("a"), r.Allocate("a"))
	})
	t.Run("names once each", func(t *testing.T) {
		names := parse(t, "cpus(role1):2;cpus:4;mem(role1):10;mem:10").Names()
		if !slices.Equal(names, []string{"cpus", "mem"}) {
			t.Error(names)
		}
	})
	t.Run("types by name", func(t *testing.T) {
		types := parse(t, "cpus(role1):2;cpus:4;ports:[1-10];ports:[11-20]").Types()
		want := map[string]mesospb.Value_Type{"cpus": mesospb.Value_SCALAR, "ports": mesospb.Value_RANGES}
		if !maps.Equal(types, want) {
			t.Error(types)
		}
	})
}

func TestCount(t *testing.T) {
	one, plain := with(t, "disk(role1):100", volume("1", "path1"), shared), with(t, "disk(role1):100", volume("1", "path1"))
	cpus := parse(t, "cpus:1")
	for _, c := range []struct {
		name string
		in   resources.Resources
		of   resources.Resources
		want int
	}{
		{"a shared volume", one, one, 1},
		{"two copies of it", one.Add(one), one, 2},
		{"a volume", plain, plain, 1},
		{"a volume twice is no copy", plain.Add(plain), plain, 1},
		{"the whole amount", cpus, cpus, 1},
		{"a part is not the thing", cpus.Add(cpus), cpus, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.in.Count(only(t, c.of)); got != c.want {
				t.Errorf("%d times in %s, want %d", got, c.in, c.want)
			}
		})
	}
}
