package consul

import (
	"net"
	"os"
	"strings"
)

// place names the network stack of this process: the boot of the kernel and the network namespace. An address and
// port of it belong to one process at a time. Empty where the kernel does not tell.
func place() string {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	namespace, err := os.Readlink("/proc/self/ns/net")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + " " + namespace
}

// address is the host:port of a UPID.
func address(upid string) string {
	_, address, ok := strings.Cut(upid, "@")
	if !ok {
		return upid
	}
	if host, port, err := net.SplitHostPort(address); err == nil {
		return net.JoinHostPort(host, port)
	}
	return address
}
