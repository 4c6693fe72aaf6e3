package screen

import (
	"bytes"
	"io"
	"sync"
)

// maxLine is how much of a line is kept until its end comes. A longer one is shown in pieces.
const maxLine = 64 << 10

// Streams are several writers that share a screen, a line at a time, each behind its own name.
type Streams struct {
	s  *Screen
	mu sync.Mutex
}

// Share makes a screen ready for several writers.
func Share(s *Screen) *Streams { return &Streams{s: s} }

// Stream is one of several writers on a screen.
type Stream struct {
	of     *Streams
	prefix string
	line   []byte
}

// Named is a writer whose lines begin with a name.
func (s *Streams) Named(name string, style Style) *Stream {
	return &Stream{of: s, prefix: s.s.Paint(style, name) + " "}
}

// Write implements io.Writer. What is no whole line yet waits for its end.
func (s *Stream) Write(p []byte) (int, error) {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	s.line = append(s.line, p...)
	end := bytes.LastIndexByte(s.line, '\n') + 1
	if end == 0 && len(s.line) < maxLine {
		return len(p), nil
	}
	if end == 0 {
		end = len(s.line)
	}
	err := s.show(s.line[:end])
	s.line = append(s.line[:0], s.line[end:]...)
	return len(p), err
}

// Close shows what is left: a last line without an end gets one.
func (s *Stream) Close() error {
	s.of.mu.Lock()
	defer s.of.mu.Unlock()
	if len(s.line) == 0 {
		return nil
	}
	err := s.show(s.line)
	s.line = nil
	return err
}

// show writes lines in one go, so that other programs on the same terminal do not come between.
func (s *Stream) show(text []byte) error {
	var out bytes.Buffer
	for line := range bytes.Lines(text) {
		out.WriteString(s.prefix)
		out.Write(line)
	}
	if !bytes.HasSuffix(out.Bytes(), []byte("\n")) {
		out.WriteByte('\n')
	}
	_, err := io.Copy(s.of.s, &out)
	return err
}
