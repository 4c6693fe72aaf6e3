package authn

import (
	"bytes"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Now is a clock.
type Now func() time.Time

// Claims are what a token says.
type Claims map[string]any

// maxToken bounds what is decoded for a client of whom nothing is known yet.
const maxToken = 16 << 10

var (
	errParts     = errors.New("a token has three parts")
	errHeader    = errors.New("the header cannot be read")
	errAlgorithm = errors.New("the token is not signed with HS256")
	errPayload   = errors.New("the payload is no JSON object")
	errSignature = errors.New("the signature is wrong")
	errExpired   = errors.New("the token has expired")
	errExpiry    = errors.New("the expiry is no number")
	errLength    = errors.New("the token is too long")
)

type header struct {
	Algorithm string `json:"alg"`
	Type      string `json:"typ,omitempty"`
	Critical  any    `json:"crit,omitempty"`
}

// Sign makes a token.
func Sign(c Claims, secret []byte) (string, error) {
	head, err := json.Marshal(header{Algorithm: "HS256", Type: "JWT"})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	signed := base64.RawURLEncoding.EncodeToString(head) + "." + base64.RawURLEncoding.EncodeToString(body)
	return signed + "." + base64.RawURLEncoding.EncodeToString(sign(signed, secret)), nil
}

// Verify reads a token. The signature is checked before anything in the payload is believed, and a token
// never chooses how it is checked: "none" and every other algorithm are refused.
func Verify(token string, secret []byte, now time.Time) (Claims, error) {
	if len(token) > maxToken {
		return nil, errLength
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, errParts
	}
	var h header
	if err := decode(parts[0], &h); err != nil {
		return nil, errHeader
	}
	if h.Algorithm != "HS256" || h.Critical != nil || h.Type != "" && !strings.EqualFold(h.Type, "JWT") {
		return nil, errAlgorithm
	}
	mac, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil || !hmac.Equal(mac, sign(parts[0]+"."+parts[1], secret)) {
		return nil, errSignature
	}
	var c Claims
	if err := decode(parts[1], &c); err != nil || c == nil {
		return nil, errPayload
	}
	return c, c.inTime(now)
}

// inTime checks "exp" and "nbf", seconds since 1970.
func (c Claims) inTime(now time.Time) error {
	for _, name := range []string{"exp", "nbf"} {
		v, ok := c[name]
		if !ok {
			continue
		}
		n, ok := v.(json.Number)
		if !ok {
			return errExpiry
		}
		seconds, err := n.Float64()
		if err != nil {
			return errExpiry
		}
		at := float64(now.UnixNano()) / 1e9
		if name == "exp" && at >= seconds || name == "nbf" && at < seconds {
			return errExpired
		}
	}
	return nil
}

func decode(part string, into any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	return d.Decode(into)
}
