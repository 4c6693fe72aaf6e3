package accounting

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cilium/ebpf"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting/bpf"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Name is the isolator's in --isolation.
const Name = "ebpf/accounting"

// Builder is its row in the table of all isolators.
var Builder = isolators.Builder{Names: []string{Name}, New: func(s isolators.Settings) (isolators.Isolator, error) { return New(s) }}

// fresh is how old numbers may be: whoever asks more often gets the same ones.
const fresh = 100 * time.Millisecond

// Accounting is the isolator ebpf/accounting.
type Accounting struct {
	isolators.Nothing
	log *slog.Logger

	programs *programs         // whose mu guards the rest
	byID     map[string]*entry // by the ids of containers
	said     map[string]bool   // what was logged, so that it is not again
	read     reading
}

// entry is a container that is counted.
type entry struct {
	group  uint64 // the id of its control group
	parent *entry // of a nested one
}

// New loads the programs. What is missing on this machine it says in class fault.ErrInvalid; single programs that the kernel
// refuses it logs, once.
func New(s isolators.Settings) (*Accounting, error) {
	log := s.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if err := possible(s.Root); err != nil {
		return nil, err
	}
	p, err := open(bpf.Accounting, pinsOf(s.RuntimeDir, bpf.Accounting.Name, bpf.Accounting.Version), log)
	if err != nil {
		return nil, refused(err)
	}
	a := &Accounting{log: log, programs: p, byID: map[string]*entry{}, said: map[string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(p.missing)) {
		log.Info("this kernel cannot count everything", "isolator", Name, "missing", counts[name], "why", firstLine(p.missing[name]))
	}
	return a, nil
}

// counts says what a program counts.
var counts = map[string]string{
	"on_switch": "processor time, waits, switches and page faults", "on_fork": "processes that begin", "on_exit": "processes that end",
	"on_oom": "kills for want of memory", "on_ingress": "packets received", "on_egress": "packets sent", "on_state": "connections",
	"on_retransmit": "retransmits", "on_socket": "round trips", "on_issue": "block I/O", "on_complete": "block I/O",
	"on_insert": "block I/O that waits in a queue", "on_merge": "block I/O that is joined with other",
	"own_level": "anything when the agent is in a cgroup namespace",
}

// possible tells what a machine lacks for any eBPF of this package.
func possible(root bool) error {
	if !root {
		return fmt.Errorf("programs in the kernel are for root only: run the agent as root, or leave it out: %w", fault.ErrInvalid)
	}
	if !exists("/sys/kernel/btf/vmlinux") {
		return fmt.Errorf("the kernel does not describe its types (/sys/kernel/btf/vmlinux is missing): take one with CONFIG_DEBUG_INFO_BTF: %w", fault.ErrInvalid)
	}
	if mount, err := unifiedMount(); err != nil || mount == "" {
		return fmt.Errorf("no unified hierarchy of control groups is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified: %w", errors.Join(err, fault.ErrInvalid))
	}
	return nil
}

func refused(err error) error {
	return fmt.Errorf("%s; programs need CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN, and Linux 5.14 or later: %w", firstLine(err), fault.ErrInvalid)
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// Name implements isolators.Isolator.
func (*Accounting) Name() string { return Name }

// once logs a thing that would otherwise be said for every container.
func (a *Accounting) once(what string, err error) {
	if text := what + ": " + firstLine(err); !a.said[text] {
		a.said[text] = true
		a.log.Warn(what+"; other numbers of it are not touched", "isolator", Name, "error", err)
	}
}

// Prepare makes the container's counters, so that its first instruction is counted. That it cannot is no reason not to run it.
func (a *Accounting) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	if plan.Cgroup == "" {
		return nil // the kernel has no unified hierarchy
	}
	a.programs.mu.Lock()
	defer a.programs.mu.Unlock()
	if err := a.register(c, plan.Cgroup, true); err != nil {
		a.once("a container is not accounted by eBPF", err)
	}
	return nil
}

func (a *Accounting) register(c *isolators.Container, cgroup string, write bool) error {
	group, err := groupID(cgroup)
	if err != nil {
		return err
	}
	e := &entry{group: group, parent: a.above(c)}
	if e.parent != nil && e.parent.group == group {
		return nil // it is counted as its parent
	}
	if write {
		if err := rememberAs(c, accountingNote, group, cgroup); err != nil {
			return err
		}
	}
	if e.parent == nil {
		if err := a.at(c, cgroup); err != nil {
			return err
		}
	}
	if err := a.make(group); err != nil {
		return err
	}
	a.byID[c.ID] = e
	a.read.at = time.Time{}
	if err := a.programs.pin(); err != nil {
		a.once("counters will not survive the end of this agent", err)
	}
	return nil
}

// above is the nearest container around c that is counted.
func (a *Accounting) above(c *isolators.Container) *entry {
	for p := c.Parent; p != nil; p = p.Parent {
		if e := a.byID[p.ID]; e != nil {
			return e
		}
	}
	return nil
}

// at lets the programs run for containers whose groups are where this one's is.
func (a *Accounting) at(c *isolators.Container, cgroup string) error {
	root, err := rootOf(c, cgroup)
	if err != nil || a.programs.root == root {
		return err
	}
	if a.programs.root != "" {
		return fmt.Errorf("its group is in %s and those of others are in %s: %w", root, a.programs.root, fault.ErrUnsupported)
	}
	level, err := levelOf(cgroup, a.programs.progs["own_level"])
	if err != nil {
		return err
	}
	if err := a.programs.maps["places"].Put(uint32(0), bpf.AccountingPlace{Level: level}); err != nil {
		return fmt.Errorf("tell the programs where containers are: %w", err)
	}
	if err := a.programs.attach(root); err != nil {
		a.once("not everything can be counted", err)
	}
	return nil
}

// make makes the counters of a group, unless it has some.
func (a *Accounting) make(group uint64) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return err
	}
	return insert(a.programs.maps["usage"], group, make([]counters, cpus))
}

// Isolate tells the programs by which group the kernel knows the container's I/O where block devices have a hierarchy of their own.
func (a *Accounting) Isolate(_ context.Context, c *isolators.Container) error {
	a.programs.mu.Lock()
	defer a.programs.mu.Unlock()
	e := a.byID[c.ID]
	if e == nil || c.PID == 0 {
		return nil
	}
	old, ok, err := blockGroup(c.PID)
	if err == nil && ok {
		// Not for a nested one that is in its parent's group: the first one keeps it.
		err = insert(a.programs.maps["old_groups"], old, e.group)
	}
	if err != nil {
		a.once("writes that happen later are not accounted to containers", err)
	}
	return nil
}

// Usage implements isolators.Isolator. It fills in what no isolator before it knew.
func (a *Accounting) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	all, err := a.totals(of)
	for i, c := range all {
		if c != nil {
			statistics(c, a.programs.missing, into[i])
		}
	}
	return err
}

// Cleanup adds the container's numbers to its parent's and forgets it.
func (a *Accounting) Cleanup(_ context.Context, c *isolators.Container) error {
	a.programs.mu.Lock()
	defer a.programs.mu.Unlock()
	var err error
	if e := a.byID[c.ID]; e != nil {
		delete(a.byID, c.ID)
		err = a.end(e.group, e.parent)
	} else if group, _, known := rememberedAs(c, accountingNote); known {
		err = a.end(group, a.above(c))
	}
	a.read.at = time.Time{}
	err = errors.Join(err, forgetAs(c, accountingNote))
	if len(a.byID) == 0 {
		err = errors.Join(err, a.idle())
	}
	return err
}

// end removes a group's counters.
func (a *Accounting) end(group uint64, parent *entry) error {
	var err error
	if parent != nil {
		err = a.fold(group, parent.group)
	}
	m := a.programs.maps
	err = errors.Join(err, ignore(m["usage"].Delete(group), ebpf.ErrKeyNotExist), ignore(m["former"].Delete(group), ebpf.ErrKeyNotExist))
	var old bpf.AccountingOldGroup
	var of uint64
	var gone []bpf.AccountingOldGroup
	for entries := m["old_groups"].Iterate(); entries.Next(&old, &of); {
		if of == group {
			gone = append(gone, old)
		}
	}
	for _, k := range gone {
		err = errors.Join(err, ignore(m["old_groups"].Delete(k), ebpf.ErrKeyNotExist))
	}
	return err
}

// fold adds what a nested container used to what its parent's former ones did. The note of who was added last is written with the sum, so that
// a crash between that and the removal adds nobody twice.
func (a *Accounting) fold(group, parent uint64) error {
	m := a.programs.maps
	var into, own bpf.AccountingEnded
	if err := ignore(m["former"].Lookup(parent, &into), ebpf.ErrKeyNotExist); err != nil {
		return err
	}
	if into.Last == group {
		return nil
	}
	var each []counters
	if err := m["usage"].Lookup(group, &each); err != nil {
		return ignore(err, ebpf.ErrKeyNotExist)
	}
	for i := range each {
		add(&into.Sum, &each[i])
	}
	if err := m["former"].Lookup(group, &own); err == nil {
		add(&into.Sum, &own.Sum)
	}
	into.Last = group
	return patiently(func() error { return m["former"].Put(parent, into) })
}

// idle stops everything: there is no container.
func (a *Accounting) idle() error {
	err := a.programs.detach()
	for _, name := range []string{"usage", "former", "old_groups"} {
		err = errors.Join(err, empty(a.programs.maps[name]))
	}
	return err
}

func empty(m *ebpf.Map) error {
	var keys [][]byte
	var key []byte
	for err := m.NextKey(nil, &key); ; err = m.NextKey(key, &key) {
		if err != nil {
			break // the end
		}
		keys = append(keys, slices.Clone(key))
	}
	var errs []error
	for _, k := range keys {
		errs = append(errs, ignore(m.Delete(k), ebpf.ErrKeyNotExist))
	}
	return errors.Join(errs...)
}

// Recover goes on counting the containers that live. Their counters are those of the earlier process where it had pinned them.
func (a *Accounting) Recover(_ context.Context, alive []*isolators.Container) error {
	a.programs.mu.Lock()
	defer a.programs.mu.Unlock()
	for _, c := range alive {
		_, cgroup, known := rememberedAs(c, accountingNote)
		if !known {
			continue
		}
		if err := a.register(c, cgroup, false); err != nil {
			a.once("a recovered container is not accounted by eBPF", err)
		}
	}
	if len(a.byID) == 0 {
		return a.idle()
	}
	return nil
}
