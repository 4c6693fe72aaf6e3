package wire

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// AppendProto appends m's serialized form to dst and returns the extended slice. It fails with class fault.ErrInvalid,
// naming the fields, if required ones are missing.
func AppendProto(dst []byte, m proto.Message) ([]byte, error) {
	if err := CheckRequired(m); err != nil {
		return dst, err
	}
	// No deterministic order: the bytes are not compared, and sorting maps costs.
	return proto.MarshalOptions{AllowPartial: true}.MarshalAppend(dst, m)
}

// DecodeProto replaces m by the serialized message in data. Unknown fields are kept, and unknown enum numbers are among
// them. Errors are of class fault.ErrInvalid: garbage, a size, depth or memory beyond the limits, or missing required fields, which are named.
func DecodeProto(data []byte, m proto.Message, l Limits) error {
	l = l.withDefaults()
	if err := l.checkSize(len(data)); err != nil {
		return err
	}
	if err := checkCost(data, m, l); err != nil {
		return err
	}
	proto.Reset(m)
	err := proto.UnmarshalOptions{AllowPartial: true, Merge: true, RecursionLimit: l.Depth}.Unmarshal(data, m)
	if err != nil {
		return problem(fmt.Sprintf("body is not a %s: %v", m.ProtoReflect().Descriptor().FullName(), err))
	}
	closeEnums(m)
	return CheckRequired(m)
}

// amplification is more than any message type grows from its two bytes on the wire. Bodies too small to reach the memory
// limit with it are not looked at twice.
const amplification = 512

func checkCost(data []byte, m proto.Message, l Limits) error {
	if len(data) < l.Memory/amplification {
		return nil
	}
	c := costs{left: l.Memory}
	if !c.message(planOf(m.ProtoReflect().Descriptor()), data, l.Depth) {
		return problem(fmt.Sprintf("body would take more than %d bytes when decoded", l.Memory))
	}
	return nil
}

// costs walks serialized messages without decoding them and adds up what they would take in memory. It says nothing of
// bodies that are malformed; decoding finds those.
type costs struct{ left int }

func (c *costs) spend(n int) bool {
	c.left -= n
	return c.left >= 0
}

func (c *costs) message(p *plan, data []byte, depth int) bool {
	if depth <= 0 || !c.spend(p.size+8) {
		return depth <= 0 // too deep is for the decoder to say
	}
	for len(data) > 0 {
		num, typ, tag := protowire.ConsumeTag(data)
		if tag < 0 {
			return true
		}
		n := protowire.ConsumeFieldValue(num, typ, data[tag:])
		if n < 0 {
			return true
		}
		if !c.field(p.byNumber[num], typ, data[tag:tag+n], depth) {
			return false
		}
		data = data[tag+n:]
	}
	return true
}

// field adds one occurrence of a field; value is what follows the tag. f is nil for an unknown field, whose bytes are kept.
func (c *costs) field(f *fieldPlan, typ protowire.Type, value []byte, depth int) bool {
	const pointer, header = 8, 24
	if f == nil || typ != protowire.BytesType {
		return c.spend(pointer + len(value) + pointer)
	}
	body, _ := protowire.ConsumeBytes(value)
	switch {
	case f.isMap:
		return c.spend(4*header) && c.entry(f, body, depth)
	case f.sub != nil:
		return c.message(f.sub, body, depth-1)
	case f.kind == protoreflect.StringKind || f.kind == protoreflect.BytesKind:
		return c.spend(header + len(body))
	}
	return c.spend(pointer * len(body)) // packed numbers, of at least a byte each
}

func (c *costs) entry(f *fieldPlan, data []byte, depth int) bool {
	for len(data) > 0 {
		num, typ, tag := protowire.ConsumeTag(data)
		if tag < 0 {
			return true
		}
		n := protowire.ConsumeFieldValue(num, typ, data[tag:])
		if n < 0 {
			return true
		}
		part := f.mapKey
		if num != 1 {
			part = f.mapVal
		}
		if !c.field(part, typ, data[tag:tag+n], depth) {
			return false
		}
		data = data[tag+n:]
	}
	return true
}
