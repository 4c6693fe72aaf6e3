package wire

import (
	"errors"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// FieldError says what is wrong with a body, and where. Its class is fault.ErrInvalid.
type FieldError struct {
	// Fields are paths from the body's message to the fields at fault, such as "accept.operations[2].launch". There is
	// one, or several when they miss together, or none when the body as a whole is at fault.
	Fields []string

	// Problem is the reason, in lower case.
	Problem string

	// Missing is set if the fields are required and not there.
	Missing bool
}

// Error names the fields and then the problem.
func (e *FieldError) Error() string {
	if len(e.Fields) == 0 {
		return e.Problem
	}
	return strings.Join(e.Fields, ", ") + ": " + e.Problem
}

// Unwrap is fault.ErrInvalid: the sender must change the body before trying again.
func (e *FieldError) Unwrap() error { return fault.ErrInvalid }

func problem(text string) error { return &FieldError{Problem: text} }

func missing(fields []string) error {
	return &FieldError{Fields: fields, Problem: "required but missing", Missing: true}
}

// under puts a step of the path ("name" or "[3]") in front of the fields of a FieldError. Paths are built only while an
// error travels up, so that a good body pays nothing for them.
func under(step string, err error) error {
	var e *FieldError
	if !errors.As(err, &e) {
		return err
	}
	if len(e.Fields) == 0 {
		e.Fields = []string{step}
		return e
	}
	for i, f := range e.Fields {
		if strings.HasPrefix(f, "[") {
			e.Fields[i] = step + f
		} else {
			e.Fields[i] = step + "." + f
		}
	}
	return e
}
