package netlink

import (
	"encoding/binary"
	"net/netip"

	"golang.org/x/sys/unix"
)

const (
	listen = 10 // the kernel's number of the TCP state
	// attributeCgroup is an attribute of a socket (linux/inet_diag.h).
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
}

// Listening lists the sockets that listen in the namespace, of IPv4 and IPv6.
func (c *Conn) Listening() ([]Socket, error) {
	var all []Socket
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		request := make([]byte, 56) // struct inet_diag_req_v2
		request[0], request[1] = family, unix.IPPROTO_TCP
		binary.NativeEndian.PutUint32(request[4:], 1<<listen)
		err := c.dump(unix.SOCK_DIAG_BY_FAMILY, request, func(data []byte) {
			if s, ok := socket(data); ok {
				all = append(all, s)
			}
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// socket reads a struct inet_diag_msg and its attributes.
func socket(b []byte) (s Socket, ok bool) {
	const fixed = 72
	if len(b) < fixed {
		return s, false
	}
	// struct inet_diag_sockid begins at 4; ports and addresses are in the order of the network.
	addr, size := b[8:24], 16
	if b[0] == unix.AF_INET {
		size = 4
	}
	ip, _ := netip.AddrFromSlice(addr[:size])
	s.Local = netip.AddrPortFrom(ip, binary.BigEndian.Uint16(b[4:]))
	s.Inode = binary.NativeEndian.Uint32(b[68:])
	attributes(b[fixed:], func(kind uint16, value []byte) {
		if kind == attributeCgroup && len(value) >= 8 {
			s.Cgroup = binary.NativeEndian.Uint64(value)
		}
	})
	return s, true
}
