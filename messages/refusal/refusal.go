// Package refusal carries a failure from one process to another: an error of a class (package fault) becomes a
// control.Refused, and on the other side an error of that class again.
package refusal

import (
	"errors"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
)

var classes = []struct {
	err   error
	class controlpb.Refused_Class
}{
	{fault.ErrInvalid, controlpb.Refused_INVALID},
	{fault.ErrDenied, controlpb.Refused_DENIED},
	{fault.ErrNotFound, controlpb.Refused_NOT_FOUND},
	{fault.ErrConflict, controlpb.Refused_CONFLICT},
	{fault.ErrNotLeader, controlpb.Refused_NOT_LEADER},
	{fault.ErrUnsupported, controlpb.Refused_UNSUPPORTED},
	{fault.ErrUnavailable, controlpb.Refused_UNAVAILABLE},
}

// Of is an error as a message: its text, and its class, UNKNOWN if it has none.
func Of(err error) *controlpb.Refused {
	class := controlpb.Refused_UNKNOWN
	for _, known := range classes {
		if errors.Is(err, known.err) {
			class = known.class
			break
		}
	}
	return &controlpb.Refused{Class: class.Enum(), Message: proto.String(err.Error())}
}

// Refusal is the reason that another process gave.
type Refusal struct {
	Message string
	class   error // nil: one of a newer version, or of none
}

// Err is a message as an error, for errors.Is of its class and errors.As of *Refusal.
func Err(r *controlpb.Refused) error {
	e := &Refusal{Message: r.GetMessage()}
	for _, known := range classes {
		if known.class == r.GetClass() {
			e.class = known.err
		}
	}
	return e
}

func (r *Refusal) Error() string { return r.Message }

// Unwrap gives the class.
func (r *Refusal) Unwrap() error { return r.class }
