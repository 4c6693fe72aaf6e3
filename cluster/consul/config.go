package consul

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/meseta-io/meseta/messages/fault"
)

// Config says where Consul is and how it is used. Parse makes one from an address; what an address cannot say
// is set by the caller.
type Config struct {
	// Servers are the addresses host:port of Consul servers or agents of one datacenter, tried in this order.
	Servers []string
	// Prefix is the folder in Consul's key-value store, without slashes around it. Clusters that share a
	// Consul have different ones.
	Prefix string
	// TTL is how long a leader may go without word of Consul. Consul itself takes at least 10 s unless its
	// session_ttl_min says otherwise, and frees the lock of a leader that died after up to twice as long.
	TTL time.Duration
	// LockDelay keeps a lock free after its session ended. It only has to be more than zero, which Consul
	// reads as 15 s: the lease and the checks of each write protect better.
	LockDelay time.Duration
	// Check ends the session when the master's port refuses connections for CheckFailures checks in a row, so
	// that a master that crashed is succeeded within seconds. Each of Servers then has to be a Consul agent
	// from which the masters can be reached; best is one on the master's own machine.
	Check         bool
	CheckInterval time.Duration
	CheckFailures int

	// Datacenter, Namespace and Partition are Consul's; empty means the agent's own. The last two exist in
	// Consul Enterprise only.
	Datacenter, Namespace, Partition string
	// TLS makes the wire https. CAFile, CertFile and KeyFile are PEM files; ServerName is what the servers'
	// certificates say, where that is not their address.
	TLS                       bool
	CAFile, CertFile, KeyFile string
	ServerName                string
	// TokenFile holds the ACL token. It is read again when Consul refuses the one it held. Where it is empty,
	// the environment's CONSUL_HTTP_TOKEN_FILE and CONSUL_HTTP_TOKEN are asked.
	TokenFile string

	// Abandon is the operator's consent to go on with less than was once decided: with a Consul that was
	// wiped, or restored from a backup, by a cluster that has seen this epoch but no later one. 0 is no consent.
	Abandon uint64

	// Memory keeps what was seen of the cluster where Consul cannot lose it. Nil: in this process only, so
	// that a Consul which was wiped while no master ran looks new.
	Memory Memory
	// Place names the network that the master's address belongs to, so that a master which finds its own
	// address in the lock knows that it was locked by its dead predecessor. Empty: never.
	Place string
}

// Default is what an address says that names nothing but servers.
func Default() Config {
	return Config{Prefix: "meseta", TTL: 10 * time.Second, LockDelay: time.Millisecond, CheckInterval: time.Second, CheckFailures: 2}
}

// The bounds of what Validate accepts.
const (
	maxServers = 16
	maxPrefix  = 128
	minTTL     = 2 * time.Second
	maxTTL     = 24 * time.Hour
	// defaultPort is where Consul listens for HTTP, and defaultTLSPort for HTTPS.
	defaultPort    = "8500"
	defaultTLSPort = "8501"
)

// Schemes begin an address of Consul.
const (
	Scheme    = "consul"
	SchemeTLS = "consul+https"
)

// Is reports whether an address is one for Parse.
func Is(address string) bool {
	return strings.HasPrefix(address, Scheme+"://") || strings.HasPrefix(address, SchemeTLS+"://")
}

// Parse reads an address:
//
//	consul://10.0.0.1:8500,10.0.0.2:8500/prefix?ttl=10s&check=tcp
//	consul+https://consul.example:8501/prefix?ca=/etc/ca.pem&cert=…&key=…&server_name=…&token_file=/etc/token
//
// The parameters are ttl, check (tcp or none), check_interval, check_failures, dc, ns, partition, ca, cert, key,
// server_name, token_file and abandon. A token itself is refused, because addresses are seen in process lists,
// logs and over HTTP. No error repeats a secret.
func Parse(address string) (Config, error) {
	c := Default()
	scheme, rest, _ := strings.Cut(address, "://")
	if scheme != Scheme && scheme != SchemeTLS {
		return c, fmt.Errorf("an address of Consul begins with consul:// or consul+https://: %w", fault.ErrInvalid)
	}
	c.TLS = scheme == SchemeTLS
	rest, query, _ := strings.Cut(rest, "?")
	hosts, prefix, _ := strings.Cut(rest, "/")
	if strings.Contains(hosts, "@") {
		return c, fmt.Errorf("an address of Consul has no user or token in it, because addresses are logged: use token_file=PATH or CONSUL_HTTP_TOKEN: %w", fault.ErrInvalid)
	}
	var errs []error
	for host := range strings.SplitSeq(hosts, ",") {
		server, err := c.server(host)
		errs = append(errs, err)
		if err == nil && !slices.Contains(c.Servers, server) {
			c.Servers = append(c.Servers, server)
		}
	}
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		c.Prefix = prefix
	}
	errs = append(errs, c.parameters(query))
	if err := errors.Join(errs...); err != nil {
		return c, err
	}
	return c, c.Validate()
}

// server completes and checks one host of an address.
func (c *Config) server(text string) (string, error) {
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), defaultPort
		if c.TLS {
			port = defaultTLSPort
		}
	}
	bad := func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`/@,?#[]"\%`, r) || !unicode.IsPrint(r)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" || strings.ContainsFunc(host, bad) {
		return "", fmt.Errorf("Consul server %q: HOST:PORT expected, as in 127.0.0.1:8500: %w", text, fault.ErrInvalid)
	}
	return net.JoinHostPort(host, port), nil
}

// parameters reads what follows the question mark, and reports every problem.
func (c *Config) parameters(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return fmt.Errorf("the parameters of Consul's address are not of the form name=value&…: %w", fault.ErrInvalid)
	}
	texts := map[string]*string{"dc": &c.Datacenter, "ns": &c.Namespace, "partition": &c.Partition, "ca": &c.CAFile,
		"cert": &c.CertFile, "key": &c.KeyFile, "server_name": &c.ServerName, "token_file": &c.TokenFile}
	var errs []error
	wrong := func(name, value, want string) {
		errs = append(errs, fmt.Errorf("%s=%q in Consul's address: %s expected: %w", name, value, want, fault.ErrInvalid))
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		value := values[name][len(values[name])-1]
		if text, ok := texts[name]; ok {
			*text = value
			continue
		}
		var err error
		switch name {
		case "ttl":
			if c.TTL, err = time.ParseDuration(value); err != nil {
				wrong(name, value, "a duration such as 10s")
			}
		case "check":
			if c.Check = value == "tcp"; !c.Check && value != "none" {
				wrong(name, value, "tcp or none")
			}
		case "check_interval":
			if c.CheckInterval, err = time.ParseDuration(value); err != nil {
				wrong(name, value, "a duration such as 1s")
			}
		case "check_failures":
			if c.CheckFailures, err = strconv.Atoi(value); err != nil {
				wrong(name, value, "a small number")
			}
		case "abandon":
			if c.Abandon, err = strconv.ParseUint(value, 10, 64); err != nil {
				wrong(name, value, "the epoch that the refusal named")
			}
		case "token":
			errs = append(errs, fmt.Errorf("token in Consul's address: addresses are logged, so use token_file=PATH or CONSUL_HTTP_TOKEN: %w", fault.ErrInvalid))
		default:
			// The value is not repeated: whoever misspells token_file has written a secret here.
			errs = append(errs, fmt.Errorf("parameter %q of Consul's address is not known: %w", name, fault.ErrInvalid))
		}
	}
	return errors.Join(errs...)
}

// Validate reports every problem at once.
func (c Config) Validate() error {
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("Consul: "+format+": %w", append(args, fault.ErrInvalid)...))
		}
	}
	check(len(c.Servers) > 0 && len(c.Servers) <= maxServers, "%d servers, 1 to %d expected", len(c.Servers), maxServers)
	check(c.TTL >= minTTL && c.TTL <= maxTTL, "ttl=%s: %s to %s, or requests have no time to be repeated", c.TTL, minTTL, maxTTL)
	check(c.LockDelay > 0 && c.LockDelay <= time.Minute, "lock delay %s: more than nothing, at most a minute", c.LockDelay)
	check(validPrefix(c.Prefix), "prefix %q: 1 to %d letters, digits and any of -_./ with no empty, . or .. part", c.Prefix, maxPrefix)
	check(c.CheckInterval >= 100*time.Millisecond && c.CheckInterval <= time.Minute, "check_interval=%s: 100ms to 1m", c.CheckInterval)
	check(c.CheckFailures >= 1 && c.CheckFailures <= 10, "check_failures=%d: 1 to 10", c.CheckFailures)
	check((c.CertFile == "") == (c.KeyFile == ""), "cert and key belong together")
	check(c.TLS || c.CAFile+c.CertFile+c.KeyFile+c.ServerName == "", "ca, cert, key and server_name need consul+https://, or the token travels in clear")
	return errors.Join(errs...)
}

func validPrefix(prefix string) bool {
	if prefix == "" || len(prefix) > maxPrefix {
		return false
	}
	for part := range strings.SplitSeq(prefix, "/") {
		if part == "" || part == "." || part == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(prefix, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("-_./", r)
	})
}

// String is the address as it may be logged. It holds no secret, because a Config holds none.
func (c Config) String() string {
	scheme := Scheme
	if c.TLS {
		scheme = SchemeTLS
	}
	return scheme + "://" + strings.Join(c.Servers, ",") + "/" + c.Prefix
}
