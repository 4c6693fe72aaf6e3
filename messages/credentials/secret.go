package credentials

import "fmt"

// Secret is something that only its owners may read: no way of printing it shows what it is, so it can stand in a
// configuration that is logged, listed or dumped.
type Secret struct{ value []byte }

// NewSecret keeps a secret.
func NewSecret(value []byte) Secret { return Secret{append([]byte(nil), value...)} }

// Reveal is the secret itself, for those who sign or compare with it.
func (s Secret) Reveal() []byte { return s.value }

// IsZero says whether there is none.
func (s Secret) IsZero() bool { return len(s.value) == 0 }

const hidden = "(secret)"

// Format implements fmt.Formatter, and with it every verb.
func (s Secret) Format(f fmt.State, _ rune) { fmt.Fprint(f, hidden) }

// MarshalText implements encoding.TextMarshaler, which encoding/json uses too.
func (s Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
