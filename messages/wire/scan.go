package wire

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// scanner reads JSON text token by token. Its grammar is the one of Mesos' reader: strict about structure and strings,
// lax about numbers, and with the bare tokens that AppendDouble writes.
type scanner struct {
	data    []byte
	pos     int
	depth   int // how many more objects and arrays may open
	scratch []byte
}

func (s *scanner) fail(format string, args ...any) error {
	return problem(fmt.Sprintf("at byte %d: ", s.pos) + fmt.Sprintf(format, args...))
}

// peek skips white space and returns the next character, 0 at the end (or for a NUL, which starts nothing either).
func (s *scanner) peek() byte {
	for ; s.pos < len(s.data); s.pos++ {
		switch c := s.data[s.pos]; c {
		case ' ', '\n', '\t', '\r':
		default:
			return c
		}
	}
	return 0
}

// expect takes the next character if it is c.
func (s *scanner) expect(c byte, where string) error {
	if s.peek() != c || s.pos == len(s.data) {
		return s.fail("expected %q %s, found %s", c, where, s.found())
	}
	s.pos++
	return nil
}

func (s *scanner) found() string {
	if s.pos >= len(s.data) {
		return "the end"
	}
	return fmt.Sprintf("%q", s.data[s.pos])
}

// enter opens an object or array, whose first character has been seen.
func (s *scanner) enter() error {
	if s.depth == 0 {
		return s.fail("objects and arrays are nested too deeply")
	}
	s.depth--
	s.pos++
	return nil
}

// more says whether another element follows before the closing character, and takes the comma or the close. first is
// true for the first element.
func (s *scanner) more(first bool, closing byte) (bool, error) {
	c := s.peek()
	switch {
	case c == closing && s.pos < len(s.data):
		s.pos++
		s.depth++
		return false, nil
	case first:
		return true, nil
	case c == ',':
		s.pos++
		return true, nil
	}
	return false, s.fail("expected ',' or %q, found %s", closing, s.found())
}

// key reads an object's key and the colon after it. The text is good until the next string is read.
func (s *scanner) key() ([]byte, error) {
	if s.peek() != '"' {
		return nil, s.fail("expected a key in quotes, found %s", s.found())
	}
	k, err := s.text()
	if err != nil {
		return nil, err
	}
	return k, s.expect(':', "after a key")
}

// text reads a string, which starts at pos, and undoes its escapes. What it returns is part of data or of scratch: good
// until the next string is read.
func (s *scanner) text() ([]byte, error) {
	s.pos++
	start := s.pos
	for ; s.pos < len(s.data); s.pos++ {
		c := s.data[s.pos]
		if verbatim[c] || c >= utf8.RuneSelf {
			continue
		}
		switch {
		case c == '"':
			s.pos++
			return s.data[start : s.pos-1], nil
		case c == '\\':
			s.scratch = append(s.scratch[:0], s.data[start:s.pos]...)
			return s.escaped()
		}
		return nil, s.fail("control character %#x in a string", c)
	}
	return nil, s.fail("a string does not end")
}

// escaped goes on reading a string whose first escape is at pos.
func (s *scanner) escaped() ([]byte, error) {
	for s.pos < len(s.data) {
		c := s.data[s.pos]
		switch {
		case c == '"':
			s.pos++
			return s.scratch, nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return nil, err
			}
		case c < 0x20:
			return nil, s.fail("control character %#x in a string", c)
		default:
			s.scratch = append(s.scratch, c)
			s.pos++
		}
	}
	return nil, s.fail("a string does not end")
}

var simpleEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *scanner) escape() error {
	if s.pos+1 >= len(s.data) {
		return s.fail("a string does not end")
	}
	c := s.data[s.pos+1]
	if plain := simpleEscapes[c]; plain != 0 {
		s.scratch = append(s.scratch, plain)
		s.pos += 2
		return nil
	}
	if c != 'u' {
		return s.fail("unknown escape \\%c", c)
	}
	r, ok := s.hex(s.pos)
	if !ok {
		return s.fail("\\u needs four hexadecimal digits")
	}
	s.pos += 6
	if utf16.IsSurrogate(r) {
		low, ok := s.hex(s.pos)
		if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
			return s.fail("half of a surrogate pair")
		}
		s.pos += 6
	}
	s.scratch = utf8.AppendRune(s.scratch, r)
	return nil
}

// hex reads \uXXXX at position at.
func (s *scanner) hex(at int) (r rune, ok bool) {
	if at+6 > len(s.data) || s.data[at] != '\\' || s.data[at+1] != 'u' {
		return 0, false
	}
	for _, c := range s.data[at+2 : at+6] {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// goString copies text into a string. Bytes that are not UTF-8 become U+FFFD, as the encoder would write them.
func goString(text []byte) string {
	if !utf8.Valid(text) {
		return strings.ToValidUTF8(string(text), "\uFFFD")
	}
	return string(text)
}

// number reads the characters of a number, which starts at pos.
func (s *scanner) number() numberText {
	start := s.pos
	for s.pos < len(s.data) && numberChars[s.data[s.pos]] {
		s.pos++
	}
	return s.data[start:s.pos]
}

var numberChars = func() (t [256]bool) {
	for _, c := range "0123456789+-eE." {
		t[c] = true
	}
	return t
}()

// take consumes word if it comes next.
func (s *scanner) take(word string) bool {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return false
	}
	s.pos += len(word)
	return true
}

// skip reads over a value of any form.
func (s *scanner) skip() error {
	switch c := s.peek(); {
	case c == '"':
		_, err := s.text()
		return err
	case c == '{' || c == '[':
		return s.skipInside(c)
	case s.take("null") || s.take("true") || s.take("false") || s.takeUnbounded():
		return nil
	case c == '-' || c >= '0' && c <= '9':
		if _, ok := s.number().float(); !ok {
			return s.fail("malformed number")
		}
		return nil
	}
	return s.fail("expected a value, found %s", s.found())
}

func (s *scanner) takeUnbounded() bool {
	return s.take("Infinity") || s.take("-Infinity") || s.take("NaN")
}

func (s *scanner) skipInside(open byte) error {
	closing := open + 2 // in ASCII ']' is '[' + 2 and '}' is '{' + 2
	if err := s.enter(); err != nil {
		return err
	}
	for first := true; ; first = false {
		ok, err := s.more(first, closing)
		if !ok || err != nil {
			return err
		}
		if open == '{' {
			if _, err := s.key(); err != nil {
				return err
			}
		}
		if err := s.skip(); err != nil {
			return err
		}
	}
}

// decodeBase64 decodes standard base64. White space is passed over and padding may miss, because Mesos lets both through.
func decodeBase64(text []byte) ([]byte, error) {
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(text))) // the larger of the two
	if n, err := base64.StdEncoding.Decode(out, text); err == nil {
		return out[:n:n], nil
	}
	plain := make([]byte, 0, len(text))
	for _, c := range text {
		if c == '=' {
			break
		}
		if c != ' ' && (c < '\t' || c > '\r') {
			plain = append(plain, c)
		}
	}
	n, err := base64.RawStdEncoding.Decode(out, plain)
	return out[:n:n], err
}

func trimmed(text []byte) []byte { return bytes.Trim(text, " \t\n\r") }
