package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/web"
)

// Config is what clients may cost a node.
type Config struct {
	// HeaderTime is how long the head of a request may take to arrive.
	HeaderTime time.Duration `flag:"http_header_timeout"`
	// IdleTime is how long a connection may wait for its next request.
	IdleTime time.Duration `flag:"http_idle_timeout"`
	// BodyTime is how long the body of a request may take to arrive.
	BodyTime time.Duration `flag:"http_body_timeout"`
	// WriteTime is how long a client may leave a piece of an answer unread before it is cut off.
	WriteTime time.Duration `flag:"http_write_timeout"`
	// MaxHeader is how large the head of a request may be.
	MaxHeader int64 `flag:"http_max_header" unit:"bytes"`
	// MaxBody is how large the body of a request may be, packed and unpacked.
	MaxBody int64 `flag:"http_max_body" unit:"bytes"`
	// MaxBodies is how much memory all bodies of requests may take together.
	MaxBodies int64 `flag:"http_max_bodies" unit:"bytes"`
	// MaxConnections is how many connections HTTP clients may have together.
	MaxConnections int `flag:"http_max_connections"`
	// MaxConnectionsPerPeer is how many connections HTTP clients may have from one address.
	MaxConnectionsPerPeer int `flag:"http_max_connections_per_peer"`
	// FirewallRules closes endpoints to everybody, as JSON: {"disabled_endpoints": {"paths": ["/files/browse"]}}.
	FirewallRules string `flag:"firewall_rules"`
}

// Default is a complete, safe answer.
func Default() Config {
	return Config{
		HeaderTime: 10 * time.Second, IdleTime: 2 * time.Minute, BodyTime: time.Minute, WriteTime: 30 * time.Second,
		MaxHeader: 64 << 10, MaxBody: 64 << 20, MaxBodies: 512 << 20,
		MaxConnections: 16_384, MaxConnectionsPerPeer: 2_048,
	}
}

// Validate reports everything that is wrong at once.
func (c Config) Validate() error {
	var errs []error
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{{"http_header_timeout", c.HeaderTime}, {"http_idle_timeout", c.IdleTime}, {"http_body_timeout", c.BodyTime}, {"http_write_timeout", c.WriteTime}} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("--%s=%v: more than zero, or clients that stall are waited for forever", d.flag, d.value))
		}
	}
	for _, b := range []struct {
		flag       string
		value, min int64
	}{{"http_max_header", c.MaxHeader, 4 << 10}, {"http_max_body", c.MaxBody, 64 << 10}, {"http_max_bodies", c.MaxBodies, c.MaxBody}} {
		if b.value < b.min {
			errs = append(errs, fmt.Errorf("--%s=%dB: at least %dB, or honest requests do not fit", b.flag, b.value, b.min))
		}
	}
	if c.MaxConnections < 1 {
		errs = append(errs, fmt.Errorf("--http_max_connections=%d: at least 1", c.MaxConnections))
	}
	if c.MaxConnectionsPerPeer < 1 {
		errs = append(errs, fmt.Errorf("--http_max_connections_per_peer=%d: at least 1", c.MaxConnectionsPerPeer))
	}
	if _, err := c.firewall(""); err != nil {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// firewall makes the rules a question. Paths are taken as they are and below the delegate.
func (c Config) firewall(delegate string) (func(path string) bool, error) {
	if c.FirewallRules == "" {
		return nil, nil
	}
	var rules struct {
		Disabled struct {
			Paths []string `json:"paths"`
		} `json:"disabled_endpoints"`
	}
	d := json.NewDecoder(strings.NewReader(c.FirewallRules))
	d.DisallowUnknownFields() // a rule that closes nothing because of a letter is worse than none
	if err := d.Decode(&rules); err != nil {
		return nil, fmt.Errorf("--firewall_rules: %w; write it as {\"disabled_endpoints\": {\"paths\": [\"/files/browse\"]}}", err)
	}
	closed := map[string]bool{}
	for _, p := range rules.Disabled.Paths {
		p = strings.Trim(p, "/")
		closed["/"+p], closed["/"+delegate+"/"+p] = true, true
	}
	return func(path string) bool { return closed[path] }, nil
}

func (c Config) limits() web.Limits {
	return web.Limits{Body: c.MaxBody, Bodies: c.MaxBodies, BodyTime: c.BodyTime, WriteTime: c.WriteTime}
}

func (c Config) server(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: phases(h), ConnContext: remember, ConnState: idle, ReadHeaderTimeout: c.HeaderTime, IdleTimeout: c.IdleTime, MaxHeaderBytes: int(c.MaxHeader),
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // what strangers do wrong is not our error
		// The methods of Mesos' own endpoints decide about OPTIONS, not Go's shortcut for "*".
		DisableGeneralOptionsHandler: true,
	}
}
