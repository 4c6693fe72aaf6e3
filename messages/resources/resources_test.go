package resources_test

import (
	"testing"

	"github.com/meseta-io/meseta/messages/resources"
)

// parse reads resources that the test's author got right.
func parse(t testing.TB, text string) resources.Resources {
	t.Helper()
	r, err := resources.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return r
}

func mustEqual(t testing.TB, got, want resources.Resources) {
	t.Helper()
	if !got.Equal(want) || !want.Equal(got) {
		t.Fatalf("got %s, want %s", got, want)
	}
}

func TestContainsAndEqualAllocateNothing(t *testing.T) {
	big := parse(t, "cpus:8;mem:4096;ports:[1-10,20-30];cpus(eng):2;disks:{a,b,c}").Allocate("eng")
	small := parse(t, "mem:64;ports:[2-3,25-25];cpus(eng):1;disks:{b}").Allocate("eng")
	same := parse(t, "disks:{c,b,a};cpus(eng):2;ports:[20-30,1-10];mem:4096;cpus:8").Allocate("eng")
	if !big.Contains(small) || !big.Equal(same) {
		t.Fatal("the test compares the wrong things")
	}
	if n := testing.AllocsPerRun(100, func() { big.Contains(small); big.Equal(same); small.Contains(big) }); n != 0 {
		t.Errorf("comparing allocates %v times", n)
	}
	wanted, limits := small.Quantities(), resources.Limits{}
	if n := testing.AllocsPerRun(100, func() {
		big.ContainsQuantities(wanted)
		limits.ContainsQuantities(wanted)
		wanted.Contains(wanted)
		big.CPUs()
	}); n != 0 {
		t.Errorf("comparing quantities allocates %v times", n)
	}
}

func TestOperationsLeaveTheirOperandsAlone(t *testing.T) {
	a, b := parse(t, "cpus:4;ports:[1-10]"), parse(t, "cpus:1;ports:[3-4]")
	text := a.String()
	a.Add(b)
	a.Subtract(b)
	a.Allocate("eng")
	a.ToUnreserved()
	if a.String() != text {
		t.Fatalf("%s became %s", text, a)
	}
	mustEqual(t, a.Subtract(b).Add(b), a)
}
