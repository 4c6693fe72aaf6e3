package remote

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/meseta-io/meseta/actors/process"
)

var (
	errGarbage = errors.New("not a message of the remote protocol")
	errChanged = errors.New("the message was changed while it was sent")
)

const (
	// maxTable bounds each table of a batch, because an entry costs more in memory than on the wire.
	maxTable = 1 << 12
	// maxIntern bounds how many names are kept for a connection, maxName how long one may be.
	maxIntern = 1024
	maxName   = 1024
	// maxDepth bounds how deep a message may nest, and with it the stack that decoding takes.
	maxDepth = 100
)

// guard turns the bytes of one connection into envelopes. It is the only thing between a stranger and the
// runtime: it never panics, and what it keeps is bounded.
type guard struct {
	self      string // our address: every target is here, whatever the peer calls us
	peer      string // the address that the peer introduced itself with; others' names are not taken
	principal process.Principal
	max       int // bytes in one message
	deliver   func(process.Envelope)
	refused   *atomic.Uint64 // messages that were dropped

	names   map[string]string
	types   []protoreflect.MessageType // the tables of the batch at hand
	targets []string
	senders []process.UPID
}

// receive takes one RemoteMessage. An error means that the peer does not speak the protocol, and that the
// connection should end; what is merely not acceptable is dropped and counted.
func (g *guard) receive(b []byte) error {
	return fields(b, func(num protowire.Number, value []byte) error {
		if num == remoteBatch {
			return g.batch(value)
		}
		return nil // introductions happen once, before the guard; what newer versions add is not for us
	})
}

// batch reads the tables first, wherever they are, and then delivers.
func (g *guard) batch(b []byte) error {
	g.types, g.targets, g.senders = g.types[:0], g.targets[:0], g.senders[:0]
	if err := fields(b, g.table); err != nil {
		return err
	}
	return fields(b, func(num protowire.Number, value []byte) error {
		if num == batchEnvelopes {
			return g.envelope(value)
		}
		return nil
	})
}

func (g *guard) table(num protowire.Number, value []byte) error {
	if max(len(g.types), len(g.targets), len(g.senders)) >= maxTable && num != batchEnvelopes {
		return fmt.Errorf("a table of more than %d entries: %w", maxTable, errGarbage)
	}
	switch num {
	case batchTypes:
		g.types = append(g.types, typeOf(value))
	case batchTargets:
		u, err := g.pid(value)
		g.targets = append(g.targets, u.ID)
		return err
	case batchSenders:
		u, err := g.pid(value)
		g.senders = append(g.senders, u)
		return err
	}
	return nil
}

func (g *guard) pid(b []byte) (u process.UPID, err error) {
	err = fields(b, func(num protowire.Number, value []byte) error {
		if len(value) > maxName {
			return fmt.Errorf("a name of %d bytes: %w", len(value), errGarbage)
		}
		switch num {
		case pidAddress:
			u.Addr = g.name(value)
		case pidID:
			u.ID = g.name(value)
		}
		return nil
	})
	return u, err
}

// name keeps one copy of each name that a peer repeats.
func (g *guard) name(b []byte) string {
	if s, ok := g.names[string(b)]; ok {
		return s
	}
	if g.names == nil || len(g.names) >= maxIntern {
		g.names = map[string]string{}
	}
	s := string(b)
	g.names[s] = s
	return s
}

// envelope delivers one message, or drops it.
func (g *guard) envelope(b []byte) error {
	var data []byte
	var typ, target, sender, serializer uint64
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errGarbage
		}
		b = b[n:]
		switch {
		case num == envelopeData && kind == protowire.BytesType:
			data, n = protowire.ConsumeBytes(b)
		case num == envelopeType && kind == protowire.VarintType:
			typ, n = protowire.ConsumeVarint(b)
		case num == envelopeTarget && kind == protowire.VarintType:
			target, n = protowire.ConsumeVarint(b)
		case num == envelopeSender && kind == protowire.VarintType:
			sender, n = protowire.ConsumeVarint(b)
		case num == envelopeSerializer && kind == protowire.VarintType:
			serializer, n = protowire.ConsumeVarint(b)
		default:
			n = protowire.ConsumeFieldValue(num, kind, b)
		}
		if n < 0 {
			return errGarbage
		}
		b = b[n:]
	}
	if typ >= uint64(len(g.types)) || target >= uint64(len(g.targets)) || sender > uint64(len(g.senders)) {
		return fmt.Errorf("an index outside of its table: %w", errGarbage)
	}
	e := process.Envelope{To: process.UPID{ID: g.targets[target], Addr: g.self}, Principal: g.principal}
	if sender > 0 {
		e.From = g.senders[sender-1]
	}
	if g.types[typ] == nil || serializer != 0 || len(data) > g.max || !e.From.IsZero() && e.From.Addr != g.peer {
		g.refused.Add(1)
		return nil
	}
	msg := g.types[typ].New()
	if err := unmarshal.Unmarshal(data, msg.Interface()); err != nil {
		g.refused.Add(1)
		return nil
	}
	e.Msg = msg.Interface()
	g.deliver(e)
	return nil
}

var unmarshal = proto.UnmarshalOptions{RecursionLimit: maxDepth}

// known caches the types that may come in. Only types that exist are kept, so strangers cannot grow it.
var known sync.Map // string to protoreflect.MessageType

// typeOf finds the type of a name; nil if this program does not know it or it is Proto.Actor's own: its
// system messages stop actors and forge the ends of others.
func typeOf(name []byte) protoreflect.MessageType {
	if t, ok := known.Load(string(name)); ok {
		return t.(protoreflect.MessageType)
	}
	full := protoreflect.FullName(name)
	if !full.IsValid() || strings.HasPrefix(string(full), "actor.") || strings.HasPrefix(string(full), "remote.") {
		return nil
	}
	t, err := protoregistry.GlobalTypes.FindMessageByName(full)
	if err != nil {
		return nil
	}
	known.Store(string(full), t)
	return t
}

// fields walks the fields of a message that have a length; others are skipped.
func fields(b []byte, f func(num protowire.Number, value []byte) error) error {
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errGarbage
		}
		b = b[n:]
		if kind != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, kind, b); n < 0 {
				return errGarbage
			}
			b = b[n:]
			continue
		}
		value, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return errGarbage
		}
		b = b[n:]
		if err := f(num, value); err != nil {
			return err
		}
	}
	return nil
}
