package netlink

import "encoding/binary"

// Counters are what interfaces have carried since they exist.
type Counters struct {
	RxPackets, RxBytes, RxErrors, RxDropped uint64
	TxPackets, TxBytes, TxErrors, TxDropped uint64
}

// Of linux/if_link.h: the request for statistics alone, which is a third of the work that a list of all links is.
const (
	getStats       = 94 // RTM_GETSTATS
	statsLink64    = 1  // IFLA_STATS_LINK_64
	statsMsg       = 12 // struct if_stats_msg: family, index, which attributes
	loopbackNumber = 1  // of lo in every namespace
)

// Counters adds up all interfaces of the namespace but lo.
func (c *Conn) Counters() (Counters, error) {
	var sum Counters
	request := make([]byte, statsMsg)
	binary.NativeEndian.PutUint32(request[8:], 1<<(statsLink64-1))
	err := c.dump(getStats, request, func(data []byte) { sum.link(data) })
	return sum, err
}

// link adds one interface.
func (c *Counters) link(b []byte) {
	if len(b) < statsMsg || binary.NativeEndian.Uint32(b[4:]) == loopbackNumber {
		return
	}
	attributes(b[statsMsg:], func(kind uint16, stats []byte) {
		if kind != statsLink64 || len(stats) < 8*8 {
			return
		}
		for i, field := range []*uint64{&c.RxPackets, &c.TxPackets, &c.RxBytes, &c.TxBytes, &c.RxErrors, &c.TxErrors, &c.RxDropped, &c.TxDropped} {
			*field += binary.NativeEndian.Uint64(stats[8*i:])
		}
	})
}
