package netlink

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Counters are what interfaces have carried since they exist.
type Counters struct {
	RxPackets, RxBytes, RxErrors, RxDropped uint64
	TxPackets, TxBytes, TxErrors, TxDropped uint64
}

// Counters adds up all interfaces of the namespace but lo.
func (c *Conn) Counters() (Counters, error) {
	var sum Counters
	err := c.dump(unix.RTM_GETLINK, make([]byte, unix.SizeofIfInfomsg), func(data []byte) { sum.link(data) })
	return sum, err
}

// link adds one interface: a struct ifinfomsg and attributes.
func (c *Counters) link(b []byte) {
	if len(b) < unix.SizeofIfInfomsg || binary.NativeEndian.Uint16(b[2:]) == unix.ARPHRD_LOOPBACK {
		return
	}
	attributes(b[unix.SizeofIfInfomsg:], func(kind uint16, stats []byte) {
		if kind != unix.IFLA_STATS64 || len(stats) < 8*8 {
			return
		}
		for i, field := range []*uint64{&c.RxPackets, &c.TxPackets, &c.RxBytes, &c.TxBytes, &c.RxErrors, &c.TxErrors, &c.RxDropped, &c.TxDropped} {
			*field += binary.NativeEndian.Uint64(stats[8*i:])
		}
	})
}
