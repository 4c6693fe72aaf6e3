package resources_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/resources"
)

func TestProviders(t *testing.T) {
	cpus, disk := with(t, "cpus:4", provider("p")), with(t, "disk:1", provider("p"))
	plain := parse(t, "disk:1")
	t.Run("add up only with their own", func(t *testing.T) {
		both := cpus.Add(disk)
		mustContain(t, both, cpus)
		mustContain(t, both, disk)
		mustNotContain(t, both, plain)
		if both.Len() != 2 || both.CPUs() != 4000 || both.Disk() != 1000 {
			t.Error(both)
		}
		mustEqual(t, disk.Add(disk), with(t, "disk:2", provider("p")))
		mixed := plain.Add(disk)
		mustContain(t, mixed, plain)
		mustContain(t, mixed, disk)
		if mixed.Len() != 2 || mixed.Disk() != 2000 {
			t.Error(mixed)
		}
	})
	t.Run("subtracted only from their own", func(t *testing.T) {
		mustBeEmpty(t, cpus.Subtract(cpus))
		mustNotContain(t, cpus, plain)
		mustNotContain(t, cpus, disk)
		mustEqual(t, cpus.Add(plain).Subtract(plain), cpus)
		mustEqual(t, cpus.Add(plain).Subtract(cpus), plain)
		mustEqual(t, cpus.Add(disk).Subtract(disk), cpus)
		mustEqual(t, cpus.Add(disk).Subtract(cpus), disk)
		mustEqual(t, disk.Add(disk).Subtract(disk), disk)
		mustEqual(t, plain.Subtract(disk), plain)
	})
	t.Run("equal only with the same provider", func(t *testing.T) {
		all := []resources.Resources{cpus, plain, disk, cpus.Add(plain), cpus.Add(disk), with(t, "disk:1", provider("q"))}
		for i, a := range all {
			for j, b := range all {
				if i == j {
					mustEqual(t, a, b)
				} else {
					mustDiffer(t, a, b)
				}
			}
		}
	})
	t.Run("contained only with the same provider", func(t *testing.T) {
		mustNotContain(t, plain, disk)
		mustNotContain(t, disk, plain)
		mine, its := parse(t, "cpus:1;disk:1"), parse(t, "cpus:1").Add(disk)
		mustContain(t, mine, plain)
		mustNotContain(t, mine, disk)
		mustNotContain(t, its, plain)
		mustContain(t, its, disk)
		mustNotContain(t, mine, its)
		mustContain(t, its, its)
	})
}

func TestRevocable(t *testing.T) {
	loose, fast := with(t, "cpus:1", revocable), parse(t, "cpus:1")
	both := loose.Add(fast)
	t.Run("differs from what is not", func(t *testing.T) {
		mustEqual(t, loose, with(t, "cpus:1", revocable))
		mustDiffer(t, loose, fast)
	})
	t.Run("adds up on its own", func(t *testing.T) {
		mustEqual(t, loose.Add(loose), with(t, "cpus:2", revocable))
		mustContain(t, both, loose)
		mustContain(t, both, fast)
		mustNotContain(t, both, with(t, "cpus:2", revocable))
		mustNotContain(t, both, parse(t, "cpus:2"))
		mustEqual(t, both, fast.Add(loose))
	})
	t.Run("is subtracted on its own", func(t *testing.T) {
		mustBeEmpty(t, loose.Subtract(loose))
		mustEqual(t, loose.Subtract(fast), loose)
	})
	t.Run("is contained as often as it is there", func(t *testing.T) {
		twice := loose.Add(loose)
		mustNotContain(t, loose, twice)
		mustContain(t, twice, loose)
		mustContain(t, twice, twice)
		mustContain(t, both, loose)
		mustContain(t, both, fast)
	})
	t.Run("is filtered", func(t *testing.T) {
		mustEqual(t, loose.Revocable(), loose)
		mustBeEmpty(t, loose.NonRevocable())
		mustEqual(t, fast.NonRevocable(), fast)
		mustBeEmpty(t, fast.Revocable())
		mustEqual(t, both.Revocable(), loose)
		mustEqual(t, both.NonRevocable(), fast)
	})
	t.Run("is found on its own", func(t *testing.T) {
		for _, x := range []resources.Resources{loose, fast} {
			found, ok := both.Find(x)
			if !ok {
				t.Errorf("%s is not found in %s", x, both)
			}
			mustEqual(t, found, x)
		}
		if _, ok := loose.Find(fast); ok {
			t.Error("found what is not revocable")
		}
		if _, ok := fast.Find(loose); ok {
			t.Error("found what is revocable")
		}
	})
}

func TestShared(t *testing.T) {
	vol := func(size, id string) resources.Resources {
		return with(t, "disk(role1):"+size, volume(id, "path"), shared)
	}
	times := func(n int, r resources.Resources) (sum resources.Resources) {
		for range n {
			sum = sum.Add(r)
		}
		return sum
	}
	mustCount := func(t *testing.T, r, one resources.Resources, want int) {
		t.Helper()
		if got := r.Count(only(t, one)); got != want {
			t.Errorf("%d copies in %s, want %d", got, r, want)
		}
	}
	t.Run("adding makes copies", func(t *testing.T) {
		d := vol("50", "1")
		a, b := parse(t, "cpus:1;mem:5").Add(d), parse(t, "cpus:2;mem:10").Add(d)
		mustCount(t, a, d, 1)
		mustCount(t, b, d, 1)
		sum := a.Add(b)
		if sum.Len() != 3 || sum.CPUs() != 3000 || sum.Mem() != 15_000 || sum.Disk() != 50_000 {
			t.Error(sum)
		}
		mustCount(t, sum, d, 2)
		mustEqual(t, sum, b.Add(a))
	})
	t.Run("subtracting takes copies", func(t *testing.T) {
		d := vol("8192", "1")
		a, b := add(parse(t, "cpus:40;mem:4096"), d, d), add(parse(t, "cpus:5;mem:512"), d)
		diff := a.Subtract(b)
		if diff.Len() != 3 || diff.CPUs() != 35_000 || diff.Mem() != 3584_000 || diff.Disk() != 8192_000 {
			t.Error(diff)
		}
		mustCount(t, diff, d, 1)
		mustContain(t, diff, d)
		mustCount(t, a, d, 2)
		mustContain(t, a, d)
		mustContain(t, b, d)
		mustCount(t, diff.Subtract(b), d, 0)
		mustNotContain(t, diff.Subtract(b), d)
		mustNotContain(t, b.Subtract(a), d)
	})
	t.Run("sums and differences in any order", func(t *testing.T) {
		base, d := parse(t, "cpus:2;mem:10"), vol("50", "1")
		a, b := base.Add(times(4, d)), base.Add(times(3, d))
		mustCount(t, a, d, 4)
		mustCount(t, b, d, 3)
		mustEqual(t, a.Add(a).Subtract(a), a)
		mustEqual(t, a.Add(b).Subtract(a), b)
		mustEqual(t, b.Add(a).Subtract(b), a)
		mustEqual(t, b.Add(a).Subtract(a), b)
		mustEqual(t, b.Subtract(a).Add(a), a)
		mustEqual(t, a.Subtract(b).Add(b), a)
		mustBeEmpty(t, b.Subtract(a))
		if a.Subtract(b).IsEmpty() {
			t.Error("a copy was lost")
		}
	})
	t.Run("other volumes are other copies", func(t *testing.T) {
		d, e := vol("50", "1"), vol("100", "2")
		mustCount(t, d.Add(e), d, 1)
		mustCount(t, d.Add(e), e, 1)
		mustCount(t, d.Add(e).Subtract(d), d, 0)
		mustCount(t, d.Add(e).Subtract(d), e, 1)
		mustEqual(t, d.Subtract(e), d)
	})
	t.Run("shared and not shared are different", func(t *testing.T) {
		d, alone := vol("100", "1"), with(t, "disk(role1):100", volume("1", "path"))
		a, b := parse(t, "cpus:1;mem:5").Add(d), parse(t, "cpus:1;mem:5").Add(alone)
		mustNotContain(t, a, b)
		mustNotContain(t, b, a)
		mixed := add(d, d, alone)
		if mixed.Len() != 2 || mixed.Disk() != 200_000 {
			t.Error(mixed)
		}
		mustCount(t, mixed, d, 2)
		mustCount(t, mixed, alone, 1)
		mustEqual(t, alone.Subtract(d), alone)
	})
	t.Run("filtered", func(t *testing.T) {
		d, alone, rest := vol("10", "1"), with(t, "disk(role2):20"), parse(t, "cpus:1;mem:512;disk:1000")
		mustEqual(t, d.Shared(), d)
		mustBeEmpty(t, d.NonShared())
		mustEqual(t, alone.NonShared(), alone)
		mustBeEmpty(t, alone.Shared())
		all := add(rest, d, alone)
		mustEqual(t, all.Shared(), d)
		mustEqual(t, all.NonShared(), rest.Add(alone))
	})
	t.Run("contained as often as it is there", func(t *testing.T) {
		d := vol("10", "1")
		mustContain(t, times(2, d), d)
		mustNotContain(t, d, times(2, d))
		mustDiffer(t, d, times(2, d))
	})
}
