package remote

import (
	"github.com/asynkron/protoactor-go/remote"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
)

// Numbers of fields in Proto.Actor's remote.proto and actor.proto. A stock node on the other end of a test
// keeps them honest.
const (
	remoteBatch    = 1 // RemoteMessage
	remoteConnect  = 2
	remoteResponse = 3

	batchTypes     = 1 // MessageBatch
	batchTargets   = 2
	batchEnvelopes = 3
	batchSenders   = 4

	envelopeType       = 1 // MessageEnvelope
	envelopeData       = 2
	envelopeTarget     = 3
	envelopeSender     = 4
	envelopeSerializer = 5

	pidAddress = 1 // PID
	pidID      = 2
)

// batch builds one RemoteMessage with a MessageBatch in a single buffer, without the tree of small objects
// that the generated types would need. Fields may come in any order, so envelopes are appended as they come
// and the tables that they point into follow at the end.
type batch struct {
	buf     []byte
	types   table[string]
	targets table[process.UPID]
	senders table[process.UPID]
	msgs    int
}

// head is room for what comes before the batch: its tag and length.
const head = 16

// table numbers values in the order of their first use. The last one is remembered, because runs of messages
// mostly go the same way.
type table[T comparable] struct {
	list []T
	ids  map[T]int
	last int
}

func (t *table[T]) id(v T) int {
	if t.last < len(t.list) && t.list[t.last] == v {
		return t.last
	}
	id, ok := t.ids[v]
	if !ok {
		if t.ids == nil {
			t.ids = map[T]int{}
		}
		id = len(t.list)
		t.ids[v] = id
		t.list = append(t.list, v)
	}
	t.last = id
	return id
}

func (t *table[T]) reset() {
	clear(t.ids)
	t.list, t.last = t.list[:0], 0
}

// reset begins a batch in buf.
func (b *batch) reset(buf []byte) {
	b.buf = append(buf[:0], make([]byte, head)...)
	b.types.reset()
	b.targets.reset()
	b.senders.reset()
	b.msgs = 0
}

var marshal = proto.MarshalOptions{UseCachedSize: true}

// add appends a message. It fails only if the message cannot be encoded, and then leaves the batch unchanged.
func (b *batch) add(e process.Envelope) error {
	size := proto.Size(e.Msg)
	typ := b.types.id(string(e.Msg.ProtoReflect().Descriptor().FullName()))
	target, sender := b.targets.id(e.To), 0
	if !e.From.IsZero() {
		sender = b.senders.id(e.From) + 1
	}
	length := sizeField(envelopeType, typ) + sizeField(envelopeTarget, target) + sizeField(envelopeSender, sender) +
		protowire.SizeTag(envelopeData) + protowire.SizeBytes(size)
	start := len(b.buf)
	b.buf = protowire.AppendTag(b.buf, batchEnvelopes, protowire.BytesType)
	b.buf = protowire.AppendVarint(b.buf, uint64(length))
	b.buf = appendField(b.buf, envelopeType, typ)
	b.buf = appendField(b.buf, envelopeTarget, target)
	b.buf = appendField(b.buf, envelopeSender, sender)
	b.buf = protowire.AppendTag(b.buf, envelopeData, protowire.BytesType)
	b.buf = protowire.AppendVarint(b.buf, uint64(size))
	body := len(b.buf)
	buf, err := marshal.MarshalAppend(b.buf, e.Msg)
	if err != nil || len(buf)-body != size {
		b.buf = b.buf[:start]
		if err == nil {
			err = errChanged
		}
		return err
	}
	b.buf = buf
	b.msgs++
	return nil
}

// finish appends the tables and puts the header before everything. The result is a part of the buffer.
func (b *batch) finish() []byte {
	for _, name := range b.types.list {
		b.buf = protowire.AppendTag(b.buf, batchTypes, protowire.BytesType)
		b.buf = protowire.AppendString(b.buf, name)
	}
	for _, u := range b.targets.list {
		b.buf = appendPID(b.buf, batchTargets, u)
	}
	for _, u := range b.senders.list {
		b.buf = appendPID(b.buf, batchSenders, u)
	}
	var prefix [head]byte
	p := protowire.AppendTag(prefix[:0], remoteBatch, protowire.BytesType)
	p = protowire.AppendVarint(p, uint64(len(b.buf)-head))
	start := head - len(p)
	copy(b.buf[start:], p)
	return b.buf[start:]
}

// sizeField and appendField are for int32 fields without presence: zero is not sent.
func sizeField(num protowire.Number, v int) int {
	if v == 0 {
		return 0
	}
	return protowire.SizeTag(num) + protowire.SizeVarint(uint64(v))
}

func appendField(b []byte, num protowire.Number, v int) []byte {
	if v == 0 {
		return b
	}
	return protowire.AppendVarint(protowire.AppendTag(b, num, protowire.VarintType), uint64(v))
}

func appendPID(b []byte, num protowire.Number, u process.UPID) []byte {
	length := 2*protowire.SizeTag(pidID) + protowire.SizeBytes(len(u.Addr)) + protowire.SizeBytes(len(u.ID))
	b = protowire.AppendTag(b, num, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(length))
	b = protowire.AppendTag(b, pidAddress, protowire.BytesType)
	b = protowire.AppendString(b, u.Addr)
	b = protowire.AppendTag(b, pidID, protowire.BytesType)
	return protowire.AppendString(b, u.ID)
}

// introduction is the first message of a connection.
func introduction(system, addr string) *remote.RemoteMessage {
	return &remote.RemoteMessage{MessageType: &remote.RemoteMessage_ConnectRequest{
		ConnectRequest: &remote.ConnectRequest{ConnectionType: &remote.ConnectRequest_ServerConnection{
			ServerConnection: &remote.ServerConnection{SystemId: system, Address: addr},
		}},
	}}
}

// welcome answers an introduction.
func welcome(system string) *remote.RemoteMessage {
	return &remote.RemoteMessage{MessageType: &remote.RemoteMessage_ConnectResponse{
		ConnectResponse: &remote.ConnectResponse{MemberId: system},
	}}
}
