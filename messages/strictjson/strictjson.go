// Package strictjson reads the JSON files in which operators say what is allowed. encoding/json alone is too kind for them:
// it takes the last of two equal keys, ignores the case of keys, and skips what it does not know. Here whoever reads sees
// every key, and decides about it.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/meseta-io/meseta/messages/fault"
)

// Member is a key and a value of an object.
type Member struct {
	Key   string
	Value json.RawMessage
}

// Object reads the members of an object in the order of the text. A member that is null is as if it were not there.
func Object(text []byte) (members []Member, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, Refuse("a JSON object was expected")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		key, ok := t.(string)
		if err != nil || !ok {
			return nil, malformed(d)
		}
		if seen[key] {
			return nil, Refuse("%.80q comes twice", key)
		}
		seen[key] = true
		m := Member{Key: key}
		if d.Decode(&m.Value) != nil {
			return nil, malformed(d)
		}
		if string(m.Value) != "null" { // as if it were not there
			members = append(members, m)
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, malformed(d)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, Refuse("there is more behind the end of the object")
	}
	return members, nil
}

// Array reads the elements of a list.
func Array(text []byte) ([]json.RawMessage, error) {
	var all []json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, Refuse("a list was expected")
	}
	return all, nil
}

func malformed(d *json.Decoder) error {
	return Refuse("the JSON is malformed near byte %s", strconv.FormatInt(d.InputOffset(), 10))
}

// Refuse is an error of the class fault.ErrInvalid.
func Refuse(format string, args ...any) error {
	return fmt.Errorf(format+": %w", append(args, fault.ErrInvalid)...)
}
