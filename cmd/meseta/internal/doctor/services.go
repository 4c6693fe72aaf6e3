package doctor

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Consul is where and how Consul is asked.
type Consul struct {
	Servers []string // host:port
	TTL     time.Duration
	Secured *tls.Config // nil: plain HTTP
	Token   string
}

// Consul checks each server that masters are told of.
func (m Machine) Consul(c Consul) []Check {
	var checks []Check
	for _, server := range c.Servers {
		name := "consul " + server
		checks = append(checks, Check{name, func(ctx context.Context) []Finding { return c.server(ctx, name, server) }})
	}
	return checks
}

// server asks one.
func (c Consul) server(ctx context.Context, name, at string) []Finding {
	var leader string
	if err := c.get(ctx, at, "/v1/status/leader", &leader); err != nil {
		return []Finding{fail(name, "start it, or correct --election: masters need one of them that answers", "%v", err)}
	}
	if leader == "" {
		return []Finding{fail(name, "most of Consul's servers have to run: consul operator raft list-peers", "Consul has no leader, so no master can lead")}
	}
	var found []Finding
	var peers []string
	if err := c.get(ctx, at, "/v1/status/peers", &peers); err == nil {
		found = append(found, quorum(name, len(peers)))
	}
	var self struct {
		Config      struct{ Version string }
		DebugConfig map[string]any
	}
	if err := c.get(ctx, at, "/v1/agent/self", &self); err != nil {
		return append(found, warn(name, "give the token agent:read, to have its settings checked", "its settings cannot be read: %v", err))
	}
	found = append(found, ok(name, "version %s", self.Config.Version))
	if f, there := raftPace(name, text(self.DebugConfig["ConsulRaftHeartbeatTimeout"]), c.TTL); there {
		found = append(found, f)
	}
	if f, there := shortest(name, text(self.DebugConfig["SessionTTLMin"]), c.TTL); there {
		found = append(found, f)
	}
	return found
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func quorum(name string, servers int) Finding {
	switch {
	case servers < 3:
		return warn(name, "three servers, or five", "%d of Consul's servers: none may fail", servers)
	case servers%2 == 0:
		return warn(name, "an odd number of servers: one more protects no better", "%d of Consul's servers", servers)
	}
	return ok(name, "%d servers, of which %d may fail", servers, (servers-1)/2)
}

// raftPace: with Consul's default multiplier 5 a server that is lost stalls writes for twelve seconds, which outlasts a
// leader's lease of ten.
func raftPace(name, heartbeat string, ttl time.Duration) (f Finding, there bool) {
	d, err := time.ParseDuration(heartbeat)
	if err != nil || d <= 0 {
		return f, false
	}
	multiplier := float64(d) / float64(time.Second)
	if multiplier > 1 && ttl < 20*time.Second {
		return warn(name, `performance { raft_multiplier = 1 } in Consul's settings, or ?ttl=20s in --election`,
			"raft_multiplier is %g: when a server of Consul's is lost, a master with ttl=%v loses its lease", multiplier, ttl), true
	}
	return ok(name, "raft_multiplier is %g", multiplier), true
}

// shortest: Consul refuses sessions that are shorter.
func shortest(name, least string, ttl time.Duration) (f Finding, there bool) {
	d, err := time.ParseDuration(least)
	if err != nil {
		return f, false
	}
	if d == 0 {
		d = 10 * time.Second
	}
	if ttl < d {
		return fail(name, fmt.Sprintf(`session_ttl_min = "%v" in Consul's settings, or ?ttl=%v in --election`, ttl, d), "its session_ttl_min is %v, and masters ask for ttl=%v", d, ttl), true
	}
	return ok(name, "sessions may be as short as %v", d), true
}

func (c Consul) get(ctx context.Context, at, path string, into any) error {
	scheme := "http"
	if c.Secured != nil {
		scheme = "https"
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, scheme+"://"+at+path, nil)
	if err != nil {
		return err
	}
	if c.Token != "" {
		r.Header.Set("X-Consul-Token", c.Token)
	}
	answer, err := (&http.Client{Transport: &http.Transport{TLSClientConfig: c.Secured, DisableKeepAlives: true}}).Do(r)
	if err != nil {
		return reason(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %d: %.100s", answer.StatusCode, strings.TrimSpace(string(body)))
	}
	return json.Unmarshal(body, into)
}

// ZooKeeper checks each server that masters are told of, by the one of its four-letter words that is always allowed.
func (m Machine) ZooKeeper(servers []string) []Check {
	var checks []Check
	for _, at := range servers {
		name := "zookeeper " + at
		checks = append(checks, Check{name, func(ctx context.Context) []Finding { return []Finding{zookeeper(ctx, name, at)} }})
	}
	return checks
}

func zookeeper(ctx context.Context, name, at string) Finding {
	remedy := "start it, or correct --zk: clients of old habits find no leader without"
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", at)
	if err != nil {
		return fail(name, remedy, "%v", err)
	}
	defer conn.Close()
	if end, bounded := ctx.Deadline(); bounded {
		_ = conn.SetDeadline(end.Add(-Patience / 10))
	}
	_, err = conn.Write([]byte("srvr"))
	answer, _ := io.ReadAll(io.LimitReader(conn, 1<<16))
	_, rest, found := strings.Cut(string(answer), "Zookeeper version: ")
	switch {
	case strings.Contains(string(answer), "not currently serving requests"):
		return fail(name, "most of ZooKeeper's servers have to run", "it serves nobody: there is no quorum")
	case strings.Contains(string(answer), "not in the whitelist"):
		return warn(name, "4lw.commands.whitelist=srvr in zoo.cfg, to have it checked", "it answers, but does not say how it is")
	case err != nil || !found:
		return fail(name, remedy, "it does not answer as ZooKeeper does")
	}
	release, _, _ := strings.Cut(rest, ",")
	return ok(name, "version %s", strings.TrimSpace(release))
}
