package testkit

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// mostText bounds how much of a message is put into words.
const mostText = 240

// describe is a message in a line, "Ping{connected: true}", without its package. It is our own because
// prototext varies its blanks on purpose, and because a failing test wants the beginning of a large message
// without formatting all of it.
func describe(m proto.Message) string {
	if m == nil {
		return "nothing"
	}
	p := &printer{}
	p.WriteString(string(m.ProtoReflect().Descriptor().Name()))
	p.message(m.ProtoReflect())
	if p.Len() > mostText {
		return strings.ToValidUTF8(p.String()[:mostText], "") + "…"
	}
	return p.String()
}

type printer struct{ strings.Builder }

func (p *printer) full() bool { return p.Len() > mostText }

func (p *printer) message(m protoreflect.Message) {
	p.WriteByte('{')
	fields := m.Descriptor().Fields()
	first := true
	for i := range fields.Len() {
		f := fields.Get(i)
		if p.full() || !m.Has(f) {
			continue
		}
		if !first {
			p.WriteByte(' ')
		}
		first = false
		p.WriteString(string(f.Name()))
		p.WriteString(": ")
		p.field(f, m.Get(f))
	}
	p.WriteByte('}')
}

func (p *printer) field(f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch {
	case f.IsMap():
		p.mapping(f, v.Map())
	case f.IsList():
		p.WriteByte('[')
		for i := range v.List().Len() {
			if i > 0 {
				p.WriteByte(' ')
			}
			if p.full() {
				break
			}
			p.value(f, v.List().Get(i))
		}
		p.WriteByte(']')
	default:
		p.value(f, v)
	}
}

func (p *printer) mapping(f protoreflect.FieldDescriptor, m protoreflect.Map) {
	var keys []protoreflect.MapKey
	m.Range(func(k protoreflect.MapKey, _ protoreflect.Value) bool {
		keys = append(keys, k)
		return true
	})
	slices.SortFunc(keys, func(a, b protoreflect.MapKey) int { return strings.Compare(a.String(), b.String()) })
	p.WriteByte('{')
	for i, k := range keys {
		if i > 0 {
			p.WriteByte(' ')
		}
		if p.full() {
			break
		}
		p.WriteString(k.String() + ": ")
		p.value(f.MapValue(), m.Get(k))
	}
	p.WriteByte('}')
}

func (p *printer) value(f protoreflect.FieldDescriptor, v protoreflect.Value) {
	switch f.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		p.message(v.Message())
	case protoreflect.EnumKind:
		if e := f.Enum().Values().ByNumber(v.Enum()); e != nil {
			p.WriteString(string(e.Name()))
		} else {
			p.WriteString(strconv.Itoa(int(v.Enum())))
		}
	case protoreflect.StringKind:
		p.WriteString(strconv.Quote(cut(v.String())))
	case protoreflect.BytesKind:
		p.bytes(v.Bytes())
	default:
		fmt.Fprint(&p.Builder, v.Interface())
	}
}

// bytes prints text as text and anything else, a uuid for example, as hexadecimal.
func (p *printer) bytes(b []byte) {
	text := cut(string(b))
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
		fmt.Fprintf(&p.Builder, "%x", text)
		return
	}
	p.WriteString(strconv.Quote(text))
}

func cut(s string) string {
	if len(s) > mostText {
		return s[:mostText]
	}
	return s
}
