package sweep

import (
	"encoding/json"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	api "github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Leaders looks at epochs. Each belongs to one life of one master, whoever speaks in it; the one in the registry only grows; and no
// task is started that a master ordered in an epoch older than one that the agent had already followed when the order came. Over
// Consul every write that takes effect is that of whoever holds the lock, in the lock's epoch; and nobody speaks in an epoch after
// another has been elected, unless its session was ended before its lease.
var Leaders = Checker{"I5: at most one leader's writes take effect", leaders}

const oneLeader = "at most one leader's writes take effect"

type leaderChecker struct {
	r        *Run
	epochs   map[uint64]string // who speaks in them
	followed map[*cast.Agent]uint64
	late     map[taskKey]string // what was ordered too late
	fields   map[protoreflect.MessageDescriptor]protoreflect.FieldDescriptor
	writes   int
	recorded uint64 // the epoch in the registry
	elected  uint64 // the epoch of whoever took the lock last
}

func leaders(r *Run) {
	l := &leaderChecker{r: r, epochs: map[uint64]string{}, followed: map[*cast.Agent]uint64{}, late: map[taskKey]string{},
		fields: map[protoreflect.MessageDescriptor]protoreflect.FieldDescriptor{}}
	r.Observe(l.sent)
	r.ObserveArrivals(l.arrived)
	r.started = append(r.started, func(a *cast.Agent, p *cast.Process) {
		if task, ok := isCommand(p); ok && l.late[task] != "" {
			r.violated(oneLeader, "%s starts %s, which %s", a.Name(), task, l.late[task])
		}
	})
	r.Always(oneLeader, l.grows)
	if r.Consul != nil {
		r.Consul.Store.OnCommit = l.committed
	}
}

// committed compares what is about to change in Consul with who holds the lock. Only the life of a master whose session that is
// writes the registry, in the lock's epoch, and each write is one further than the last; and the lock's epochs grow.
func (l *leaderChecker) committed(by string, ops []api.Op) {
	store, lock := l.r.Consul.Store, l.r.LockKey()
	session, holder := store.Holder(lock)
	for _, op := range ops {
		if op.Verb == api.Lock && op.Session != session {
			epoch := placeIn(op.Value).Epoch
			if epoch <= l.elected {
				l.r.violated(oneLeader, "%s is elected in epoch %d after one of epoch %d", by, epoch, l.elected)
			}
			l.elected = epoch
			return
		}
	}
	if !slices.ContainsFunc(ops, changes) {
		return
	}
	if by != holder {
		l.r.violated(oneLeader, "%s writes the registry when the lock is %q's", by, holder)
	}
	held, _ := store.Pair(lock)
	before, _ := store.Pair(l.r.RevisionKey())
	for _, op := range ops {
		if op.Key != l.r.RevisionKey() {
			continue
		}
		last, next := placeIn(before.Value), placeIn(op.Value)
		if in := placeIn(held.Value).Epoch; next.Epoch != in {
			l.r.violated(oneLeader, "%s writes the registry in epoch %d when the lock is of epoch %d", by, next.Epoch, in)
		}
		if next.Sequence != last.Sequence+1 {
			l.r.violated(oneLeader, "%s makes write %d of the registry after write %d", by, next.Sequence, last.Sequence)
		}
	}
}

// changes says whether an operation changes more than the lock.
func changes(op api.Op) bool {
	return op.Verb == api.Set || op.Verb == api.CAS || op.Verb == api.Delete
}

// place is how far the election and the registry had come, as their records have it.
type place struct {
	Epoch    uint64 `json:"epoch"`
	Sequence uint64 `json:"sequence"`
}

func placeIn(record []byte) (p place) {
	if json.Unmarshal(record, &p) != nil {
		return place{}
	}
	return p
}

// sent notes in whose epoch an order is. Heralds, who tell what they have heard of others, are not asked.
func (l *leaderChecker) sent(m testkit.Message) {
	master := l.r.masterAt(m.From.Addr)
	if _, hearsay := m.Msg.(*controlpb.Leads); master == nil || hearsay {
		return
	}
	epoch := l.epochOf(m.Msg)
	if epoch == 0 {
		return
	}
	who := fmt.Sprintf("%s in its life %d", master.Name(), master.Lives())
	if epoch < l.elected && !l.r.forced[epoch] {
		l.r.violated(oneLeader, "%s speaks in epoch %d when somebody was elected in epoch %d, and nobody ended its session by force", master.Name(), epoch, l.elected)
	}
	switch before, known := l.epochs[epoch]; {
	case !known:
		l.epochs[epoch] = who
	case before != who:
		l.r.violated(oneLeader, "%s speaks in epoch %d, which is that of %s", who, epoch, before)
	}
}

func (l *leaderChecker) epochOf(m proto.Message) uint64 {
	in := m.ProtoReflect()
	d := in.Descriptor()
	field, known := l.fields[d]
	if !known {
		field = d.Fields().ByName("epoch")
		l.fields[d] = field
	}
	if field == nil {
		return 0
	}
	return in.Get(field).Uint()
}

func (l *leaderChecker) arrived(m testkit.Message) {
	switch say := m.Msg.(type) {
	case *controlpb.AgentRegistered, *controlpb.AgentReregistered:
		a := l.r.agentAt(m.To.Addr)
		l.followed[a] = max(l.followed[a], l.epochOf(m.Msg))
	case *controlpb.RunTask:
		if a := l.r.agentAt(m.To.Addr); say.GetEpoch() < l.followed[a] {
			task := taskKey{say.GetFramework().GetId().GetValue(), say.GetTask().GetTaskId().GetValue()}
			l.late[task] = fmt.Sprintf("%s ordered in epoch %d when the agent had followed one of epoch %d", m.From, say.GetEpoch(), l.followed[a])
		}
	}
}

// recordedEpoch is the epoch in the registry's record of the cluster.
func (l *leaderChecker) recordedEpoch() uint64 {
	for _, e := range l.r.Records() {
		record := &controlpb.RegistryRecord{}
		if e.Key == "meta" && proto.Unmarshal(e.Value, record) == nil {
			return record.GetCluster().GetEpoch()
		}
	}
	return 0
}

// grows reads the epoch in the registry after each write.
func (l *leaderChecker) grows() error {
	if now := l.r.Writes(); now == l.writes {
		return nil
	} else {
		l.writes = now
	}
	now := l.recordedEpoch()
	if now < l.recorded {
		return fmt.Errorf("the registry is back in epoch %d after %d", now, l.recorded)
	}
	l.recorded = now
	return nil
}
