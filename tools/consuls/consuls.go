// Package consuls runs real Consul servers on loopback, for tests and for tools that do them harm. Each set has
// addresses of its own below 127.0.0.0/8, so that servers come back to their ports and sets do not meet. The
// servers die with the process that started them.
//
// The binary is bin/consul, which `make consul` builds once, or what CONSUL_BIN names.
package consuls

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Options change what Start does by default.
type Options struct {
	// Binary is the consul to run; empty: CONSUL_BIN, or bin/consul of this repository.
	Binary string
	// SessionTTLMin is the smallest TTL that sessions may have; zero: Consul's own 10 s.
	SessionTTLMin time.Duration
	// RaftMultiplier is Consul's; zero: 1, with which a lost Consul leader is replaced within 3 s.
	RaftMultiplier int
	// Token turns the access control on: whoever does not show it may do nothing.
	Token string
	// TLS makes the servers speak https only, and ask clients for a certificate (Servers.Certificates).
	TLS bool
	// StartTimeout is how long Start, Restart and Ready wait; zero: a minute.
	StartTimeout time.Duration
}

// Servers are the servers of one Consul datacenter.
type Servers struct {
	// Addresses are host:port of the servers' HTTP (or HTTPS) API.
	Addresses []string
	// Certificates are set with TLS.
	Certificates Certificates

	dir     string
	options Options
	launch  chan func() // run by the one thread that is the servers' parent
	servers []*server
}

// Start runs n servers with data below dir, and returns when they take writes.
func Start(dir string, n int) (*Servers, error) { return StartWith(dir, n, Options{}) }

// StartWith is Start with options.
func StartWith(dir string, n int, o Options) (*Servers, error) {
	if o.Binary == "" {
		binary, err := find()
		if err != nil {
			return nil, err
		}
		o.Binary = binary
	}
	if o.RaftMultiplier == 0 {
		o.RaftMultiplier = 1
	}
	if o.StartTimeout == 0 {
		o.StartTimeout = time.Minute
	}
	hosts, err := hosts(n)
	if err != nil {
		return nil, err
	}
	s := &Servers{dir: dir, options: o, launch: parent()}
	if o.TLS {
		if s.Certificates, err = certify(filepath.Join(dir, "tls"), hosts); err != nil {
			return nil, fmt.Errorf("certificates for Consul: %w", err)
		}
	}
	for i, host := range hosts {
		s.Addresses = append(s.Addresses, net.JoinHostPort(host, s.port()))
		s.servers = append(s.servers, &server{dir: filepath.Join(dir, fmt.Sprint("consul-", i)), host: host})
	}
	for i := range hosts {
		if err := s.run(i, hosts); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.Ready(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func (s *Servers) port() string {
	if s.options.TLS {
		return "8501"
	}
	return "8500"
}

// Kill ends a server as a power cut does. Its data stay.
func (s *Servers) Kill(i int) error { return s.servers[i].kill() }

// Stop keeps a server from running (SIGSTOP) until Continue.
func (s *Servers) Stop(i int) error { return s.servers[i].signal(stop) }

// Continue undoes Stop.
func (s *Servers) Continue(i int) error { return s.servers[i].signal(cont) }

// Running reports whether a server's process lives, stopped or not.
func (s *Servers) Running(i int) bool { return s.servers[i].running() }

// Restart starts a server again that was killed. It does not wait; Ready does.
func (s *Servers) Restart(i int) error {
	if s.servers[i].running() {
		return fmt.Errorf("Consul server %d runs", i)
	}
	var hosts []string
	for _, one := range s.servers {
		hosts = append(hosts, one.host)
	}
	return s.run(i, hosts)
}

// Wipe kills all servers, deletes their data, and starts them again: a Consul that has lost everything.
func (s *Servers) Wipe() error {
	for i := range s.servers {
		if err := s.Kill(i); err != nil {
			return err
		}
		if err := os.RemoveAll(s.servers[i].dir); err != nil {
			return err
		}
	}
	for i := range s.servers {
		if err := s.Restart(i); err != nil {
			return err
		}
	}
	return s.Ready()
}

// Close kills all servers. The data stay.
func (s *Servers) Close() error {
	var errs []error
	for i := range s.servers {
		errs = append(errs, s.Kill(i))
	}
	if s.launch != nil {
		close(s.launch)
		s.launch = nil
	}
	return errors.Join(errs...)
}

// run writes a server's configuration and starts it.
func (s *Servers) run(i int, hosts []string) error {
	one := s.servers[i]
	config := map[string]any{
		"server": true, "bootstrap_expect": len(hosts), "node_name": fmt.Sprint("consul-", i), "datacenter": "dc1",
		"data_dir": filepath.Join(one.dir, "data"), "bind_addr": one.host, "client_addr": one.host, "retry_join": hosts,
		"retry_interval": "200ms", "disable_update_check": true, "disable_remote_exec": true, "log_level": "warn",
		"performance": map[string]any{"raft_multiplier": s.options.RaftMultiplier},
		// A server that was killed stays a member, or the next one that is killed costs the quorum.
		"autopilot": map[string]any{"cleanup_dead_servers": false, "server_stabilization_time": "200ms"},
		"limits":    map[string]any{"http_max_conns_per_client": 10000},
		"ports":     s.ports(),
	}
	if s.options.SessionTTLMin > 0 {
		config["session_ttl_min"] = s.options.SessionTTLMin.String()
	}
	if s.options.Token != "" {
		config["acl"] = map[string]any{"enabled": true, "default_policy": "deny",
			"tokens": map[string]any{"initial_management": s.options.Token, "agent": s.options.Token}}
	}
	if s.options.TLS {
		config["tls"] = map[string]any{"https": map[string]any{"ca_file": s.Certificates.CA, "cert_file": s.Certificates.server,
			"key_file": s.Certificates.serverKey, "verify_incoming": true}}
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(one.dir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(one.dir, "consul.json"), text, 0o600); err != nil {
		return err
	}
	return one.start(s.launch, s.options.Binary)
}

func (s *Servers) ports() map[string]any {
	ports := map[string]any{"dns": -1, "grpc": -1, "grpc_tls": -1, "serf_wan": -1, "http": 8500, "https": -1, "server": 8300, "serf_lan": 8301}
	if s.options.TLS {
		ports["http"], ports["https"] = -1, 8501
	}
	return ports
}

// Ready waits until every server that runs follows a leader, which takes writes.
func (s *Servers) Ready() error {
	ctx, cancel := context.WithTimeout(context.Background(), s.options.StartTimeout)
	defer cancel()
	for i, one := range s.servers {
		if !one.running() {
			continue
		}
		if err := s.ready(ctx, i); err != nil {
			return fmt.Errorf("Consul server %d at %s is not ready: %w; its last words: %s", i, s.Addresses[i], err, one.lastWords())
		}
	}
	return nil
}

func (s *Servers) ready(ctx context.Context, i int) error {
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		_, err := s.Call(ctx, i, "PUT", "/v1/kv/consuls-ready", []byte("yes"))
		if err == nil {
			return nil
		}
		if !s.servers[i].running() {
			return fmt.Errorf("its process has ended: %w", err)
		}
		select {
		case <-ctx.Done():
			return err
		case <-again.C:
		}
	}
}

// Leader is the index of the server that leads the others, and -1 if none does.
func (s *Servers) Leader() int {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for i := range s.servers {
		if !s.servers[i].running() {
			continue
		}
		answer, err := s.Call(ctx, i, "GET", "/v1/status/leader", nil)
		if err != nil {
			continue
		}
		host, _, _ := net.SplitHostPort(string(bytes.Trim(bytes.TrimSpace(answer), `"`)))
		for j, one := range s.servers {
			if one.host == host && one.running() {
				return j
			}
		}
	}
	return -1
}

// Snapshot is a backup of everything that the servers hold, for Restore.
func (s *Servers) Snapshot() ([]byte, error) {
	return s.Call(context.Background(), s.any(), "GET", "/v1/snapshot", nil)
}

// Restore makes the servers hold what a Snapshot held.
func (s *Servers) Restore(snapshot []byte) error {
	_, err := s.Call(context.Background(), s.any(), "PUT", "/v1/snapshot", snapshot)
	return err
}

func (s *Servers) any() int {
	for i, one := range s.servers {
		if one.running() {
			return i
		}
	}
	return 0
}
