package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/testkit"
)

// lives is a registry through the lives of its registrars: each begins with what the last one left.
type lives struct {
	*testkit.World
	t      *testing.T
	store  *memory.Cluster
	config registrar.Config
	node   *testkit.Node
	client registrar.Client
	term   cluster.Term
}

var info = &mesospb.MasterInfo{
	Id: proto.String("m1"), Ip: proto.Uint32(1), Port: proto.Uint32(5050), Pid: proto.String("master@127.0.0.1:5050"),
	Capabilities: []*mesospb.MasterInfo_Capability{{Type: mesospb.MasterInfo_Capability_AGENT_DRAINING.Enum()},
		{Type: mesospb.MasterInfo_Capability_QUOTA_V2.Enum()}},
}

func newLives(t *testing.T) *lives {
	l := &lives{World: testkit.NewWorld(t), t: t, store: memory.New(),
		config: registrar.Config{FetchTimeout: 10 * time.Second, StoreTimeout: 20 * time.Second}}
	l.node = l.World.Node("m1", testkit.Boot(func(n *testkit.Node) {
		l.store.Depose(errors.New("the process ended"))
		client, err := registrar.Spawn(n.Runtime(), l.config, l.store)
		if err != nil {
			t.Fatal(err)
		}
		l.client = client
		l.store.Contend(info, func(term cluster.Term, _ error) { l.term = term })
	}))
	l.Settle()
	return l
}

// get runs the world until a future is there.
func get[R any](l *lives, f process.Future[R]) (R, error) {
	l.t.Helper()
	l.Until("an answer", time.Minute, func() bool {
		select {
		case <-f.Done():
			return true
		default:
			return false
		}
	})
	return f.Get(context.Background())
}

func (l *lives) recover() *registrar.Registry {
	l.t.Helper()
	r, err := get(l, l.client.Recover(nil, l.term, info))
	if err != nil {
		l.t.Fatalf("recovery: %v", err)
	}
	return r
}

// again ends the registrar and recovers with the next one.
func (l *lives) again() *registrar.Registry {
	l.t.Helper()
	l.node.Crash()
	l.node.Restart()
	l.Settle()
	return l.recover()
}

// do applies operations that must be taken.
func (l *lives) do(ops ...registrar.Operation) {
	l.t.Helper()
	for i, op := range ops {
		if _, err := get(l, l.client.Apply(nil, op)); err != nil {
			l.t.Fatalf("operation %d: %v", i, err)
		}
	}
}

// refuses applies an operation that must be refused with a class.
func (l *lives) refuses(op registrar.Operation, class error) {
	l.t.Helper()
	_, err := get(l, l.client.Apply(nil, op))
	if !errors.Is(err, class) || errors.Is(err, registrar.ErrStore) && class != registrar.ErrStore {
		l.t.Fatalf("got %v, want %v", err, class)
	}
}

func agent(id string) *mesospb.AgentInfo {
	return &mesospb.AgentInfo{Hostname: proto.String("localhost"), Id: &mesospb.AgentID{Value: proto.String(id)}}
}

var now = testkit.Start

func TestRecover(t *testing.T) {
	l := newLives(t)
	for _, op := range []registrar.Operation{registrar.Admit(agent("1")), registrar.MarkUnreachable("1", now),
		registrar.MarkReachable(agent("1")), registrar.Remove("1")} {
		l.refuses(op, registrar.ErrStore)
	}
	recovery := l.client.Recover(nil, l.term, info)
	// What is asked meanwhile waits for the recovery and does not fail.
	var waiting []process.Future[struct{}]
	for _, op := range []registrar.Operation{registrar.Admit(agent("1")), registrar.MarkUnreachable("1", now),
		registrar.MarkReachable(agent("1")), registrar.Remove("1")} {
		waiting = append(waiting, l.client.Apply(nil, op))
	}
	r, err := get(l, recovery)
	if err != nil || !proto.Equal(r.Cluster.GetMaster(), info) || r.Cluster.GetEpoch() != 1 {
		t.Fatalf("recovered %v, %v", r, err)
	}
	for i, f := range waiting {
		if _, err := get(l, f); err != nil {
			t.Errorf("operation %d: %v", i, err)
		}
	}
	if r := l.again(); len(r.Admitted) != 0 || r.Cluster.GetEpoch() != 2 {
		t.Errorf("the next life finds %v", r)
	}
}

// A store that forgot its terms must not make the epoch go back.
func TestEpochOnlyGrows(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.again()
	records := l.store.Records()
	fresh := memory.New()
	fresh.Contend(info, func(term cluster.Term, _ error) {
		for _, r := range records {
			if err := fresh.Apply(t.Context(), term, []cluster.Change{{Key: r.Key, Value: r.Value}}); err != nil {
				t.Fatal(err)
			}
		}
	})
	l.store = fresh
	if r := l.again(); r.Cluster.GetEpoch() != 3 {
		t.Errorf("the epoch is %d", r.Cluster.GetEpoch())
	}
}

func TestAdmit(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")))
	l.refuses(registrar.Admit(agent("1")), fault.ErrConflict)
	l.refuses(registrar.Admit(&mesospb.AgentInfo{}), fault.ErrInvalid)
}

func TestUpdate(t *testing.T) {
	l := newLives(t)
	l.recover()
	a := agent("1")
	a.Hostname = proto.String("original")
	l.refuses(registrar.Update(a), fault.ErrNotFound)
	l.do(registrar.Admit(a))
	r := l.again()
	if len(r.Admitted) != 1 || r.Admitted["1"].GetAgent().GetHostname() != "original" {
		t.Fatalf("found %v", r.Admitted)
	}
	b := proto.CloneOf(a)
	b.Hostname = proto.String("changed")
	for range 2 {
		l.do(registrar.Update(b))
		if r := l.again(); len(r.Admitted) != 1 || r.Admitted["1"].GetAgent().GetHostname() != "changed" {
			t.Fatalf("found %v", r.Admitted)
		}
	}
	l.do(registrar.Update(b))
	writes := l.store.Writes()
	l.do(registrar.Update(b))
	if l.store.Writes() != writes {
		t.Error("an update that changes nothing was written")
	}
}

func TestMarkReachable(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")), registrar.MarkReachable(agent("1")), registrar.MarkReachable(agent("1")))
	l.do(registrar.MarkReachable(agent("2"))) // known nowhere
	if r := l.again(); len(r.Admitted) != 2 {
		t.Errorf("admitted are %v", r.Admitted)
	}
}

func TestMarkUnreachable(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")), registrar.MarkUnreachable("1", now), registrar.MarkReachable(agent("1")), registrar.MarkUnreachable("1", now))
	l.refuses(registrar.MarkUnreachable("1", now), fault.ErrNotFound)
	r := l.again()
	if len(r.Admitted) != 0 || r.Unreachable["1"].GetSince().GetNanoseconds() != now.UnixNano() {
		t.Errorf("found %v and %v", r.Admitted, r.Unreachable)
	}
}

func TestMarkGone(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")), registrar.MarkGone("1", now))
	l.refuses(registrar.MarkGone("2", now), fault.ErrNotFound)
	if r := l.again(); len(r.Admitted) != 0 || len(r.Gone) != 1 {
		t.Errorf("found %v and %v", r.Admitted, r.Gone)
	}
	l.refuses(registrar.Admit(agent("1")), fault.ErrConflict)
	l.refuses(registrar.MarkReachable(agent("1")), fault.ErrConflict)
}

func TestMarkUnreachableGone(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")), registrar.MarkUnreachable("1", now), registrar.MarkGone("1", now))
	l.refuses(registrar.MarkGone("1", now), fault.ErrConflict)
	l.refuses(registrar.MarkUnreachable("1", now), fault.ErrNotFound)
}

func TestPrune(t *testing.T) {
	l := newLives(t)
	l.recover()
	for range 2 {
		for _, id := range []string{"1", "2", "3"} {
			l.do(registrar.Admit(agent(id)))
		}
		l.do(registrar.MarkUnreachable("1", now), registrar.MarkUnreachable("2", now), registrar.MarkGone("3", now))
		l.do(registrar.Prune([]string{"1"}, nil), registrar.Prune([]string{"2"}, nil), registrar.Prune(nil, []string{"3"}))
		l.do(registrar.Prune([]string{"never was"}, []string{"neither"}))
	}
	if r := l.again(); len(r.Admitted)+len(r.Unreachable)+len(r.Gone) != 0 {
		t.Errorf("left are %v", r)
	}
}

func TestRemove(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")), registrar.Admit(agent("2")), registrar.Admit(agent("3")), registrar.Remove("1"))
	l.refuses(registrar.Remove("1"), fault.ErrNotFound)
	l.do(registrar.Admit(agent("1")), registrar.Remove("2"))
	l.refuses(registrar.Remove("2"), fault.ErrNotFound)
	l.do(registrar.Remove("3"))
	l.refuses(registrar.Remove("3"), fault.ErrNotFound)
}

func TestBootstrap(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.MarkReachable(agent("1")))
	if r := l.again(); len(r.Admitted) != 1 || !proto.Equal(r.Admitted["1"].GetAgent(), agent("1")) {
		t.Errorf("admitted are %v", r.Admitted)
	}
}

func TestDrain(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")), registrar.Drain("not admitted", -1, false))
	r := l.again()
	if a := r.Admitted["1"]; a.DrainInfo != nil || a.GetDeactivated() || len(r.Cluster.GetMinimumCapabilities()) != 0 {
		t.Fatalf("found %v, %v", a, r.Cluster)
	}
	l.do(registrar.Drain("1", -1, true))
	r = l.again()
	if a := r.Admitted["1"]; a.GetDrainInfo().GetState() != mesospb.DrainState_DRAINING || a.GetDrainInfo().GetConfig().MaxGracePeriod != nil ||
		!a.GetDrainInfo().GetConfig().GetMarkGone() || !a.GetDeactivated() {
		t.Fatalf("found %v", a)
	}
	needs(t, r, "AGENT_DRAINING")
	l.do(registrar.MarkUnreachable("1", now))
	r = l.again()
	if a := r.Unreachable["1"]; len(r.Admitted) != 0 || a.GetDrainInfo().GetState() != mesospb.DrainState_DRAINING || !a.GetDeactivated() {
		t.Fatalf("found %v", a)
	}
	l.do(registrar.MarkReachable(agent("1")))
	r = l.again()
	if a := r.Admitted["1"]; len(r.Unreachable) != 0 || !a.GetDrainInfo().GetConfig().GetMarkGone() || !a.GetDeactivated() {
		t.Fatalf("found %v", a)
	}
}

func needs(t *testing.T, r *registrar.Registry, want ...string) {
	t.Helper()
	if got := r.Cluster.GetMinimumCapabilities(); !slices.Equal(got, want) {
		t.Fatalf("the registry needs %v, want %v", got, want)
	}
}

func TestMarkDrained(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")))
	l.refuses(registrar.MarkDrained("1"), fault.ErrConflict)
	l.do(registrar.Drain("1", time.Minute, true))
	if r := l.again(); r.Admitted["1"].GetDrainInfo().GetConfig().GetMaxGracePeriod().GetNanoseconds() != time.Minute.Nanoseconds() {
		t.Fatalf("found %v", r.Admitted)
	}
	l.do(registrar.MarkDrained("1"))
	if r := l.again(); r.Admitted["1"].GetDrainInfo().GetState() != mesospb.DrainState_DRAINED {
		t.Fatalf("found %v", r.Admitted)
	}
	l.do(registrar.Remove("1"), registrar.Admit(agent("1")), registrar.MarkUnreachable("1", now))
	l.refuses(registrar.MarkDrained("1"), fault.ErrConflict)
	l.do(registrar.Drain("1", -1, true), registrar.MarkDrained("1"))
	if r := l.again(); r.Unreachable["1"].GetDrainInfo().GetState() != mesospb.DrainState_DRAINED {
		t.Fatalf("found %v", r.Unreachable)
	}
}

func TestDeactivate(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")), registrar.Deactivate("not admitted"))
	r := l.again()
	if r.Admitted["1"].GetDeactivated() {
		t.Fatal("deactivated")
	}
	needs(t, r)
	l.do(registrar.Deactivate("1"))
	r = l.again()
	if a := r.Admitted["1"]; !a.GetDeactivated() || a.DrainInfo != nil {
		t.Fatalf("found %v", a)
	}
	needs(t, r, "AGENT_DRAINING")
	l.do(registrar.MarkUnreachable("1", now))
	if r = l.again(); !r.Unreachable["1"].GetDeactivated() {
		t.Fatalf("found %v", r.Unreachable)
	}
	l.do(registrar.MarkReachable(agent("1")))
	if r = l.again(); !r.Admitted["1"].GetDeactivated() || len(r.Unreachable) != 0 {
		t.Fatalf("found %v", r.Admitted)
	}
}

func TestReactivate(t *testing.T) {
	l := newLives(t)
	l.recover()
	for _, id := range []string{"here1", "here2", "away1", "away2"} {
		l.do(registrar.Admit(agent(id)))
	}
	l.do(registrar.MarkUnreachable("away1", now), registrar.MarkUnreachable("away2", now))
	// The capability is needed as long as any agent is deactivated, wherever it is recorded.
	for _, pair := range [][2]string{{"here1", "here2"}, {"away2", "away1"}, {"here1", "away1"}} {
		l.do(registrar.Deactivate(pair[0]), registrar.Deactivate(pair[1]))
		needs(t, l.again(), "AGENT_DRAINING")
		l.do(registrar.Reactivate(pair[0]), registrar.Reactivate("here2"))
		if pair[1] != "here2" {
			needs(t, l.again(), "AGENT_DRAINING")
		}
		l.do(registrar.Reactivate(pair[1]))
		needs(t, l.again())
	}
}

func TestQuota(t *testing.T) {
	quota := func(role string, guarantee, limit float64) *quotapb.QuotaConfig {
		q := &quotapb.QuotaConfig{Role: proto.String(role)}
		if limit > 0 {
			q.Guarantees = map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(guarantee)}}
			q.Limits = map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(limit)}, "mem": {Value: proto.Float64(2048)}}
		}
		return q
	}
	l := newLives(t)
	l.recover()
	l.do(registrar.UpdateQuota([]*quotapb.QuotaConfig{quota("role1", 0, 0)}))
	r := l.again()
	if len(r.Quota) != 0 {
		t.Fatalf("a quota of nothing was kept: %v", r.Quota)
	}
	needs(t, r)
	l.do(registrar.UpdateQuota([]*quotapb.QuotaConfig{quota("role1", 1, 2)}))
	r = l.again()
	if !proto.Equal(r.Quota["role1"], quota("role1", 1, 2)) {
		t.Fatalf("found %v", r.Quota)
	}
	needs(t, r, "QUOTA_V2")
	l.do(registrar.UpdateQuota([]*quotapb.QuotaConfig{quota("role2", 1, 2)}))
	l.do(registrar.UpdateQuota([]*quotapb.QuotaConfig{quota("role1", 2, 4), quota("role2", 2, 4)}))
	if r = l.again(); !proto.Equal(r.Quota["role1"], quota("role1", 2, 4)) || !proto.Equal(r.Quota["role2"], quota("role2", 2, 4)) {
		t.Fatalf("found %v", r.Quota)
	}
	l.do(registrar.UpdateQuota([]*quotapb.QuotaConfig{quota("role2", 0, 0)}))
	r = l.again()
	if len(r.Quota) != 1 {
		t.Fatalf("found %v", r.Quota)
	}
	needs(t, r, "QUOTA_V2")
	l.do(registrar.UpdateQuota([]*quotapb.QuotaConfig{quota("role1", 0, 0)}))
	r = l.again()
	if len(r.Quota) != 0 {
		t.Fatalf("found %v", r.Quota)
	}
	needs(t, r)
}

func TestQuotaInvalid(t *testing.T) {
	l := newLives(t)
	l.recover()
	for name, amount := range map[string]float64{"mem": 1<<40 + 1, "cpus": 2e12, "disk": -1} {
		l.refuses(registrar.UpdateQuota([]*quotapb.QuotaConfig{{Role: proto.String("fine"), Limits: map[string]*mesospb.Value_Scalar{"cpus": {Value: proto.Float64(1)}}},
			{Role: proto.String("role1"), Limits: map[string]*mesospb.Value_Scalar{name: {Value: proto.Float64(amount)}}}}), fault.ErrInvalid)
	}
	l.refuses(registrar.UpdateQuota([]*quotapb.QuotaConfig{{}}), fault.ErrInvalid)
	if r := l.again(); len(r.Quota) != 0 {
		t.Errorf("half of a refused operation was kept: %v", r.Quota)
	}
}

func TestWeights(t *testing.T) {
	weight := func(role string, w float64) *mesospb.WeightInfo {
		return &mesospb.WeightInfo{Role: proto.String(role), Weight: proto.Float64(w)}
	}
	l := newLives(t)
	if r := l.recover(); len(r.Weights) != 0 {
		t.Fatal("weights from nowhere")
	}
	l.do(registrar.UpdateWeights([]*mesospb.WeightInfo{weight("role1", 2)}))
	if r := l.again(); len(r.Weights) != 1 || r.Weights["role1"].GetWeight() != 2 {
		t.Fatalf("found %v", r.Weights)
	}
	l.do(registrar.UpdateWeights([]*mesospb.WeightInfo{weight("role1", 1), weight("role2", 3.5)}))
	if r := l.again(); len(r.Weights) != 2 || r.Weights["role1"].GetWeight() != 1 || r.Weights["role2"].GetWeight() != 3.5 {
		t.Fatalf("found %v", r.Weights)
	}
	l.refuses(registrar.UpdateWeights([]*mesospb.WeightInfo{weight("role1", 0)}), fault.ErrInvalid)
}

var (
	machine1 = &mesospb.MachineID{Ip: proto.String("0.0.0.1")}
	machine2 = &mesospb.MachineID{Hostname: proto.String("2")}
	machine3 = &mesospb.MachineID{Hostname: proto.String("3"), Ip: proto.String("0.0.0.3")}
)

// plan makes a schedule with a window for each list.
func plan(windows ...[]*mesospb.MachineID) *maintenancepb.Schedule {
	s := &maintenancepb.Schedule{}
	for _, ids := range windows {
		s.Windows = append(s.Windows, &maintenancepb.Window{MachineIds: ids,
			Unavailability: &mesospb.Unavailability{Start: &mesospb.TimeInfo{Nanoseconds: proto.Int64(now.UnixNano())}}})
	}
	return s
}

type ids = []*mesospb.MachineID

// modes prints the machines of a registry and the sizes of the windows.
func modes(r *registrar.Registry) string {
	var parts []string
	for name, m := range r.Machines {
		parts = append(parts, name+"="+m.GetMode().String())
	}
	slices.Sort(parts)
	for _, w := range r.Schedule.GetWindows() {
		parts = append(parts, fmt.Sprint(len(w.GetMachineIds())))
	}
	return strings.Join(parts, " ")
}

func (l *lives) finds(want string) {
	l.t.Helper()
	if got := modes(l.again()); got != want {
		l.t.Fatalf("found %q, want %q", got, want)
	}
}

func TestSchedule(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.UpdateSchedule(plan(ids{machine1})))
	l.finds("|0.0.0.1=DRAINING 1")
	l.do(registrar.UpdateSchedule(plan(ids{machine1}, ids{machine2})))
	l.finds("2|=DRAINING |0.0.0.1=DRAINING 1 1")
	l.do(registrar.UpdateSchedule(plan(ids{machine1}, ids{machine2, machine3})))
	l.finds("2|=DRAINING 3|0.0.0.3=DRAINING |0.0.0.1=DRAINING 1 2")
	l.do(registrar.UpdateSchedule(plan(ids{machine1, machine2, machine3})))
	l.finds("2|=DRAINING 3|0.0.0.3=DRAINING |0.0.0.1=DRAINING 3")
	l.do(registrar.UpdateSchedule(plan(ids{machine2, machine3})))
	l.finds("2|=DRAINING 3|0.0.0.3=DRAINING 2")
	l.do(registrar.UpdateSchedule(plan()))
	l.finds("")
}

func TestStartMaintenance(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.UpdateSchedule(plan(ids{machine1, machine2})), registrar.StartMaintenance(ids{machine2}))
	l.finds("2|=DOWN |0.0.0.1=DRAINING 2")
	l.do(registrar.UpdateSchedule(plan(ids{machine1, machine2, machine3})), registrar.StartMaintenance(ids{machine1, machine3}))
	l.finds("2|=DOWN 3|0.0.0.3=DOWN |0.0.0.1=DOWN 3")
}

func TestStopMaintenance(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.UpdateSchedule(plan(ids{machine1, machine2}, ids{machine3})),
		registrar.StartMaintenance(ids{machine3}), registrar.StopMaintenance(ids{machine3}))
	l.finds("2|=DRAINING |0.0.0.1=DRAINING 2")
	l.do(registrar.StartMaintenance(ids{machine1, machine2}), registrar.StopMaintenance(ids{machine1, machine2}))
	l.finds("")
	if r := l.again(); r.Schedule != nil {
		t.Errorf("a schedule without windows was kept")
	}
}

// endless makes a store that is not there for a thousand tries.
func endless() (faults []memory.Fault) {
	for range 1000 {
		faults = append(faults, memory.Fault{Err: cluster.ErrUnknownOutcome})
	}
	return faults
}

func TestFetchTimeout(t *testing.T) {
	l := newLives(t)
	l.store.FailLoads(endless()...)
	if _, err := get(l, l.client.Recover(nil, l.term, info)); !errors.Is(err, registrar.ErrStore) || !strings.Contains(err.Error(), "not read within 10s") {
		t.Fatalf("recovered with %v", err)
	}
	l.refuses(registrar.Admit(agent("1")), registrar.ErrStore)
}

func TestFetchIsRetried(t *testing.T) {
	l := newLives(t)
	l.store.FailLoads(endless()[:20]...)
	l.recover()
	l.do(registrar.Admit(agent("1")))
}

func TestStoreTimeout(t *testing.T) {
	l := newLives(t)
	l.store.FailApplies(endless()...)
	start := l.Now()
	if _, err := get(l, l.client.Recover(nil, l.term, info)); !errors.Is(err, registrar.ErrStore) || !strings.Contains(err.Error(), "not written within 20s") {
		t.Fatalf("recovered with %v", err)
	}
	if took := l.Now().Sub(start); took < 20*time.Second || took > 21*time.Second {
		t.Errorf("gave up after %s", took)
	}
	l.refuses(registrar.Admit(agent("1")), registrar.ErrStore)
}

func TestUnknownOutcomeIsRetried(t *testing.T) {
	for _, written := range []bool{false, true} {
		l := newLives(t)
		l.recover()
		l.store.FailApplies(memory.Fault{Err: cluster.ErrUnknownOutcome, Written: written}, memory.Fault{Err: cluster.ErrUnknownOutcome, Written: written})
		l.do(registrar.Admit(agent("1")), registrar.MarkUnreachable("1", now))
		if r := l.again(); len(r.Unreachable) != 1 || len(r.Admitted) != 0 {
			t.Errorf("written %v: found %v", written, r)
		}
	}
}

func TestAbort(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.store.FailApplies(memory.Fault{Err: errors.New("the disk is full")})
	l.refuses(registrar.Admit(agent("1")), registrar.ErrStore)
	l.refuses(registrar.Admit(agent("1")), registrar.ErrStore) // although the disk would have room now
}

func TestDeposed(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.store.Depose(errors.New("another leads"))
	_, err := get(l, l.client.Apply(nil, registrar.Admit(agent("1"))))
	if !errors.Is(err, registrar.ErrStore) || !errors.Is(err, fault.ErrNotLeader) {
		t.Fatalf("got %v", err)
	}
	if r := l.again(); len(r.Admitted) != 0 {
		t.Errorf("a deposed registrar wrote %v", r.Admitted)
	}
}

// While one batch is written the next one gathers, so many operations take few writes, in order.
func TestBatches(t *testing.T) {
	l := newLives(t)
	l.recover()
	before := l.store.Writes()
	var all []process.Future[struct{}]
	for i := range 500 {
		all = append(all, l.client.Apply(nil, registrar.Admit(agent(fmt.Sprintf("%03d", i)))))
	}
	for _, f := range all {
		if _, err := get(l, f); err != nil {
			t.Fatal(err)
		}
	}
	if writes := l.store.Writes() - before; writes > 10 {
		t.Errorf("%d writes for 500 operations", writes)
	}
	if r := l.again(); len(r.Admitted) != 500 {
		t.Errorf("%d are admitted", len(r.Admitted))
	}
}

func TestDamagedRegistry(t *testing.T) {
	for name, change := range map[string]cluster.Change{
		"bytes that are no record":       {Key: "agents/1", Value: []byte{0xff}},
		"a record under another's key":   {Key: "agents/2", Value: record(t)},
		"a record of a kind to come":     {Key: "new/1", Value: []byte{8, 1}},
		"a record of a version to come":  {Key: "agents/1", Value: append(record(t), 8, 99)},
		"a capability this master lacks": {Key: "meta", Value: []byte{8, 1, 42, 8, 26, 6, 'F', 'U', 'T', 'U', 'R', 'E'}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLives(t)
			if err := l.store.Apply(t.Context(), l.term, []cluster.Change{change}); err != nil {
				t.Fatal(err)
			}
			if _, err := get(l, l.client.Recover(nil, l.term, info)); !errors.Is(err, registrar.ErrStore) {
				t.Fatalf("recovered with %v", err)
			}
		})
	}
}

// record is an admitted agent "1" as the registrar writes it.
func record(t *testing.T) []byte {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")))
	for _, e := range l.store.Records() {
		if e.Key == "agents/1" {
			return e.Value
		}
	}
	t.Fatal("not written")
	return nil
}

// The size that is shown is that of what the store holds, and what is written and read is timed.
func TestMetrics(t *testing.T) {
	l := newLives(t)
	shows := func(when string) {
		t.Helper()
		l.Settle()
		entries, err := l.store.Load(context.Background(), l.term)
		if err != nil {
			t.Fatal(err)
		}
		size := 0
		for _, e := range entries {
			size += len(e.Key) + len(e.Value)
		}
		got := l.node.Runtime().Metrics().Snapshot()
		if got["registrar/registry_size_bytes"] != float64(size) || got["registrar/queued_operations"] != 0 {
			t.Errorf("%s: %v bytes, want %d; %v operations wait", when, got["registrar/registry_size_bytes"], size, got["registrar/queued_operations"])
		}
		timed := []string{"state_fetch_ms", "state_store_ms"}
		if when == "with agents" { // one write makes no statistics
			timed = append(timed, "state_store_ms/count", "state_store_ms/p99")
		}
		for _, name := range timed {
			if _, ok := got["registrar/"+name]; !ok {
				t.Errorf("%s: no registrar/%s", when, name)
			}
		}
	}
	l.recover()
	shows("recovered")
	l.do(registrar.Admit(agent("1")), registrar.Admit(agent("2")), registrar.MarkUnreachable("1", now))
	shows("with agents")
	l.do(registrar.Remove("2"), registrar.MarkReachable(agent("1")))
	shows("with fewer")
	l.again()
	shows("in the next life")
}
