// Package validation says what is wrong with what frameworks, executors and operators send: with every message on its
// own and, where a caller says what it knows, with how it fits in. It only looks; it never corrects, and it keeps no
// state, so the master and the agent share it. Authorisation and everything that needs a cluster's state are theirs.
//
// Every error is a fault.ErrInvalid. Its text begins with the thing and says the reason and the remedy; frameworks
// read it in the message of a TASK_ERROR.
package validation

import (
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
)

// refusal is an error of class fault.ErrInvalid whose text leaves the class out.
type refusal struct{ error }

func (r refusal) Unwrap() []error { return []error{r.error, fault.ErrInvalid} }

func refuse(format string, args ...any) error { return refusal{fmt.Errorf(format, args...)} }

// in names the thing that an error is about, if there is an error.
func in(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return refuse("%s: %w", fmt.Sprintf(format, args...), err)
}

// first returns the first error, so that a message's checks read as a list.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
