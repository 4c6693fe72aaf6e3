package attributes_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/attributes"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"google.golang.org/protobuf/proto"
)

func parse(t *testing.T, text string) []*mesospb.Attribute {
	t.Helper()
	list, err := attributes.Parse(text)
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return list
}

func TestParse(t *testing.T) {
	t.Run("one of each type", func(t *testing.T) {
		a := parse(t, "cpus:45.55;ports:[10000-20000, 30000-50000];rack:rack1,rack2")
		if len(a) != 3 {
			t.Fatal(a)
		}
		if x := a[0]; x.GetType() != mesospb.Value_SCALAR || x.GetName() != "cpus" || x.GetScalar().GetValue() != 45.55 {
			t.Error(x)
		}
		if x := a[1]; x.GetType() != mesospb.Value_RANGES || x.GetName() != "ports" || attributes.String(x) != "ports=[10000-20000, 30000-50000]" {
			t.Error(x)
		}
		if x := a[2]; x.GetType() != mesospb.Value_TEXT || x.GetName() != "rack" || x.GetText().GetValue() != "rack1,rack2" {
			t.Error(x)
		}
	})
	t.Run("only the first colon separates", func(t *testing.T) {
		a := parse(t, "attr1:foo:bar;attr2:baz:qux:")
		if len(a) != 2 || a[0].GetText().GetValue() != "foo:bar" || a[1].GetText().GetValue() != "baz:qux:" {
			t.Error(a)
		}
	})
	for _, a := range parse(t, "a:1;b:[1-2];c:d") {
		if err := attributes.Validate(a); err != nil {
			t.Error(err)
		}
	}
}

func TestEqual(t *testing.T) {
	all := "cpus:45.55;ports:[10000-20000, 30000-50000];rack:rack1,rack2"
	for _, c := range []struct {
		name, a, b string
		want       bool
	}{
		{"written with other spaces", all, "cpus:45.55;ports:[10000-20000,30000-50000];rack:rack1,rack2", true},
		{"nothing", "", "", true},
		{"something and nothing", all, "", false},
		{"nothing and something", "", all, false},
		{"other types", all, "cpus:45.55;ports:45.55;rack:45.55", false},
		{"another order, and a name twice", "rack:rack1;dedicated:customer1;dedicated:customer2", "dedicated:customer2;dedicated:customer1;rack:rack1", true},
		{"other text", "rack:a", "rack:b", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := attributes.Equal(parse(t, c.a), parse(t, c.b)); got != c.want {
				t.Errorf("%t", got)
			}
		})
	}
}

func TestFind(t *testing.T) {
	list := parse(t, "rack:a;rack:b;level:10")
	if a := attributes.Find(list, "rack"); attributes.String(a) != "rack=a" {
		t.Error(a)
	}
	if a := attributes.Find(list, "level"); attributes.String(a) != "level=10" {
		t.Error(a)
	}
	if a := attributes.Find(list, "zone"); a != nil {
		t.Error(a)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, text string }{
		{"no value", "rack"}, {"an empty value", "rack:"}, {"an empty name", ":a"}, {"a set", "rack:{a,b}"},
		{"a bad range", "ports:[1-]"}, {"brackets that do not match", "rack:(a"},
		{"very many", strings.Repeat("a:b;", attributes.MaxAttributes+1)}, {"very much", strings.Repeat("a", attributes.MaxText+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			if a, err := attributes.Parse(c.text); !errors.Is(err, fault.ErrInvalid) {
				t.Errorf("got %v, %v", a, err)
			}
		})
	}
	for _, a := range []*mesospb.Attribute{
		{Type: mesospb.Value_TEXT.Enum(), Text: &mesospb.Value_Text{Value: proto.String("a")}},
		{Name: proto.String("a"), Type: mesospb.Value_TEXT.Enum()},
		{Name: proto.String("a"), Type: mesospb.Value_SET.Enum(), Set: &mesospb.Value_Set{}},
		{Name: proto.String("a"), Type: mesospb.Value_RANGES.Enum(), Ranges: &mesospb.Value_Ranges{Range: []*mesospb.Value_Range{{Begin: proto.Uint64(2), End: proto.Uint64(1)}}}},
	} {
		if err := attributes.Validate(a); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%v passes: %v", a, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("rack:abc;zone:west;level:10;keys:[1000-1500]")
	f.Add("a:b:c;\n;d:{")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := attributes.Parse(text)
		if err != nil {
			return
		}
		if !attributes.Equal(list, list) {
			t.Errorf("%v differs from itself", list)
		}
		for _, a := range list {
			if err := attributes.Validate(a); err != nil {
				t.Error(err)
			}
		}
	})
}
