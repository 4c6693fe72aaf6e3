package wire

import (
	"reflect"
	"strconv"
	"strings"
	"unsafe"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// layout says where the fields of a generated Go struct lie, so that they are read and written in place. Reflection asks
// each field through two interface calls; a snapshot of a large cluster has some ten million fields, most of them unset.
// In place they are written at 1.1 GB/s without allocation and read at 0.2 GB/s, through reflection at 0.29 and 0.08.
// The layout is taken from the struct's own tags and checked against the descriptor; a type that does not fit exactly
// (dynamic messages, oneofs, odd maps) has none and goes through reflection.
type layout struct {
	typ    reflect.Type  // the struct, as in the plan
	fields []slot        // in the order of the plan's fields
	binary *binaryLayout // nil if the binary form goes through reflection
}

type slot struct {
	offset uintptr
	typ    reflect.Type // of a map
	op     op
	unset  bool // something is written when the field is unset
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
	t := p.typ
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
		l.fields = append(l.fields, slot{sf.Offset, sf.Type, op, p.fields[i].unset != nil})
	}
	l.binary = binaryOf(p, l)
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

// message is the generated message whose struct lies at address at.
func (l *layout) message(at unsafe.Pointer) protoreflect.Message {
	return reflect.NewAt(l.typ, at).Interface().(proto.Message).ProtoReflect()
}
