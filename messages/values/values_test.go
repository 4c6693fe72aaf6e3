package values_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/values"
)

func parse(t testing.TB, text string) values.Value {
	t.Helper()
	v, err := values.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return v
}

func ranges(t testing.TB, text string) values.Ranges {
	t.Helper()
	v := parse(t, text)
	if v.Type != mesospb.Value_RANGES {
		t.Fatalf("%q is %s", text, v.Type)
	}
	return v.Ranges
}

func TestParse(t *testing.T) {
	t.Run("a number", func(t *testing.T) {
		if v := parse(t, "45.55"); v.Type != mesospb.Value_SCALAR || v.Number != 45.55 {
			t.Error(v)
		}
		for text, want := range map[string]float64{"1e3": 1000, ".5": 0.5, "5.": 5, "+2": 2, "-0": 0, "1 0": 10} {
			if v := parse(t, text); v.Type != mesospb.Value_SCALAR || v.Number != want || math.Signbit(v.Number) {
				t.Errorf("%q is %+v", text, v)
			}
		}
	})
	t.Run("ranges", func(t *testing.T) {
		want := values.Ranges{{Begin: 10000, End: 20000}, {Begin: 30000, End: 50000}}
		if got := ranges(t, "[10000-20000, 30000-50000]"); !got.Equal(want) {
			t.Error(got)
		}
	})
	t.Run("a set", func(t *testing.T) {
		if v := parse(t, "{sda1, sda2}"); v.Type != mesospb.Value_SET || !slices.Equal(v.Set, values.Set{"sda1", "sda2"}) {
			t.Error(v)
		}
	})
	t.Run("text", func(t *testing.T) {
		for _, text := range []string{
			"123abc,s", "inf", "-inf", "infinity", "-infinity", "nan", "-nan", "-1", "0x10", "1_000", "1e999", "e", "a(b)",
		} {
			if v := parse(t, text); v.Type != mesospb.Value_TEXT || v.Text != text {
				t.Errorf("%q is %+v", text, v)
			}
		}
	})
}

func TestParseErrors(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"a brace too many", "{aa,b}}"},
		{"a bracket too many", "[1-2]]"},
		{"a bracket that closes first", "]1-2["},
		{"a range that is no number", "[1-2b]"},
		{"a range without an end", "[1]"},
		{"a range of three", "[1-2-3]"},
		{"an inverted range", "[2-1]"},
		{"a number past the last", "[1-18446744073709551616]"},
		{"nothing but space", "  "},
		{"a subnormal number", "7.63918e-313"},
		{"a negative subnormal number", "-7.63918e-313"},
		{"ranges behind text", "a[1-2]"},
		{"a set behind text", "a{b}"},
		{"a word twice in a set", "{a,a}"},
		{"very long text", strings.Repeat("x", values.MaxText+1)},
		{"very many ranges", "[" + strings.Repeat("1-1,", values.MaxRanges+1) + "]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v, err := values.Parse(c.text); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("got %+v, %v", v, err)
			} else if len(err.Error()) > 300 {
				t.Errorf("an error of %d bytes", len(err.Error()))
			}
		})
	}
}

func TestRangesCoalesce(t *testing.T) {
	t.Run("when they are made", func(t *testing.T) {
		got, err := values.NewRanges(values.Range{Begin: 1, End: 4}, values.Range{Begin: 3, End: 5}, values.Range{Begin: 7, End: 8}, values.Range{Begin: 8, End: 10})
		if err != nil || got.String() != "[1-5, 7-10]" {
			t.Errorf("got %s, %v", got, err)
		}
	})
	t.Run("when they are read", func(t *testing.T) {
		for _, c := range [][2]string{
			{"[1-10]", "[1-10]"},
			{"[4-6, 6-8, 5-9, 3-4, 2-5, 4-6, 1-1, 10-10, 4-6]", "[1-10]"},
			{"[4-6, 6-8]", "[4-8]"},
			{"[6-8, 4-6]", "[4-8]"},
			{"[1-10, 8-10]", "[1-10]"},
			{"[1-11, 8-10]", "[1-11]"},
			{"[1-4, 4-5, 7-8, 8-10]", "[1-5, 7-10]"},
			{"[7-8, 1-4, [8-10], 4-5]", "[1-5, 7-10]"},
			{"[4-6, 7-8]", "[4-8]"},
			{"[4-6, 7-7]", "[4-7]"},
			{"[4-6, 7-7, 8-8, 9-9]", "[4-9]"},
			{"[4-6, 7-7, 9-10, 9-11]", "[4-7, 9-11]"},
			{"[6-8, 6-8, 4-6, 6-8]", "[4-8]"},
			{"[0-18446744073709551615, 5-6]", "[0-18446744073709551615]"},
			{"[]", "[]"},
		} {
			if got := ranges(t, c[0]).String(); got != c[1] {
				t.Errorf("%s: got %s, want %s", c[0], got, c[1])
			}
		}
	})
	t.Run("when one is added", func(t *testing.T) {
		r := ranges(t, "[1-4, 8-10]")
		for _, c := range [][2]string{{"[4-8]", "[1-10]"}, {"[5-7]", "[1-10]"}, {"[5-7]", "[1-10]"}, {"[20-21]", "[1-10, 20-21]"}} {
			if r = r.Add(ranges(t, c[0])); r.String() != c[1] {
				t.Errorf("with %s: got %s, want %s", c[0], r, c[1])
			}
		}
	})
}

func TestRangesAddition(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"overlap on the right", "[3-8]", "[4-10]", "[3-10]"},
		{"overlap on the left", "[3-8]", "[1-4]", "[1-8]"},
		{"inside", "[2-3]", "[1-4]", "[1-4]"},
		{"touch on the right", "[2-3]", "[4-6]", "[2-6]"},
		{"touch on the left", "[3-5]", "[1-2]", "[1-5]"},
		{"fill a gap", "[3-5, 7-8]", "[6-6]", "[3-8]"},
		{"fill two gaps", "[1-4, 9-10, 20-22, 26-30]", "[5-8, 23-25]", "[1-10, 20-30]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ranges(t, c.a).Add(ranges(t, c.b)).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRangesSubtraction(t *testing.T) {
	for _, c := range []struct{ name, a, b, want string }{
		{"from nothing", "[]", "[1-10]", "[]"},
		{"nothing", "[3-8]", "[]", "[3-8]"},
		{"everything", "[3-8]", "[1-10]", "[]"},
		{"the left", "[3-8]", "[3-5]", "[6-8]"},
		{"the right", "[3-8]", "[5-8]", "[3-4]"},
		{"the middle", "[3-8]", "[5-6]", "[3-4, 7-8]"},
		{"past the left", "[3-8]", "[1-3]", "[4-8]"},
		{"past the right", "[3-8]", "[5-10]", "[3-4]"},
		{"only right of it", "[3-8]", "[9-10]", "[3-8]"},
		{"only left of it", "[3-8]", "[1-2]", "[3-8]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := ranges(t, c.a).Subtract(ranges(t, c.b)).String(); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

// TestRangesLaws compares ranges with plain sets of numbers.
func TestRangesLaws(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		a, inA := randomRanges(t, r)
		b, inB := randomRanges(t, r)
		sum, diff, contains, count := a.Add(b), a.Subtract(b), true, uint64(0)
		for n := range uint64(40) {
			if sum.Has(n) != (inA[n] || inB[n]) || diff.Has(n) != (inA[n] && !inB[n]) || a.Has(n) != inA[n] {
				t.Fatalf("seed %d: %d is wrong in %s, %s, %s or %s", seed, n, a, b, sum, diff)
			}
			contains = contains && (inA[n] || !inB[n])
			if inA[n] {
				count++
			}
		}
		if a.Contains(b) != contains || a.Count() != count || !sum.Contains(a) || sum.Equal(a) != contains {
			t.Fatalf("seed %d: %s against %s", seed, a, b)
		}
		for _, x := range []values.Ranges{a, sum, diff} {
			for i := 1; i < len(x); i++ {
				if x[i].Begin <= x[i-1].End+1 {
					t.Fatalf("seed %d: %s is not merged", seed, x)
				}
			}
		}
	}
}

func randomRanges(t *testing.T, r *rand.Rand) (values.Ranges, map[uint64]bool) {
	in := make(map[uint64]bool)
	var list []values.Range
	for range r.IntN(5) {
		x := values.Range{Begin: r.Uint64N(30)}
		x.End = x.Begin + r.Uint64N(8)
		list = append(list, x)
		for n := x.Begin; n <= x.End; n++ {
			in[n] = true
		}
	}
	out, err := values.NewRanges(list...)
	if err != nil {
		t.Fatal(err)
	}
	return out, in
}

func TestRangesMessage(t *testing.T) {
	want := ranges(t, "[1-2, 5-9]")
	if got, err := values.RangesFromProto(want.Proto()); err != nil || !got.Equal(want) {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestSet(t *testing.T) {
	set := func(text string) values.Set { return parse(t, text).Set }
	t.Run("subtraction", func(t *testing.T) {
		one := set("{sda1, sda2, sda3}").Subtract(set("{sda2, sda3}"))
		if !one.Equal(set("{sda1}")) {
			t.Error(one)
		}
		if got := set("{sda4}").Subtract(one); !got.Equal(set("{sda4}")) {
			t.Error(got)
		}
	})
	t.Run("addition and containment", func(t *testing.T) {
		sum := set("{b, d}").Add(set("{a, b, c, e}"))
		if sum.String() != "{a, b, c, d, e}" || !sum.Contains(set("{a, e}")) || sum.Contains(set("{f}")) || set("{a}").Contains(sum) {
			t.Error(sum)
		}
	})
	t.Run("message", func(t *testing.T) {
		want := set("{b, a}")
		if got, err := values.SetFromProto(want.Proto()); err != nil || !got.Equal(want) {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

func TestMilli(t *testing.T) {
	t.Run("rounds half away from zero", func(t *testing.T) {
		for v, want := range map[float64]values.Milli{0: 0, 0.0004: 0, 0.0005: 1, 1.5015: 1502, 1e12: 1e15, -0.0005: -1} {
			if got := values.Round(v); got != want {
				t.Errorf("%g is %d, want %d", v, got, want)
			}
		}
	})
	t.Run("and back is exact", func(t *testing.T) {
		r := rand.New(rand.NewPCG(1, 1))
		for range 100_000 {
			m := values.Milli(r.Int64N(values.MaxScalar * 1000))
			if got := values.Round(m.Float64()); got != m {
				t.Fatalf("%d came back as %d", m, got)
			}
		}
		if f := values.Milli(1001).Float64(); f != 1.001 {
			t.Error(f)
		}
	})
	t.Run("refuses what is no amount", func(t *testing.T) {
		for _, v := range []float64{-1, -1e-300, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, values.MaxScalar * 1.001} {
			if m, err := values.MilliOf(v); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%g is %d", v, m)
			}
		}
	})
	t.Run("sums do not wrap around", func(t *testing.T) {
		most, least := values.Milli(math.MaxInt64), values.Milli(math.MinInt64)
		if most.Plus(1) != most || least.Plus(-1) != least || most.Plus(least) != -1 || values.Round(1e300) != most || values.Round(math.NaN()) != 0 {
			t.Error("wrapped around")
		}
	})
	t.Run("prints", func(t *testing.T) {
		for m, want := range map[values.Milli]string{0: "0", 4000: "4", 100: "0.1", 2125: "2.125", 10: "0.01", -1500: "-1.5", math.MinInt64: "-9223372036854775.808"} {
			if got := m.String(); got != want {
				t.Errorf("%d prints as %s, want %s", int64(m), got, want)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"45.55", "[10000-20000, 30000-50000]", "{sda1, sda2}", "123abc,s", "[7-8, 1-4, [8-10], 4-5]", "7e-313"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := values.Parse(text)
		if err != nil {
			if !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("%v is no fault.ErrInvalid", err)
			}
			return
		}
		switch v.Type {
		case mesospb.Value_RANGES:
			if again := ranges(t, v.Ranges.String()); !again.Equal(v.Ranges) {
				t.Errorf("%s came back as %s", v.Ranges, again)
			}
		case mesospb.Value_SET:
			if again := parse(t, v.Set.String()).Set; !again.Equal(v.Set) {
				t.Errorf("%s came back as %s", v.Set, again)
			}
		}
	})
}
