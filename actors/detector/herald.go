package detector

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// HeraldID is the process id of a master's herald.
const HeraldID = "herald"

const (
	// memory is how long a herald tells of changes to those who do not ask again. It keeps no links to them: a standby
	// would hold a connection to every agent of the cluster.
	memory = 3 * refresh
	// maxFollowers bounds whom a herald remembers. Those beyond are answered, and ask again.
	maxFollowers = 200_000
	// detectRetry is the wait after the election could not be asked.
	detectRetry = time.Second
)

// Herald tells whoever asks who leads.
type Herald struct {
	*process.Base
	master   process.UPID // beside which it lives
	detector cluster.Detector
	hear     func(*cluster.Leader)
	stop     func()

	seen      *cluster.Leader // what the election said last
	leader    *cluster.Leader
	known     bool            // the election has answered
	own       *cluster.Leader // what the master beside it says, once it leads and has recovered; nil before
	agents    int
	followers map[process.UPID]follower
}

// follower is one who asked.
type follower struct {
	attempt uint64
	heard   time.Time
}

// SpawnHerald starts the herald of a master. What it learns from the election hear is told as well, if it is not nil, on
// the herald's actor. Without a detector the herald knows of nobody but its own master.
func SpawnHerald(rt *process.Runtime, master process.UPID, d cluster.Detector, hear func(*cluster.Leader)) (process.Ref[*Herald], error) {
	if hear == nil {
		hear = func(*cluster.Leader) {}
	}
	return process.Spawn(rt, HeraldID, &Herald{master: master, detector: d, hear: hear, stop: func() {}, followers: map[process.UPID]follower{}})
}

// Serves tells a herald that its master leads and has recovered, and knows of so many agents.
func Serves(ref process.Ref[*Herald], info *mesospb.MasterInfo, epoch uint64, agents int) {
	process.Dispatch(ref, func(h *Herald) {
		h.own, h.agents = &cluster.Leader{UPID: h.master.String(), Info: info, Epoch: epoch}, agents
		h.learn(h.own)
	})
}

// Initialize implements process.Process.
func (h *Herald) Initialize(b *process.Base) {
	h.Base = b
	process.Install(b, h.follow)
	b.Every(memory, h.forget)
	if h.detector != nil {
		h.detect()
	}
}

// Finalize implements process.Finalizer.
func (h *Herald) Finalize() { h.stop() }

func (h *Herald) detect() {
	promise, found := process.NewPromise[*cluster.Leader](h.Base)
	h.stop = h.detector.Detect(h.seen, func(l *cluster.Leader, err error) { promise.Complete(l, err) })
	process.Then(h.Base, found, h.detected)
}

// detected keeps what was known if the election cannot be asked: those who lead mostly still do.
func (h *Herald) detected(l *cluster.Leader, err error) {
	if err != nil {
		h.Log().Warn("cannot find out who leads; trying again", "error", err)
		h.Delay(detectRetry, h.detect)
		return
	}
	h.seen = l
	h.hear(l)
	// Word of the election may be old: a server of it that was cut off says what was true before. A master that leads knows
	// by its lease whether it does, and ends with its term, so only a newer leader is believed more than it.
	if h.own == nil || l.Term() > h.own.Epoch {
		h.learn(l)
	}
	h.detect()
}

func (h *Herald) ours(l *cluster.Leader) bool { return l != nil && l.UPID == h.master.String() }

// learn takes in who leads, and tells everybody.
func (h *Herald) learn(l *cluster.Leader) {
	h.leader, h.known = l, true
	for _, to := range slices.SortedFunc(maps.Keys(h.followers), byName) {
		h.Send(to, h.answer(h.followers[to].attempt))
	}
}

// byName puts followers in a fixed order, because map order would make two runs of one seed differ.
func byName(a, b process.UPID) int {
	return cmp.Or(cmp.Compare(a.Addr, b.Addr), cmp.Compare(a.ID, b.ID))
}

// follow answers from memory, and remembers who asked.
func (h *Herald) follow(from process.UPID, f *controlpb.Follow) {
	if f.GetAttempt() == 0 {
		return
	}
	if _, again := h.followers[from]; again || len(h.followers) < maxFollowers {
		h.followers[from] = follower{f.GetAttempt(), h.Now()}
	}
	h.Send(from, h.answer(f.GetAttempt()))
}

func (h *Herald) answer(attempt uint64) *controlpb.Leads {
	a := &controlpb.Leads{Attempt: proto.Uint64(attempt)}
	switch {
	case !h.known:
		a.Unknown = proto.Bool(true)
	case h.leader != nil:
		a.Master, a.Epoch = h.leader.Info, proto.Uint64(h.leader.Epoch)
		if a.Master == nil {
			a.Master = infoOf(h.leader.UPID)
		}
		if h.ours(h.leader) {
			a.Ready, a.Agents = proto.Bool(h.leader == h.own), proto.Uint32(uint32(h.agents))
		}
	}
	return a
}

// infoOf describes a master of whom only the address is known.
func infoOf(upid string) *mesospb.MasterInfo {
	return &mesospb.MasterInfo{Id: proto.String(""), Ip: proto.Uint32(0), Port: proto.Uint32(0), Pid: proto.String(upid)}
}

// forget drops those who have not asked for long.
func (h *Herald) forget() {
	oldest := h.Now().Add(-memory)
	maps.DeleteFunc(h.followers, func(_ process.UPID, f follower) bool { return f.heard.Before(oldest) })
}
