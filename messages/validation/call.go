package validation

import (
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// body checks what all calls have in common: every required field is there, and so is the field that is named like
// the type. Calls whose field may be absent are listed.
func body(call proto.Message, kind string, mayLack ...string) error {
	if err := proto.CheckInitialized(call); err != nil {
		return refuse("call %s: %w", kind, err)
	}
	for _, k := range mayLack {
		if k == kind {
			return nil
		}
	}
	m := call.ProtoReflect()
	name := strings.ToLower(kind)
	if f := m.Descriptor().Fields().ByName(protoreflect.Name(name)); f != nil && !m.Has(f) {
		return refuse("call %s: set %s", kind, name)
	}
	return nil
}
