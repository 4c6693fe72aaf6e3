package netlink

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

// The kernel's numbers of TCP states.
const (
	established = 1
	timeWait    = 6
	listen      = 10
)

// Attributes of a socket (linux/inet_diag.h).
const (
	attributeInfo   = 2
	attributeCgroup = 21
)

// Socket is a TCP socket.
type Socket struct {
	Local netip.AddrPort
	// Inode is the number in its link in /proc/…/fd, "socket:[…]"; 0 when nobody has it open.
	Inode uint32
	// Cgroup is the number of the control group, in the unified hierarchy, of who made it; 0: this kernel (before 5.8) does
	// not say.
	Cgroup uint64

	state uint8
	rtt   uint32
}

// Listening lists the sockets that listen in the namespace, of IPv4 and IPv6.
func (c *Conn) Listening() ([]Socket, error) {
	var all []Socket
	err := c.tcp(1<<listen, 0, func(s Socket) { all = append(all, s) })
	return all, err
}

// Connections are the namespace's own: how many are established and how many wait out their end, and the smoothed
// round-trip times of the established ones in microseconds, in no order.
type Connections struct {
	Active, TimeWait int
	RTT              []uint32
}

// Connections looks at all TCP connections of the namespace.
func (c *Conn) Connections() (Connections, error) {
	var all Connections
	err := c.tcp(1<<established|1<<timeWait, 1<<(attributeInfo-1), func(s Socket) {
		if s.state == timeWait {
			all.TimeWait++
			return
		}
		all.Active++
		if s.rtt > 0 {
			all.RTT = append(all.RTT, s.rtt)
		}
	})
	return all, err
}

// tcp asks for sockets in some states (struct inet_diag_req_v2), with extensions.
func (c *Conn) tcp(states uint32, extensions uint8, each func(Socket)) error {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		request := make([]byte, 56)
		request[0], request[1], request[2] = family, unix.IPPROTO_TCP, extensions
		binary.NativeEndian.PutUint32(request[4:], states)
		err := c.dump(unix.SOCK_DIAG_BY_FAMILY, request, func(data []byte) {
			if s, ok := socket(data); ok {
				each(s)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// socket reads a struct inet_diag_msg and its attributes.
func socket(b []byte) (s Socket, ok bool) {
	const fixed = 72
	if len(b) < fixed {
		return s, false
	}
	s.state = b[1]
	// struct inet_diag_sockid begins at 4; ports and addresses are in the order of the network.
	addr, size := b[8:24], 16
	if b[0] == unix.AF_INET {
		size = 4
	}
	ip, _ := netip.AddrFromSlice(addr[:size])
	s.Local = netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[4:]))
	s.Inode = binary.NativeEndian.Uint32(b[68:])
	attributes(b[fixed:], func(kind uint16, value []byte) {
		const rtt = 68 // of struct tcp_info
		switch {
		case kind == attributeCgroup && len(value) >= 8:
			s.Cgroup = binary.NativeEndian.Uint64(value)
		case kind == attributeInfo && len(value) >= rtt+4:
			s.rtt = binary.NativeEndian.Uint32(value[rtt:])
		}
	})
	return s, true
}
