package credentials_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/fault"
)

func TestParse(t *testing.T) {
	for name, file := range map[string]string{
		"as JSON": `{"credentials": [{"principal": "bob", "secret": "hunter2"}, {"principal": "eve", "secret": ""}, {"principal": "mute"}]}`,
		"as text": "bob hunter2\n\n  eve\tx\nmute y\n",
	} {
		t.Run(name, func(t *testing.T) {
			c, err := credentials.Parse([]byte(file))
			if err != nil {
				t.Fatal(err)
			}
			if c.Len() != 3 || !c.Match("bob", "hunter2") {
				t.Errorf("%d principals, bob is not known", c.Len())
			}
			for _, wrong := range [][2]string{{"bob", "hunter"}, {"bob", ""}, {"mallory", "hunter2"}, {"mallory", ""}, {"", ""}} {
				if c.Match(wrong[0], wrong[1]) {
					t.Errorf("%v matches", wrong)
				}
			}
		})
	}
	t.Run("an empty file knows nobody", func(t *testing.T) {
		c, err := credentials.Parse([]byte(" \n"))
		if err != nil || c.Len() != 0 || c.Match("", "") {
			t.Errorf("%d principals, %v", c.Len(), err)
		}
	})
}

func TestParseOne(t *testing.T) {
	for _, file := range []string{`{"principal": "bob", "secret": "hunter2"}`, "bob hunter2", "\nbob hunter2\n"} {
		c, err := credentials.ParseOne([]byte(file))
		if err != nil || c.GetPrincipal() != "bob" || c.GetSecret() != "hunter2" {
			t.Errorf("%q is %v, %v", file, c, err)
		}
	}
	if c, err := credentials.ParseOne([]byte("\n")); c != nil || err != nil {
		t.Errorf("an empty file is %v, %v", c, err)
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct{ name, file string }{
		{"malformed JSON", `{"credentials": [{"principal": "bob", "secret": "hunter2"`},
		{"no principal", `{"credentials": [{"secret": "hunter2"}]}`},
		{"an empty principal", `{"credentials": [{"principal": "", "secret": "hunter2"}]}`},
		{"a secret that is no string", `{"credentials": [{"principal": "bob", "secret": ["hunter2"]}]}`},
		{"a principal twice", "bob hunter2\nbob hunter3"},
		{"three words", "bob hunter2 hunter3"},
		{"a line without a secret", "bob"},
		{"a file without end", strings.Repeat("x", credentials.MaxFile+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := credentials.Parse([]byte(c.file))
			if !errors.Is(err, fault.ErrInvalid) {
				t.Fatal(err)
			}
			if strings.Contains(err.Error(), "hunter") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
	for _, file := range []string{"{", "bob", "a b\nc d", `{"secret": "hunter2"}`, `{"principal": ""}`} {
		if c, err := credentials.ParseOne([]byte(file)); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q is %v, %v", file, c, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"credentials": [{"principal": "bob", "secret": "hunter2"}]}`))
	f.Add([]byte("bob hunter2\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if _, err := credentials.Parse(file); err != nil && !errors.Is(err, fault.ErrInvalid) {
			t.Error(err)
		}
		if c, err := credentials.ParseOne(file); err == nil && c != nil && c.GetPrincipal() == "" {
			t.Errorf("a principal without a name")
		}
	})
}
