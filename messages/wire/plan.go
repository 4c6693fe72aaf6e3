package wire

import (
	"reflect"
	"slices"
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
)

// plan is what the encoder and the decoder need to know of one message type, worked out once. Plans point at each other
// as types do, cycles included (a ContainerID has a parent ContainerID).
type plan struct {
	desc       protoreflect.MessageDescriptor
	fields     []fieldPlan           // in declaration order, which is the order on the wire
	byName     map[string]*fieldPlan // by the name in the .proto file
	byNumber   map[protoreflect.FieldNumber]*fieldPlan
	required   int          // how many required fields there are
	typ        reflect.Type // the generated Go struct; nil if none is linked in
	size       int          // bytes of one empty message in memory
	deep       bool         // itself or something below it has required fields
	enums      bool         // itself or something below it has fields of closed enums
	enumFields []*fieldPlan // those fields, and those that hold such messages
	layout     *layout      // where the fields lie in the generated Go struct; nil if the type has none that is known
}

type fieldPlan struct {
	fd     protoreflect.FieldDescriptor
	index  int // among the plan's fields
	name   string
	key    []byte // `,"name":`
	unset  []byte // what is written when the field is unset, key included; nil for nothing
	kind   protoreflect.Kind
	list   bool
	isMap  bool
	bit    uint64 // of a required field in the set of those seen
	enum   *enumPlan
	sub    *plan      // of a message, or of a map's value
	mapKey *fieldPlan // of a map
	mapVal *fieldPlan
}

// enumPlan holds an enum's names ready to be written.
type enumPlan struct {
	desc   protoreflect.EnumDescriptor
	dense  [][]byte // quoted names by number, from 0; nil where there is none
	sparse map[protoreflect.EnumNumber][]byte
	byName map[string]protoreflect.EnumNumber
}

const denseEnum = 128

// alwaysListed are the lists that the operator API writes even when they are empty, because Mesos builds these answers by
// hand. Lists that are not here are left out when empty, as everywhere else.
var alwaysListed = map[protoreflect.FullName][]protoreflect.Name{
	"mesos.v1.master.Response.GetAgents":     {"agents", "recovered_agents"},
	"mesos.v1.master.Response.GetExecutors":  {"executors"},
	"mesos.v1.master.Response.GetFrameworks": {"frameworks", "completed_frameworks"},
	"mesos.v1.master.Response.GetMetrics":    {"metrics"},
	"mesos.v1.master.Response.GetTasks":      {"tasks", "unreachable_tasks", "completed_tasks"},
	"mesos.v1.agent.Response.GetExecutors":   {"executors", "completed_executors"},
	"mesos.v1.agent.Response.GetFrameworks":  {"frameworks", "completed_frameworks"},
	"mesos.v1.agent.Response.GetTasks":       {"pending_tasks", "queued_tasks", "launched_tasks", "terminated_tasks", "completed_tasks"},
}

var plans struct {
	sync.RWMutex
	of map[protoreflect.MessageDescriptor]*plan
}

// planOf returns the plan of a message type, making it and those of all types below it at first sight.
func planOf(d protoreflect.MessageDescriptor) *plan {
	plans.RLock()
	p := plans.of[d]
	plans.RUnlock()
	if p != nil {
		return p
	}
	plans.Lock()
	defer plans.Unlock()
	// A new map each time: readers of the old one hold plans that stay right, and nobody sees an unfinished plan.
	b := builder{done: plans.of, made: map[protoreflect.MessageDescriptor]*plan{}}
	p = b.message(d)
	spread(b.made, func(p *plan) *bool { return &p.deep }, func(p *plan) bool { return p.required > 0 })
	spread(b.made, func(p *plan) *bool { return &p.enums }, func(p *plan) bool {
		return slices.ContainsFunc(p.fields, func(f fieldPlan) bool { return f.closed() })
	})
	for _, p := range b.made {
		p.listEnums()
	}
	next := make(map[protoreflect.MessageDescriptor]*plan, len(plans.of)+len(b.made))
	for d, p := range plans.of {
		next[d] = p
	}
	for d, p := range b.made {
		next[d] = p
	}
	plans.of = next
	return p
}

// builder makes the plans of one root and of what lies below it.
type builder struct {
	done, made map[protoreflect.MessageDescriptor]*plan
}

func (b *builder) message(d protoreflect.MessageDescriptor) *plan {
	if p := b.done[d]; p != nil {
		return p
	}
	if p := b.made[d]; p != nil {
		return p
	}
	n := d.Fields().Len()
	p := &plan{
		desc:     d,
		fields:   make([]fieldPlan, n),
		byName:   make(map[string]*fieldPlan, n),
		byNumber: make(map[protoreflect.FieldNumber]*fieldPlan, n),
		typ:      goStruct(d),
		size:     64 + 32*n,
	}
	if p.typ != nil {
		p.size = int(p.typ.Size())
	}
	b.made[d] = p
	for i := range n {
		f := &p.fields[i]
		b.field(f, d.Fields().Get(i))
		f.index = i
		p.byName[f.name] = f
		p.byNumber[f.fd.Number()] = f
		if f.fd.Cardinality() == protoreflect.Required {
			// Past 64 required fields the bits run out and the decoder asks the message instead.
			f.bit = 1 << p.required
			p.required++
		}
	}
	p.layout = layoutOf(p)
	return p
}

// field finds a field by its name, looking first at the one at index next and its neighbour.
func (p *plan) field(name []byte, next int) *fieldPlan {
	for i := next; i < next+2 && i < len(p.fields); i++ {
		if f := &p.fields[i]; f.name == string(name) {
			return f
		}
	}
	return p.byName[string(name)]
}

func (b *builder) field(f *fieldPlan, fd protoreflect.FieldDescriptor) {
	f.fd = fd
	f.name = string(fd.Name())
	f.key = append(AppendString([]byte{','}, f.name), ':')
	f.kind = fd.Kind()
	f.list = fd.IsList()
	f.isMap = fd.IsMap()
	switch {
	case f.isMap:
		f.mapKey, f.mapVal = new(fieldPlan), new(fieldPlan)
		b.field(f.mapKey, fd.MapKey())
		b.field(f.mapVal, fd.MapValue())
		f.sub = f.mapVal.sub
	case f.kind == protoreflect.MessageKind, f.kind == protoreflect.GroupKind:
		f.sub = b.message(fd.Message())
	case f.kind == protoreflect.EnumKind:
		f.enum = enumOf(fd.Enum())
	}
	f.unset = whenUnset(f)
}

// whenUnset is what Mesos writes for a field that nobody set: its default, if one is declared and the field is not
// deprecated, and the empty lists of alwaysListed.
func whenUnset(f *fieldPlan) []byte {
	for _, name := range alwaysListed[f.fd.ContainingMessage().FullName()] {
		if name == f.fd.Name() {
			return append(f.key[:len(f.key):len(f.key)], "[]"...)
		}
	}
	options, _ := f.fd.Options().(*descriptorpb.FieldOptions)
	if !f.fd.HasDefault() || options.GetDeprecated() {
		return nil
	}
	return appendScalar(f.key[:len(f.key):len(f.key)], f, f.fd.Default())
}

func enumOf(d protoreflect.EnumDescriptor) *enumPlan {
	e := &enumPlan{desc: d, sparse: map[protoreflect.EnumNumber][]byte{}, byName: map[string]protoreflect.EnumNumber{}}
	for i := range d.Values().Len() {
		v := d.Values().Get(i)
		e.byName[string(v.Name())] = v.Number()
		// Of two names for one number the first is written, as protobuf libraries do.
		if e.name(v.Number()) != nil {
			continue
		}
		quoted := AppendString(nil, string(v.Name()))
		if n := v.Number(); n >= 0 && n < denseEnum {
			for len(e.dense) <= int(n) {
				e.dense = append(e.dense, nil)
			}
			e.dense[n] = quoted
		} else {
			e.sparse[n] = quoted
		}
	}
	return e
}

// name is the quoted name of a number, nil if the enum has no such number.
func (e *enumPlan) name(n protoreflect.EnumNumber) []byte {
	if n >= 0 && int(n) < len(e.dense) {
		return e.dense[n]
	}
	return e.sparse[n]
}

// spread sets a flag on the types for which own is true and on all types that can hold one of those. A cycle needs as many
// rounds as it is long.
func spread(made map[protoreflect.MessageDescriptor]*plan, flag func(*plan) *bool, own func(*plan) bool) {
	holds := func(p *plan) bool {
		return own(p) || slices.ContainsFunc(p.fields, func(f fieldPlan) bool { return f.sub != nil && *flag(f.sub) })
	}
	for changed := true; changed; {
		changed = false
		for _, p := range made {
			if !*flag(p) && holds(p) {
				*flag(p), changed = true, true
			}
		}
	}
}

// closed says whether a field is of an enum that, as all of proto2's, holds only numbers that it knows.
func (f *fieldPlan) closed() bool { return f.enum != nil && f.enum.desc.IsClosed() }

func (p *plan) listEnums() {
	for i := range p.fields {
		if f := &p.fields[i]; f.closed() || f.sub != nil && f.sub.enums {
			p.enumFields = append(p.enumFields, f)
		}
	}
}

// goMessage is an empty generated message of this type, nil if none is linked into the program.
func goMessage(d protoreflect.MessageDescriptor) proto.Message {
	t, err := protoregistry.GlobalTypes.FindMessageByName(d.FullName())
	if err != nil || t.Descriptor() != d {
		return nil
	}
	return t.Zero().Interface()
}
