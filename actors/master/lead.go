package master

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// lapse is the end of a term.
type lapse struct{ why error }

// begin is the first thing that happens after the helpers are there.
func (m *Master) begin(writer registrar.Client, sharer allocator.Client, herald process.Ref[*detector.Herald]) {
	m.registrar, m.allocator, m.herald = writer, sharer, herald
	m.desk.touchMaster()
	won, future := process.NewPromise[cluster.Term](m.Base)
	m.withdraw = m.parts.Contender.Contend(m.info, won.Complete)
	process.Then(m.Base, future, m.won)
}

// won begins a term: whoever led before may have decided things that only the registry knows.
func (m *Master) won(term cluster.Term, err error) {
	m.withdraw = nil
	if err != nil {
		m.Fatal(fmt.Errorf("this master can never lead: %w", err))
		return
	}
	m.term, m.elected = term, m.Now()
	m.desk.touchMaster()
	m.Log().Info("elected", "id", m.id, "term", term.Epoch())
	lost, future := process.NewPromise[struct{}](m.Base)
	m.withdraw = term.Lost(func(err error) {
		m.lost.Store(&lapse{err})
		lost.Complete(struct{}{}, nil)
	})
	process.Then(m.Base, future, func(struct{}, error) { m.deposed() })
	process.Then(m.Base, m.registrar.Recover(m.Base, term, m.info), m.recovered)
}

// holds runs before everything else that a master does: one whose lease has run out may have a successor already, and
// does nothing more, whatever is in its mailbox. It costs a look at the clock.
func (m *Master) holds() {
	if m.term != nil && !m.term.Valid() {
		m.deposed()
	}
}

// deposed ends the process. A master that is not followed any more must not speak, and a fresh one starts
// with a clean memory.
func (m *Master) deposed() {
	why := errors.New("the lease ran out before it was renewed")
	if over := m.lost.Load(); over != nil && over.why != nil {
		why = over.why
	} else if over != nil {
		why = errors.New("the term was given back")
	}
	m.Fatal(fmt.Errorf("leadership is lost, and a new process has to stand by in this one's place: %w: %w", why, fault.ErrNotLeader))
}

// detected is what the election says of the leader. Two that believe to lead are told apart here: the one of the older
// term ends.
func (m *Master) detected(l *cluster.Leader) {
	if m.term != nil && l != nil && l.UPID != m.Self().String() && l.Epoch > m.term.Epoch() {
		m.lost.Store(&lapse{fmt.Errorf("%s leads in term %d, and this master led in term %d", l.UPID, l.Epoch, m.term.Epoch())})
		m.deposed()
		return
	}
	if !l.Same(m.leader) && m.term == nil {
		m.Log().Info("detected the leader", "leader", l.Name(), "term", l.Term())
	}
	m.leader = l
	m.desk.touchMaster()
}

// presides is who leads, for those who ask this master: itself if it does.
func (m *Master) presides() *mesospb.MasterInfo {
	switch {
	case m.term != nil:
		return m.info
	case m.leader == nil || m.leader.UPID == m.Self().String():
		return nil // of its own earlier life, which the election has yet to forget
	}
	return m.leader.Info
}

// recovered begins to serve. Agents in the registry are expected back with their tasks.
func (m *Master) recovered(r *registrar.Registry, err error) {
	if err != nil {
		m.Fatal(fmt.Errorf("the master cannot recover: %w", err))
		return
	}
	m.epoch = r.Cluster.GetEpoch()
	m.agents.recover(r)
	m.recoverWeights(r.Weights)
	m.recoverQuota(r.Quota)
	m.recoverMaintenance(r)
	m.returned()
	m.serving = true
	m.bootstrapWeights()
	m.desk.touchMaster()
	m.desk.resetRecovered(m.agents.recovered)
	detector.Serves(m.herald, m.info, m.epoch, len(r.Admitted))
	m.Log().Info("recovered", "agents", len(r.Admitted), "unreachable", len(r.Unreachable), "gone", len(r.Gone), "epoch", m.epoch)
	if len(m.agents.recovered) > 0 {
		m.Delay(m.config.AgentReregisterTimeout, m.recoveryOver)
	}
	m.Every(m.config.RegistryGCInterval, m.prune)
}

// reachOf asks an election how it stands; one that depends on nothing is always there.
func reachOf(r cluster.Reacher) cluster.Reach {
	if r == nil {
		return cluster.Reach{}
	}
	return r.Reach()
}

// hostPort parts "host:port"; an address without a port, as a runtime without transport has, is all host.
func hostPort(addr string) (host string, port int) {
	host, text, err := net.SplitHostPort(addr)
	if err != nil {
		return addr, 0
	}
	port, err = strconv.Atoi(text)
	if err != nil {
		return host, 0
	}
	return host, port
}
