package accounting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting/bpf"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// killed is what becomes of an isolator when the agent's process is: the kernel takes back its descriptors.
func killed(a *Accounting) {
	a.programs.close()
}

func pinned(w *world, set bpf.Set) (names []string) {
	p := pinsOf(w.settings.RuntimeDir, set.Name, set.Version)
	_ = filepath.WalkDir(p.dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !strings.HasSuffix(path, ".debug") {
			names = append(names, filepath.Base(path))
		}
		return nil
	})
	return names
}

// An agent that is killed loses no counter, and what happens until the next one starts is counted too.
func TestCountersSurviveTheAgent(t *testing.T) {
	w := newWorld(t)
	first, err := New(w.settings)
	w.must(err)
	c, plan := w.prepared(first, "c", nil)
	child, inner := w.prepared(first, "c.child", c)
	w.run(plan.Cgroup, "fork 1")
	killed(first)
	w.run(inner.Cgroup, "talk 1", 0x40000000)

	second := w.accounting()
	w.must(second.Recover(context.Background(), []*isolators.Container{c, child}))
	w.run(plan.Cgroup, "fork 2")
	if got := w.counted(second, c); got.Started != 2+1+3 || got.Ended != 6 || got.Connected != 1 || got.RxBytes < 1<<20 {
		t.Errorf("%+v", got)
	}
	// The child has ended meanwhile, and its number stays in its parent's.
	w.must(second.Cleanup(context.Background(), child))
	if got := w.counted(second, c); got.Started != 6 {
		t.Errorf("%d processes have begun, it was 6", got.Started)
	}
}

// A nested container that ended while no agent ran is added to its parent by the next one, once.
func TestOrphansCountForTheirParents(t *testing.T) {
	w := newWorld(t)
	first, err := New(w.settings)
	w.must(err)
	c, _ := w.prepared(first, "c", nil)
	child, inner := w.prepared(first, "c.child", c)
	w.run(inner.Cgroup, "fork 2")
	killed(first)

	second, err := New(w.settings)
	w.must(err)
	w.must(second.Recover(context.Background(), []*isolators.Container{c}))
	group, _, ok := rememberedAs(child, accountingNote)
	if !ok {
		t.Fatal("the child is forgotten")
	}
	w.must(second.fold(group, second.byID["c"].group)) // and killed before the child's own entry went
	killed(second)

	third := w.accounting()
	w.must(third.Recover(context.Background(), []*isolators.Container{c}))
	w.must(third.Cleanup(context.Background(), child))
	if got := w.counted(third, c); got.Started != 3 {
		t.Errorf("%d processes have begun, it was 3", got.Started)
	}
}

// With the last container everything goes, and comes back with the next one.
func TestNothingStaysWithoutContainers(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	before := links(t)
	for range 2 {
		c, plan := w.prepared(a, "c", nil)
		d, _ := w.prepared(a, "d", nil)
		w.run(plan.Cgroup, "fork 1")
		if names := pinned(w, bpf.Accounting); len(names) < 10 || links(t) <= before {
			t.Errorf("only %v are pinned, and there are %d links after %d", names, links(t), before)
		}
		w.must(a.Cleanup(context.Background(), c))
		if got := w.counted(a, d); got != (counters{}) {
			t.Errorf("%+v", got)
		}
		w.must(a.Cleanup(context.Background(), d))
		if names := pinned(w, bpf.Accounting); len(names) > 0 || a.programs.attached() {
			t.Errorf("left: %v, and links %v", names, a.programs.links)
		}
		if isBPF(a.programs.pins.dir) || exists(a.programs.pins.dir) {
			t.Error("the directory of pins is left behind")
		}
		for _, name := range []string{"usage", "former", "old_groups"} {
			var key []byte
			if err := a.programs.maps[name].NextKey(nil, &key); !errors.Is(err, ebpf.ErrKeyNotExist) {
				t.Errorf("the map %s is not empty: %v", name, err)
			}
		}
	}
	if after := links(t); after > before {
		t.Errorf("there are %d links, and were %d", after, before)
	}
}

// links are those that this process holds.
func links(t *testing.T) (n int) {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if name, _ := os.Readlink(filepath.Join("/proc/self/fd", e.Name())); strings.Contains(name, "bpf_link") {
			n++
		}
	}
	return n
}

// Cleanup comes at any moment, twice, and for what was never prepared.
func TestCleanupAlwaysWorks(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	never, _ := w.container("never", nil)
	w.must(a.Cleanup(context.Background(), never))
	c, _ := w.prepared(a, "c", nil)
	for range 2 {
		w.must(a.Cleanup(context.Background(), c))
	}
	if _, _, ok := rememberedAs(c, accountingNote); ok {
		t.Error("the note is left behind")
	}
	w.must(a.Recover(context.Background(), nil))
}

// Other programs with the same maps go on with them, and the old ones are gone.
func TestAnotherVersionGoesOnCounting(t *testing.T) {
	w := newWorld(t)
	a, err := New(w.settings)
	w.must(err)
	c, plan := w.prepared(a, "c", nil)
	w.run(plan.Cgroup, "fork 1")
	killed(a)

	next := bpf.Accounting
	next.Version = "next"
	p, err := load(next, pinsOf(w.settings.RuntimeDir, next.Name, next.Version), slog.New(slog.DiscardHandler))
	w.must(err)
	b := &Accounting{log: slog.New(slog.DiscardHandler), programs: p, byID: map[string]*entry{}, said: map[string]bool{}}
	t.Cleanup(func() { _ = b.idle(); p.close() })
	w.must(b.Recover(context.Background(), []*isolators.Container{c}))
	w.run(plan.Cgroup, "fork 1")
	w.run(plan.Cgroup, "talk 1", 0x40000000)
	if got := w.counted(b, c); got.Started != 5 || got.Ended != 5 || got.Connected != 1 || got.RxBytes < 1<<20 || got.RxBytes > 3<<20 {
		t.Errorf("%+v", got)
	}
	if old := filepath.Join(p.pins.dir, bpf.Accounting.Version); exists(old) {
		t.Errorf("%s is left behind", old)
	}
	if names := pinned(w, next); len(names) < 10 {
		t.Errorf("only %v are pinned", names)
	}
}

// A version with other counters carries over those that both have.
func TestAnotherLayoutKeepsWhatBothKnow(t *testing.T) {
	w := newWorld(t)
	number := &btf.Int{Name: "unsigned long long", Size: 8}
	old := &btf.Struct{Name: "counters", Size: 24, Members: []btf.Member{
		{Name: "rx_bytes", Type: number}, {Name: "long_gone", Type: number, Offset: 64}, {Name: "cpu_ns", Type: number, Offset: 128}}}
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "usage", Type: ebpf.PerCPUHash, KeySize: 8, ValueSize: 24, MaxEntries: 16384, Flags: 1,
		Key: number, Value: old})
	w.must(err)
	defer m.Close()
	c, plan := w.container("c", nil)
	group, err := groupID(plan.Cgroup)
	w.must(err)
	w.must(rememberAs(c, accountingNote, group, plan.Cgroup))
	values := make([][3]uint64, ebpf.MustPossibleCPU())
	values[0], values[1] = [3]uint64{100, 7, 1000}, [3]uint64{11, 7, 2000}
	w.must(m.Put(group, values))
	before := &programs{set: bpf.Accounting, maps: map[string]*ebpf.Map{"usage": m}, pins: pinsOf(w.settings.RuntimeDir, bpf.Accounting.Name, "before")}
	w.must(before.pin())

	a := w.accounting()
	w.must(a.Recover(context.Background(), []*isolators.Container{c}))
	if got := w.counted(a, c); got != (counters{RxBytes: 111, CpuNs: 3000}) {
		t.Errorf("%+v", got)
	}
	if exists(filepath.Join(a.programs.pins.dir, "before")) {
		t.Error("the old version is left behind")
	}
}

// One program that the kernel refuses takes no other with it.
func TestAKernelThatLacksSomethingCountsTheRest(t *testing.T) {
	w := newWorld(t)
	set := bpf.Accounting
	set.Load = func() (*ebpf.CollectionSpec, error) {
		s, err := bpf.Accounting.Load()
		s.Programs["on_oom"].AttachTo = "no_such_tracepoint"
		s.Programs["on_socket"].AttachTo = "no_such_tracepoint"
		s.Programs["on_socket"].Type = ebpf.Tracing
		return s, err
	}
	p, err := load(set, pinsOf(w.settings.RuntimeDir, set.Name, set.Version), slog.New(slog.DiscardHandler))
	w.must(err)
	a := &Accounting{log: slog.New(slog.DiscardHandler), programs: p, byID: map[string]*entry{}, said: map[string]bool{}}
	t.Cleanup(func() { _ = a.idle(); p.close() })
	if len(p.missing) != 2 || p.missing["on_oom"] == nil || p.missing["on_socket"] == nil {
		t.Fatalf("missing: %v", p.missing)
	}
	c, plan := w.prepared(a, "c", nil)
	w.run(plan.Cgroup, "fork 1")
	if got := w.counted(a, c); got.Started != 2 || got.CpuNs == 0 {
		t.Errorf("%+v", got)
	}
	if has := a.has(); strings.Join(has, " ") != "cpu faults network connections disk processes" {
		t.Errorf("it has %v", has)
	}
}

func TestWhatIsMissingIsSaid(t *testing.T) {
	if err := possible(false); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), "root") {
		t.Errorf("%v", err)
	}
}

// A container whose group is not there is run, uncounted, and that is said once.
func TestAContainerThatCannotBeCountedRunsAllTheSame(t *testing.T) {
	w := newWorld(t)
	var said strings.Builder
	w.settings.Log = slog.New(slog.NewTextHandler(&said, nil))
	a := w.accounting()
	for _, id := range []string{"one", "two"} {
		c, plan := w.container(id, nil)
		plan.Cgroup = "/sys/fs/cgroup/no/such"
		w.must(a.Prepare(context.Background(), c, plan))
		s := usageOf(w, a, c)
		if s.NetRxBytes != nil || s.CpusUserTimeSecs != nil {
			t.Errorf("%v", s)
		}
		w.must(a.Cleanup(context.Background(), c))
	}
	if n := strings.Count(said.String(), "not accounted"); n != 1 {
		t.Errorf("said %d times:\n%s", n, said.String())
	}
}

// A thousand containers are read in one go.
func TestAThousandContainers(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	all, plans := w.many(a, 1000)
	for _, i := range []int{0, 500, 999} {
		w.run(plans[i].Cgroup, "fork 1")
	}
	into := make([]*mesospb.ResourceStatistics, len(all))
	for i := range into {
		into[i] = &mesospb.ResourceStatistics{}
	}
	w.must(a.Usage(context.Background(), all, into))
	for i, s := range into {
		if s.CpusUserTimeSecs == nil || s.NetRxBytes == nil || s.BlkioStatistics == nil {
			t.Fatalf("%d: %v", i, s)
		}
		if busy := s.GetCpusUserTimeSecs()+s.GetCpusSystemTimeSecs() > 0; busy != (i == 0 || i == 500 || i == 999) {
			t.Errorf("container %d has used %v s", i, s.GetCpusUserTimeSecs()+s.GetCpusSystemTimeSecs())
		}
	}
}

func (w *world) many(a *Accounting, n int) (all []*isolators.Container, plans []*isolators.Plan) {
	w.Helper()
	for i := range n {
		c, plan := w.prepared(a, fmt.Sprintf("n%d", i), nil)
		all, plans = append(all, c), append(plans, plan)
	}
	return all, plans
}
