package validation

import (
	"bytes"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Secret checks that a secret has exactly what its type says.
func Secret(s *mesospb.Secret) error {
	switch s.GetType() {
	case mesospb.Secret_REFERENCE:
		if s.Reference == nil {
			return refuse("secret of type REFERENCE: set reference")
		}
		if s.Value != nil {
			return refuse("secret %q of type REFERENCE: leave value out", s.GetReference().GetName())
		}
	case mesospb.Secret_VALUE:
		if s.Value == nil {
			return refuse("secret of type VALUE: set value")
		}
		if s.Reference != nil {
			return refuse("secret of type VALUE: leave reference out")
		}
	}
	return nil
}

// Environment checks environment variables: each has a value or a secret, as its type says.
func Environment(e *mesospb.Environment) error {
	for _, v := range e.GetVariables() {
		if err := variable(v); err != nil {
			return in(err, "environment variable %q", v.GetName())
		}
	}
	return nil
}

func variable(v *mesospb.Environment_Variable) error {
	switch v.GetType() {
	case mesospb.Environment_Variable_SECRET:
		switch {
		case v.Secret == nil:
			return refuse("of type SECRET: set secret")
		case v.Value != nil:
			return refuse("of type SECRET: leave value out")
		case bytes.IndexByte(v.GetSecret().GetValue().GetData(), 0) >= 0:
			return refuse("its secret contains a null byte, which would cut it off")
		}
		return Secret(v.Secret)
	case mesospb.Environment_Variable_VALUE:
		if v.Value == nil {
			return refuse("of type VALUE: set value")
		}
		if v.Secret != nil {
			return refuse("of type VALUE: leave secret out")
		}
		return nil
	}
	return refuse("type %s: use VALUE or SECRET", v.GetType())
}

// Command checks what a command can be checked for before there is a machine to run it on.
func Command(c *mesospb.CommandInfo) error { return Environment(c.GetEnvironment()) }
