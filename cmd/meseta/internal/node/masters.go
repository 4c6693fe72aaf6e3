package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/cluster/zookeeper"
	"github.com/meseta-io/meseta/messages/fault"
)

// lookup is how long Consul or ZooKeeper may take to say who leads.
const lookup = 5 * time.Second

// Masters is where a program looks for the master that leads, as --master says it:
//
//	10.0.0.1:5050                            a master, or any of several
//	10.0.0.1:5050,10.0.0.2:5050              some of several masters, any of which may lead
//	consul://10.0.0.1:8500/prefix            whoever the election in Consul has made the leader
//	zk://10.0.0.1:2181/mesos                 whoever is published in ZooKeeper, by masters of Mesos or of ours
type Masters struct {
	text  string
	hosts []string // host:port; empty for the other forms
}

// ParseMasters checks an address of masters. Hosts are looked up: processes know each other by IP addresses.
func ParseMasters(text string) (Masters, error) {
	text = strings.TrimSpace(text)
	m := Masters{text: text}
	switch {
	case consul.Is(text):
		if _, err := consul.Parse(text); err != nil {
			return m, fmt.Errorf("--master: %w", err)
		}
		return m, nil
	case strings.HasPrefix(text, "zk://"):
		if _, err := zookeeper.Parse(text); err != nil {
			return m, fmt.Errorf("--master: %w", err)
		}
		return m, nil
	}
	var unknown []error
	for one := range strings.SplitSeq(text, ",") {
		address, err := Resolve(strings.TrimSpace(one))
		switch {
		case errors.Is(err, fault.ErrNotFound):
			unknown = append(unknown, err)
		case err != nil:
			return m, err
		default:
			m.hosts = append(m.hosts, address)
		}
	}
	if len(m.hosts) == 0 {
		return m, errors.Join(unknown...)
	}
	return m, nil // one host less is no reason to give up: the others know who leads
}

// Detector makes what follows the leader for the actors of a runtime, as process id if it needs an actor. close ends it.
func (m Masters) Detector(rt *process.Runtime, id string, log *slog.Logger) (d cluster.Detector, end func() error, err error) {
	if len(m.hosts) == 0 {
		return m.service(log)
	}
	client, err := detector.Spawn(rt, id, m.hosts)
	return client, func() error { return nil }, err // it ends with the runtime
}

// service is the detector of an outside service.
func (m Masters) service(log *slog.Logger) (d cluster.Detector, end func() error, err error) {
	if consul.Is(m.text) {
		c, err := openConsul(m.text, "", log)
		if err != nil {
			return nil, nil, fmt.Errorf("--master: %w", err)
		}
		return c, c.Close, nil
	}
	c, err := zookeeper.Parse(m.text)
	if err != nil {
		return nil, nil, fmt.Errorf("--master: %w", err)
	}
	z, err := zookeeper.NewDetector(c, log)
	if err != nil {
		return nil, nil, fmt.Errorf("--master: %w", err)
	}
	return z, z.Close, nil
}

// Addresses are masters that can be asked over HTTP, host:port: those that were named, or the one that leads.
func (m Masters) Addresses(ctx context.Context, log *slog.Logger) ([]string, error) {
	if len(m.hosts) > 0 {
		return m.hosts, nil
	}
	d, end, err := m.service(log)
	if err != nil {
		return nil, err
	}
	defer end()
	type answer struct {
		leader *cluster.Leader
		err    error
	}
	found := make(chan answer, 1)
	cancel := d.Detect(nil, func(l *cluster.Leader, err error) { found <- answer{l, err} })
	defer cancel()
	late := time.NewTimer(lookup)
	defer late.Stop()
	select {
	case a := <-found:
		if a.err != nil {
			return nil, fmt.Errorf("--master=%s: %w", m, a.err)
		}
		leader, err := process.ParseUPID(a.leader.Name())
		if err != nil {
			return nil, fmt.Errorf("--master=%s: nobody leads there: %w", m, fault.ErrUnavailable)
		}
		return []string{leader.Addr}, nil
	case <-late.C:
		return nil, fmt.Errorf("--master=%s: it says within %s of nobody who leads; does it run, and do masters: %w", m, lookup, fault.ErrUnavailable)
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// String is the address without secrets, for logs.
func (m Masters) String() string {
	if z, err := zookeeper.Parse(m.text); err == nil {
		return z.String()
	}
	if c, err := consul.Parse(m.text); err == nil {
		return c.String()
	}
	return strings.Join(m.hosts, ",")
}
