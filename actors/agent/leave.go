package agent

import (
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
)

// shutdownAgent is the order to kill everything and end, from the master (the agent was removed, or is gone for
// good) or from this same runtime (Shutdown).
func (a *Agent) shutdownAgent(from process.UPID, m *controlpb.ShutdownAgent) {
	local := from.Addr == a.b.Self().Addr
	if a.phase >= leaving || !local && !a.obey(from, m.GetEpoch()) {
		return
	}
	a.b.Log().Info("told to shut down", "by", from.String(), "because", m.GetMessage())
	a.leave(local)
}

// leave ends every executor and then the agent. One that leaves on its own says goodbye, so that its tasks are
// not waited for; one that the master removed is not expected back.
func (a *Agent) leave(sayGoodbye bool) {
	if sayGoodbye && a.phase == member {
		a.b.Send(a.membership.master, &controlpb.UnregisterAgent{AgentId: a.info.GetId()})
	}
	a.pauseUpdates()
	a.membership.cancel()
	a.phase = leaving
	a.changed = true
	for _, f := range a.sortedFrameworks() {
		if !f.leaving {
			a.shutdownAll(f)
		}
	}
	a.endIfLeft()
}

// endIfLeft ends an agent that is leaving when its last framework is gone. What it was called is forgotten: it
// would not be let in under that name again.
func (a *Agent) endIfLeft() {
	if a.phase != leaving || len(a.frameworks) > 0 {
		return
	}
	a.phase = left
	a.write([]Change{{Kind: Remove, Path: latestAgent}}, func() { a.end(nil) })
}
