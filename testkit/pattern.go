package testkit

import (
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
)

// Message is one message between two processes, as a Probe got it or a Filter saw it.
type Message struct {
	At       time.Duration // since Start
	From, To process.UPID
	Msg      proto.Message
}

// String is the message in a line.
func (m Message) String() string { return describe(m.Msg) }

// Pattern describes messages: what a test expects, drops or holds. The zero Pattern fits every message.
type Pattern struct {
	name string
	// fits returns "" for a message that fits, or the reason why it does not.
	fits []func(Message) string
}

// Of fits messages of one type for which all conditions hold.
func Of[M proto.Message](conditions ...func(M) bool) Pattern {
	var zero M
	name := string(zero.ProtoReflect().Descriptor().Name())
	return Pattern{name: name, fits: []func(Message) string{func(m Message) string {
		typed, ok := m.Msg.(M)
		if !ok {
			return "it is a " + string(m.Msg.ProtoReflect().Descriptor().Name())
		}
		for i, holds := range conditions {
			if !holds(typed) {
				return fmt.Sprintf("condition %d does not hold", i+1)
			}
		}
		return ""
	}}}
}

// That fits messages of one type that a check has nothing against. The error is shown when the expectation fails,
// so it should say what is different: "the state is TASK_LOST".
func That[M proto.Message](name string, check func(M) error) Pattern {
	p := Of[M]()
	p.name = name
	p.fits = append(p.fits, func(m Message) string {
		if err := check(m.Msg.(M)); err != nil {
			return err.Error()
		}
		return ""
	})
	return p
}

// Equal fits messages that are equal to want.
func Equal(want proto.Message) Pattern {
	return Pattern{name: describe(want), fits: []func(Message) string{func(m Message) string {
		if !proto.Equal(m.Msg, want) {
			return "it differs"
		}
		return ""
	}}}
}

// Any fits every message.
func Any() Pattern { return Pattern{} }

// Named gives the pattern another name for failures.
func (p Pattern) Named(name string) Pattern {
	p.name = name
	return p
}

// From keeps only what comes from who: a process.UPID, or a Node, Probe or anything else on a node.
func (p Pattern) From(who fmt.Stringer) Pattern {
	at := endpointOf(who)
	return p.and(fmt.Sprintf("%s from %s", p, who), func(m Message) string {
		if !at.is(m.From) {
			return fmt.Sprintf("it is from %v", m.From)
		}
		return ""
	})
}

// To keeps only what goes to who: a process.UPID, or a Node, Probe or anything else on a node.
func (p Pattern) To(who fmt.Stringer) Pattern {
	at := endpointOf(who)
	return p.and(fmt.Sprintf("%s to %s", p, who), func(m Message) string {
		if !at.is(m.To) {
			return fmt.Sprintf("it is to %v", m.To)
		}
		return ""
	})
}

func (p Pattern) and(name string, fits func(Message) string) Pattern {
	return Pattern{name: name, fits: append(p.fits[:len(p.fits):len(p.fits)], fits)}
}

// String is the pattern's name.
func (p Pattern) String() string {
	if p.name == "" {
		return "any message"
	}
	return p.name
}

// against returns why m does not fit, or "".
func (p Pattern) against(m Message) string {
	for _, fits := range p.fits {
		if why := fits(m); why != "" {
			return why
		}
	}
	return ""
}

// endpoint is a process, or a whole node.
type endpoint struct{ id, addr string }

func endpointOf(who fmt.Stringer) endpoint {
	switch who := who.(type) {
	case process.UPID:
		return endpoint{who.ID, who.Addr}
	case interface{ UPID() process.UPID }:
		return endpoint{who.UPID().ID, who.UPID().Addr}
	case Placed:
		return endpoint{"", who.Node().addr}
	}
	return endpoint{"", who.String()}
}

func (e endpoint) is(u process.UPID) bool { return u.Addr == e.addr && (e.id == "" || e.id == u.ID) }
