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
	{2, cutMaster},
	{5, crashAgent},
	{2, crashMaster},
	{2, crashFramework},
	{2, pauseSomebody},
	{1, pauseMaster},
	{1, resign},
	{1, setClock},
	{1, restartMasters},
	{1, pullPlug},
	{1, loseDisk},
	{1, giveUp},
}

// storm begins the bad weather.
func (r *Run) storm() {
	r.SetWeather(stormy)
	r.disasters = append(r.disasters, disasters...)
	if r.Consul != nil {
		r.disasters = append(r.disasters, overConsul...)
		r.Consul.Repeated = repeatedWrites
	} else {
		r.disasters = append(r.disasters, inMemory...)
	}
	r.next()
}

// next lets something happen, and again after up to four seconds, until the storm is over.
func (r *Run) next() {
	r.At(time.Second+time.Duration(r.Choose(30))*100*time.Millisecond+time.Duration(r.Choose(100))*37*time.Microsecond, func() {
		if r.over {
			return
		}
		total := 0
		for _, d := range r.disasters {
			total += d.weight
		}
		luck := r.Choose(total)
		for _, d := range r.disasters {
			if luck -= d.weight; luck < 0 {
				d.happen(r)
				break
			}
		}
		r.next()
	})
}

// clear ends the storm: everything is healed, goes on and is started.
func (r *Run) clear() {
	r.over = true
	r.SetWeather(testkit.Calm)
	r.HealAll()
	r.clearConsul()
	for _, a := range r.Agents {
		a.Continue()
		r.revive(a)
	}
	for _, f := range r.Frameworks {
		f.Continue()
		restart(f.Node())
	}
	for _, m := range r.Masters {
		m.Continue()
		restart(m.Node())
	}
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

// someMaster is the leader more often than not.
func (r *Run) someMaster() *cast.Master {
	if l := r.leader(); l != nil && r.Choose(3) < 2 {
		return l
	}
	return r.Masters[r.Choose(len(r.Masters))]
}

// someTime is one of a few durations; the dullest first.
func (r *Run) someTime(of ...time.Duration) time.Duration { return of[r.Choose(len(of))] }

// soon does something after one of a few durations, unless the storm is over by then: at its end all is mended anyway.
func (r *Run) soon(f func(), of ...time.Duration) {
	r.At(r.someTime(of...), func() {
		if !r.over {
			f()
		}
	})
}

func resetConnection(r *Run) {
	if r.Choose(4) == 3 {
		r.Reset(r.someMaster(), r.someFramework())
		return
	}
	r.Reset(r.someMaster(), r.someAgent())
}

// cutAgent cuts an agent off for less than the connection takes to break, or more than that, or so long that it
// is given up for unreachable.
func cutAgent(r *Run) {
	r.cut(r.someAgent(), r.someTime(2*time.Second, 20*time.Second, 100*time.Second))
}

func cutFramework(r *Run) {
	r.cut(r.someFramework(), r.someTime(2*time.Second, 20*time.Second, 60*time.Second))
}

// cut cuts somebody off from one master, or from all.
func (r *Run) cut(who testkit.Placed, during time.Duration) {
	masters := r.Masters
	if r.Choose(2) == 0 {
		masters = []*cast.Master{r.someMaster()}
	}
	way := r.Choose(4)
	for _, m := range masters {
		r.cutWay(way, who, m)
	}
	r.At(during, func() {
		for _, m := range masters {
			if !r.over {
				r.Heal(who, m)
			}
		}
	})
}

func (r *Run) cutWay(way int, a, b testkit.Placed) {
	switch way {
	case 1:
		r.CutOneWay(a, b)
	case 2:
		r.CutOneWay(b, a)
	default:
		r.Cut(a, b)
	}
}

// cutMaster cuts a master off from everybody.
func cutMaster(r *Run) {
	m, way := r.someMaster(), r.Choose(4)
	var others []testkit.Placed
	for _, a := range r.Agents {
		others = append(others, a)
	}
	for _, f := range r.Frameworks {
		others = append(others, f)
	}
	for _, o := range others {
		r.cutWay(way, o, m)
	}
	r.soon(func() {
		for _, o := range others {
			r.Heal(o, m)
		}
	}, 2*time.Second, 20*time.Second)
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
	m := r.someMaster()
	if !m.Up() {
		return
	}
	m.Crash()
	r.At(r.someTime(100*time.Millisecond, 2*time.Second, 20*time.Second), func() { restart(m.Node()) })
}

// resign ends a master as a service manager does.
func resign(r *Run) {
	m := r.someMaster()
	m.Terminate(5 * time.Second)
	r.At(r.someTime(6*time.Second, 20*time.Second), func() { restart(m.Node()) })
}

// restartMasters is an upgrade: one after the other, the leader last.
func restartMasters(r *Run) {
	for i, m := range r.Masters {
		r.At(time.Duration(i)*8*time.Second, func() {
			m.Terminate(5 * time.Second)
			r.At(6*time.Second, func() { restart(m.Node()) })
		})
	}
}

func crashFramework(r *Run) {
	f := r.someFramework()
	if !f.Up() {
		return
	}
	f.Crash()
	r.At(r.someTime(100*time.Millisecond, 2*time.Second, 20*time.Second), func() { restart(f.Node()) })
}

// pauseSomebody stops an agent or a framework for a while.
func pauseSomebody(r *Run) {
	var n *testkit.Node
	if r.Choose(3) == 0 {
		n = r.someFramework().Node()
	} else {
		n = r.someAgent().Node()
	}
	n.Pause()
	r.soon(n.Continue, time.Second, 5*time.Second, 30*time.Second)
}

// pauseMaster stops a master for a while, or past its lease.
func pauseMaster(r *Run) {
	m := r.someMaster()
	m.Pause()
	r.soon(m.Continue, 2*time.Second, 10*time.Second, 30*time.Second)
}

// setClock sets somebody's wall clock wrong.
func setClock(r *Run) {
	by := r.someTime(time.Minute, -time.Minute, 24*time.Hour, -24*time.Hour)
	switch r.Choose(3) {
	case 0:
		r.someMaster().JumpClock(by)
	case 1:
		r.someAgent().JumpClock(by)
	default:
		r.someFramework().JumpClock(by)
	}
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

// loseDisk replaces a machine by a new one at the old address, which is a new agent. What it kept is gone, and so are its tasks.
func loseDisk(r *Run) {
	a := r.someAgent()
	if len(a.Endings) > 0 || r.Choose(2) == 0 {
		return
	}
	r.dark[a] = true
	a.PowerOff()
	r.At(r.someTime(5*time.Second, 60*time.Second), func() {
		if a.Up() || len(a.Endings) > 0 {
			return
		}
		a.PowerOff() // it may have been up meanwhile, and started something
		for _, f := range r.replaced {
			f(a)
		}
		a.Replace()
	})
}

// giveUp marks an agent as gone, one in a run at most.
func giveUp(r *Run) {
	a := r.someAgent()
	if len(r.given) > 0 || a.ID() == "" {
		return
	}
	if r.ask(r.operator, &masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(),
		MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: &mesospb.AgentID{Value: proto.String(a.ID())}}}) {
		r.given[a] = true
	}
}
