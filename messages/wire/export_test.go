package wire

import "google.golang.org/protobuf/proto"

// HasLayout says whether a message's fields are read in place.
func HasLayout(m proto.Message) bool { return planOf(m.ProtoReflect().Descriptor()).layout != nil }
