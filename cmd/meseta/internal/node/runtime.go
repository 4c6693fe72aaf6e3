// Package node puts the concrete parts together: a runtime that listens, masters and agents in it with their disks
// and launchers, and the parting at the end. The actors know none of these parts by name.
package node

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"syscall"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// Listen is where a runtime can be reached. The names of the flags are Mesos'.
type Listen struct {
	// IP is the address to listen on. Empty: all of the machine's, and others are told the one that leads outside.
	IP string `flag:"ip"`
	// Port is the port to listen on; 0 takes a free one.
	Port uint16 `flag:"port"`
	// AdvertiseIP is the address that others are told, where it differs from the one to listen on.
	AdvertiseIP string `flag:"advertise_ip"`
	// AdvertisePort is the port that others are told, where it differs from the one to listen on.
	AdvertisePort uint16 `flag:"advertise_port"`
}

// Failed hears why an actor could not go on. Nothing of its runtime can be trusted then.
type Failed func(who process.UPID, why any, stack []byte)

// runtime makes a runtime that others can reach, by HTTP too if it is to serve that.
func (l Listen) runtime(t TLS, http bool, log *slog.Logger, failed Failed) (*process.Runtime, *remote.Transport, error) {
	if l.IP != "" && net.ParseIP(l.IP) == nil {
		return nil, nil, fmt.Errorf("--ip=%s: an IP address expected", l.IP)
	}
	secure, err := t.files()
	if err != nil {
		return nil, nil, err
	}
	transport, err := remote.New(remote.Config{Listen: l.bind(), Advertise: l.advertised(), TLS: secure, HTTP: http, Log: log})
	if err != nil {
		return nil, nil, err
	}
	rt, err := process.New(process.Config{Transport: transport, Log: log, OnPanic: failed})
	if err != nil {
		return nil, nil, l.explain(err)
	}
	metrics.System(rt.Metrics())
	return rt, transport, nil
}

func (l Listen) bind() string {
	ip := l.IP
	if ip == "" {
		ip = "0.0.0.0"
	}
	return net.JoinHostPort(ip, strconv.Itoa(int(l.Port)))
}

// advertised is what others are told, or "" for the address that was bound.
func (l Listen) advertised() string {
	ip, port := l.AdvertiseIP, ""
	if ip == "" && (l.IP == "" || net.ParseIP(l.IP).IsUnspecified()) {
		ip = remote.Toward(remote.Outside)
	}
	if l.AdvertisePort != 0 {
		port = strconv.Itoa(int(l.AdvertisePort))
		if ip == "" {
			ip = l.IP
		}
	}
	switch {
	case ip == "":
		return ""
	case port == "":
		return ip
	}
	return net.JoinHostPort(ip, port)
}

// explain says what to do about an address that cannot be had.
func (l Listen) explain(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("port %d is taken by another program: stop it, or choose another port with --port", l.Port)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("--ip=%s: this machine has no such address", l.IP)
	case errors.Is(err, syscall.EACCES):
		return fmt.Errorf("port %d: only root may listen there; choose one above 1023 with --port", l.Port)
	}
	return err
}

// Client makes a runtime for a command that talks to a master. ip is the address that the cluster can reach it by;
// empty: the one that leads to the master.
func Client(master, ip string, t TLS, log *slog.Logger) (*process.Runtime, error) {
	if ip == "" {
		ip = remote.Toward(master)
	}
	rt, _, err := Listen{IP: ip}.runtime(t, false, log, func(who process.UPID, why any, stack []byte) {
		fmt.Fprintf(os.Stderr, "meseta: %s failed: %v\n%s", who.ID, why, stack)
		os.Exit(125)
	})
	return rt, err
}
