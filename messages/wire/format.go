package wire

import (
	"google.golang.org/protobuf/proto"
)

// Format is one of the two forms in which a message travels. The zero Format is JSON, Mesos' default.
type Format uint8

const (
	JSON     Format = iota // Mesos' own JSON mapping
	Protobuf               // a serialized proto2 message
)

// Media types as they stand in Content-Type and Accept.
const (
	MediaJSON     = "application/json"
	MediaProtobuf = "application/x-protobuf"
	MediaRecordIO = "application/recordio"
)

// MediaType is the format's name in HTTP headers.
func (f Format) MediaType() string {
	if f == Protobuf {
		return MediaProtobuf
	}
	return MediaJSON
}

// String is "json" or "protobuf".
func (f Format) String() string {
	if f == Protobuf {
		return "protobuf"
	}
	return "json"
}

// Append appends m to dst in this format and returns the extended slice. JSON cannot fail; protobuf fails with class
// fault.ErrInvalid if a required field is missing.
func (f Format) Append(dst []byte, m proto.Message) ([]byte, error) {
	if f == Protobuf {
		return AppendProto(dst, m)
	}
	return AppendJSON(dst, m), nil
}

// Decode replaces m by what data says in this format. Errors are of class fault.ErrInvalid and name the field.
func (f Format) Decode(data []byte, m proto.Message, l Limits) error {
	if f == Protobuf {
		return DecodeProto(data, m, l)
	}
	return DecodeJSON(data, m, l)
}
