// Package netlink asks the kernel what it knows of a network namespace: what its interfaces have carried, and which TCP
// sockets listen. A Conn belongs to the namespace in which it was opened (package netns), for as long as it is open and
// wherever it is used afterwards, so that asking needs no entering.
package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Conn is a socket of one family of netlink. Its questions may come from several goroutines.
type Conn struct {
	mu       sync.Mutex
	fd       int
	sequence uint32
}

// Route opens a connection that is asked for Counters, Diag one that is asked for sockets.
func Route() (*Conn, error) { return dial(unix.NETLINK_ROUTE) }

// Diag opens a connection that is asked for Listening.
func Diag() (*Conn, error) { return dial(unix.NETLINK_SOCK_DIAG) }

func dial(family int) (*Conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, family)
	if err != nil {
		return nil, fmt.Errorf("netlink: %w", err)
	}
	// The kernel answers while it is asked; a second is for one that does not answer at all.
	err = errors.Join(unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 1}),
		unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}))
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("netlink: %w", err)
	}
	return &Conn{fd: fd}, nil
}

// Close ends a connection. A nil one is closed already.
func (c *Conn) Close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd >= 0 {
		unix.Close(c.fd)
		c.fd = -1
	}
}

// The kernel's answers come in pieces of at most 32 KiB.
var buffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// dump asks for all of something and hands over each answer's content.
func (c *Conn) dump(kind uint16, content []byte, each func(data []byte)) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fd < 0 {
		return fmt.Errorf("netlink: %w", os.ErrClosed)
	}
	c.sequence++
	request := make([]byte, unix.NLMSG_HDRLEN, unix.NLMSG_HDRLEN+len(content))
	binary.NativeEndian.PutUint32(request[0:], uint32(cap(request)))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	binary.NativeEndian.PutUint32(request[8:], c.sequence)
	if err := unix.Sendto(c.fd, append(request, content...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("netlink: ask: %w", err)
	}
	buf := buffers.Get().(*[64 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, _, err := unix.Recvfrom(c.fd, buf[:], 0)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return fmt.Errorf("netlink: no answer: %w", err)
		}
		if done, err := answers(buf[:n], c.sequence, each); done || err != nil {
			return err
		}
	}
}

// answers reads one datagram; done tells that it had the end of the answer. What belongs to an earlier question, whose
// asker gave up, is passed over.
func answers(b []byte, sequence uint32, each func(data []byte)) (done bool, err error) {
	messages, err := syscall.ParseNetlinkMessage(b)
	if err != nil {
		return false, fmt.Errorf("netlink: an answer that is none: %w", err)
	}
	for _, m := range messages {
		switch {
		case m.Header.Seq != sequence:
		case m.Header.Type == unix.NLMSG_DONE:
			return true, nil
		case m.Header.Type == unix.NLMSG_ERROR:
			if len(m.Data) < 4 {
				return false, errors.New("netlink: an error without a number")
			}
			return true, fmt.Errorf("netlink: the kernel refuses: %w", syscall.Errno(-int32(binary.NativeEndian.Uint32(m.Data))))
		default:
			each(m.Data)
		}
	}
	return false, nil
}

// attributes hands over those that follow a message's fixed part: a length, a kind and a value each, at multiples of four.
func attributes(b []byte, each func(kind uint16, value []byte)) {
	for len(b) >= 4 {
		size, kind := int(binary.NativeEndian.Uint16(b)), binary.NativeEndian.Uint16(b[2:])
		if size < 4 || size > len(b) {
			return
		}
		each(kind&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[4:size])
		if size = (size + 3) &^ 3; size > len(b) {
			return
		}
		b = b[size:]
	}
}
