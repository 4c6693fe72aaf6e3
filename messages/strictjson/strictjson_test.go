package strictjson_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/strictjson"
)

func TestObject(t *testing.T) {
	members, err := strictjson.Object([]byte(` {"a": 1, "A": {"b": [2]}, "c": null, "d": "e"} `))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range members {
		got = append(got, m.Key+"="+string(m.Value))
	}
	if strings.Join(got, " ") != `a=1 A={"b": [2]} d="e"` {
		t.Errorf("%v", got)
	}
	for name, text := range map[string]string{"nothing": "", "a list": "[]", "half": `{"a"`, "no value": `{"a":}`, "a key twice": `{"a": 1, "a": 1}`, "a null twice": `{"a": null, "a": 1}`,
		"more behind it": `{} x`, "two": `{}{}`, "deep": strings.Repeat(`{"a":`, 20_000)} {
		if _, err := strictjson.Object([]byte(text)); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestArray(t *testing.T) {
	if all, err := strictjson.Array([]byte(`[1, "b"]`)); err != nil || len(all) != 2 || string(all[1]) != `"b"` {
		t.Errorf("%s, %v", all, err)
	}
	if _, err := strictjson.Array([]byte(`{}`)); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%v", err)
	}
}
