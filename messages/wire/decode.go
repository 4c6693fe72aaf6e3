package wire

import (
	"fmt"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// DecodeJSON replaces m by the JSON object in data, read as Mesos reads it:
//
//   - keys are field names as in the .proto file; unknown keys are passed over; null is the same as absent; of a key
//     given twice the last counts;
//   - numbers and booleans may be given as strings; fractions given for integers are cut; Infinity, -Infinity and NaN
//     may stand for doubles, the first two also in quotes;
//   - an enum is its name; an unknown name leaves the field unset, unless it is required;
//   - a single value may stand where a list is expected.
//
// Errors are *FieldError, of class fault.ErrInvalid: text that is not JSON, a value of the wrong kind, missing required
// fields, a body beyond the limits. After an error m holds what was read so far.
func DecodeJSON(data []byte, m proto.Message, l Limits) error {
	d, err := newDecoder(data, l)
	if err != nil {
		return err
	}
	proto.Reset(m)
	if err := d.root(m); err != nil {
		return err
	}
	return d.end()
}

// DecodeJSONList reads a JSON array of objects, as the bodies of /weights and /machine/down or the volumes of
// /create-volumes are. Its rules, limits and errors are those of DecodeJSON, except that null is no element.
func DecodeJSONList[M proto.Message](data []byte, l Limits) ([]M, error) {
	d, err := newDecoder(data, l)
	if err != nil {
		return nil, err
	}
	if d.peek() != '[' {
		return nil, d.fail("expected an array, found %s", d.found())
	}
	if err := d.enter(); err != nil {
		return nil, err
	}
	var list []M
	for {
		ok, err := d.more(len(list) == 0, ']')
		if err != nil {
			return nil, err
		}
		if !ok {
			return list, d.end()
		}
		var zero M
		m := zero.ProtoReflect().New().Interface().(M)
		if err := d.root(m); err != nil {
			return nil, under(fmt.Sprintf("[%d]", len(list)), err)
		}
		list = append(list, m)
	}
}

// decoder fills messages from JSON text.
type decoder struct {
	scanner
	memory int // bytes that may still be taken
}

func newDecoder(data []byte, l Limits) (*decoder, error) {
	l = l.withDefaults()
	if err := l.checkSize(len(data)); err != nil {
		return nil, err
	}
	return &decoder{scanner: scanner{data: data, depth: l.Depth}, memory: l.Memory}, nil
}

func (d *decoder) root(m proto.Message) error {
	if d.peek() != '{' {
		return d.fail("expected an object, found %s", d.found())
	}
	r := m.ProtoReflect()
	p := planOf(r.Descriptor())
	if p.layout != nil {
		if at, ok := p.layout.pointer(r); ok {
			return d.object(p, target{at: at})
		}
	}
	return d.object(p, target{m: r})
}

func (d *decoder) end() error {
	if d.peek(); d.pos < len(d.data) {
		return d.fail("expected nothing more, found %s", d.found())
	}
	return nil
}

// spend takes memory for what is about to be stored.
func (d *decoder) spend(n int) error {
	if d.memory -= n; d.memory < 0 {
		return d.fail("the decoded message would take too much memory")
	}
	return nil
}

// target is the empty message that an object is read into: the struct itself where its layout is known, else m.
type target struct {
	m  protoreflect.Message
	at unsafe.Pointer
}

// reflect is the message behind either.
func (t target) reflect(p *plan) protoreflect.Message {
	if t.at != nil {
		return p.layout.message(t.at)
	}
	return t.m
}

// object reads the object at pos into t.
func (d *decoder) object(p *plan, t target) error {
	size := p.size + 8
	if t.at == nil {
		size += 512 // it may be a dynamic message, which is a map
	}
	if err := d.spend(size); err != nil {
		return err
	}
	if err := d.enter(); err != nil {
		return err
	}
	var seen uint64 // bits of the required fields that are set
	next := 0       // the field after the last one: most writers keep the order of declaration
	for first := true; ; first = false {
		ok, err := d.more(first, '}')
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		key, err := d.key()
		if err != nil {
			return err
		}
		f := p.field(key, next)
		if f == nil {
			if err := d.skip(); err != nil {
				return err
			}
			continue
		}
		next = f.index + 1
		var set bool
		if t.at != nil {
			set, err = d.slot(p, f, t.at)
		} else {
			set, err = d.field(f, t.m)
		}
		if err != nil {
			return under(f.name, err)
		}
		if set {
			seen |= f.bit
		} else {
			seen &^= f.bit
		}
	}
	if p.required > 64 || seen != 1<<p.required-1 {
		return d.missing(p, t.reflect(p))
	}
	return nil
}

// missing is told at once, not when the whole body has been read: a list of a million empty objects ends at its first.
func (d *decoder) missing(p *plan, m protoreflect.Message) error {
	var fields []string
	for i := range p.fields {
		if f := &p.fields[i]; f.fd.Cardinality() == protoreflect.Required && !m.Has(f.fd) {
			fields = append(fields, f.name)
		}
	}
	if len(fields) == 0 {
		return nil
	}
	return missing(fields)
}

// field reads the value at pos into a field and says whether the field is set now.
func (d *decoder) field(f *fieldPlan, m protoreflect.Message) (set bool, err error) {
	c := d.peek()
	if c == 'n' && d.take("null") {
		m.Clear(f.fd)
		return false, nil
	}
	switch {
	case f.isMap:
		return d.dictionary(f, m)
	case f.list:
		return d.list(f, m)
	case f.sub != nil:
		// A new message each time, because a second value for a key replaces the first and is not merged into it.
		v := m.NewField(f.fd)
		if err := d.submessage(f, c, v.Message()); err != nil {
			return false, err
		}
		m.Set(f.fd, v)
		return true, nil
	}
	v, ok, err := d.scalar(f, c)
	if err != nil {
		return false, err
	}
	if !ok {
		m.Clear(f.fd)
		return false, nil
	}
	m.Set(f.fd, v)
	return true, nil
}

func (d *decoder) submessage(f *fieldPlan, c byte, m protoreflect.Message) error {
	if c != '{' {
		return d.unexpected(c, "an object")
	}
	return d.object(f.sub, target{m: m})
}

// list reads an array, or a single value in its place.
func (d *decoder) list(f *fieldPlan, m protoreflect.Message) (bool, error) {
	v := m.NewField(f.fd)
	if err := d.elements(f, v.List()); err != nil {
		return false, err
	}
	if v.List().Len() == 0 {
		m.Clear(f.fd)
		return false, nil
	}
	m.Set(f.fd, v)
	return true, nil
}

func (d *decoder) elements(f *fieldPlan, l protoreflect.List) error {
	return d.array(d.peek(), func(c byte) error {
		if f.sub != nil {
			v := l.NewElement()
			if err := d.submessage(f, c, v.Message()); err != nil {
				return err
			}
			l.Append(v)
			return nil
		}
		v, ok, err := d.scalar(f, c)
		if ok && err == nil {
			l.Append(v)
		}
		return err
	}, l.Len)
}

// array reads an array, or a single value in its place, by elements: add reads one, which begins with c, and length says
// how many there are. null adds nothing, and of an array within the array the elements count.
func (d *decoder) array(c byte, add func(c byte) error, length func() int) error {
	switch {
	case c == 'n' && d.take("null"):
		return nil
	case c != '[':
		if err := d.spend(24); err != nil {
			return err
		}
		return add(c)
	}
	if err := d.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		ok, err := d.more(first, ']')
		if !ok || err != nil {
			return err
		}
		n := length()
		if err := d.array(d.peek(), add, length); err != nil {
			return under(fmt.Sprintf("[%d]", n), err)
		}
	}
}

// dictionary reads an object into a map; an array of objects is taken as their union.
func (d *decoder) dictionary(f *fieldPlan, m protoreflect.Message) (bool, error) {
	v := m.NewField(f.fd)
	if err := d.entries(f, v.Map()); err != nil {
		return false, err
	}
	if v.Map().Len() == 0 {
		m.Clear(f.fd)
		return false, nil
	}
	m.Set(f.fd, v)
	return true, nil
}

func (d *decoder) entries(f *fieldPlan, m protoreflect.Map) error {
	closing := byte('}')
	switch c := d.peek(); c {
	case '{':
	case '[':
		closing = ']'
	default:
		return d.unexpected(c, "an object")
	}
	if err := d.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		ok, err := d.more(first, closing)
		if !ok || err != nil {
			return err
		}
		if closing == '}' {
			err = d.entry(f, m)
		} else if !d.isNull() {
			err = d.entries(f, m)
		}
		if err != nil {
			return err
		}
	}
}

func (d *decoder) isNull() bool { return d.peek() == 'n' && d.take("null") }

func (d *decoder) entry(f *fieldPlan, m protoreflect.Map) error {
	text, err := d.key()
	if err != nil {
		return err
	}
	if err := d.spend(64 + len(text)); err != nil {
		return err
	}
	name := goString(text)
	k, err := d.mapKey(f, name, text)
	if err != nil {
		return under("["+name+"]", err)
	}
	v := m.NewValue()
	switch c := d.peek(); {
	case c == 'n' && d.take("null"):
		if f.sub != nil {
			// The empty value must still be a whole message.
			if err := d.missing(f.sub, v.Message()); err != nil {
				return under("["+name+"]", err)
			}
		}
	case f.sub != nil:
		err = d.submessage(f, c, v.Message())
	default:
		var s protoreflect.Value
		var ok bool
		if s, ok, err = d.scalar(f.mapVal, c); ok {
			v = s
		}
	}
	if err != nil {
		return under("["+name+"]", err)
	}
	m.Set(k, v)
	return nil
}

func (d *decoder) mapKey(f *fieldPlan, name string, text []byte) (protoreflect.MapKey, error) {
	if f.mapKey.kind == protoreflect.StringKind {
		return protoreflect.ValueOfString(name).MapKey(), nil
	}
	v, _, err := d.fromText(f.mapKey, text)
	if err != nil {
		return protoreflect.MapKey{}, err
	}
	return v.MapKey(), nil
}
