package wire

import (
	"cmp"
	"encoding/binary"
	"math"
	"reflect"
	"slices"
	"sync"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// AppendField appends m as a field of the message around it: tag, length and m's serialized form, the same bytes as
// proto.Marshal gives. It does not look for required fields that are missing.
//
// The bytes are written from their end to their beginning, so that the length of a message is known when it is due. In the
// usual order every message would be walked once more for that before, which took longer than writing.
func AppendField(dst []byte, number protoreflect.FieldNumber, m proto.Message) []byte {
	b := backwards.Get().(*backward)
	b.message(m.ProtoReflect())
	b.length(b.len())
	b.varint(protowire.EncodeTag(number, protowire.BytesType))
	dst = append(dst, b.buf[b.at:]...)
	b.at = len(b.buf)
	if len(b.buf) <= flushAt { // a huge message must not hold its space
		backwards.Put(b)
	}
	return dst
}

var backwards = sync.Pool{New: func() any { return &backward{buf: make([]byte, flushAt), at: flushAt} }}

// backward has what was written at the end of its space.
type backward struct {
	buf []byte
	at  int // where it begins
}

func (b *backward) len() int { return len(b.buf) - b.at }

// room makes n bytes of space before what was written.
func (b *backward) room(n int) []byte {
	if b.at < n {
		b.grow(n)
	}
	b.at -= n
	return b.buf[b.at:]
}

func (b *backward) grow(n int) {
	grown := make([]byte, 2*len(b.buf)+n)
	at := len(grown) - b.len()
	copy(grown[at:], b.buf[b.at:])
	b.buf, b.at = grown, at
}

func (b *backward) varint(v uint64) {
	if v < 1<<7 && b.at > 0 {
		b.at--
		b.buf[b.at] = byte(v)
		return
	}
	binary.PutUvarint(b.room(protowire.SizeVarint(v)), v)
}

func (b *backward) length(n int) { b.varint(uint64(n)) }

func (b *backward) text(s string) {
	copy(b.room(len(s)), s)
	b.length(len(s))
}

// sealed is a field of a binary layout.
type sealed struct {
	slot
	tag  uint64
	kind protoreflect.Kind
	sub  *plan
}

// binaryLayout is the fields of a struct in the reverse order of their numbers, for messages of which every byte is
// understood here: of proto2, without extensions.
type binaryLayout struct {
	fields  []sealed
	unknown uintptr // where the bytes of unknown fields lie
}

func binaryOf(p *plan, l *layout) *binaryLayout {
	unknown, ok := l.typ.FieldByName("unknownFields")
	if !ok || unknown.Type.Kind() != reflect.Slice || unknown.Type.Elem().Kind() != reflect.Uint8 ||
		p.desc.ParentFile().Syntax() != protoreflect.Proto2 || p.desc.ExtensionRanges().Len() > 0 {
		return nil
	}
	all := &binaryLayout{unknown: unknown.Offset}
	for i, s := range l.fields {
		f := &p.fields[i]
		all.fields = append(all.fields, sealed{s, protowire.EncodeTag(f.fd.Number(), binaryType(f.kind)), f.kind, f.sub})
	}
	slices.SortFunc(all.fields, func(x, y sealed) int { return cmp.Compare(y.tag, x.tag) })
	return all
}

func binaryType(k protoreflect.Kind) protowire.Type {
	switch k {
	case protoreflect.StringKind, protoreflect.BytesKind, protoreflect.MessageKind:
		return protowire.BytesType
	case protoreflect.DoubleKind, protoreflect.Sfixed64Kind, protoreflect.Fixed64Kind:
		return protowire.Fixed64Type
	case protoreflect.Sfixed32Kind, protoreflect.Fixed32Kind:
		return protowire.Fixed32Type
	}
	return protowire.VarintType
}

// message writes one message, from the Go struct itself where its layout is known.
func (b *backward) message(m protoreflect.Message) {
	if p := planOf(m.Descriptor()); p.layout != nil && m.IsValid() {
		if at, ok := p.layout.pointer(m); ok {
			b.structure(p, at)
			return
		}
	}
	b.reflected(m.Interface())
}

func (b *backward) reflected(m proto.Message) {
	data, _ := proto.MarshalOptions{AllowPartial: true}.Marshal(m) // fails only for what is partial
	copy(b.room(len(data)), data)
}

// structure writes the struct of plan p at address at.
func (b *backward) structure(p *plan, at unsafe.Pointer) {
	if at == nil { // a nil in a list: a mistake of the caller's, written as an empty message
		return
	}
	if p.layout == nil || p.layout.binary == nil {
		b.reflected(reflect.NewAt(p.typ, at).Interface().(proto.Message))
		return
	}
	l := p.layout.binary
	end := b.len()
	if unknown := *(*[]byte)(unsafe.Add(at, l.unknown)); len(unknown) > 0 {
		copy(b.room(len(unknown)), unknown)
	}
	for i := range l.fields {
		f := &l.fields[i]
		v := *(*unsafe.Pointer)(unsafe.Add(at, f.offset)) // of all kinds of fields it is nil when they are unset
		if v != nil && !b.field(f, v, unsafe.Add(at, f.offset)) {
			b.at = len(b.buf) - end // once more, and otherwise
			b.reflected(reflect.NewAt(p.typ, at).Interface().(proto.Message))
			return
		}
	}
}

// field writes the field at address at, which is set and has v as its first word; false if it is of a kind that is too rare
// to be known here.
func (b *backward) field(f *sealed, v, at unsafe.Pointer) bool {
	switch f.op {
	case opMessage:
		b.nested(f, v)
		return true
	case opString:
		b.text(*(*string)(v))
	case opEnum, opInt32:
		b.integer(f.kind, int64(*(*int32)(v)))
	case opDouble:
		binary.LittleEndian.PutUint64(b.room(8), math.Float64bits(*(*float64)(v)))
	case opBool:
		b.varint(protowire.EncodeBool(*(*bool)(v)))
	case opBytes:
		text := *(*[]byte)(at)
		copy(b.room(len(text)), text)
		b.length(len(text))
	case opMessages:
		l := *(*[]unsafe.Pointer)(at)
		for i := len(l) - 1; i >= 0; i-- {
			b.nested(f, l[i])
		}
		return true
	case opStrings:
		l := *(*[]string)(at)
		for i := len(l) - 1; i >= 0; i-- {
			b.text(l[i])
			b.varint(f.tag)
		}
		return true
	case opUint32:
		b.integer(f.kind, int64(*(*uint32)(v)))
	case opInt64, opUint64:
		b.integer(f.kind, *(*int64)(v)) // of uint64 the same bits
	default:
		return false // lists of scalars and maps
	}
	b.varint(f.tag)
	return true
}

func (b *backward) nested(f *sealed, at unsafe.Pointer) {
	end := b.len()
	b.structure(f.sub, at)
	b.length(b.len() - end)
	b.varint(f.tag)
}

func (b *backward) integer(k protoreflect.Kind, v int64) {
	switch k {
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		b.varint(protowire.EncodeZigZag(v))
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		binary.LittleEndian.PutUint32(b.room(4), uint32(v))
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		binary.LittleEndian.PutUint64(b.room(8), uint64(v))
	default:
		b.varint(uint64(v))
	}
}
