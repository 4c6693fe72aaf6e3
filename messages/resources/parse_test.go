package resources_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
)

func TestParse(t *testing.T) {
	t.Run("one of each type", func(t *testing.T) {
		cpus, ports, disks := parse(t, "cpus:45.55"), parse(t, "ports:[10000-20000, 30000-50000]"), parse(t, "disks:{sda1}")
		if x := only(t, cpus); x.Type() != mesospb.Value_SCALAR || x.Scalar() != 45550 {
			t.Error(x)
		}
		if x := only(t, ports); x.Type() != mesospb.Value_RANGES || len(x.Ranges()) != 2 {
			t.Error(x)
		}
		if x := only(t, disks); x.Type() != mesospb.Value_SET || len(x.Set()) != 1 || x.Set()[0] != "sda1" {
			t.Error(x)
		}
		mustEqual(t, parse(t, "cpus:45.55;ports:[10000-20000, 30000-50000];disks:{sda1}"), add(cpus, ports, disks))
	})
	t.Run("with roles", func(t *testing.T) {
		mustEqual(t, parse(t, "cpus(role1):2;mem(role1):3"), add(with(t, "cpus:2", reserved(static("role1"))), with(t, "mem:3", reserved(static("role1")))))
		want := add(with(t, "ports:[0-100]", reserved(static("role2"))), with(t, "cpus:2.5", reserved(static("role1"))))
		mustEqual(t, parse(t, "cpus(role1):2.5;ports(role2):[0-100]"), want)
		byDefault, err := resources.ParseFor("cpus:2.5;ports(role2):[0-100]", "role1")
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, byDefault, want)
	})
	t.Run("with space and empty parts", func(t *testing.T) {
		mustEqual(t, parse(t, " cpus : 4 ;; mem ( eng ) : 64 ; "[:len(" cpus : 4 ;; mem ( eng ) : 64 ")]), parse(t, "cpus:4;mem(eng):64"))
	})
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, text, reason string }{
		{"no value", "cpus(role1)", "':'"},
		{"an open parenthesis", "cpus(role1:1", "parentheses"},
		{"crossed parentheses", "cpus)(role1:1", "parentheses"},
		{"one name of two types", "foo(role1):1;foo(role2):[0-1]", "type"},
		{"a bad role", "cpus(a//b):1", "slashes"},
		{"no role", "cpus():1", "role"},
		{"no name", "(eng):1", "name"},
		{"text", "cpus:many", "no amount"},
		{"a negative amount", "cpus:-1", "no amount"},
		{"not a number", "cpus:nan", "no amount"},
		{"infinity", "cpus:inf", "no amount"},
		{"an absurd amount", "cpus:1e300", "too large"},
		{"an amount that is lost", "cpus:1e-9", "too small"},
		{"a subnormal amount", "cpus:1e-310", "too small"},
		{"an inverted range", "ports:[5-3]", "inverted"},
		{"a range past the last number", "ports:[1-18446744073709551616]", "begin-end"},
		{"a duplicate in a set", "disks:{a,a}", "twice"},
		{"a very long name", strings.Repeat("x", 300) + ":1", "at most"},
		{"a very long text", strings.Repeat("cpus:1;", 1<<20), "at most"},
		{"very many ranges", "ports:[" + strings.Repeat("1-1,", 1<<17) + "]", "at most"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := resources.Parse(c.text)
			if !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), c.reason) {
				t.Errorf("got %s, %v; want a reason with %q", r, err, c.reason)
			}
			if err != nil && len(err.Error()) > 1000 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

// TestBounds holds that what is hostile is refused at once: none of these may take longer than reading it.
func TestBounds(t *testing.T) {
	labels := make([]string, 2*(resources.MaxLabels+1))
	var names strings.Builder
	for i := range resources.MaxResources + 1 {
		fmt.Fprintf(&names, "r%d:1;", i)
	}
	scalars := make(map[string]*mesospb.Value_Scalar)
	for i := range resources.MaxNames + 1 {
		scalars[fmt.Sprint(i)] = &mesospb.Value_Scalar{Value: proto.Float64(1)}
	}
	depth := make([]*mesospb.Resource_ReservationInfo, resources.MaxReservations+1)
	role := "r"
	for i := range depth {
		depth[i], role = dynamic(role, ""), role+"/r"
	}
	many := make([]*mesospb.Resource, resources.MaxResources+1)
	for i := range many {
		many[i] = message(t, "cpus:1")
	}
	for name, read := range map[string]func() error{
		"resources in text": func() error { _, err := resources.Parse(names.String()); return err },
		"resources in JSON": func() error {
			_, err := resources.Parse("[" + strings.Repeat("{},", resources.MaxResources) + "{}]")
			return err
		},
		"resources in messages": func() error { _, err := resources.FromProto(many); return err },
		"labels": func() error {
			_, err := resources.FromOne(message(t, "cpus:1", reserved(dynamic("r", "p", labels...))))
			return err
		},
		"reservations":           func() error { _, err := resources.FromOne(message(t, "cpus:1", reserved(depth...))); return err },
		"quantities in text":     func() error { _, err := resources.ParseQuantities(names.String()); return err },
		"limits in text":         func() error { _, err := resources.ParseLimits(names.String()); return err },
		"quantities in messages": func() error { _, err := resources.QuantitiesFromProto(scalars); return err },
		"limits in messages":     func() error { _, err := resources.LimitsFromProto(scalars); return err },
	} {
		t.Run(name, func(t *testing.T) {
			err := read()
			if !errors.Is(err, fault.ErrInvalid) || len(err.Error()) > 1000 {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("errors are brief", func(t *testing.T) {
		var b resources.Builder
		for i := range 1000 {
			b.Add(parse(t, fmt.Sprintf("name%d:1", i)))
		}
		big := b.Resources()
		if s := big.Brief(); len(s) > 600 || !strings.HasSuffix(s, "(1000 resources)") {
			t.Error(s)
		}
		if _, err := big.Convert(resources.Conversion{Consumed: parse(t, "cpus:1")}); err == nil || len(err.Error()) > 1000 {
			t.Error(err)
		}
	})
}

const pandas = `{"name": "pandas", "type": "SET", "set": {"item": ["lun_lun", "yang_yang"]}}`

func TestParseJSON(t *testing.T) {
	cpus := `{"name": "cpus", "type": "SCALAR", "scalar": {"value": 45.55}}`
	ports := `{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 10000, "end": 20000}, {"begin": 30000, "end": 50000}]}}`
	t.Run("one of each type", func(t *testing.T) {
		mustEqual(t, parse(t, "[\n"+cpus+"\n]"), parse(t, "cpus:45.55"))
		mustEqual(t, parse(t, "["+ports+"]"), parse(t, "ports:[10000-20000, 30000-50000]"))
		mustEqual(t, parse(t, "["+pandas+"]"), parse(t, "pandas:{yang_yang, lun_lun}"))
		mustEqual(t, parse(t, "["+cpus+","+ports+","+pandas+"]"), parse(t, "cpus:45.55;ports:[10000-20000, 30000-50000];pandas:{lun_lun, yang_yang}"))
	})
	t.Run("there and back", func(t *testing.T) {
		want := parse(t, "cpus:2;mem:3")
		var array []string
		for _, m := range want.Proto() {
			array = append(array, protojson.Format(m))
		}
		mustEqual(t, parse(t, "["+strings.Join(array, ",")+"]"), want)
	})
	in := func(role, object string) string {
		return strings.TrimSuffix(object, "}") + `, "reservations": [{"type": "STATIC", "role": "` + role + `"}]}`
	}
	t.Run("with roles", func(t *testing.T) {
		one := parse(t, "["+in("role1", cpus)+"]")
		two := parse(t, "["+in("role2", strings.Replace(cpus, "45.55", "54.44", 1))+"]")
		if only(t, one).ReservationRole() != "role1" {
			t.Error(one)
		}
		sum := add(two, one, one)
		mustContain(t, sum, one)
		mustEqual(t, sum, parse(t, "cpus(role1):91.1;cpus(role2):54.44"))
		if sum.CPUs() != 145_540 {
			t.Error(sum.CPUs())
		}
		mixed := parse(t, "["+in("role1", ports)+","+in("panda_liason", pandas)+"]")
		mustEqual(t, mixed, parse(t, "ports(role1):[10000-20000,30000-50000];pandas(panda_liason):{lun_lun,yang_yang}"))
	})
	t.Run("with the old role and a default", func(t *testing.T) {
		got, err := resources.ParseFor(`[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1}, "role": "a"}, {"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}}]`, "b")
		if err != nil {
			t.Fatal(err)
		}
		mustEqual(t, got, parse(t, "cpus(a):1;cpus(b):2"))
	})
}

func TestParseJSONErrors(t *testing.T) {
	sad := strings.ReplaceAll(pandas, "pandas", "sad_pandas")
	for _, c := range []struct{ name, text string }{
		{"one object, no array", pandas},
		{"a comma missing between objects", "[" + pandas + sad + "]"},
		{"a comma missing in a set", "[" + strings.Replace(pandas, `", "y`, `" "y`, 1) + "]"},
		{"an array of arrays", "[[" + pandas + "," + sad + "]]"},
		{"no array around two objects", pandas + "," + sad},
		{"text after the array", "[" + pandas + "] once upon a time"},
		{"a wrong bracket", "[" + strings.Replace(pandas, "]", "}", 1) + "]"},
		{"no type", "[" + strings.Replace(pandas, `"type": "SET", `, "", 1) + "]"},
		{"an empty name", "[" + strings.Replace(pandas, `"pandas"`, `""`, 1) + "]"},
		{"an unknown type", "[" + strings.Replace(pandas, `"SET"`, `"FLOATINGPOINT"`, 1) + "]"},
		{"a negative amount", `[{"name": "power", "type": "SCALAR", "scalar": {"value": -1}}, {"name": "window", "type": "RANGES", "ranges": {"range": []}, "role": "role1"}]`},
		{"one name of two types", "[" + pandas + `,{"name": "pandas", "type": "SCALAR", "scalar": {"value": 14}}]`},
		{"a persistent volume", `[{"name": "disk", "type": "SCALAR", "scalar": {"value": 2048}, "role": "r", "disk": {"persistence": {"id": "v1"}, "volume": {"container_path": "/p", "mode": "RW"}}}]`},
		{"a dynamic reservation", `[{"name": "disk", "type": "SCALAR", "scalar": {"value": 2048}, "reservations": [{"type": "DYNAMIC", "role": "r", "principal": "p"}]}]`},
		{"a reservation without a comma", `[{"name": "disk", "type": "SCALAR", "scalar": {"value": 2048}, "reservations": [{"role": "r" "principal": "p"}], "role": "*"}]`},
		{"a revocable resource", `[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 54.44}, "role": "role2", "revocable": {}}]`},
		{"a range of two types", `[{"name": "ports", "type": "RANGES", "ranges": {"range": []}, "scalar": {"value": 1}}]`},
		{"overlapping ranges", `[{"name": "ports", "type": "RANGES", "ranges": {"range": [{"begin": 1, "end": 3}, {"begin": 3, "end": 4}]}}]`},
		{"infinity", `[{"name": "cpus", "type": "SCALAR", "scalar": {"value": "Infinity"}}]`},
		{"a number too large for a double", `[{"name": "cpus", "type": "SCALAR", "scalar": {"value": 1e999}}]`},
		{"nested without end", strings.Repeat("[", 100_000)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r, err := resources.Parse(c.text); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("got %s, %v", r, err)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"cpus:4;mem:4096;ports:[31000-32000];disk(role):100;set:{a,b}", "[" + pandas + "]", "a(b):[1-2,[3-4]]", "x:1e300"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := resources.Parse(text)
		if err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%v is no fault.ErrInvalid", err)
			}
			return
		}
		again, err := resources.FromProto(r.Proto())
		if err != nil || !again.Equal(r) {
			t.Errorf("%s came back as %s, %v", r, again, err)
		}
		mustBeEmpty(t, r.Subtract(r))
		mustEqual(t, r.Allocate("a").Unallocate(), r)
	})
}

func FuzzParseQuantities(f *testing.F) {
	f.Add("cpus:4;mem:4096")
	f.Add("cpus:0;cpus:1;cpus:inf")
	f.Fuzz(func(t *testing.T, text string) {
		q, err := resources.ParseQuantities(text)
		if err != nil {
			return
		}
		again, err := resources.QuantitiesFromProto(q.Proto())
		if err != nil && !strings.Contains(err.Error(), "too large") || err == nil && !again.Equal(q) {
			t.Errorf("%s came back as %s, %v", q, again, err)
		}
	})
}
