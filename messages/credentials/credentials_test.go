package credentials_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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

// However a secret is printed, it is not shown.
func TestSecretsAreNotPrinted(t *testing.T) {
	c, err := credentials.Parse([]byte("bob hunter2"))
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("hunter2"))
	config := struct {
		Key   credentials.Secret
		Known credentials.Credentials
		Live  *credentials.Live
	}{credentials.NewSecret([]byte("hunter2")), c, &credentials.Live{}}
	config.Live.Swap(c)
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+verb+verb+verb+"\n", config, config.Key, config.Known, &config)
	}
	fmt.Fprintln(&b, config, config.Key)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "config", config, "key", config.Key)
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "config", config, "key", config.Key)
	if err := json.NewEncoder(&b).Encode(config); err != nil {
		t.Fatal(err)
	}
	for name, leak := range map[string]string{"itself": "hunter2", "its bytes": "104 117 110", "its hexadecimals": "68756e746572", "its base64": "aHVudGVy",
		"its digest": fmt.Sprintf("%x", digest[:8]), "the bytes of its digest": fmt.Sprint(digest[:3])[1:10]} {
		if strings.Contains(b.String(), leak) {
			t.Errorf("a secret is printed: %s, in\n%s", name, b.String())
		}
	}
	if string(config.Key.Reveal()) != "hunter2" || config.Key.IsZero() || !(credentials.Secret{}).IsZero() {
		t.Error("its owner does not get it")
	}
}

func TestLive(t *testing.T) {
	var l credentials.Live
	if l.Len() != 0 || l.Match("", "") || l.Match("bob", "hunter2") || l.Knows("bob") {
		t.Error("at first somebody is known")
	}
	for _, c := range []struct {
		file string
		bob  bool
	}{{"bob hunter2", true}, {"eve hunter2", false}, {"bob hunter2\neve x", true}} {
		known, err := credentials.Parse([]byte(c.file))
		if err != nil {
			t.Fatal(err)
		}
		l.Swap(known)
		to := credentials.Challenge{Nonce: make([]byte, credentials.NonceSize)}
		if l.Match("bob", "hunter2") != c.bob || l.Knows("bob") != c.bob || l.Len() != known.Len() || l.Proven("bob", to, credentials.Prove(credential("bob", "hunter2"), to)) != c.bob {
			t.Errorf("with %q bob is known: %v", c.file, !c.bob)
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
