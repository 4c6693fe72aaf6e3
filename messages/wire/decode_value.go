package wire

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// scalar reads the value at pos, which begins with c, as a field's kind. ok is false for an enum name that is unknown and
// may be passed over.
func (d *decoder) scalar(f *fieldPlan, c byte) (v protoreflect.Value, ok bool, err error) {
	if err := d.spend(16); err != nil {
		return v, false, err
	}
	switch {
	case d.pos >= len(d.data):
	case c == '"':
		text, err := d.text()
		if err != nil {
			return v, false, err
		}
		return d.fromText(f, text)
	case c == 't' && f.kind == protoreflect.BoolKind && d.take("true"):
		return protoreflect.ValueOfBool(true), true, nil
	case c == 'f' && f.kind == protoreflect.BoolKind && d.take("false"):
		return protoreflect.ValueOfBool(false), true, nil
	case c == '-' || c >= '0' && c <= '9' || c == 'I' || c == 'N':
		if v, found := d.unbounded(f); found {
			return v, true, nil
		}
		if c != 'I' && c != 'N' && isNumber(f.kind) {
			return fromNumber(f, d.number())
		}
	}
	return v, false, d.unexpected(c, wanted(f))
}

func isNumber(k protoreflect.Kind) bool {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.BoolKind, protoreflect.EnumKind,
		protoreflect.MessageKind, protoreflect.GroupKind:
		return false
	}
	return true
}

// wanted names what a field takes.
func wanted(f *fieldPlan) string {
	switch f.kind {
	case protoreflect.StringKind:
		return "a string"
	case protoreflect.BytesKind:
		return "base64 text"
	case protoreflect.BoolKind:
		return "a boolean"
	case protoreflect.EnumKind:
		return "the name of a " + string(f.enum.desc.Name())
	}
	return "a number"
}

// unbounded reads the tokens that stand for doubles without a number.
func (d *decoder) unbounded(f *fieldPlan) (v protoreflect.Value, found bool) {
	if f.kind != protoreflect.DoubleKind && f.kind != protoreflect.FloatKind {
		return v, false
	}
	switch {
	case d.take("Infinity"):
		return floatValue(f, math.Inf(1)), true
	case d.take("-Infinity"):
		return floatValue(f, math.Inf(-1)), true
	case d.take("NaN"):
		return floatValue(f, math.NaN()), true
	}
	return v, false
}

// fromText converts a JSON string.
func (d *decoder) fromText(f *fieldPlan, text []byte) (v protoreflect.Value, ok bool, err error) {
	if err := d.spend(len(text)); err != nil {
		return v, false, err
	}
	switch f.kind {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(goString(text)), true, nil
	case protoreflect.BytesKind:
		b, err := decodeBase64(text)
		if err != nil {
			return v, false, problem("not base64: " + err.Error())
		}
		return protoreflect.ValueOfBytes(b), true, nil
	case protoreflect.EnumKind:
		if n, ok := f.enum.byName[string(text)]; ok {
			return protoreflect.ValueOfEnum(n), true, nil
		}
		if f.fd.Cardinality() == protoreflect.Required {
			return v, false, problem(fmt.Sprintf("%q is not a %s", clip(text), f.enum.desc.Name()))
		}
		return v, false, nil
	case protoreflect.BoolKind:
		switch string(trimmed(text)) {
		case "true":
			return protoreflect.ValueOfBool(true), true, nil
		case "false":
			return protoreflect.ValueOfBool(false), true, nil
		}
		return v, false, problem(fmt.Sprintf("%q is not a boolean", clip(text)))
	}
	if s := string(text); f.kind == protoreflect.DoubleKind || f.kind == protoreflect.FloatKind {
		switch s {
		case "Infinity":
			return floatValue(f, math.Inf(1)), true, nil
		case "-Infinity":
			return floatValue(f, math.Inf(-1)), true, nil
		}
	}
	return fromNumber(f, numberText(trimmed(text)))
}

// clip keeps an error short whatever was sent.
func clip(text []byte) string {
	if len(text) > 40 {
		return string(text[:40]) + "…"
	}
	return string(text)
}

func floatValue(f *fieldPlan, x float64) protoreflect.Value {
	if f.kind == protoreflect.FloatKind {
		return protoreflect.ValueOfFloat32(float32(x))
	}
	return protoreflect.ValueOfFloat64(x)
}

// fromNumber converts a number's text, which may hold anything, as it may come from a string.
func fromNumber(f *fieldPlan, n numberText) (v protoreflect.Value, ok bool, err error) {
	ok = n.wellFormed()
	if ok {
		v, ok = n.value(f)
	}
	if !ok {
		return v, false, problem(fmt.Sprintf("%q is not a number, or out of range for %s", clip(n), f.kind))
	}
	return v, true, nil
}

func (n numberText) wellFormed() bool {
	if len(n) == 0 || n[0] != '-' && (n[0] < '0' || n[0] > '9') {
		return false
	}
	for _, c := range n {
		if !numberChars[c] {
			return false
		}
	}
	return true
}

func (n numberText) value(f *fieldPlan) (protoreflect.Value, bool) {
	switch f.kind {
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		x, ok := n.float()
		return floatValue(f, x), ok
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		x, ok := n.unsigned(64)
		return protoreflect.ValueOfUint64(x), ok
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		x, ok := n.unsigned(32)
		return protoreflect.ValueOfUint32(uint32(x)), ok
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		x, ok := n.signed(64)
		return protoreflect.ValueOfInt64(x), ok
	}
	x, ok := n.signed(32)
	return protoreflect.ValueOfInt32(int32(x)), ok
}

// unexpected is the error for a value of the wrong kind.
func (d *decoder) unexpected(c byte, want string) error {
	got := "something else"
	switch {
	case d.pos >= len(d.data):
		got = "the end"
	case c == '{':
		got = "an object"
	case c == '[':
		got = "an array"
	case c == '"':
		got = "a string"
	case c == 't' || c == 'f':
		got = "a boolean"
	case c == '-' || c >= '0' && c <= '9':
		got = "a number"
	}
	return problem(fmt.Sprintf("expected %s, found %s at byte %d", want, got, d.pos))
}
