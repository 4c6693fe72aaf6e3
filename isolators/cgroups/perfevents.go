package cgroups

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// An event is something that can be counted, and the field of PerfStatistics that is for it.
type event struct {
	name   string // the perf tool's: "L1-dcache-load-misses"
	field  protoreflect.FieldDescriptor
	kind   uint32
	config uint64
}

// What is counted once for each name, by the names of fields.
var (
	hardwareEvents = map[string]uint64{
		"cycles": unix.PERF_COUNT_HW_CPU_CYCLES, "instructions": unix.PERF_COUNT_HW_INSTRUCTIONS, "cache_references": unix.PERF_COUNT_HW_CACHE_REFERENCES,
		"cache_misses": unix.PERF_COUNT_HW_CACHE_MISSES, "branches": unix.PERF_COUNT_HW_BRANCH_INSTRUCTIONS, "branch_misses": unix.PERF_COUNT_HW_BRANCH_MISSES,
		"bus_cycles": unix.PERF_COUNT_HW_BUS_CYCLES, "stalled_cycles_frontend": unix.PERF_COUNT_HW_STALLED_CYCLES_FRONTEND,
		"stalled_cycles_backend": unix.PERF_COUNT_HW_STALLED_CYCLES_BACKEND, "ref_cycles": unix.PERF_COUNT_HW_REF_CPU_CYCLES,
	}
	softwareEvents = map[string]uint64{
		"cpu_clock": unix.PERF_COUNT_SW_CPU_CLOCK, "task_clock": unix.PERF_COUNT_SW_TASK_CLOCK, "page_faults": unix.PERF_COUNT_SW_PAGE_FAULTS,
		"minor_faults": unix.PERF_COUNT_SW_PAGE_FAULTS_MIN, "major_faults": unix.PERF_COUNT_SW_PAGE_FAULTS_MAJ,
		"context_switches": unix.PERF_COUNT_SW_CONTEXT_SWITCHES, "cpu_migrations": unix.PERF_COUNT_SW_CPU_MIGRATIONS,
		"alignment_faults": unix.PERF_COUNT_SW_ALIGNMENT_FAULTS, "emulation_faults": unix.PERF_COUNT_SW_EMULATION_FAULTS,
	}
	// Caches are counted by what is done and whether it was found.
	cacheEvents = map[string]uint64{"l1_dcache": 0, "l1_icache": 1, "llc": 2, "dtlb": 3, "itlb": 4, "branch": 5, "node": 6}
	cacheOps    = map[string]uint64{
		"_loads": 0, "_load_misses": 1 << 16, "_stores": 1 << 8, "_store_misses": 1<<8 | 1<<16, "_prefetches": 2 << 8, "_prefetch_misses": 2<<8 | 1<<16,
	}
	// aliases are other names that the perf tool has for the same.
	aliases = map[string]string{"cpu_cycles": "cycles", "branch_instructions": "branches", "faults": "page_faults", "cs": "context_switches", "migrations": "cpu_migrations"}
)

// eventsOf reads --perf_events and tries each of them on a group: what this machine cannot count is refused with its name.
func eventsOf(names []string, on hierarchy.Group) ([]event, error) {
	var all []event
	for _, name := range names {
		e, err := eventOf(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		c, err := countersOf(on, []event{e})
		if err != nil {
			return nil, fmt.Errorf("--perf_events: %s cannot be counted here (a virtual machine may have no counters of the processor; page-faults and task-clock are the kernel's): %w: %w",
				name, err, fault.ErrInvalid)
		}
		c.close()
		all = append(all, e)
	}
	return all, nil
}

func eventOf(name string) (event, error) {
	field := strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if other, ok := aliases[field]; ok {
		field = other
	}
	e := event{name: name, field: (&mesospb.PerfStatistics{}).ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(field))}
	if e.field == nil {
		return e, fmt.Errorf("--perf_events: nothing is known of %q; wanted are, for instance, cycles, instructions, page-faults: %w", name, fault.ErrInvalid)
	}
	var ok bool
	if e.config, ok = hardwareEvents[field]; ok {
		e.kind = unix.PERF_TYPE_HARDWARE
		return e, nil
	}
	if e.config, ok = softwareEvents[field]; ok {
		e.kind = unix.PERF_TYPE_SOFTWARE
		return e, nil
	}
	for cache, id := range cacheEvents {
		op, isCache := strings.CutPrefix(field, cache)
		if bits, known := cacheOps[op]; isCache && known {
			e.kind, e.config = unix.PERF_TYPE_HW_CACHE, id|bits
			return e, nil
		}
	}
	return e, fmt.Errorf("--perf_events: %q is no event: %w", name, fault.ErrInvalid)
}

// set tells a count in statistics. Clocks count nanoseconds, of which the perf tool makes milliseconds.
func (e event) set(s *mesospb.PerfStatistics, n uint64) {
	if e.field.Kind() == protoreflect.DoubleKind {
		s.ProtoReflect().Set(e.field, protoreflect.ValueOfFloat64(float64(n)/1e6))
		return
	}
	s.ProtoReflect().Set(e.field, protoreflect.ValueOfUint64(n))
}

// counting are events of one group that are being counted, on every processor.
type counting struct {
	events []event
	fds    [][]int
}

// countersOf begins to count the events of a group and of all below it.
func countersOf(group hierarchy.Group, events []event) (*counting, error) {
	dir, err := unix.Open(string(group), unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("count in %s: %w", group, err)
	}
	defer unix.Close(dir)
	c := &counting{events: events, fds: make([][]int, len(events))}
	for n, e := range events {
		attributes := unix.PerfEventAttr{Type: e.kind, Config: e.config, Bits: unix.PerfBitInherit,
			Read_format: unix.PERF_FORMAT_TOTAL_TIME_ENABLED | unix.PERF_FORMAT_TOTAL_TIME_RUNNING}
		attributes.Size = uint32(unsafe.Sizeof(attributes))
		for _, processor := range online() {
			fd, err := unix.PerfEventOpen(&attributes, dir, processor, -1, unix.PERF_FLAG_PID_CGROUP|unix.PERF_FLAG_FD_CLOEXEC)
			if err != nil {
				c.close()
				return nil, fmt.Errorf("count %s in %s: %w", e.name, group, err)
			}
			c.fds[n] = append(c.fds[n], fd)
		}
	}
	return c, nil
}

// read adds what was counted up to now. Where the processor has fewer counters than there are events they take turns, and the
// kernel says for how long each was counted.
func (c *counting) read(into *mesospb.PerfStatistics) error {
	for n, e := range c.events {
		var sum float64
		for _, fd := range c.fds[n] {
			var buf [24]byte // value, time enabled, time running
			if got, err := unix.Read(fd, buf[:]); err != nil || got != len(buf) {
				return errors.Join(err, fmt.Errorf("read the counter %s", e.name))
			}
			value, enabled, running := binary.NativeEndian.Uint64(buf[:]), binary.NativeEndian.Uint64(buf[8:]), binary.NativeEndian.Uint64(buf[16:])
			if running > 0 {
				sum += float64(value) * float64(enabled) / float64(running)
			}
		}
		e.set(into, uint64(sum))
	}
	return nil
}

func (c *counting) close() {
	for _, fds := range c.fds {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
}

// online are the processors that run.
var online = sync.OnceValue(func() []int {
	text, err := os.ReadFile("/sys/devices/system/cpu/online")
	if all := processors(string(text)); err == nil && len(all) > 0 {
		return all
	}
	return []int{0}
})

// processors reads a list such as "0-3,5".
func processors(text string) (all []int) {
	for part := range strings.SplitSeq(strings.TrimSpace(text), ",") {
		first, last, ok := strings.Cut(part, "-")
		if !ok {
			last = first
		}
		from, err1 := strconv.Atoi(first)
		to, err2 := strconv.Atoi(last)
		if err1 != nil || err2 != nil || from < 0 || to > 1<<16 {
			continue
		}
		for n := from; n <= to; n++ {
			all = append(all, n)
		}
	}
	return all
}
