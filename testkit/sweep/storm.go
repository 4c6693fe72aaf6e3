package sweep

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// stormy is the weather of a storm: slow at times, and connections break. It loses as TCP does.
var stormy = testkit.Weather{
	MinLatency: 100 * time.Microsecond, MaxLatency: 50 * time.Millisecond, Reset: 5,
	KeepAlive: testkit.Calm.KeepAlive, Refused: testkit.Calm.Refused,
}

// disaster is something that may happen in a storm, and how often of all.
type disaster struct {
	weight int
	happen func(r *Run)
}

// disasters are in the order of their dullness; the first is nothing at all.
var disasters = []disaster{
	{4, func(*Run) {}},
	{6, resetConnection},
	{4, cutAgent},
	{2, cutFramework},
	{5, crashAgent},
	{2, crashMaster},
	{2, crashFramework},
	{1, pullPlug},
	{1, giveUp},
}

// storm begins the bad weather.
func (r *Run) storm() {
	r.SetWeather(stormy)
	r.next()
}

// next lets something happen, and again after up to four seconds, until the storm is over.
func (r *Run) next() {
	r.At(time.Second+time.Duration(r.Choose(30))*100*time.Millisecond+time.Duration(r.Choose(100))*37*time.Microsecond, func() {
		if r.over {
			return
		}
		total := 0
		for _, d := range disasters {
			total += d.weight
		}
		luck := r.Choose(total)
		for _, d := range disasters {
			if luck -= d.weight; luck < 0 {
				d.happen(r)
				break
			}
		}
		r.next()
	})
}

// clear ends the storm: everything is healed and started.
func (r *Run) clear() {
	r.over = true
	r.SetWeather(testkit.Calm)
	r.HealAll()
	for _, a := range r.Agents {
		r.revive(a)
	}
	for _, f := range r.Frameworks {
		restart(f.Node())
	}
	restart(r.Master.Node())
}

func restart(n *testkit.Node) {
	if !n.Up() {
		n.Restart()
	}
}

// revive starts an agent, unless it was told to end.
func (r *Run) revive(a *cast.Agent) {
	if len(a.Endings) == 0 {
		restart(a.Node())
	}
}

func (r *Run) someAgent() *cast.Agent    { return r.Agents[r.Choose(len(r.Agents))] }
func (r *Run) someFramework() *Framework { return r.Frameworks[r.Choose(len(r.Frameworks))] }

// someTime is one of a few durations; the dullest first.
func (r *Run) someTime(of ...time.Duration) time.Duration { return of[r.Choose(len(of))] }

func resetConnection(r *Run) {
	if r.Choose(4) == 3 {
		r.Reset(r.Master, r.someFramework())
		return
	}
	r.Reset(r.Master, r.someAgent())
}

// cutAgent cuts an agent off for less than the connection takes to break, or more than that, or so long that it
// is given up for unreachable.
func cutAgent(r *Run) {
	r.cut(r.someAgent(), r.someTime(2*time.Second, 20*time.Second, 100*time.Second))
}

func cutFramework(r *Run) {
	r.cut(r.someFramework(), r.someTime(2*time.Second, 20*time.Second, 60*time.Second))
}

func (r *Run) cut(who testkit.Placed, during time.Duration) {
	switch r.Choose(4) {
	case 1:
		r.CutOneWay(who, r.Master)
	case 2:
		r.CutOneWay(r.Master, who)
	default:
		r.Cut(who, r.Master)
	}
	r.At(during, func() {
		if !r.over {
			r.Heal(who, r.Master)
		}
	})
}

func crashAgent(r *Run) {
	a := r.someAgent()
	if !a.Up() || len(a.Endings) > 0 {
		return
	}
	a.Crash()
	r.At(r.someTime(50*time.Millisecond, time.Second, 30*time.Second), func() { r.revive(a) })
}

func crashMaster(r *Run) {
	if !r.Master.Up() {
		return
	}
	r.Master.Crash()
	r.At(r.someTime(100*time.Millisecond, 2*time.Second, 20*time.Second), func() { restart(r.Master.Node()) })
}

func crashFramework(r *Run) {
	f := r.someFramework()
	if !f.Up() {
		return
	}
	f.Crash()
	r.At(r.someTime(100*time.Millisecond, 2*time.Second, 20*time.Second), func() { restart(f.Node()) })
}

// pullPlug ends a whole machine, with everything that runs on it.
func pullPlug(r *Run) {
	a := r.someAgent()
	if !a.Up() {
		return
	}
	r.dark[a] = true
	a.PowerOff()
	r.At(r.someTime(5*time.Second, 60*time.Second), func() { r.revive(a) })
}

// giveUp marks an agent as gone, one in a run at most.
func giveUp(r *Run) {
	a := r.someAgent()
	if len(r.given) > 0 || a.ID() == "" || !r.Master.Up() {
		return
	}
	r.given[a] = true
	r.operator.Send(r.Master.Operator(), &masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(),
		MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: &mesospb.AgentID{Value: proto.String(a.ID())}}})
}
