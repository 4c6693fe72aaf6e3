package process

import (
	"fmt"
	"reflect"

	"google.golang.org/protobuf/proto"
)

// handlers finds the handler of a message by its type. Most processes have few, and a short scan beats a map.
type handlers struct {
	few  []handler
	many map[reflect.Type]*handler
	any  *handler
}

type handler struct {
	typ   reflect.Type
	call  func(UPID, any)
	allow func(UPID, Principal) bool
}

// InstallOption is a condition on a handler.
type InstallOption func(*handler)

// AllowFrom has messages that f does not accept dropped before the handler sees them. The Principal is zero
// for messages from here and from peers that did not prove who they are.
func AllowFrom(f func(from UPID, p Principal) bool) InstallOption {
	return func(h *handler) { h.allow = f }
}

// Install says how a process handles messages of type M. A second handler for a type panics, because one of
// the two would be dead.
func Install[M proto.Message](b *Base, h func(from UPID, m M), opts ...InstallOption) {
	entry := handler{
		typ:  reflect.TypeFor[M](),
		call: func(from UPID, m any) { h(from, m.(M)) },
	}
	for _, o := range opts {
		o(&entry)
	}
	if b.handlers.find(entry.typ) != nil {
		panic(fmt.Errorf("process %s: a second handler for %v", b.self.ID, entry.typ))
	}
	b.handlers.add(entry)
}

// InstallAny says how a process handles messages of every type that has no handler of its own: for those who
// pass messages on, or collect them.
func InstallAny(b *Base, h func(from UPID, m proto.Message), opts ...InstallOption) {
	entry := handler{call: func(from UPID, m any) { h(from, m.(proto.Message)) }}
	for _, o := range opts {
		o(&entry)
	}
	if b.handlers.any != nil {
		panic(fmt.Errorf("process %s: a second handler for any message", b.self.ID))
	}
	b.handlers.any = &entry
}

const fewHandlers = 6

func (h *handlers) add(entry handler) {
	if h.many == nil && len(h.few) < fewHandlers {
		h.few = append(h.few, entry)
		return
	}
	if h.many == nil {
		h.many = map[reflect.Type]*handler{}
		for i := range h.few {
			h.many[h.few[i].typ] = &h.few[i]
		}
	}
	h.many[entry.typ] = &entry
}

func (h *handlers) find(t reflect.Type) *handler {
	if h.many != nil {
		return h.many[t]
	}
	for i := range h.few {
		if h.few[i].typ == t {
			return &h.few[i]
		}
	}
	return nil
}

// invoke hands a message to its handler.
func (b *Base) invoke(from UPID, m any, p Principal) {
	h := b.handlers.find(reflect.TypeOf(m))
	if h == nil {
		h = b.handlers.any
	}
	if h == nil || h.allow != nil && !h.allow(from, p) {
		b.rt.stats.unhandled.Add(1)
		return
	}
	h.call(from, m)
}
