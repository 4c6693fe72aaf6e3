package master

import (
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
)

// begin is the first thing that happens after the helpers are there.
func (m *Master) begin(writer registrar.Client, sharer allocator.Client) {
	m.registrar, m.allocator = writer, sharer
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
	m.withdraw = term.Lost(func(err error) { lost.Complete(struct{}{}, err) })
	process.Then(m.Base, future, func(_ struct{}, err error) { m.deposed(err) })
	process.Then(m.Base, m.registrar.Recover(m.Base, term, m.info), m.recovered)
}

// deposed ends the process. A master that is not followed any more must not speak, and a fresh one starts
// with a clean memory.
func (m *Master) deposed(why error) {
	if why == nil {
		why = errors.New("the term was given back")
	}
	m.Fatal(fmt.Errorf("leadership is lost: %w", why))
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
	m.Log().Info("recovered", "agents", len(r.Admitted), "unreachable", len(r.Unreachable), "gone", len(r.Gone), "epoch", m.epoch)
	if len(m.agents.recovered) > 0 {
		m.Delay(m.config.AgentReregisterTimeout, m.recoveryOver)
	}
	m.Every(m.config.RegistryGCInterval, m.prune)
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
