package wire

import (
	"reflect"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// slot reads the value at pos into a field of the struct at address at, as field does through reflection, and says whether
// the field is set now.
func (d *decoder) slot(p *plan, f *fieldPlan, at unsafe.Pointer) (set bool, err error) {
	s := &p.layout.fields[f.index]
	to := unsafe.Add(at, s.offset)
	switch s.op {
	case opMessage:
		v, err := d.single(f)
		*(*unsafe.Pointer)(to) = v
		return v != nil, err
	case opMessages:
		l := (*[]unsafe.Pointer)(to)
		*l = nil
		err := d.structures(f, l)
		return len(*l) > 0, err
	case opStrings:
		l := (*[]string)(to)
		*l = nil
		err := d.strings(f, l)
		return len(*l) > 0, err
	case opEnums, opScalars, opStringMap, opMessageMap:
		return d.field(f, p.layout.message(at))
	}
	v, ok, err := d.optional(f)
	if err != nil {
		return false, err
	}
	if !ok {
		unset(s.op, to)
		return false, nil
	}
	store(s.op, to, v)
	return true, nil
}

func unset(o op, to unsafe.Pointer) {
	if o == opBytes {
		*(*[]byte)(to) = nil
		return
	}
	*(*unsafe.Pointer)(to) = nil // all others are pointers
}

// optional reads a scalar; ok is false for null and for an enum name that is passed over.
func (d *decoder) optional(f *fieldPlan) (v protoreflect.Value, ok bool, err error) {
	c := d.peek()
	if c == 'n' && d.take("null") {
		return v, false, nil
	}
	return d.scalar(f, c)
}

func store(o op, to unsafe.Pointer, v protoreflect.Value) {
	switch o {
	case opString:
		s := v.String()
		*(**string)(to) = &s
	case opBytes:
		*(*[]byte)(to) = v.Bytes()
	case opBool:
		b := v.Bool()
		*(**bool)(to) = &b
	case opEnum:
		n := int32(v.Enum())
		*(**int32)(to) = &n
	case opDouble:
		x := v.Float()
		*(**float64)(to) = &x
	case opInt32:
		n := int32(v.Int())
		*(**int32)(to) = &n
	case opInt64:
		n := v.Int()
		*(**int64)(to) = &n
	case opUint32:
		n := uint32(v.Uint())
		*(**uint32)(to) = &n
	case opUint64:
		n := v.Uint()
		*(**uint64)(to) = &n
	}
}

// single reads an object as a new struct; nil for null.
func (d *decoder) single(f *fieldPlan) (unsafe.Pointer, error) {
	c := d.peek()
	if c == 'n' && d.take("null") {
		return nil, nil
	}
	return d.structure(f, c)
}

func (d *decoder) structure(f *fieldPlan, c byte) (unsafe.Pointer, error) {
	if c != '{' {
		return nil, d.unexpected(c, "an object")
	}
	if f.sub.layout == nil {
		m := reflect.New(f.sub.typ)
		return m.UnsafePointer(), d.object(f.sub, target{m: m.Interface().(proto.Message).ProtoReflect()})
	}
	at := reflect.New(f.sub.layout.typ).UnsafePointer()
	return at, d.object(f.sub, target{at: at})
}

func (d *decoder) structures(f *fieldPlan, l *[]unsafe.Pointer) error {
	return d.array(d.peek(), func(c byte) error {
		at, err := d.structure(f, c)
		if err == nil {
			*l = append(*l, at)
		}
		return err
	}, func() int { return len(*l) })
}

func (d *decoder) strings(f *fieldPlan, l *[]string) error {
	return d.array(d.peek(), func(c byte) error {
		v, _, err := d.scalar(f, c)
		if err == nil {
			*l = append(*l, v.String())
		}
		return err
	}, func() int { return len(*l) })
}
