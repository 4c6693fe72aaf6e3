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

// structure writes the struct of plan p at address at, as message does through reflection.
func (e *encoder) structure(p *plan, at unsafe.Pointer) {
	if p.layout == nil {
		e.message(p, reflect.NewAt(p.typ, at).Interface().(proto.Message).ProtoReflect())
		return
	}
	if at == nil { // a nil in a list: a mistake of the caller's, written as a reader of the binary form would see it
		e.buf = append(e.buf, "{}"...)
		return
	}
	e.open()
	for i := range p.layout.fields {
		s := &p.layout.fields[i]
		// Most fields are unset, and of all kinds the first word is nil then.
		if *(*unsafe.Pointer)(unsafe.Add(at, s.offset)) != nil && e.slot(&p.fields[i], s, unsafe.Add(at, s.offset)) {
			continue
		}
		if s.unset {
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
