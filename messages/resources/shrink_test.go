package resources_test

import (
	"math/rand/v2"
	"testing"

	"github.com/meseta-io/meseta/messages/resources"
)

func TestShrinkToQuantities(t *testing.T) {
	shrink := func(r resources.Resources, to string, random *rand.Rand) resources.Resources {
		return r.ShrinkToQuantities(quantities(t, to), random)
	}
	testShrink(t, shrink, "cpus:1", "")
}

func TestShrinkToLimits(t *testing.T) {
	shrink := func(r resources.Resources, to string, random *rand.Rand) resources.Resources {
		return r.ShrinkToLimits(limits(t, to), random)
	}
	testShrink(t, shrink, "cpus:1;mem:20", "cpus:1")
}

// testShrink goes through what both kinds of shrinking do. They differ in what is not named: it is left of
// "cpus:2;mem:20" shrunk to "cpus:1", and of "cpus:1" shrunk to nothing.
func testShrink(t *testing.T, shrink func(resources.Resources, string, *rand.Rand) resources.Resources, unnamed, nothing string) {
	for _, c := range []struct{ name, in, to, want string }{
		{"nothing", "", "cpus:1", ""},
		{"nothing to nothing", "", "", ""},
		{"to nothing named", "cpus:1", "", nothing},
		{"one name", "cpus:2", "cpus:1", "cpus:1"},
		{"two names", "cpus:2;mem:20", "cpus:1;mem:10", "cpus:1;mem:10"},
		{"a name that is not there", "cpus:2;mem:20", "cpus:1;mem:10;disk:10", "cpus:1;mem:10"},
		{"a name that is not given", "cpus:2;mem:20", "cpus:1", unnamed},
		{"less than the target", "cpus:1", "cpus:2", "cpus:1"},
		{"over several roles", "cpus(a):1;cpus:2", "cpus:2", "cpus(a):1;cpus:1"},
	} {
		t.Run(c.name, func(t *testing.T) { mustEqual(t, shrink(parse(t, c.in), c.to, nil), parse(t, c.want)) })
	}
	t.Run("a mount stays whole or is dropped", func(t *testing.T) {
		mustBeEmpty(t, shrink(with(t, "disk(role):20", onMount("mnt")), "disk:10", nil))
	})
	t.Run("chance decides between like resources", func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		regular, mount := parse(t, "disk:10"), with(t, "disk(role):10", onMount("mnt"))
		seen := make(map[string]bool)
		for range 100 {
			seen[shrink(regular.Add(mount), "disk:10", random).String()] = true
		}
		if len(seen) != 2 || !seen[regular.String()] || !seen[mount.String()] {
			t.Errorf("kept only %v", seen)
		}
	})
}
