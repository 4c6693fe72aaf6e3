package resources_test

import (
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/proto"
)

// list writes names and amounts in the order in which they are yielded.
func list(all iter.Seq2[string, resources.Milli]) string {
	var parts []string
	for name, amount := range all {
		parts = append(parts, fmt.Sprintf("%s=%s", name, amount))
	}
	return strings.Join(parts, " ")
}

func TestParseQuantities(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"one", "cpus:10", "cpus=10"},
		{"with decimals", "cpus:3.14", "cpus=3.14"},
		{"with space", " cpus : 3.14 ; disk : 10 ", "cpus=3.14 disk=10"},
		{"zero is dropped", "cpus:0", ""},
		{"two", "cpus:10.5;ports:1", "cpus=10.5 ports=1"},
		{"in the order of names", "ports:3;cpus:10.5", "cpus=10.5 ports=3"},
		{"a name twice is added up", "ports:3;cpus:1;cpus:10.5", "cpus=11.5 ports=3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := list(quantities(t, c.text).All()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseLimits(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"one", "cpus:10", "cpus=10"},
		{"with decimals", "cpus:3.14", "cpus=3.14"},
		{"with space", " cpus : 3.14 ; disk : 10 ", "cpus=3.14 disk=10"},
		{"zero is kept", "cpus:0", "cpus=0"},
		{"two", "cpus:10.5;ports:1", "cpus=10.5 ports=1"},
		{"in the order of names", "ports:3;cpus:10.5", "cpus=10.5 ports=3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := list(limits(t, c.text).All()); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

var badAmounts = []string{
	"cpus:a10", "cpus:3.14c", "ports:3,cpus:1", "ports:3,cpus:-1", "cpus:nan", "cpus:-nan", "cpus:inf", "cpus:-inf",
	"cpus:infinity", "cpus:-infinity", "cpus:-1", "cpus:[1-2]", "cpus:{a}", "cpus", "cpus:1e300",
}

func TestParseQuantitiesErrors(t *testing.T) {
	for _, text := range badAmounts {
		if q, err := resources.ParseQuantities(text); err == nil {
			t.Errorf("%s was read as %s", text, q)
		}
	}
}

func TestParseLimitsErrors(t *testing.T) {
	for _, text := range append(badAmounts, "cpus:1;cpus:2") {
		if l, err := resources.ParseLimits(text); err == nil {
			t.Errorf("%s was read as %s", text, l)
		}
	}
}

func TestQuantities(t *testing.T) {
	t.Run("of scalar resources", func(t *testing.T) {
		if q := (resources.Resources{}).ScalarQuantities(); q.Len() != 0 {
			t.Error(q)
		}
		q := parse(t, "cpus:1;mem:512;disk:800;ports:[1-2]").ScalarQuantities()
		if got := list(q.All()); got != "cpus=1 disk=800 mem=512" {
			t.Error(got)
		}
	})
	t.Run("of resources", func(t *testing.T) {
		if q := (resources.Resources{}).Quantities(); q.Len() != 0 {
			t.Error(q)
		}
		q := parse(t, "cpus:1;mem:512;ports:[5000-6000];zones:{a,b};disk:800").Quantities()
		if got := list(q.All()); got != "cpus=1 disk=800 mem=512 ports=1001 zones=2" {
			t.Error(got)
		}
	})
	t.Run("of what is reserved, allocated, revocable or provided", func(t *testing.T) {
		r := add(parse(t, "cpus(a):1;cpus:1").Allocate("a"), with(t, "cpus:1", revocable), with(t, "cpus:1", provider("p")))
		if got := list(r.ScalarQuantities().All()); got != "cpus=4" {
			t.Error(got)
		}
	})
	t.Run("of a volume", func(t *testing.T) {
		r := with(t, "disk(role):200", volume("1", "path")).ScalarQuantities()
		if got := list(r.All()); got != "disk=200" {
			t.Error(got)
		}
	})
	t.Run("of all the numbers there are", func(t *testing.T) {
		q := parse(t, "ports:[0-18446744073709551615];ports(a):[0-18446744073709551615]").Quantities()
		if q.Get("ports") <= 0 {
			t.Errorf("an overflow made %s", q)
		}
	})
	t.Run("added", func(t *testing.T) {
		for _, c := range [][3]string{
			{"cpus:10", "", "cpus:10"},
			{"cpus:10", "cpus:0.1", "cpus:10.1"},
			{"cpus:10.1", "alphas:1", "alphas:1; cpus:10.1"},
			{"cpus:10.1", "mem:1", "cpus:10.1; mem:1"},
			{"alphas:1;cpus:10.1", "cpus:1;mem:100", "alphas:1; cpus:11.1; mem:100"},
		} {
			if got := quantities(t, c[0]).Add(quantities(t, c[1])).String(); got != c[2] {
				t.Errorf("%v: got %s", c, got)
			}
		}
	})
	t.Run("subtracted", func(t *testing.T) {
		for _, c := range [][3]string{
			{"", "cpus:1", "{}"},
			{"cpus:1", "", "cpus:1"},
			{"cpus:1", "cpus:0.4", "cpus:0.6"},
			{"cpus:1", "cpus:1", "{}"},
			{"cpus:1", "cpus:1.4", "{}"},
			{"cpus:1", "mem:100", "cpus:1"},
			{"cpus:1", "alphas:1", "cpus:1"},
			{"cpus:1;mem:100", "alphas:1;cpus:0.5", "cpus:0.5; mem:100"},
		} {
			if got := quantities(t, c[0]).Subtract(quantities(t, c[1])).String(); got != c[2] {
				t.Errorf("%v: got %s", c, got)
			}
		}
	})
	t.Run("contained", func(t *testing.T) {
		for _, c := range []struct {
			big, small   string
			there, again bool // big contains small, small contains big
		}{
			{"", "", true, true},
			{"cpus:1", "", true, false},
			{"cpus:1;mem:1", "cpus:1;mem:1", true, true},
			{"cpus:1;mem:1;disk:1", "cpus:1;mem:1", true, false},
			{"cpus:1;mem:1", "cpus:1;disk:1", false, false},
			{"cpus:1;mem:1", "gpu:1;disk:1", false, false},
			{"cpus:2;mem:2", "cpus:2;mem:1", true, false},
		} {
			big, small := quantities(t, c.big), quantities(t, c.small)
			if big.Contains(small) != c.there || small.Contains(big) != c.again {
				t.Errorf("%+v", c)
			}
		}
	})
	t.Run("printed", func(t *testing.T) {
		if got := (resources.Quantities{}).String(); got != "{}" {
			t.Error(got)
		}
		if got := quantities(t, "mem:1024;cpus:1").String(); got != "cpus:1; mem:1024" {
			t.Error(got)
		}
	})
	t.Run("summed", func(t *testing.T) {
		var sum resources.Quantities
		for _, c := range [][2]string{{"", "{}"}, {"cpus:1", "cpus:1"}, {"cpus:2", "cpus:3"}, {"memory:1", "cpus:3; memory:1"}, {"cpus:1;memory:1", "cpus:4; memory:2"}} {
			if sum = sum.Add(quantities(t, c[0])); sum.String() != c[1] {
				t.Errorf("after %s: got %s, want %s", c[0], sum, c[1])
			}
		}
	})
	t.Run("as a message", func(t *testing.T) {
		want := quantities(t, "cpus:1.5;mem:64")
		got, err := resources.QuantitiesFromProto(want.Proto())
		if err != nil || !got.Equal(want) {
			t.Errorf("got %s, %v", got, err)
		}
		for _, bad := range []float64{-1, math.NaN(), math.Inf(1), 1e300} {
			if q, err := resources.QuantitiesFromProto(map[string]*mesospb.Value_Scalar{"cpus": {Value: &bad}}); err == nil {
				t.Errorf("%g was read as %s", bad, q)
			}
		}
	})
}

func TestContainsQuantities(t *testing.T) {
	vol := with(t, "disk(role1):64", volume("id1", "path1"), shared)
	for _, c := range []struct {
		name string
		r    resources.Resources
		q    string
		want bool
	}{
		{"nothing in nothing", parse(t, ""), "", true},
		{"something in nothing", parse(t, ""), "cpus:1", false},
		{"nothing in something", parse(t, "cpus:1"), "", true},
		{"less", parse(t, "cpus:2"), "cpus:1", true},
		{"as much", parse(t, "cpus:1"), "cpus:1", true},
		{"more", parse(t, "cpus:0.5"), "cpus:1", false},
		{"fewer ports", parse(t, "ports:[1-3]"), "ports:2", true},
		{"as many ports", parse(t, "ports:[1-2]"), "ports:2", true},
		{"more ports", parse(t, "ports:[1-1]"), "ports:2", false},
		{"a smaller set", parse(t, "features:{a,b,c}"), "features:2", true},
		{"as large a set", parse(t, "features:{a,b}"), "features:2", true},
		{"a larger set", parse(t, "features:{a}"), "features:2", false},
		{"one name more", parse(t, "cpus:3;ports:[1-3];features:{a,b,c};mem:10"), "cpus:3;ports:3;features:3", true},
		{"all names", parse(t, "cpus:3;ports:[1-3];features:{a,b,c}"), "cpus:3;ports:3;features:3", true},
		{"too little of one", parse(t, "cpus:1;ports:[1-3];features:{a,b,c}"), "cpus:3;ports:3;features:3", false},
		{"one name less", parse(t, "cpus:3;ports:[1-3]"), "cpus:3;ports:3;features:3", false},
		{"too little of a role", parse(t, "cpus(role1):2"), "cpus:3", false},
		{"of a role and unreserved", parse(t, "cpus(role1):2;cpus:1"), "cpus:3", true},
		{"too few reserved ports", with(t, "ports:[1-10]", reserved(dynamic("role", "principal"))), "ports:12", false},
		{"reserved and other ports", with(t, "ports:[1-10]", reserved(dynamic("role", "principal"))).Add(parse(t, "ports:[20-25]")), "ports:12", true},
		{"too small a volume", vol, "disk:128", false},
		{"a volume and other disk", vol.Add(parse(t, "disk:64")), "disk:128", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.r.ContainsQuantities(quantities(t, c.q)); got != c.want {
				t.Errorf("%s contains %s: %t", c.r, c.q, got)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Run("contain stricter limits", func(t *testing.T) {
		for _, c := range []struct {
			loose, strict string
			there, again  bool
		}{
			{"", "", true, true},
			{"", "cpus:1", true, false},
			{"cpus:1;mem:1", "cpus:1;mem:1", true, true},
			{"cpus:1;mem:1", "cpus:1;mem:1;disk:1", true, false},
			{"cpus:1;mem:1", "cpus:1;disk:1", false, false},
			{"cpus:1;mem:1", "gpu:1;disk:1", false, false},
			{"cpus:2;mem:2", "cpus:2;mem:1", true, false},
		} {
			loose, strict := limits(t, c.loose), limits(t, c.strict)
			if loose.Contains(strict) != c.there || strict.Contains(loose) != c.again {
				t.Errorf("%+v", c)
			}
		}
	})
	t.Run("contain quantities", func(t *testing.T) {
		for _, c := range []struct {
			limits, quantities string
			want               bool
		}{
			{"", "", true}, {"cpus:1", "", true}, {"cpus:1;mem:1", "cpus:1;mem:1", true},
			{"cpus:1;mem:1;disk:1", "cpus:1;mem:1", true}, {"cpus:1;mem:1", "cpus:1;mem:1;disk:1", true},
			{"cpus:1;mem:1", "cpus:1;disk:1", true}, {"cpus:1;mem:1", "gpu:1;disk:1", true},
			{"cpus:2;mem:2", "cpus:2;mem:1", true}, {"cpus:2;mem:1", "cpus:2;mem:2", false},
			{"gpus:0", "gpus:1", false}, {"gpus:0", "cpus:1", true},
		} {
			if got := limits(t, c.limits).ContainsQuantities(quantities(t, c.quantities)); got != c.want {
				t.Errorf("%+v", c)
			}
		}
	})
	t.Run("lowered by quantities", func(t *testing.T) {
		for _, c := range [][3]string{
			{"", "", ""}, {"", "cpus:10", ""}, {"cpus:1", "", "cpus:1"}, {"cpus:1", "cpus:1", "cpus:0"}, {"cpus:1", "cpus:2", "cpus:0"},
			{"cpus:1;mem:10", "cpus:1", "cpus:0;mem:10"}, {"cpus:1;mem:10", "cpus:1;disk:10", "cpus:0;mem:10"},
			{"cpus:1;mem:10", "cpus:1;mem:5;disk:10", "cpus:0;mem:5"},
		} {
			if got := limits(t, c[0]).Subtract(quantities(t, c[1])); !got.Equal(limits(t, c[2])) {
				t.Errorf("%v: got %s", c, got)
			}
		}
	})
	t.Run("as a message", func(t *testing.T) {
		want := limits(t, "cpus:1.5;gpus:0")
		got, err := resources.LimitsFromProto(want.Proto())
		if err != nil || !got.Equal(want) || got.IsEmpty() || !(resources.Limits{}).IsEmpty() {
			t.Errorf("got %s, %v", got, err)
		}
	})
	t.Run("infinity is no limit", func(t *testing.T) {
		l, err := resources.LimitsFromProto(map[string]*mesospb.Value_Scalar{
			"cpus": {Value: proto.Float64(math.Inf(1))}, "mem": {Value: proto.Float64(64)},
		})
		if err != nil || l.String() != "mem:64" {
			t.Errorf("got %s, %v", l, err)
		}
	})
}
