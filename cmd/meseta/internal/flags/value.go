package flags

import (
	"encoding"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/bytesize"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/wire"
)

// value is one field of a configuration, set from text. It implements pflag.Value.
type value struct {
	field reflect.Value
	bytes bool // the field counts bytes
	path  bool // the field names a file
}

var (
	durationType    = reflect.TypeFor[time.Duration]()
	messageType     = reflect.TypeFor[proto.Message]()
	unmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// Set parses text into the field. As in Mesos, "file:///path" stands for what the file holds, and for the file itself
// where the field names one.
func (v *value) Set(text string) error {
	if path, ok := strings.CutPrefix(text, "file://"); ok && v.path {
		text = path
	} else if ok {
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		text = strings.TrimRight(string(content), "\r\n")
	}
	field := v.field
	if field.Kind() == reflect.Pointer {
		// Only a good value replaces "not set".
		fresh := reflect.New(field.Type().Elem())
		if err := (&value{field: fresh.Elem(), bytes: v.bytes}).parse(text); err != nil {
			return err
		}
		field.Set(fresh)
		return nil
	}
	return v.parse(text)
}

func (v *value) parse(text string) error {
	field := v.field
	if message, ok := field.Addr().Interface().(proto.Message); ok {
		return wire.DecodeJSON([]byte(text), message, wire.Limits{})
	}
	if field.Addr().Type().Implements(unmarshalerType) {
		return field.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text))
	}
	switch {
	case field.Type() == durationType:
		d, err := durations.Parse(text)
		field.SetInt(int64(d))
		return err
	case v.bytes:
		n, err := bytesize.Parse(text)
		if err != nil {
			return err
		}
		if field.CanInt() {
			if int64(n) < 0 || field.OverflowInt(int64(n)) {
				return fmt.Errorf("%q is more than can be counted", text)
			}
			field.SetInt(int64(n))
			return nil
		}
		field.SetUint(n)
		return nil
	}
	return parseKind(field, text)
}

// parseKind sets a field of one of Go's own kinds.
func parseKind(field reflect.Value, text string) error {
	switch field.Kind() {
	case reflect.String:
		field.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("true or false expected")
		}
		field.SetBool(b)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, field.Type().Bits())
		if err != nil {
			return numberError(field, err)
		}
		field.SetInt(n)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, field.Type().Bits())
		if err != nil {
			return numberError(field, err)
		}
		field.SetUint(n)
	case reflect.Float64:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return fmt.Errorf("a number expected")
		}
		field.SetFloat(n)
	case reflect.Slice:
		field.Set(reflect.ValueOf(strings.FieldsFunc(text, func(r rune) bool { return r == ',' })).Convert(field.Type()))
	default:
		panic(fmt.Sprintf("flags: no text form for a field of type %s", field.Type()))
	}
	return nil
}

// numberError says which whole numbers the field takes.
func numberError(field reflect.Value, err error) error {
	if field.CanInt() {
		return fmt.Errorf("a whole number expected")
	}
	return fmt.Errorf("a whole number from 0 to %d expected", uint64(1)<<field.Type().Bits()-1)
}

// String writes the field as Set reads it.
func (v *value) String() string {
	field := v.field
	if !field.IsValid() {
		return ""
	}
	if field.Kind() == reflect.Pointer {
		if field.IsNil() {
			return ""
		}
		if message, ok := field.Interface().(proto.Message); ok {
			return string(wire.AppendJSON(nil, message))
		}
		field = field.Elem()
	}
	switch {
	case field.Type() == durationType:
		return durations.Text(time.Duration(field.Int()))
	case v.bytes && field.CanInt():
		return bytesize.Format(uint64(field.Int()))
	case v.bytes:
		return bytesize.Format(field.Uint())
	case field.Kind() == reflect.Slice:
		return strings.Join(field.Convert(reflect.TypeFor[[]string]()).Interface().([]string), ",")
	}
	if m, ok := field.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err == nil {
			return string(text)
		}
	}
	return fmt.Sprint(field.Interface())
}

// Type names what is expected, for the help text.
func (v *value) Type() string {
	t := v.field.Type()
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == durationType:
		return "duration"
	case v.bytes:
		return "size"
	case reflect.PointerTo(t).Implements(messageType):
		return "JSON"
	case reflect.PointerTo(t).Implements(unmarshalerType):
		return "text"
	case t.Kind() == reflect.Bool:
		return "bool"
	case t.Kind() == reflect.Slice:
		return "list"
	case t.Kind() == reflect.String:
		return "text"
	}
	return "number"
}
