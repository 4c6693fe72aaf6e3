package wire

import (
	"reflect"
	"slices"
	"unsafe"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// closeEnums moves enum numbers that this version does not know out of their fields and among the unknown fields, all
// through a message. Protobuf has it so for proto2, and Mesos' clients see the consequence: a call of a type from the future is
// a call without type. Go's library alone leaves such numbers where they were.
func closeEnums(m proto.Message) {
	r := m.ProtoReflect()
	planOf(r.Descriptor()).closeEnums(r)
}

func (p *plan) closeEnums(m protoreflect.Message) {
	if p.layout != nil {
		if at, ok := p.layout.pointer(m); ok {
			p.closeStructure(at)
			return
		}
	}
	for _, f := range p.enumFields {
		switch {
		case !m.Has(f.fd):
		case f.isMap:
			m.Get(f.fd).Map().Range(func(_ protoreflect.MapKey, v protoreflect.Value) bool {
				f.sub.closeEnums(v.Message())
				return true
			})
		case f.list && f.sub != nil:
			for i := range m.Get(f.fd).List().Len() {
				f.sub.closeEnums(m.Get(f.fd).List().Get(i).Message())
			}
		case f.list:
			moveOutOfList(m, f)
		case f.sub != nil:
			f.sub.closeEnums(m.Get(f.fd).Message())
		case f.enum.name(m.Get(f.fd).Enum()) == nil:
			moveOut(m, f)
		}
	}
}

// closeStructure does the same in place, because nearly always there is nothing to be done and looking must be cheap.
func (p *plan) closeStructure(at unsafe.Pointer) {
	if p.layout == nil {
		p.closeEnums(reflect.NewAt(p.typ, at).Interface().(proto.Message).ProtoReflect())
		return
	}
	for _, f := range p.enumFields {
		s := &p.layout.fields[f.index]
		to := unsafe.Add(at, s.offset)
		switch s.op {
		case opEnum:
			if v := *(**int32)(to); v != nil && f.enum.name(protoreflect.EnumNumber(*v)) == nil {
				moveOut(p.layout.message(at), f)
			}
		case opEnums:
			if slices.ContainsFunc(*(*[]int32)(to), func(n int32) bool { return f.enum.name(protoreflect.EnumNumber(n)) == nil }) {
				moveOutOfList(p.layout.message(at), f)
			}
		case opMessage:
			if v := *(*unsafe.Pointer)(to); v != nil {
				f.sub.closeStructure(v)
			}
		case opMessages:
			for _, v := range *(*[]unsafe.Pointer)(to) {
				f.sub.closeStructure(v)
			}
		case opMessageMap:
			if *(*unsafe.Pointer)(to) == nil {
				continue // an iterator would have to be allocated, and most maps are nil
			}
			for entries := reflect.NewAt(s.typ, to).Elem().MapRange(); entries.Next(); {
				f.sub.closeStructure(entries.Value().UnsafePointer())
			}
		}
	}
}

// moveOut makes the number of an enum field an unknown field, which is passed on when the message is.
func moveOut(m protoreflect.Message, f *fieldPlan) {
	m.SetUnknown(appendEnum(slices.Clip(m.GetUnknown()), f, m.Get(f.fd).Enum()))
	m.Clear(f.fd)
}

func moveOutOfList(m protoreflect.Message, f *fieldPlan) {
	unknown := slices.Clip(m.GetUnknown())
	known := m.NewField(f.fd).List()
	all := m.Get(f.fd).List()
	for i := range all.Len() {
		if v := all.Get(i); f.enum.name(v.Enum()) != nil {
			known.Append(v)
		} else {
			unknown = appendEnum(unknown, f, v.Enum())
		}
	}
	m.Set(f.fd, protoreflect.ValueOfList(known))
	m.SetUnknown(unknown)
}

func appendEnum(dst []byte, f *fieldPlan, n protoreflect.EnumNumber) []byte {
	dst = protowire.AppendTag(dst, f.fd.Number(), protowire.VarintType)
	return protowire.AppendVarint(dst, uint64(int64(n)))
}
