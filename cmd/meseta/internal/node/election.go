package node

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/cluster/standalone"
	"github.com/meseta-io/meseta/cluster/zookeeper"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Standalone is the election of a single master.
const Standalone = "standalone"

// Election is how masters agree on who leads.
type Election struct {
	// Election is how masters agree on who leads: standalone for a single master, which keeps its registry in work_dir, or
	// consul://HOST:PORT,HOST:PORT/PREFIX for several, which keep it in Consul.
	Election string `flag:"election"`
	// ZK is where the leader is published for clients of Mesos, zk://HOST:PORT,HOST:PORT/PATH, or a file:// with that. It
	// decides nothing: masters agree as --election says.
	ZK string `flag:"zk" unit:"url"`
	// Quorum is how many of several masters there are at least, as Mesos wants to know. Nothing needs it here; more than 1
	// is refused without an --election that knows of several.
	Quorum int `flag:"quorum"`
}

// DefaultElection is a single master's.
func DefaultElection() Election { return Election{Election: Standalone, Quorum: 1} }

// Validate reports everything that is wrong at once.
func (e Election) Validate() error {
	var errs []error
	switch {
	case consul.Is(e.Election):
		_, err := consul.Parse(e.Election)
		if err != nil {
			err = fmt.Errorf("--election: %w", err)
		}
		errs = append(errs, err)
	case e.Election != Standalone:
		errs = append(errs, fmt.Errorf("--election=%s: standalone or consul://HOST:PORT expected: %w", e.Election, fault.ErrInvalid))
	case e.Quorum > 1:
		errs = append(errs, fmt.Errorf("--quorum=%d: several masters need an --election that they agree by, as in --election=consul://127.0.0.1:8500: %w", e.Quorum, fault.ErrInvalid))
	}
	if e.Quorum < 1 {
		errs = append(errs, fmt.Errorf("--quorum=%d: at least 1: %w", e.Quorum, fault.ErrInvalid))
	}
	if e.ZK != "" {
		if _, err := zookeeper.Parse(e.ZK); err != nil {
			errs = append(errs, fmt.Errorf("--zk: %w", err))
		}
	}
	return errors.Join(errs...)
}

// elects is all that a master is led by.
type elects interface {
	cluster.Contender
	cluster.Detector
	cluster.Registry
}

// elected opens who leads and what must survive a master.
func (s *Service) elected(e Election, workDir string) (elects, error) {
	switch {
	case consul.Is(e.Election):
		store, err := openConsul(e.Election, workDir, s.log.Logger)
		if err != nil {
			return nil, fmt.Errorf("--election: %w", err)
		}
		s.close = append(s.close, store.Close)
		return store, nil
	case s.forgetful:
		return memory.New(), nil
	}
	store, err := standalone.Open(workDir)
	if err != nil {
		return nil, fmt.Errorf("--work_dir=%s: %w; name another directory", workDir, err)
	}
	s.close = append(s.close, store.Close)
	return store, nil
}

// published is a contender whose terms are made known in ZooKeeper. The terms themselves are the contender's own: the
// registry knows them.
type published struct {
	cluster.Contender
	in  *zookeeper.Publisher
	log *slog.Logger
}

// publishing wraps a contender, if there is somewhere to publish.
func (s *Service) publishing(c cluster.Contender, address string) (cluster.Contender, error) {
	if address == "" {
		return c, nil
	}
	at, err := zookeeper.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("--zk: %w", err)
	}
	p, err := zookeeper.NewPublisher(at, s.log.Logger)
	if err != nil {
		return nil, fmt.Errorf("--zk: %w", err)
	}
	s.close = append(s.close, p.Close)
	return published{c, p, s.log.Logger}, nil
}

// Contend implements cluster.Contender.
func (p published) Contend(info *mesospb.MasterInfo, done func(cluster.Term, error)) func() {
	return p.Contender.Contend(info, func(term cluster.Term, err error) {
		if err == nil {
			if err := p.in.Publish(info, term.Epoch()); err != nil {
				p.log.Error("the leader cannot be published", "error", err)
			}
			// A term that is lost, or given back, is another's in a moment. Nobody waits for ZooKeeper.
			term.Lost(func(error) { go func() { _ = p.in.Withdraw() }() })
		}
		done(term, err)
	})
}
