package resources_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/resources"
)

func TestAddition(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"scalars add up by name", "cpus:1;mem:5", "cpus:2;mem:10", "cpus:3;mem:15"},
		{"scalars add up by role", "cpus(role1):1;cpus(role2):3", "cpus(role1):5", "cpus(role1):6;cpus(role2):3"},
		{"ranges unite", "ports:[20000-40000]", "ports:[30000-50000, 10000-20000]", "ports:[10000-50000]"},
		{"ranges inside others vanish", "ports:[1-10, 5-30, 50-60]", "ports:[1-65, 70-80]", "ports:[1-65, 70-80]"},
		{"ranges fill the gaps", "ports:[1-4, 9-10, 20-22, 26-30]", "ports:[5-8, 23-25]", "ports:[1-10, 20-30]"},
		{"sets unite", "disks:{sda1,sda2,sda3}", "disks:{sda1,sda2,sda3,sda4}", "disks:{sda1,sda2,sda3,sda4}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, b, want := parse(t, c.a), parse(t, c.b), parse(t, c.want)
			mustEqual(t, a.Add(b), want)
			mustEqual(t, b.Add(a), want)
			if a.Add(b).Len() != want.Len() {
				t.Errorf("%s has %d resources, want %d", a.Add(b), a.Add(b).Len(), want.Len())
			}
		})
	}
	t.Run("ranges that touch become one", func(t *testing.T) {
		low := parse(t, "ports:[1-2]").Add(parse(t, "ports:[3-4]"))
		high := parse(t, "ports:[7-8]").Add(parse(t, "ports:[5-6]"))
		mustEqual(t, low, parse(t, "ports:[1-4]"))
		mustEqual(t, high, parse(t, "ports:[5-8]"))
		mustEqual(t, high.Add(low), parse(t, "ports:[1-8]"))
	})
	t.Run("sums stop at the largest amount", func(t *testing.T) {
		r := parse(t, "disk:1000000000000")
		for range 64 {
			r = r.Add(r)
		}
		if r.Disk() <= 0 {
			t.Errorf("an overflow made %s", r)
		}
	})
}

func TestSubtraction(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"scalars by name", "cpus:50;mem:4096", "cpus:0.5;mem:1024", "cpus:49.5;mem:3072"},
		{"scalars by role", "cpus(role1):5;cpus(role2):3", "cpus(role1):1", "cpus(role1):4;cpus(role2):3"},
		{"more than there is", "cpus:1", "cpus:2;mem:1", ""},
		{"ranges at both ends", "ports:[20000-40000]", "ports:[10000-20000, 30000-50000]", "ports:[20001-29999]"},
		{"two ports at the beginning", "ports:[50000-60000]", "ports:[50000-50001]", "ports:[50002-60000]"},
		{"one port at the beginning", "ports:[50000-60000]", "ports:[50000-50000]", "ports:[50001-60000]"},
		{"ranges in many pieces", "ports:[1-10, 20-30, 40-50]", "ports:[2-9, 15-45, 48-50]", "ports:[1-1, 10-10, 46-47]"},
		{"ranges that only touch", "ports:[1-10]", "ports:[11-20]", "ports:[1-10]"},
		{"sets", "disks:{sda1,sda2,sda3,sda4}", "disks:{sda2,sda3,sda4}", "disks:{sda1}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			mustEqual(t, parse(t, c.a).Subtract(parse(t, c.b)), parse(t, c.want))
			mustBeEmpty(t, parse(t, c.a).Subtract(parse(t, c.a)))
		})
	}
	t.Run("of a sum", func(t *testing.T) {
		offered, used := parse(t, ""), parse(t, "ports:[50000-50001]")
		free := parse(t, "ports:[50000-60000]").Subtract(offered.Add(used))
		mustEqual(t, free, parse(t, "ports:[50002-60000]"))
	})
	t.Run("of all ports leaves none", func(t *testing.T) {
		all := parse(t, "ports:[50000-60000]")
		none := resources.Resources{}.Add(all).Subtract(all)
		mustBeEmpty(t, none)
		if ports, ok := none.Ranges("ports"); ok {
			t.Errorf("%s are left", ports)
		}
	})
}

func TestEquality(t *testing.T) {
	for _, c := range []struct {
		name, a, b string
		equal      bool
	}{
		{"scalars in any order", "cpus:3;mem:3072", "mem:3072;cpus:3", true},
		{"scalars of different roles", "cpus(role1):3", "cpus(role2):3", false},
		{"ranges written differently", "ports:[20-40]", "ports:[20-30, 31-39, 40-40]", true},
		{"sets", "disks:{sda1}", "disks:{sda1}", true},
		{"sets in any order", "disks:{a,b}", "disks:{b,a}", true},
		{"one more name", "cpus:1", "cpus:1;mem:1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.equal {
				mustEqual(t, parse(t, c.a), parse(t, c.b))
			} else {
				mustDiffer(t, parse(t, c.a), parse(t, c.b))
			}
		})
	}
}

func TestContainment(t *testing.T) {
	for _, c := range []struct {
		name     string
		big      string
		in, past []string // contained and not contained in big
	}{
		{"scalars", "cpus:1;mem:4096", []string{"cpus:1;mem:3072", ""}, []string{"cpus:1;mem:4097", "gpus:1"}},
		{"scalars of a role", "cpus(role1):3", []string{"cpus(role1):1"}, []string{"cpus(role2):1", "cpus:1"}},
		{"scalars of another role", "cpus(role1):1", nil, []string{"cpus(role2):1", "cpus(role1):3"}},
		{"ranges in pieces", "ports:[2-2, 4-5]", []string{"ports:[2-2, 4-5]"}, []string{"ports:[1-10]", "ports:[2-3]", "ports:[1-4, 5-5]"}},
		{"one range", "ports:[1-10]", []string{"ports:[2-2, 4-5]", "ports:[2-3]", "ports:[1-2, 4-6]"}, []string{"ports:[0-1]"}},
		{"two ports", "ports:[2-3]", nil, []string{"ports:[2-2, 4-5]", "ports:[1-10]"}},
		{"ranges with a gap", "ports:[1-2, 4-6]", []string{"ports:[2-2, 4-5]"}, []string{"ports:[3-3]"}},
		{"ranges that were merged", "ports:[1-4, 5-5]", []string{"ports:[2-2, 4-5]"}, nil},
		{"sets", "disks:{sda1,sda3,sda4,sda2}", []string{"disks:{sda1,sda2}"}, []string{"disks:{sda5}"}},
		{"a smaller set", "disks:{sda1,sda2}", nil, []string{"disks:{sda1,sda3,sda4,sda2}"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, small := range c.in {
				mustContain(t, parse(t, c.big), parse(t, small))
			}
			for _, small := range c.past {
				mustNotContain(t, parse(t, c.big), parse(t, small))
			}
		})
	}
}

func TestPrecision(t *testing.T) {
	there := func(r resources.Resources) resources.Resources { return r.Add(r).Add(r).Subtract(r).Subtract(r) }
	for _, c := range []struct {
		name, text string
		want       resources.Milli
	}{
		{"thousandths are kept", "cpus:1.001", 1001},
		{"what is smaller is lost", "cpus:1.5011", 1501},
		{"half a thousandth is rounded up", "cpus:1.5015", 1502},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := parse(t, c.text)
			if r.CPUs() != c.want || there(r).CPUs() != c.want {
				t.Errorf("%s, and there and back %s", r, there(r))
			}
			mustEqual(t, there(r), r)
		})
	}
	t.Run("zero changes nothing", func(t *testing.T) {
		r, zero := parse(t, "cpus:1.001"), parse(t, "cpus:0")
		mustEqual(t, r.Add(zero), r)
		mustEqual(t, r.Subtract(zero), r)
	})
	t.Run("many there and back", func(t *testing.T) {
		start := parse(t, "cpus:1.001")
		r := start
		for range 2500 {
			r = there(r)
		}
		if mustEqual(t, r, start); r.Proto()[0].GetScalar().GetValue() != 1.001 {
			t.Errorf("%v is not 1.001", r.Proto()[0])
		}
	})
	t.Run("many there, then many back", func(t *testing.T) {
		start := parse(t, "cpus:1.001")
		var sum resources.Builder
		sum.Add(start)
		for range 100_000 {
			sum.Add(start)
		}
		for range 100_000 {
			sum.Subtract(start)
		}
		mustEqual(t, sum.Resources(), start)
	})
	t.Run("what would be rounded to zero is refused", func(t *testing.T) {
		if r, err := resources.Parse("cpus:0.00001"); err == nil {
			t.Errorf("read %s", r)
		}
	})
}

func TestFilters(t *testing.T) {
	t.Run("persistent volumes", func(t *testing.T) {
		v := with(t, "disk(role1):10", volume("1", "path"))
		all := add(parse(t, "cpus:1;mem:512;disk:1000"), v, with(t, "disk(role2):20"))
		mustEqual(t, all.PersistentVolumes(), v)
	})
	t.Run("all or nothing", func(t *testing.T) {
		r := parse(t, "cpus:1;mem:2")
		mustEqual(t, r.Filter(func(resources.Resource) bool { return true }), r)
		mustBeEmpty(t, r.Filter(func(resources.Resource) bool { return false }))
	})
}
