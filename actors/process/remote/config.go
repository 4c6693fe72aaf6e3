package remote

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/meseta-io/meseta/actors/process"
)

// Config is how a Transport listens and connects. The zero value listens on a free port of the loopback
// interface without TLS.
type Config struct {
	// Listen is the ip:port to bind. Port 0 takes a free one. Empty: 127.0.0.1:0.
	Listen string
	// Advertise is the host or host:port by which others reach this runtime, when it differs from Listen. It
	// is in every UPID. Without a port, or with port 0, the bound one is added.
	Advertise string
	// TLS, when set, is used in both directions, and peers without an acceptable certificate are refused.
	TLS *TLS
	// Outbox bounds what may wait for one peer. Zero: 100,000 messages, 256 MiB.
	Outbox process.Limits
	// MaxMessage is the largest message, in encoded bytes, that is sent or accepted. Zero: 64 MiB.
	MaxMessage int
	// MaxConnections bounds how many connections others may have to us. Zero: 65,536.
	MaxConnections int
	// RequirePeerAddressIPMatch refuses peers whose address is not the one that their connection comes from.
	// It has to stay off where nodes are behind address translation or have several interfaces. Mesos' flag of
	// this name does the same.
	RequirePeerAddressIPMatch bool
	// Keepalive is after how much silence a peer is asked for a sign of life. Zero: 10 s, which is also the
	// least that gRPC allows.
	Keepalive time.Duration
	// KeepaliveTimeout is how long it may take to give one. Zero: 2 s.
	KeepaliveTimeout time.Duration
	// ConnectTimeout bounds dialling and introducing. Zero: 5 s.
	ConnectTimeout time.Duration
	// HTTP is set if connections of HTTP/1.x are for Transport.HTTP. Otherwise they are refused.
	HTTP bool
	// MaxStrangers bounds how many connections there may be of which it is not known yet what they are; one host may have
	// a quarter of them. Zero: 4,096.
	MaxStrangers int
	// GreetTime is how long a connection may take to show what it is. Zero: 10 s.
	GreetTime time.Duration
	// Log hears of connections made, lost and refused. Nil: slog.Default().
	Log *slog.Logger
}

// Default is the complete answer for what a Config leaves open.
func Default() Config {
	return Config{
		Listen:           "127.0.0.1:0",
		Outbox:           process.Limits{Msgs: 100_000, Bytes: 256 << 20},
		MaxMessage:       64 << 20,
		MaxConnections:   65_536,
		Keepalive:        10 * time.Second,
		KeepaliveTimeout: 2 * time.Second,
		ConnectTimeout:   5 * time.Second,
		MaxStrangers:     4_096,
		GreetTime:        10 * time.Second,
		Log:              slog.Default(),
	}
}

func (c Config) complete() Config {
	d := Default()
	c.Listen = either(c.Listen, d.Listen)
	c.Outbox.Msgs = either(c.Outbox.Msgs, d.Outbox.Msgs)
	c.Outbox.Bytes = either(c.Outbox.Bytes, d.Outbox.Bytes)
	c.MaxMessage = either(c.MaxMessage, d.MaxMessage)
	c.MaxConnections = either(c.MaxConnections, d.MaxConnections)
	c.Keepalive = either(c.Keepalive, d.Keepalive)
	c.KeepaliveTimeout = either(c.KeepaliveTimeout, d.KeepaliveTimeout)
	c.ConnectTimeout = either(c.ConnectTimeout, d.ConnectTimeout)
	c.MaxStrangers = either(c.MaxStrangers, d.MaxStrangers)
	c.GreetTime = either(c.GreetTime, d.GreetTime)
	c.Log = either(c.Log, d.Log)
	return c
}

func either[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// Validate reports everything that is wrong at once.
func (c Config) Validate() error {
	c = c.complete()
	var errs []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		errs = append(errs, fmt.Errorf("listen address %q: not ip:port", c.Listen))
	}
	if c.MaxMessage < 1<<10 || c.MaxMessage > 1<<30 {
		errs = append(errs, fmt.Errorf("max message of %d bytes: it must be from 1 KiB to 1 GiB", c.MaxMessage))
	}
	if c.TLS != nil {
		if _, err := c.TLS.load(); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// advertised is the final address of a runtime whose listener is bound to l.
func (c Config) advertised(l net.Addr) (string, error) {
	if c.Advertise == "" {
		return l.String(), nil
	}
	_, bound, err := net.SplitHostPort(l.String())
	if err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(c.Advertise)
	if err != nil {
		host, port = c.Advertise, bound
	}
	if port == "" || port == "0" {
		port = bound
	}
	addr := net.JoinHostPort(host, port)
	if _, err := process.ParseUPID("x@" + addr); err != nil {
		return "", fmt.Errorf("advertised address %q: not host or host:port", c.Advertise)
	}
	return addr, nil
}
