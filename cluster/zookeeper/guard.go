package zookeeper

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"time"
)

// The sizes of what a ZooKeeper server says at once: at least a header, at most what its own limit (1 MiB)
// allows a few times over. The client library allocates what the first four bytes ask for and cuts a header
// off it, so an address of something else than a ZooKeeper server would end the process.
const (
	leastFrame = 16
	mostFrame  = 4 << 20
)

// guarded is a connection to what may not be a ZooKeeper server, or to one that hangs. It lets whole frames of
// sane sizes pass, and waits for none longer than patience, whatever its user says: the client library waits for
// its first answer ten times as long as it should, and for the rest of a frame forever.
type guarded struct {
	net.Conn
	patience time.Duration

	begun [4]byte // the size of the frame that is read
	size  int     // how much of begun has not been handed over
	left  int     // how much of the frame itself
}

// Read reads from one frame only.
func (g *guarded) Read(into []byte) (int, error) {
	if len(into) == 0 {
		return 0, nil
	}
	if err := g.Conn.SetReadDeadline(time.Now().Add(g.patience)); err != nil {
		return 0, err
	}
	if g.size == 0 && g.left == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	if g.size > 0 {
		n := copy(into, g.begun[4-g.size:])
		g.size -= n
		return n, nil
	}
	n, err := g.Conn.Read(into[:min(len(into), g.left)])
	g.left -= n
	return n, err
}

// next reads how large the next frame is.
func (g *guarded) next() error {
	if _, err := io.ReadFull(g.Conn, g.begun[:]); err != nil {
		return err
	}
	n := binary.BigEndian.Uint32(g.begun[:])
	if n < leastFrame || n > mostFrame {
		return fmt.Errorf("%s does not speak ZooKeeper: it announces %d bytes", g.Conn.RemoteAddr(), n)
	}
	g.size, g.left = len(g.begun), int(n)
	return nil
}

// SetReadDeadline does nothing: Read has deadlines of its own.
func (g *guarded) SetReadDeadline(time.Time) error { return nil }
