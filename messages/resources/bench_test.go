package resources_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/resources"
)

// many is the same resources reserved for 1,000 roles with a label each.
func many(b testing.TB) resources.Resources {
	var sum resources.Builder
	for i := range 1000 {
		r, err := parse(b, "cpus:1;gpus:1;mem:128;disk:256").PushReservation(
			dynamic(fmt.Sprint(i), fmt.Sprint("principal_", i), fmt.Sprint("key_", i), fmt.Sprint("value_", i)))
		if err != nil {
			b.Fatal(err)
		}
		sum.Add(r)
	}
	return sum.Resources()
}

func BenchmarkArithmetic(b *testing.B) {
	for _, c := range []struct {
		name string
		r    resources.Resources
	}{
		{"scalars", parse(b, "cpus:1;gpus:1;mem:128;disk:256")},
		{"reservations", many(b)},
		{"shared", parse(b, "cpus:1;mem:128").Add(with(b, "disk(test):256", volume("persistentId", "/volume"), shared))},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			total := c.r
			for b.Loop() {
				total = total.Add(c.r).Subtract(c.r)
			}
			if !total.Equal(c.r) {
				b.Fatalf("%d resources are left of %d", total.Len(), c.r.Len())
			}
		})
	}
}

func BenchmarkFilters(b *testing.B) {
	plain, reserved := parse(b, "cpus:1;gpus:1;mem:128;disk:256"), parse(b, "cpus(role):1;gpus(role):1;mem(role):128;disk(role):256")
	loose := with(b, "cpus:1", revocable)
	for name, f := range map[string]func() resources.Resources{
		"nonRevocable": plain.NonRevocable,
		"revocable":    loose.Revocable,
		"unreserved":   plain.Unreserved,
		"reserved":     func() resources.Resources { return reserved.ReservedTo("role") },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				f()
			}
		})
	}
}

// ports makes n ranges of a stride, at twice the stride.
func ports(b testing.TB, n, from, stride int) resources.Resources {
	var s strings.Builder
	for i := range n {
		fmt.Fprintf(&s, "%d-%d,", from+i*stride*2, from+i*stride*2+stride)
	}
	return parse(b, "ports:["+s.String()+"]")
}

func BenchmarkContains(b *testing.B) {
	small, big := parse(b, "cpus:1;mem:128"), parse(b, "cpus:1;gpus:1;mem:128;disk:256")
	// Every second port of 16,000.
	var s strings.Builder
	for i := range 8000 {
		fmt.Fprintf(&s, "%d-%d,", 2*i+1, 2*i+1)
	}
	pieces, whole := parse(b, "ports:["+s.String()+"]"), parse(b, "ports:[1-16000]")
	for _, c := range []struct {
		name       string
		big, small resources.Resources
	}{
		{"scalars", big, small}, {"scalars, not", small, big}, {"scalars, equal", small, small},
		{"ranges", whole, pieces}, {"ranges, not", pieces, whole}, {"ranges, equal", pieces, pieces},
		{"mixed", big.Add(whole), small.Add(pieces)}, {"mixed, not", small.Add(pieces), big.Add(whole)},
		{"mixed, equal", small.Add(pieces), small.Add(pieces)},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.big.Contains(c.small)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	var s strings.Builder
	for i := range 100 {
		fmt.Fprintf(&s, "res%d:%d;", i, i)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := resources.Parse(s.String()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRanges(b *testing.B) {
	for _, n := range []int{10, 100, 1000} {
		x, y := ports(b, n, 1, 5), ports(b, n, 3, 5)
		b.Run(fmt.Sprintf("add %d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Add(y)
			}
		})
		b.Run(fmt.Sprintf("subtract %d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Subtract(y)
			}
		})
	}
}

func BenchmarkProto(b *testing.B) {
	r := add(parse(b, "cpus:1;mem:128;ports:[31000-31001]"), with(b, "disk:64", reserved(dynamic("eng", "bob")))).Allocate("eng")
	messages := r.Proto()
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			resources.FromValid(messages)
		}
	})
	b.Run("write", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r.Proto()
		}
	})
}
