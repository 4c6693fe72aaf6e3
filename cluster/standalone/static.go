package standalone

import (
	"fmt"
	"net"
	"strconv"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// defaultPort is where masters listen unless told otherwise.
const defaultPort = "5050"

// static is the detector of a cluster whose only master is named by its address.
type static struct{ leader cluster.Leader }

// At returns a detector that knows one master by its address: "10.0.0.1:5050", "10.0.0.1", or the whole
// "master@10.0.0.1:5050". That master always leads, so a detector's caller who loses its connection tries
// again by itself.
func At(address string) (cluster.Detector, error) {
	const prefix = "master@"
	if len(address) > len(prefix) && address[:len(prefix)] == prefix {
		address = address[len(prefix):]
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, defaultPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || host != trimmed(host) {
		return nil, fmt.Errorf("master address %q: HOST:PORT expected, as in 127.0.0.1:5050: %w", address, fault.ErrInvalid)
	}
	return static{cluster.Leader{UPID: prefix + net.JoinHostPort(host, port)}}, nil
}

// trimmed returns what of a host name can be one: without blanks, slashes, and at signs.
func trimmed(host string) string {
	for i, r := range host {
		if r <= ' ' || r == '/' || r == '@' || r == ',' {
			return host[:i]
		}
	}
	return host
}

// Detect implements cluster.Detector.
func (s static) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	if previous == nil || previous.UPID != s.leader.UPID {
		leader := s.leader
		done(&leader, nil)
	}
	// Nothing changes ever after, so there is nothing to cancel either.
	return func() {}
}
