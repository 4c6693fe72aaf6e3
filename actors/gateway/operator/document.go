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

	// Of a repeated field: how many elements there are, and how one of them is found. It is always written, even without
	// elements.
	count int
	each  func(from, to int, yield func(proto.Message))

	jobs [2]int // the pieces of a repeated field
}

// many is a repeated field of a message.
func many(of proto.Message, name protoreflect.Name, count int, each func(from, to int, yield func(proto.Message))) *node {
	return &node{field: fieldOf(of, name), count: count, each: each}
}

// one is a field of a message that is a message.
func one(of proto.Message, name protoreflect.Name, nodes ...*node) *node {
	return &node{field: fieldOf(of, name), nodes: nodes}
}

func fieldOf(of proto.Message, name protoreflect.Name) protoreflect.FieldDescriptor {
	return of.ProtoReflect().Descriptor().Fields().ByName(name)
}

// stretch is how many elements are encoded at a time: enough that handing them over costs nothing, few enough that
// nobody waits long.
const stretch = 1024

// encode puts an answer together, its repeated fields in parallel.
func (n *node) encode(f wire.Format) [][]byte {
	var jobs []press.Job
	n.plan(f, &jobs)
	pieces := press.Collect(jobs)
	if f == wire.JSON {
		d := &jsonDocument{pieces: pieces}
		d.message(n)
		return d.end()
	}
	d := &protoDocument{pieces: pieces}
	d.fields(n)
	return d.parts
}

func (n *node) plan(f wire.Format, jobs *[]press.Job) {
	n.jobs[0] = len(*jobs)
	for from := 0; from < n.count; from += stretch {
		to := min(from+stretch, n.count)
		if f == wire.JSON {
			*jobs = append(*jobs, n.json(from, to))
		} else {
			*jobs = append(*jobs, n.proto(from, to))
		}
	}
	n.jobs[1] = len(*jobs)
	for _, sub := range n.nodes {
		sub.plan(f, jobs)
	}
}

// json encodes elements, each with a comma behind it.
func (n *node) json(from, to int) press.Job {
	return func(dst []byte) []byte {
		done := 0
		n.each(from, to, func(m proto.Message) {
			dst = append(wire.AppendJSON(dst, m), ',')
			if done++; done == 16 && cap(dst)-len(dst) < len(dst)/done*(to-from-done) {
				dst = slices.Grow(dst, len(dst)/done*(to-from-done)*9/8)
			}
		})
		return dst
	}
}

// proto encodes elements, each with its tag and length.
func (n *node) proto(from, to int) press.Job {
	return func(dst []byte) []byte {
		done := 0
		n.each(from, to, func(m proto.Message) {
			dst = protowire.AppendTag(dst, n.field.Number(), protowire.BytesType)
			dst = protowire.AppendVarint(dst, uint64(proto.Size(m)))
			dst, _ = proto.MarshalOptions{AllowPartial: true, UseCachedSize: true}.MarshalAppend(dst, m) // fails only for what is partial
			if done++; done == 16 && cap(dst)-len(dst) < len(dst)/done*(to-from-done) {
				dst = slices.Grow(dst, len(dst)/done*(to-from-done)*9/8)
			}
		})
		return dst
	}
}

// jsonDocument strings the pieces of an answer together.
type jsonDocument struct {
	pieces [][]byte
	parts  [][]byte
	open   []byte // what was written since the last piece
}

func (d *jsonDocument) message(n *node) {
	d.open = append(d.open, '{')
	comma := d.scalars(n.head, false)
	for _, sub := range n.nodes {
		comma = d.key(sub, comma)
		if sub.each == nil {
			d.message(sub)
			continue
		}
		d.open = append(d.open, '[')
		d.list(d.pieces[sub.jobs[0]:sub.jobs[1]])
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
func (d *jsonDocument) list(pieces [][]byte) {
	last := -1
	for i, p := range pieces {
		if len(p) > 0 {
			last = i
		}
	}
	for i, p := range pieces[:last+1] {
		if i == last {
			p = p[:len(p)-1]
		}
		if len(p) > 0 {
			d.parts = append(d.parts, d.open, p)
			d.open = nil
		}
	}
}

func (d *jsonDocument) end() [][]byte { return append(d.parts, d.open) }

// protoDocument does the same in the binary form, where every message has its length in front.
type protoDocument struct {
	pieces [][]byte
	parts  [][]byte
}

func (d *protoDocument) fields(n *node) {
	d.scalars(n.head)
	for _, sub := range n.nodes {
		if sub.each != nil {
			d.parts = append(d.parts, d.pieces[sub.jobs[0]:sub.jobs[1]]...)
			continue
		}
		begin := len(d.parts)
		d.parts = append(d.parts, nil) // the length is known when the rest is
		d.fields(sub)
		size := 0
		for _, p := range d.parts[begin:] {
			size += len(p)
		}
		d.parts[begin] = protowire.AppendVarint(protowire.AppendTag(nil, sub.field.Number(), protowire.BytesType), uint64(size))
	}
	d.scalars(n.tail)
}

func (d *protoDocument) scalars(m proto.Message) {
	if m == nil {
		return
	}
	text, _ := proto.MarshalOptions{AllowPartial: true}.Marshal(m) // fails only for what is partial
	d.parts = append(d.parts, text)
}
