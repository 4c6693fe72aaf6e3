// Package secrets brings containers what nobody else may read. environment_secret puts secrets into the environment of the
// container's program; they are in no record, no log and no error.
package secrets

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
)

// Environment is environment_secret.
type Environment struct{ isolators.Nothing }

// NewEnvironment is the builder's.
func NewEnvironment(isolators.Settings) (isolators.Isolator, error) { return Environment{}, nil }

// Name implements isolators.Isolator.
func (Environment) Name() string { return "environment_secret" }

// Prepare implements isolators.Isolator.
func (Environment) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if err := validation.Environment(c.Command.GetEnvironment()); err != nil {
		return fmt.Errorf("Invalid environment specified: %w: %w", err, fault.ErrInvalid)
	}
	for _, v := range c.Command.GetEnvironment().GetVariables() {
		if v.GetType() != mesospb.Environment_Variable_SECRET {
			continue
		}
		data, err := resolve(v.GetSecret())
		if err == nil && (v.GetName() == "" || strings.ContainsAny(v.GetName(), "=\x00")) {
			err = fmt.Errorf("a variable's name is not empty and has no '=' in it: %w", fault.ErrInvalid)
		}
		if err != nil {
			return fmt.Errorf("Invalid secret specified in environment '%s': %w", v.GetName(), err)
		}
		prefix := v.GetName() + "="
		plan.Env = append(slices.DeleteFunc(plan.Env, func(other string) bool { return strings.HasPrefix(other, prefix) }), prefix+string(data))
	}
	return nil
}

// resolve is what a secret says. There is nobody to be asked about references.
func resolve(s *mesospb.Secret) ([]byte, error) {
	switch {
	case s.GetType() == mesospb.Secret_REFERENCE || s.Reference != nil:
		return nil, fmt.Errorf("Default secret resolver cannot resolve references: give the value itself: %w", fault.ErrUnsupported)
	case s.GetType() != mesospb.Secret_VALUE || s.Value == nil:
		return nil, fmt.Errorf("Secret has no value: %w", fault.ErrInvalid)
	case bytes.IndexByte(s.GetValue().GetData(), 0) >= 0:
		return nil, fmt.Errorf("it contains a null byte, which would cut it off: %w", fault.ErrInvalid)
	}
	return s.GetValue().GetData(), nil
}
