// Package credentials reads the files that say who may speak to the master and with which secret. Reading the file is
// the caller's; this package knows what is in it.
package credentials

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
	"google.golang.org/protobuf/proto"
)

// MaxFile bounds a credentials file, in bytes.
const MaxFile = 16 << 20

// Credentials knows principals and their secrets. The zero value knows nobody. It never changes.
type Credentials struct{ digests map[string][sha256.Size]byte }

// Parse reads a credentials file of a master, {"credentials": [{"principal": …, "secret": …}]}, or the older text form
// with a principal and a secret in each line. An empty file knows nobody.
func Parse(file []byte) (Credentials, error) {
	list, err := parse(file)
	if err != nil {
		return Credentials{}, fmt.Errorf("credentials: %w", err)
	}
	c := Credentials{make(map[string][sha256.Size]byte, len(list))}
	for _, one := range list {
		if err := validate(one); err != nil {
			return Credentials{}, fmt.Errorf("credentials: %w", err)
		}
		if _, twice := c.digests[one.GetPrincipal()]; twice {
			return Credentials{}, fmt.Errorf("credentials: principal %.80q comes twice: %w", one.GetPrincipal(), fault.ErrInvalid)
		}
		c.digests[one.GetPrincipal()] = sha256.Sum256([]byte(one.GetSecret()))
	}
	return c, nil
}

// ParseOne reads the file of an agent or a framework, {"principal": …, "secret": …}, or one line of the text form. It
// returns nil for an empty file: no authentication is asked for.
func ParseOne(file []byte) (*mesospb.Credential, error) {
	if len(file) > MaxFile {
		return nil, tooLong(file)
	}
	text := strings.TrimSpace(string(file))
	if text == "" {
		return nil, nil
	}
	if strings.HasPrefix(text, "{") {
		one := &mesospb.Credential{}
		if err := unmarshal(text, one); err != nil {
			return nil, fmt.Errorf("credential: %w", err)
		}
		return one, validate(one)
	}
	list, err := parseLines(text)
	if err == nil && len(list) != 1 {
		err = fmt.Errorf("%d lines: write one: %w", len(list), fault.ErrInvalid)
	}
	if err != nil {
		return nil, fmt.Errorf("credential: %w", err)
	}
	return list[0], validate(list[0])
}

// Match says whether this is the principal's secret. It takes as long for a wrong secret as for the right one, so
// that nobody can guess it piece by piece.
func (c Credentials) Match(principal, secret string) bool {
	want, known := c.digests[principal]
	got := sha256.Sum256([]byte(secret))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1 && known
}

// Knows says whether there is such a principal.
func (c Credentials) Knows(principal string) bool {
	_, known := c.digests[principal]
	return known
}

// Format implements fmt.Formatter: not even the digests of secrets are anybody's business.
func (c Credentials) Format(f fmt.State, _ rune) { fmt.Fprintf(f, "%d principals", len(c.digests)) }

// Len is how many principals are known.
func (c Credentials) Len() int { return len(c.digests) }

func parse(file []byte) ([]*mesospb.Credential, error) {
	if len(file) > MaxFile {
		return nil, tooLong(file)
	}
	text := strings.TrimSpace(string(file))
	if !strings.HasPrefix(text, "{") {
		return parseLines(text)
	}
	var all mesospb.Credentials
	err := unmarshal(text, &all)
	return all.GetCredentials(), err
}

// unmarshal hides the parser's own words, which may repeat parts of the file, secrets included.
func unmarshal(text string, m proto.Message) error {
	err := wire.DecodeJSON([]byte(text), m, wire.Limits{Bytes: MaxFile})
	var at *wire.FieldError
	switch {
	case errors.As(err, &at) && at.Missing:
		return fmt.Errorf("a principal is missing: %w", fault.ErrInvalid)
	case err != nil:
		return fmt.Errorf("the JSON is malformed, or principal and secret are no strings: %w", fault.ErrInvalid)
	}
	return nil
}

func parseLines(text string) ([]*mesospb.Credential, error) {
	var list []*mesospb.Credential
	n := 0
	for line := range strings.Lines(text) {
		n++
		words := strings.Fields(line)
		switch len(words) {
		case 0:
		case 2:
			list = append(list, &mesospb.Credential{Principal: &words[0], Secret: &words[1]})
		default:
			return nil, fmt.Errorf("line %d has %d words: write a principal and a secret, or JSON: %w", n, len(words), fault.ErrInvalid)
		}
	}
	return list, nil
}

func validate(c *mesospb.Credential) error {
	if c.GetPrincipal() == "" {
		return fmt.Errorf("a principal is empty: %w", fault.ErrInvalid)
	}
	return nil
}

func tooLong(file []byte) error {
	return fmt.Errorf("file of %d bytes: at most %d: %w", len(file), MaxFile, fault.ErrInvalid)
}
