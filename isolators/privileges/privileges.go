// Package privileges is the isolator linux/nnp: nothing that a container runs gains privileges by a set-user-id bit or
// by a file's capabilities, for ever (no_new_privs). A filter of system calls can then be loaded without any right.
package privileges

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// Isolator implements isolators.Isolator.
type Isolator struct{ isolators.Nothing }

// Builder makes it.
var Builder = isolators.Builder{Names: []string{"linux/nnp"}, New: New}

// New is the builder's. It needs no root.
func New(isolators.Settings) (isolators.Isolator, error) {
	if _, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); err != nil {
		return nil, fmt.Errorf("this kernel has no no_new_privs (%w): use Linux 3.5 or newer, or leave linux/nnp out: %w", err, fault.ErrInvalid)
	}
	return Isolator{}, nil
}

// Name implements isolators.Isolator.
func (Isolator) Name() string { return "linux/nnp" }

// Prepare implements isolators.Isolator.
func (Isolator) Prepare(_ context.Context, _ *isolators.Container, plan *isolators.Plan) error {
	plan.NoNewPrivileges = true
	return nil
}
