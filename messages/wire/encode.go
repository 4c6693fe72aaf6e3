package wire

import (
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// flushAt is how much JSON gathers before it is handed on: large enough that writes do not count, small enough to stay in
// the processor's cache.
const flushAt = 32 << 10

// AppendJSON appends m as Mesos' JSON to dst and returns the extended slice. Map keys are sorted, so equal messages give
// equal text. An enum number without a name is left out, as if a reader had met it.
func AppendJSON(dst []byte, m proto.Message) []byte {
	e := encoder{buf: dst}
	e.root(m)
	return e.buf
}

// AppendJSONList appends a JSON array of messages, as the old endpoints answer with, to dst and returns the extended slice.
func AppendJSONList[M proto.Message](dst []byte, list []M) []byte {
	dst = append(dst, '[')
	for i, m := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendJSON(dst, m)
	}
	return append(dst, ']')
}

// EncodeJSON writes m as Mesos' JSON to w in pieces of about 32 KiB, so that a snapshot of a whole cluster never lies in
// memory as text. The only error is w's, after which nothing more is written.
func EncodeJSON(w io.Writer, m proto.Message) error {
	e := encoders.Get().(*encoder)
	e.w = w
	e.root(m)
	e.flush()
	err := e.err
	*e = encoder{buf: e.buf[:0]}
	encoders.Put(e)
	return err
}

var encoders = sync.Pool{New: func() any { return &encoder{buf: make([]byte, 0, flushAt+flushAt/2)} }}

// encoder gathers text in buf and, if w is set, hands it on whenever there is enough.
type encoder struct {
	buf []byte
	w   io.Writer
	err error
}

func (e *encoder) flush() {
	if e.w != nil && e.err == nil && len(e.buf) > 0 {
		_, e.err = e.w.Write(e.buf)
	}
	if e.w != nil {
		e.buf = e.buf[:0]
	}
}

func (e *encoder) root(m proto.Message) {
	r := m.ProtoReflect()
	e.message(planOf(r.Descriptor()), r)
}

// message writes one message by the plan, from the Go struct itself where its layout is known.
func (e *encoder) message(p *plan, m protoreflect.Message) {
	if !m.IsValid() {
		e.buf = append(e.buf, "{}"...)
		return
	}
	if p.layout != nil {
		if at, ok := p.layout.pointer(m); ok {
			e.structure(p, at)
			return
		}
	}
	e.open()
	for i := range p.fields {
		f := &p.fields[i]
		switch {
		case !m.Has(f.fd):
			e.unset(f)
		case f.isMap:
			e.key(f)
			e.dictionary(f, m.Get(f.fd).Map())
		case f.list:
			e.key(f)
			e.list(f, m.Get(f.fd).List())
		case f.enum != nil:
			e.enum(f, m.Get(f.fd).Enum())
		default:
			e.key(f)
			e.value(f, m.Get(f.fd))
		}
	}
	e.buf = append(e.buf, '}')
}

// open begins an object. It is the only place that hands text on, so that the byte before the next key is always here to
// be looked at.
func (e *encoder) open() {
	if len(e.buf) > flushAt && e.w != nil {
		e.flush()
	}
	e.buf = append(e.buf, '{')
}

// key writes a field's name, with a comma unless it is the first of its object.
func (e *encoder) key(f *fieldPlan) { e.prefixed(f.key) }

func (e *encoder) unset(f *fieldPlan) {
	if f.unset != nil {
		e.prefixed(f.unset)
	}
}

func (e *encoder) prefixed(text []byte) {
	if e.buf[len(e.buf)-1] == '{' {
		text = text[1:]
	}
	e.buf = append(e.buf, text...)
}

// enum writes a singular enum field, or nothing if the number has no name.
func (e *encoder) enum(f *fieldPlan, n protoreflect.EnumNumber) {
	if name := f.enum.name(n); name != nil {
		e.key(f)
		e.buf = append(e.buf, name...)
	}
}

func (e *encoder) value(f *fieldPlan, v protoreflect.Value) {
	if f.sub != nil {
		e.message(f.sub, v.Message())
		return
	}
	e.buf = appendScalar(e.buf, f, v)
}

func (e *encoder) list(f *fieldPlan, l protoreflect.List) {
	e.buf = append(e.buf, '[')
	for i := range l.Len() {
		v := l.Get(i)
		if f.enum != nil && f.enum.name(v.Enum()) == nil {
			continue
		}
		e.separate('[')
		e.value(f, v)
	}
	e.buf = append(e.buf, ']')
}

// separate writes a comma unless the list or object has only just been opened.
func (e *encoder) separate(opened byte) {
	if e.buf[len(e.buf)-1] != opened {
		e.buf = append(e.buf, ',')
	}
}

// dictionary writes a map with its keys as strings, in order.
func (e *encoder) dictionary(f *fieldPlan, m protoreflect.Map) {
	e.open()
	for _, entry := range sortedEntries(m) {
		if f.mapVal.enum != nil && f.mapVal.enum.name(entry.value.Enum()) == nil {
			continue
		}
		e.separate('{')
		e.buf = append(AppendString(e.buf, entry.key), ':')
		e.value(f.mapVal, entry.value)
	}
	e.buf = append(e.buf, '}')
}

type entry struct {
	key   string
	value protoreflect.Value
}

// sortedEntries lists a map with its keys as text, in their order.
func sortedEntries(m protoreflect.Map) []entry {
	entries := make([]entry, 0, m.Len())
	m.Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
		entries = append(entries, entry{k.String(), v})
		return true
	})
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.key, b.key) })
	return entries
}

// appendScalar appends a value that is neither message nor list. An enum number must have a name.
func appendScalar(dst []byte, f *fieldPlan, v protoreflect.Value) []byte {
	switch f.kind {
	case protoreflect.StringKind:
		return AppendString(dst, v.String())
	case protoreflect.BytesKind:
		return appendBase64(dst, v.Bytes())
	case protoreflect.BoolKind:
		return strconv.AppendBool(dst, v.Bool())
	case protoreflect.EnumKind:
		return append(dst, f.enum.name(v.Enum())...)
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return AppendDouble(dst, v.Float())
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		return strconv.AppendUint(dst, v.Uint(), 10)
	}
	return strconv.AppendInt(dst, v.Int(), 10)
}
