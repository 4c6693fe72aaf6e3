package operator

import (
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/messages/wire"
)

// node is a part of a large answer: a message with fields, which are messages themselves, or one repeated field.
type node struct {
	field protoreflect.FieldDescriptor // of the message around it; nil for the whole answer

	head, tail proto.Message // further fields of a message, before and after the others: only scalars are set
	nodes      []*node       // of a message

	// Of a repeated field, which is always written, even without elements: pieces of it.
	repeated bool
	pieces   []*press.Text
}

// one is a field of a message that is a message.
func one(of proto.Message, name protoreflect.Name, nodes ...*node) *node {
	return &node{field: fieldOf(of, name), nodes: nodes}
}

func fieldOf(of proto.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return of.ProtoReflect().Descriptor().Fields().ByName(name)
}

// encode puts an answer together, when its pieces are made.
func (n *node) encode(f wire.Format) []*press.Text {
	press.Ready(n.texts(nil), false)
	if f == wire.JSON {
		d := &jsonDocument{}
		d.message(n)
		return d.end()
	}
	d := &protoDocument{}
	d.fields(n)
	return d.parts
}

func (n *node) texts(all []*press.Text) []*press.Text {
	all = append(all, n.pieces...)
	for _, sub := range n.nodes {
		all = sub.texts(all)
	}
	return all
}

// element writes an element of a repeated field: with a comma behind it, or with its tag and length.
func element(dst []byte, field protoreflect.FieldDescriptor, f wire.Format, m proto.Message) []byte {
	if f == wire.JSON {
		return append(wire.AppendJSON(dst, m), ',')
	}
	return wire.AppendField(dst, field.Number(), m)
}

// jsonDocument strings the pieces of an answer together.
type jsonDocument struct {
	parts []*press.Text
	open  []byte // what was written since the last piece
}

func (d *jsonDocument) message(n *node) {
	d.open = append(d.open, '{')
	comma := d.scalars(n.head, false)
	for _, sub := range n.nodes {
		comma = d.key(sub, comma)
		if !sub.repeated {
			d.message(sub)
			continue
		}
		d.open = append(d.open, '[')
		d.list(sub.pieces)
		d.open = append(d.open, ']')
	}
	d.scalars(n.tail, comma)
	d.open = append(d.open, '}')
}

func (d *jsonDocument) key(n *node, comma bool) bool {
	if comma {
		d.open = append(d.open, ',')
	}
	d.open = wire.AppendString(d.open, string(n.field.Name()))
	d.open = append(d.open, ':')
	return true
}

// scalars writes the fields of a message without its braces.
func (d *jsonDocument) scalars(m proto.Message, comma bool) bool {
	if m == nil {
		return comma
	}
	text := wire.AppendJSON(nil, m)
	text = text[1 : len(text)-1]
	if len(text) == 0 {
		return comma
	}
	if comma {
		d.open = append(d.open, ',')
	}
	d.open = append(d.open, text...)
	return true
}

// list writes elements without the comma behind the last one.
func (d *jsonDocument) list(pieces []*press.Text) {
	pieces = slices.DeleteFunc(slices.Clone(pieces), func(t *press.Text) bool { return len(t.Bytes()) == 0 })
	for i, t := range pieces {
		if i == len(pieces)-1 {
			t = press.Of(t.Bytes()[:len(t.Bytes())-1])
		}
		if len(d.open) > 0 {
			d.parts = append(d.parts, press.Of(d.open))
			d.open = nil
		}
		d.parts = append(d.parts, t)
	}
}

func (d *jsonDocument) end() []*press.Text { return append(d.parts, press.Of(d.open)) }

// protoDocument does the same in the binary form, where every message has its length in front.
type protoDocument struct{ parts []*press.Text }

func (d *protoDocument) fields(n *node) {
	d.scalars(n.head)
	for _, sub := range n.nodes {
		if sub.repeated {
			d.parts = append(d.parts, sub.pieces...)
			continue
		}
		begin := len(d.parts)
		d.parts = append(d.parts, nil) // the length is known when the rest is
		d.fields(sub)
		size := 0
		for _, t := range d.parts[begin+1:] {
			size += len(t.Bytes())
		}
		d.parts[begin] = press.Of(protowire.AppendVarint(protowire.AppendTag(nil, sub.field.Number(), protowire.BytesType), uint64(size)))
	}
	d.scalars(n.tail)
}

func (d *protoDocument) scalars(m proto.Message) {
	if m == nil {
		return
	}
	text, _ := proto.MarshalOptions{AllowPartial: true}.Marshal(m) // fails only for what is partial
	d.parts = append(d.parts, press.Of(text))
}
