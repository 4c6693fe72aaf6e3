package node

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/messages/fault"
)

// MasterPort is where masters listen unless told otherwise.
const MasterPort = "5050"

// Resolve makes an address as people write it ("localhost", "10.0.0.1:5050", "master@node1:5050") the one by which
// processes know each other: an IP address and a port. Names of processes are compared letter by letter, so a host's
// name would be another process than its address.
func Resolve(master string) (string, error) {
	text := strings.TrimPrefix(master, "master@")
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), MasterPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsAny(host, "/@, ") {
		return "", fmt.Errorf("--master=%s: HOST:PORT expected, as in 127.0.0.1:%s", master, MasterPort)
	}
	if net.ParseIP(host) == nil {
		found, err := net.LookupHost(host)
		if err != nil || len(found) == 0 {
			return "", fmt.Errorf("--master=%s: no host is called %s: %w", master, host, fault.ErrNotFound)
		}
		host = preferIPv4(found)
	}
	return net.JoinHostPort(host, port), nil
}

// preferIPv4 picks the address that Mesos would: its MasterInfo has room for no other kind.
func preferIPv4(addresses []string) string {
	for _, a := range addresses {
		if ip := net.ParseIP(a); ip != nil && ip.To4() != nil {
			return a
		}
	}
	return addresses[0]
}
