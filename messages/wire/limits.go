package wire

import "fmt"

// Limits bounds what one body may cost. A zero field means its default, so the zero Limits is a safe answer.
type Limits struct {
	// Bytes is the size of the largest body that is looked at. Default 64 MiB, the most that Mesos' own readers take.
	Bytes int

	// Depth is how many objects and arrays (in protobuf: messages) may lie within each other. Default, and for JSON also
	// the most, 100. The public API nests fewer than 20 deep; deeper bodies only aim at the reader's stack.
	Depth int

	// Memory is about how many bytes the decoded message may occupy. Two bytes of a protobuf body or three of a JSON body
	// can ask for a message of some hundred bytes, so a limit on the body alone bounds nothing. Default 512 MiB.
	Memory int
}

const (
	defaultBytes  = 64 << 20
	defaultDepth  = 100
	defaultMemory = 512 << 20
	maxDepth      = 100
)

func (l Limits) withDefaults() Limits {
	if l.Bytes <= 0 {
		l.Bytes = defaultBytes
	}
	if l.Depth <= 0 {
		l.Depth = defaultDepth
	}
	l.Depth = min(l.Depth, maxDepth)
	if l.Memory <= 0 {
		l.Memory = defaultMemory
	}
	return l
}

func (l Limits) checkSize(n int) error {
	if n > l.Bytes {
		return problem(fmt.Sprintf("body of %d bytes is larger than the limit of %d", n, l.Bytes))
	}
	return nil
}
