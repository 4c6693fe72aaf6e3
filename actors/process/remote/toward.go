package remote

import "net"

// Outside leads to no machine: only the route to it matters.
const Outside = "192.0.2.1:9"

// Toward is the address of this machine from which a host:port is reached, which is where that host can reach us.
// Nothing is sent to find out. Without a route it is the loopback address.
func Toward(to string) string {
	c, err := net.Dial("udp", to)
	if err != nil {
		return "127.0.0.1"
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).IP.String()
}
