// Package zookeeper lets clients of old habits find the leader: masters publish the record that Mesos' masters
// keep in ZooKeeper, and agents and frameworks that are given a zk:// address follow such records, whoever
// wrote them. Nobody is elected here: who leads has been decided elsewhere before a Publisher says so.
//
// Below the path of the address a leader is an ephemeral sequential node json.info_0000000012 that holds
// Mesos' JSON of a MasterInfo; the smallest number leads. Beside it Meseta keeps one persistent node, meseta,
// with the epoch and the session of the last publisher, which readers of Mesos' records pass over as they pass
// over log_replicas. With it a new leader takes the record of its predecessor away in the very transaction
// that makes its own, and a deposed master can never come back in front of it.
package zookeeper

import (
	"errors"
	"fmt"
	"net"
	"path"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/meseta-io/meseta/messages/fault"
)

// DefaultSessionTimeout is how long ZooKeeper keeps the record of a master that it does not hear from. It is
// Mesos' default.
const DefaultSessionTimeout = 10 * time.Second

const defaultPort = "2181"

// Config says where the records are.
type Config struct {
	// Servers are tried in this order, one after the other: host:port.
	Servers []string
	// Path is the node below which the records are, "/mesos".
	Path string
	// User and Password are shown to ZooKeeper by its digest scheme. Empty: nothing is shown.
	User, Password string
	// SessionTimeout is what ZooKeeper is asked for; it has bounds of its own. Zero: DefaultSessionTimeout.
	SessionTimeout time.Duration
}

// Parse reads Mesos' form of an address: zk://[user:password@]host1:port1,host2:port2/path. Errors belong to
// fault.ErrInvalid and never repeat the password.
func Parse(url string) (Config, error) {
	c, why := parse(url)
	if why != nil {
		return Config{}, fmt.Errorf("ZooKeeper address %s: %w, as in zk://127.0.0.1:2181,127.0.0.2:2181/mesos: %w", masked(url), why, fault.ErrInvalid)
	}
	return c, nil
}

func parse(url string) (c Config, why error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(url), "zk://")
	if !ok {
		return c, errors.New("it does not begin with zk://")
	}
	// A password may hold whatever it likes, slashes and at signs included, so its end is the last at sign.
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		c.User, c.Password, ok = strings.Cut(rest[:at], ":")
		if !ok || c.User == "" || c.Password == "" {
			return c, errors.New("what stands before the @ has to be user:password")
		}
		rest = rest[at+1:]
	}
	servers, below, ok := strings.Cut(rest, "/")
	if !ok || strings.Trim(below, "/") == "" {
		return c, errors.New("a path is missing, below which masters are known")
	}
	// ZooKeeper would take blanks, but whoever writes one means something else.
	if c.Path = path.Clean("/" + below); strings.ContainsFunc(c.Path, blank) || c.Path == "/" || c.Path != "/"+strings.TrimRight(below, "/") {
		return c, fmt.Errorf("%q is no path", "/"+below)
	}
	for server := range strings.SplitSeq(servers, ",") {
		address, why := complete(server)
		if why != nil {
			return c, why
		}
		c.Servers = append(c.Servers, address)
	}
	return c, nil
}

// blank reports characters that nobody sees.
func blank(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// complete completes one of the servers with ZooKeeper's own port.
func complete(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, defaultPort
		if bare, opened := strings.CutPrefix(text, "["); opened {
			host = strings.TrimSuffix(bare, "]")
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("%q is no port", port)
	}
	if host == "" || strings.ContainsAny(host, " /@,[]\t\n") || strings.Contains(host, ":") && net.ParseIP(host) == nil {
		return "", fmt.Errorf("%q is no server", text)
	}
	return net.JoinHostPort(host, port), nil
}

// masked is an address without its password.
func masked(url string) string {
	at := strings.LastIndexByte(url, '@')
	if at < 0 {
		return fmt.Sprintf("%q", url)
	}
	return fmt.Sprintf("%q", "zk://…"+url[at:])
}

// String is the address without the password, for logs.
func (c Config) String() string {
	user := ""
	if c.User != "" {
		user = c.User + ":…@"
	}
	return "zk://" + user + strings.Join(c.Servers, ",") + c.Path
}

func (c Config) timeout() time.Duration {
	if c.SessionTimeout <= 0 {
		return DefaultSessionTimeout
	}
	return c.SessionTimeout
}
