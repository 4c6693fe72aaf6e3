package wire

import "google.golang.org/protobuf/proto"

// HasLayout says whether a message's fields are read in place.
func HasLayout(m proto.Message) bool { return planOf(m.ProtoReflect().Descriptor()).layout != nil }

// HasBinaryLayout says whether the binary form of a message is written in place.
func HasBinaryLayout(m proto.Message) bool {
	l := planOf(m.ProtoReflect().Descriptor()).layout
	return l != nil && l.binary != nil
}
