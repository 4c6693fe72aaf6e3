package wire

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// layout says where the fields of a generated Go struct lie, so that encoding reads them in place. Reflection asks each
// field through two interface calls; a snapshot of a large cluster has some hundred million fields, most of them unset.
// The layout is taken from the struct's own tags and checked against the descriptor; a type that does not fit exactly
// (dynamic messages, oneofs, odd maps) has none and goes through reflection.
type layout struct {
	typ    reflect.Type // the struct
	fields []slot       // in the order of the plan's fields
}

type slot struct {
	offset uintptr
	op     op
	typ    reflect.Type // of a map
}

// op is how a slot is read.
type op uint8

const (
	opString op = iota + 1
	opBytes
	opBool
	opEnum
	opDouble
	opInt32
	opInt64
	opUint32
	opUint64
	opMessage
	opStrings
	opEnums
	opMessages
	opScalars // any other list, through reflection
	opStringMap
	opMessageMap
)

// goStruct is the generated struct of a message type, nil if none is linked in.
func goStruct(d protoreflect.MessageDescriptor) reflect.Type {
	m := goMessage(d)
	if m == nil {
		return nil
	}
	t := reflect.TypeOf(m)
	if t.Kind() != reflect.Pointer || t.Elem().Kind() != reflect.Struct {
		return nil
	}
	return t.Elem()
}

func layoutOf(p *plan) *layout {
	t := goStruct(p.desc)
	if t == nil || p.desc.Oneofs().Len() > 0 {
		return nil
	}
	byNumber := map[protoreflect.FieldNumber]reflect.StructField{}
	for i := range t.NumField() {
		parts := strings.Split(t.Field(i).Tag.Get("protobuf"), ",")
		if len(parts) < 2 {
			continue
		}
		n, err := strconv.Atoi(parts[1])
		if err != nil || !t.Field(i).IsExported() {
			return nil
		}
		byNumber[protoreflect.FieldNumber(n)] = t.Field(i)
	}
	l := &layout{typ: t}
	for i := range p.fields {
		sf, ok := byNumber[p.fields[i].fd.Number()]
		if !ok {
			return nil
		}
		op := opOf(&p.fields[i], sf.Type)
		if op == 0 {
			return nil
		}
		l.fields = append(l.fields, slot{sf.Offset, op, sf.Type})
	}
	return l
}

// opOf matches a field's kind with its Go type; 0 means that they do not fit.
func opOf(f *fieldPlan, t reflect.Type) op {
	switch {
	case f.isMap:
		return mapOp(f, t)
	case f.list:
		return listOp(f, t)
	case f.kind == protoreflect.BytesKind:
		return fits(opBytes, t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8)
	case t.Kind() != reflect.Pointer:
		return 0
	}
	elem := t.Elem()
	switch f.kind {
	case protoreflect.StringKind:
		return fits(opString, elem.Kind() == reflect.String)
	case protoreflect.BoolKind:
		return fits(opBool, elem.Kind() == reflect.Bool)
	case protoreflect.EnumKind:
		return fits(opEnum, elem.Kind() == reflect.Int32)
	case protoreflect.DoubleKind:
		return fits(opDouble, elem.Kind() == reflect.Float64)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return fits(opInt32, elem.Kind() == reflect.Int32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return fits(opInt64, elem.Kind() == reflect.Int64)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return fits(opUint32, elem.Kind() == reflect.Uint32)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return fits(opUint64, elem.Kind() == reflect.Uint64)
	case protoreflect.MessageKind:
		return fits(opMessage, elem == goStruct(f.fd.Message()))
	}
	return 0
}

func listOp(f *fieldPlan, t reflect.Type) op {
	if t.Kind() != reflect.Slice {
		return 0
	}
	switch f.kind {
	case protoreflect.StringKind:
		return fits(opStrings, t.Elem().Kind() == reflect.String)
	case protoreflect.EnumKind:
		return fits(opEnums, t.Elem().Kind() == reflect.Int32)
	case protoreflect.MessageKind:
		return fits(opMessages, t.Elem().Kind() == reflect.Pointer && t.Elem().Elem() == goStruct(f.fd.Message()))
	}
	return opScalars
}

func mapOp(f *fieldPlan, t reflect.Type) op {
	if t.Kind() != reflect.Map || t.Key().Kind() != reflect.String {
		return 0
	}
	switch f.mapVal.kind {
	case protoreflect.StringKind:
		return fits(opStringMap, t.Elem().Kind() == reflect.String)
	case protoreflect.MessageKind:
		return fits(opMessageMap, t.Elem().Kind() == reflect.Pointer && t.Elem().Elem() == goStruct(f.mapVal.fd.Message()))
	}
	return 0
}

func fits(o op, ok bool) op {
	if !ok {
		return 0
	}
	return o
}

// pointer is the struct behind m, if m is of the generated type.
func (l *layout) pointer(m protoreflect.Message) (unsafe.Pointer, bool) {
	v := reflect.ValueOf(m.Interface())
	if v.Kind() != reflect.Pointer || v.Type().Elem() != l.typ {
		return nil, false
	}
	return v.UnsafePointer(), true
}

// structure writes the struct of plan p at address at, as message does through reflection.
func (e *encoder) structure(p *plan, at unsafe.Pointer) {
	if p.layout == nil {
		e.message(p, reflect.NewAt(goStruct(p.desc), at).Interface().(proto.Message).ProtoReflect())
		return
	}
	if at == nil { // a nil in a list: a mistake of the caller's, written as a reader of the binary form would see it
		e.buf = append(e.buf, "{}"...)
		return
	}
	e.open()
	for i := range p.layout.fields {
		s := &p.layout.fields[i]
		if !e.slot(&p.fields[i], s, unsafe.Add(at, s.offset)) {
			e.unset(&p.fields[i])
		}
	}
	e.buf = append(e.buf, '}')
}

// slot writes the field at address at; false if it is unset.
func (e *encoder) slot(f *fieldPlan, s *slot, at unsafe.Pointer) bool {
	switch s.op {
	case opString:
		v := *(**string)(at)
		if v == nil {
			return false
		}
		e.key(f)
		e.buf = AppendString(e.buf, *v)
	case opMessage:
		v := *(*unsafe.Pointer)(at)
		if v == nil {
			return false
		}
		e.key(f)
		e.structure(f.sub, v)
	case opMessages:
		return e.structures(f, *(*[]unsafe.Pointer)(at))
	case opEnum:
		v := *(**int32)(at)
		if v == nil {
			return false
		}
		e.enum(f, protoreflect.EnumNumber(*v))
	case opDouble:
		v := *(**float64)(at)
		if v == nil {
			return false
		}
		e.key(f)
		e.buf = AppendDouble(e.buf, *v)
	case opBytes:
		v := *(*[]byte)(at)
		if v == nil {
			return false
		}
		e.key(f)
		e.buf = appendBase64(e.buf, v)
	case opBool:
		v := *(**bool)(at)
		if v == nil {
			return false
		}
		e.key(f)
		e.buf = strconv.AppendBool(e.buf, *v)
	case opStrings:
		return e.strings(f, *(*[]string)(at))
	default:
		return e.rareSlot(f, s, at)
	}
	return true
}

func (e *encoder) rareSlot(f *fieldPlan, s *slot, at unsafe.Pointer) bool {
	switch s.op {
	case opInt32:
		return integer(e, f, *(**int32)(at))
	case opInt64:
		return integer(e, f, *(**int64)(at))
	case opUint32:
		return integer(e, f, *(**uint32)(at))
	case opUint64:
		v := *(**uint64)(at)
		if v == nil {
			return false
		}
		e.key(f)
		e.buf = strconv.AppendUint(e.buf, *v, 10)
		return true
	case opEnums:
		return e.enums(f, *(*[]int32)(at))
	case opStringMap:
		return e.stringMap(f, *(*map[string]string)(at))
	case opMessageMap:
		return e.messageMap(f, reflect.NewAt(s.typ, at).Elem())
	}
	return e.scalars(f, reflect.NewAt(s.typ, at).Elem())
}

func integer[N int32 | int64 | uint32](e *encoder, f *fieldPlan, v *N) bool {
	if v == nil {
		return false
	}
	e.key(f)
	e.buf = strconv.AppendInt(e.buf, int64(*v), 10)
	return true
}

func (e *encoder) structures(f *fieldPlan, l []unsafe.Pointer) bool {
	if len(l) == 0 {
		return false
	}
	e.key(f)
	e.buf = append(e.buf, '[')
	for i, at := range l {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.structure(f.sub, at)
	}
	e.buf = append(e.buf, ']')
	return true
}

func (e *encoder) strings(f *fieldPlan, l []string) bool {
	if len(l) == 0 {
		return false
	}
	e.key(f)
	e.buf = append(e.buf, '[')
	for i, s := range l {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = AppendString(e.buf, s)
	}
	e.buf = append(e.buf, ']')
	return true
}

func (e *encoder) enums(f *fieldPlan, l []int32) bool {
	if len(l) == 0 {
		return false
	}
	e.key(f)
	e.buf = append(e.buf, '[')
	for _, n := range l {
		if name := f.enum.name(protoreflect.EnumNumber(n)); name != nil {
			e.separate('[')
			e.buf = append(e.buf, name...)
		}
	}
	e.buf = append(e.buf, ']')
	return true
}

// scalars writes a list of numbers, booleans or bytes; the public API has next to none.
func (e *encoder) scalars(f *fieldPlan, l reflect.Value) bool {
	if l.Len() == 0 {
		return false
	}
	e.key(f)
	e.buf = append(e.buf, '[')
	for i := range l.Len() {
		if i > 0 {
			e.buf = append(e.buf, ',')
		}
		e.buf = appendScalar(e.buf, f, protoreflect.ValueOf(l.Index(i).Interface()))
	}
	e.buf = append(e.buf, ']')
	return true
}

func (e *encoder) stringMap(f *fieldPlan, m map[string]string) bool {
	if len(m) == 0 {
		return false
	}
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	e.key(f)
	e.open()
	for _, k := range keys {
		e.separate('{')
		e.buf = append(AppendString(e.buf, k), ':')
		e.buf = AppendString(e.buf, m[k])
	}
	e.buf = append(e.buf, '}')
	return true
}

func (e *encoder) messageMap(f *fieldPlan, m reflect.Value) bool {
	if m.Len() == 0 {
		return false
	}
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	e.key(f)
	e.open()
	for _, k := range keys {
		e.separate('{')
		e.buf = append(AppendString(e.buf, k.String()), ':')
		e.structure(f.sub, m.MapIndex(k).UnsafePointer())
	}
	e.buf = append(e.buf, '}')
	return true
}
