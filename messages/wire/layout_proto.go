package wire

import (
	"cmp"
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// AppendElement appends m as a field of a message around it, tag and length included, and returns the extended slice. It does
// not ask for required fields.
//
// The protobuf library walks a message twice, once to add up lengths and once to write, and notes the lengths in the
// message. Where the layout is known one walk does, and writes nothing to a message that others read: of a cluster that lies
// cold in memory the walks are what takes the time. The bytes are the library's own.
func AppendElement(dst []byte, field protoreflect.FieldNumber, m proto.Message) []byte {
	dst = protowire.AppendTag(dst, field, protowire.BytesType)
	return appendSized(dst, func(dst []byte) []byte { return appendMessage(dst, m) })
}

func appendMessage(dst []byte, m proto.Message) []byte {
	r := m.ProtoReflect()
	p := planOf(r.Descriptor())
	if p.binary != nil && r.IsValid() {
		if at, ok := p.layout.pointer(r); ok {
			return p.appendBinary(dst, at)
		}
	}
	return marshal(dst, m)
}

// marshal has the library write. No deterministic order: the bytes are not compared, and sorting maps costs.
func marshal(dst []byte, m proto.Message) []byte {
	dst, _ = proto.MarshalOptions{AllowPartial: true}.MarshalAppend(dst, m) // fails only for what is partial, and for proto3
	return dst
}

// binary is the layout in the order of the binary form: by field number, what is unknown last.
type binaryLayout struct {
	fields  []binarySlot
	unknown uintptr
}

type binarySlot struct {
	offset uintptr
	op     op
	tag    []byte
	field  *fieldPlan
}

// binaryOf is nil for types that the library has to write.
func binaryOf(p *plan) *binaryLayout {
	if p.layout == nil || p.desc.Syntax() != protoreflect.Proto2 || p.desc.ExtensionRanges().Len() > 0 {
		return nil
	}
	unknown, ok := p.typ.FieldByName("unknownFields")
	if !ok || unknown.Type != reflect.TypeFor[[]byte]() {
		return nil
	}
	b := &binaryLayout{unknown: unknown.Offset}
	for i := range p.fields {
		f, s := &p.fields[i], p.layout.fields[i]
		wireType, ok := wireTypeOf(f)
		if !ok {
			return nil
		}
		b.fields = append(b.fields, binarySlot{s.offset, s.op, protowire.AppendTag(nil, f.fd.Number(), wireType), f})
	}
	slices.SortFunc(b.fields, func(x, y binarySlot) int { return cmp.Compare(x.field.fd.Number(), y.field.fd.Number()) })
	return b
}

func wireTypeOf(f *fieldPlan) (protowire.Type, bool) {
	if f.list && f.fd.IsPacked() {
		return 0, false
	}
	switch f.kind {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType, true
	case protoreflect.DoubleKind:
		return protowire.Fixed64Type, true
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return protowire.VarintType, true
	}
	return 0, false // groups and other ways to write numbers, which the public API has not
}

// appendBinary writes the struct at address at.
func (p *plan) appendBinary(dst []byte, at unsafe.Pointer) []byte {
	if p.binary == nil {
		return marshal(dst, reflect.NewAt(p.typ, at).Interface().(proto.Message))
	}
	begin := len(dst)
	for i := range p.binary.fields {
		s := &p.binary.fields[i]
		var ok bool
		if dst, ok = s.append(dst, unsafe.Add(at, s.offset)); !ok {
			return marshal(dst[:begin], reflect.NewAt(p.typ, at).Interface().(proto.Message))
		}
	}
	return append(dst, *(*[]byte)(unsafe.Add(at, p.binary.unknown))...)
}

// append writes the field at address at if it is set. It says false where it has to be left to the library.
func (s *binarySlot) append(dst []byte, at unsafe.Pointer) ([]byte, bool) {
	switch s.op {
	case opString:
		if v := *(**string)(at); v != nil {
			dst = appendText(append(dst, s.tag...), *v)
		}
	case opMessage:
		if v := *(*unsafe.Pointer)(at); v != nil {
			dst = s.message(dst, v)
		}
	case opMessages:
		for _, v := range *(*[]unsafe.Pointer)(at) {
			dst = s.message(dst, v)
		}
	case opEnum, opInt32:
		if v := *(**int32)(at); v != nil {
			dst = appendVarint(append(dst, s.tag...), uint64(int64(*v)))
		}
	case opDouble:
		if v := *(**float64)(at); v != nil {
			dst = binary.LittleEndian.AppendUint64(append(dst, s.tag...), math.Float64bits(*v))
		}
	case opBytes:
		if v := *(*[]byte)(at); v != nil {
			dst = append(appendVarint(append(dst, s.tag...), uint64(len(v))), v...)
		}
	case opBool:
		if v := *(**bool)(at); v != nil {
			dst = append(append(dst, s.tag...), *(*byte)(unsafe.Pointer(v)))
		}
	case opStrings:
		for _, v := range *(*[]string)(at) {
			dst = appendText(append(dst, s.tag...), v)
		}
	case opInt64, opUint64:
		if v := *(**uint64)(at); v != nil {
			dst = appendVarint(append(dst, s.tag...), *v)
		}
	case opUint32:
		if v := *(**uint32)(at); v != nil {
			dst = appendVarint(append(dst, s.tag...), uint64(*v))
		}
	case opEnums:
		for _, v := range *(*[]int32)(at) {
			dst = appendVarint(append(dst, s.tag...), uint64(int64(v)))
		}
	case opScalars:
		return dst, len(*(*[]byte)(at)) == 0 // the length of a slice lies at the same place, whatever is in it
	default:
		return dst, *(*unsafe.Pointer)(at) == nil // a map
	}
	return dst, true
}

func (s *binarySlot) message(dst []byte, at unsafe.Pointer) []byte {
	dst = append(dst, s.tag...)
	if at == nil { // a nil in a list
		return append(dst, 0)
	}
	dst = append(dst, 0)
	begin := len(dst)
	return sized(s.field.sub.appendBinary(dst, at), begin)
}

// appendSized appends what write does with its length in front.
func appendSized(dst []byte, write func([]byte) []byte) []byte {
	dst = append(dst, 0)
	begin := len(dst)
	return sized(write(dst), begin)
}

// sized puts the length of what stands from begin on into the byte before, and moves it up where one byte is too few: that is
// cheaper than a walk to know before.
func sized(dst []byte, begin int) []byte {
	n := len(dst) - begin
	if n < 0x80 {
		dst[begin-1] = byte(n)
		return dst
	}
	more := protowire.SizeVarint(uint64(n)) - 1
	var space [binary.MaxVarintLen64]byte
	dst = append(dst, space[:more]...)
	copy(dst[begin+more:], dst[begin:begin+n])
	binary.PutUvarint(dst[begin-1:], uint64(n))
	return dst
}

func appendText(dst []byte, s string) []byte {
	return append(appendVarint(dst, uint64(len(s))), s...)
}

// appendVarint has the common case where it can be inlined.
func appendVarint(dst []byte, v uint64) []byte {
	if v < 0x80 {
		return append(dst, byte(v))
	}
	return protowire.AppendVarint(dst, v)
}
