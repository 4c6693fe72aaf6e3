package remote

import (
	"fmt"

	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/proto"
)

// codec lets batches pass gRPC as bytes, in buffers that are used again. Everything else, which is the
// introduction, goes as the protobuf that it is. Its name is "proto" because that is what is on the wire.
type codec struct{}

// frame is a RemoteMessage that is encoded already, or not decoded yet.
type frame struct {
	out  mem.Buffer         // to send; gRPC frees it
	take func([]byte) error // to receive; the bytes are only lent
}

func (codec) Name() string { return "proto" }

func (codec) Marshal(v any) (mem.BufferSlice, error) {
	switch v := v.(type) {
	case *frame:
		return mem.BufferSlice{v.out}, nil
	case proto.Message:
		b, err := proto.Marshal(v)
		return mem.BufferSlice{mem.SliceBuffer(b)}, err
	}
	return nil, fmt.Errorf("cannot send a %T", v)
}

func (codec) Unmarshal(data mem.BufferSlice, v any) error {
	buf := data.MaterializeToBuffer(&frames)
	defer buf.Free()
	switch v := v.(type) {
	case *frame:
		return v.take(buf.ReadOnlyData())
	case proto.Message:
		return unmarshal.Unmarshal(buf.ReadOnlyData(), v)
	}
	return fmt.Errorf("cannot receive a %T", v)
}
