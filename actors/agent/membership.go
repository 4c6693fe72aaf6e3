package agent

import (
	"fmt"
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
)

const (
	// slowRetry bounds the wait between attempts at a master that is there and does not answer: it is busy, and
	// Mesos' number keeps ten thousand agents from making it worse.
	slowRetry = time.Minute
	// fastRetry bounds it while the master cannot be reached at all. Trying costs it nothing then, and a master
	// that was restarted has its agents back within seconds.
	fastRetry = 5 * time.Second
	// defaultPingTimeout is what a master without an opinion means: five pings missed.
	defaultPingTimeout = 75 * time.Second
	// turn is how much of a new leader's time each agent gets when all return at once: that many agents times it is how
	// far they spread, if it is less than the registration backoff factor. A small cluster is back at once.
	turn = 100 * time.Microsecond
	// detectRetry is the wait after a detector failed.
	detectRetry = time.Second
)

// membership is what the agent knows of its master.
type membership struct {
	leader      *cluster.Leader
	master      process.UPID // zero: nobody leads
	epoch       uint64       // the newest heard of
	reachable   bool         // the link has not broken since the last attempt
	backoff     time.Duration
	attempt     process.Timer
	reported    bool   // since it is away the agent has sent what it has
	proving     uint64 // the authentication under way; 0: none
	unproven    int    // authentications in a row without success
	pings       process.Timer
	pingTimeout time.Duration
	stop        func() // of the detection underway
}

func (m *membership) cancel() {
	if m.stop != nil {
		m.stop()
		m.stop = nil
	}
	for _, t := range []process.Timer{m.attempt, m.pings} {
		if t != nil {
			t.Stop()
		}
	}
}

// obey tells whether an order comes from the master that leads. What a deposed one sent late changes nothing.
func (a *Agent) obey(from process.UPID, epoch uint64) bool {
	if a.phase == recovering || a.phase >= leaving {
		return false
	}
	if from != a.membership.master || epoch < a.membership.epoch {
		a.b.Log().Warn("ignored an order of a master that does not lead", "from", from.String(), "epoch", epoch,
			"master", a.membership.master.String(), "expected", a.membership.epoch)
		return false
	}
	a.membership.epoch = epoch
	return true
}

// detect asks for a leader that differs from the previous one.
func (a *Agent) detect(previous *cluster.Leader) {
	if a.membership.stop != nil {
		a.membership.stop()
	}
	promise, found := process.NewPromise[*cluster.Leader](a.b)
	a.membership.stop = a.parts.Detector.Detect(previous, func(l *cluster.Leader, err error) { promise.Complete(l, err) })
	process.Then(a.b, found, a.detected)
}

func (a *Agent) detected(l *cluster.Leader, err error) {
	if a.phase >= leaving {
		return
	}
	if err != nil {
		a.b.Log().Warn("cannot find the master; trying again", "error", err)
		a.b.Delay(detectRetry, func() { a.detect(a.membership.leader) })
		return
	}
	a.follow(l)
	a.detect(l)
}

// follow turns to a new leader, or to none.
func (a *Agent) follow(l *cluster.Leader) {
	m := &a.membership
	if !m.master.IsZero() {
		a.b.Unlink(m.master)
	}
	a.disconnect()
	m.leader, m.master, m.unproven = l, process.UPID{}, 0
	if l == nil {
		a.b.Log().Info("no master leads; waiting")
		return
	}
	master, err := process.ParseUPID(l.UPID)
	if err != nil {
		a.b.Log().Error("the leading master has an address that cannot be read", "address", l.UPID, "error", err)
		return
	}
	m.master = master
	m.epoch = max(m.epoch, l.Epoch)
	a.b.Log().Info("found the master", "master", master.String(), "epoch", l.Epoch)
	a.join()
}

// disconnect is away, without a word to anybody. Updates wait.
func (a *Agent) disconnect() {
	if a.phase == member {
		a.phase = away
	}
	a.pauseUpdates()
	a.pauseOperations()
	m := &a.membership
	for _, t := range []process.Timer{m.attempt, m.pings} {
		if t != nil {
			t.Stop()
		}
	}
	m.attempt, m.pings = nil, nil
	m.proving, m.reported = 0, false
}

// join begins to register, after a random wait, because everybody else begins now too.
func (a *Agent) join() {
	m := &a.membership
	m.backoff = a.config.RegistrationBackoffFactor
	wait := m.backoff
	if known := m.leader; known != nil && known.Agents > 0 {
		wait = min(wait, time.Duration(known.Agents)*turn)
	}
	m.attempt = a.b.Delay(jitter(a.b.Rand(), wait), a.register)
}

// jitter is a random wait of at most d.
func jitter(r *rand.Rand, d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return time.Duration(r.Int64N(int64(d) + 1))
}

// register asks to be admitted, until it is. Every attempt proves anew who the agent is, because the master may have
// forgotten: it, or the link, may have been replaced.
func (a *Agent) register() {
	m := &a.membership
	if m.master.IsZero() || a.phase != away {
		return
	}
	m.reachable = true
	a.b.Link(m.master)
	if a.parts.Credential != nil {
		a.authenticate()
		return
	}
	a.apply()
}

// apply sends what the agent is and has.
func (a *Agent) apply() {
	m := &a.membership
	if a.info.Id == nil {
		a.b.Send(m.master, &controlpb.RegisterAgent{Agent: a.info, Version: proto.String(Version), Capabilities: capabilities,
			CheckpointedResources: checkpointed(a.holdings.stored).Proto()})
	} else {
		a.b.Send(m.master, a.reregistration())
	}
	m.backoff = nextBackoff(m.backoff, slowRetry)
	m.attempt = a.b.Delay(jitter(a.b.Rand(), m.backoff), a.register)
}

// nextBackoff doubles, up to a limit; a zero factor means no backoff, which only tests want.
func nextBackoff(d, limit time.Duration) time.Duration { return min(2*d, limit) }

// masterLost is the broken link. The master may be back in a moment, under the same name, without any detector
// noticing; so the agent asks at once instead of waiting for a ping to miss.
func (a *Agent) masterLost() {
	m := &a.membership
	if a.phase == recovering || a.phase >= leaving {
		return
	}
	if a.phase == member {
		a.b.Log().Warn("lost the connection to the master; trying to return", "master", m.master.String())
		m.backoff = a.config.RegistrationBackoffFactor
	}
	a.disconnect()
	m.reachable = false
	m.backoff = min(m.backoff, fastRetry)
	m.attempt = a.b.Delay(jitter(a.b.Rand(), m.backoff), a.register)
}

// registered is the master's welcome to a new agent. The id is on disk before it is used: an agent that loses it
// would come back as somebody else, and its tasks with nobody.
func (a *Agent) registered(from process.UPID, m *controlpb.AgentRegistered) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	id := m.GetAgentId().GetValue()
	if a.info.Id != nil {
		a.welcomed(id, m.GetPingTimeoutSeconds())
		return
	}
	a.b.Log().Info("registered", "agent", id, "master", from.String())
	a.info = proto.CloneOf(a.info)
	a.info.Id = m.GetAgentId()
	a.changed = true
	a.write(a.agentChanges(), nil) // every later write comes after it
	a.welcomed(id, m.GetPingTimeoutSeconds())
}

// reregistered is the master's welcome to one that returns.
func (a *Agent) reregistered(from process.UPID, m *controlpb.AgentReregistered) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	if !a.welcomed(m.GetAgentId().GetValue(), m.GetPingTimeoutSeconds()) {
		return
	}
	for _, r := range m.GetReconciliations() {
		a.reconcile(r)
	}
	a.reconcileOperations(m.GetOperations())
}

// welcomed makes a member. It is sent again when the agent asked twice, and changes nothing then.
func (a *Agent) welcomed(id string, pingTimeout float64) bool {
	if id != a.id() {
		a.end(fmt.Errorf("the master admitted agent %s, but this is agent %s: it serves another cluster; "+
			"to join this one, remove %s below --work_dir", id, a.id(), latestAgent))
		return false
	}
	if a.phase != away {
		return true
	}
	a.phase = member
	a.changed = true
	m := &a.membership
	m.proving = 0
	if m.attempt != nil {
		m.attempt.Stop()
		m.attempt = nil
	}
	m.pingTimeout = defaultPingTimeout
	if pingTimeout > 0 {
		m.pingTimeout = time.Duration(pingTimeout * float64(time.Second))
	}
	a.expectPing()
	a.b.Log().Info("a member of the cluster", "agent", id, "master", m.master.String())
	a.resumeUpdates()
	a.resumeOperations()
	return true
}

// expectPing looks for the master anew when no ping comes: the link may hang, or the master may have lost it.
func (a *Agent) expectPing() {
	m := &a.membership
	if m.pings != nil {
		m.pings.Stop()
	}
	m.pings = a.b.Delay(m.pingTimeout, func() {
		a.b.Log().Warn("no ping from the master; looking for it again", "after", m.pingTimeout)
		a.follow(nil)
		a.detect(nil)
	})
}

// ping is the master's question whether the agent is there. A master that thinks the agent is not connected has
// missed its return or noticed a broken link that the agent did not.
func (a *Agent) ping(from process.UPID, m *controlpb.Ping) {
	if !a.obey(from, m.GetEpoch()) {
		return
	}
	pong := &controlpb.Pong{}
	if a.info.Id != nil {
		pong.AgentId = a.info.Id
	}
	a.b.Send(from, pong)
	if a.phase != member {
		return
	}
	a.expectPing()
	if !m.GetConnected() {
		a.b.Log().Info("the master does not think that this agent is connected; registering again")
		a.disconnect()
		a.join()
	}
}
