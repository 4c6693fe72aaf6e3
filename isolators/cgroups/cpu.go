package cgroups

import (
	"context"
	"fmt"
	"math"
	"strconv"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Mesos' numbers. Version 2 weighs in units of its own, in which 100 is what a group has that did not ask.
const (
	sharesPerCPU, sharesPerRevocable, minShares, maxShares = 1024, 10, 2, 1 << 18
	weightPerCPU, weightPerRevocable, minWeight, maxWeight = 100, 1, 1, 10_000

	period   = 100_000 // of the scheduler's bandwidth control, in microseconds
	minQuota = 1_000   // in microseconds; the kernel takes none below
)

// cpu is cgroups/cpu: who asked for more processors gets more of them when they are scarce, and where there is a ceiling
// nobody gets more than that.
type cpu struct {
	controlled
	ceiling bool // for everybody: --cgroups_enable_cfs
	equal   bool // what can be revoked is worth as much: --revocable_cpu_low_priority=false
	count   bool // processes and threads: --cgroups_cpu_enable_pids_and_tids_count
	home    bool // the home tells of processor time; else version 1's cpuacct does
}

func (s *shared) cpu(settings isolators.Settings) (isolators.Isolator, error) {
	c, err := s.need(settings, "cgroups/cpu", "cpu")
	if err != nil {
		return nil, err
	}
	i := cpu{controlled: c, ceiling: settings.CFS, equal: settings.RevocableEqual, count: settings.CountTasks}
	// Version 2 tells it to the microsecond in every group since Linux 4.15, with the controller or without.
	text, err := c.groups.top(c.groups.home).Read("cpu.stat")
	if i.home = err == nil && hasKey(text, "usage_usec"); !i.home {
		if _, err := c.groups.Need("cpuacct"); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func hasKey(text, key string) (has bool) {
	flat([]byte(text), func(k []byte, _ uint64) { has = has || string(k) == key })
	return has
}

// Prepare implements isolators.Isolator.
func (i cpu) Prepare(_ context.Context, c *isolators.Container, _ *isolators.Plan) error {
	return i.apply(c, false)
}

// Update implements isolators.Isolator. A container that has just ended is no error.
func (i cpu) Update(_ context.Context, c *isolators.Container) error {
	if err := i.apply(c, true); !gone(err) {
		return err
	}
	return nil
}

// apply sets what a container asks for. One that ran may have had a ceiling that it has no more.
func (i cpu) apply(c *isolators.Container, ran bool) error {
	group, ok := i.own(c)
	if !ok {
		return nil
	}
	cpus, revocable := amount(c, "cpus")
	low := revocable > 0 && !i.equal
	if i.two {
		if err := group.Write("cpu.weight", strconv.FormatUint(weight(cpus, low), 10)); err != nil {
			return err
		}
	} else if err := group.Write("cpu.shares", strconv.FormatUint(shares(cpus, low), 10)); err != nil {
		return err
	}
	limit, limited := c.Limits["cpus"]
	if !limited {
		limit = cpus
	}
	switch {
	case limited || i.ceiling:
		return i.bound(group, quota(limit))
	case ran:
		return i.bound(group, -1)
	}
	return nil
}

// bound sets how many microseconds of each period a group may run; negative: all of them.
func (i cpu) bound(group hierarchy.Group, quota int64) error {
	if i.two {
		value := "max"
		if quota >= 0 {
			value = strconv.FormatInt(quota, 10)
		}
		return group.Write("cpu.max", fmt.Sprintf("%s %d", value, period))
	}
	if err := group.Write("cpu.cfs_period_us", strconv.Itoa(period)); err != nil {
		return err
	}
	return group.Write("cpu.cfs_quota_us", strconv.FormatInt(quota, 10))
}

// shares is what version 1 weighs a group by.
func shares(cpus float64, revocable bool) uint64 {
	return within(cpus, pick(revocable, sharesPerRevocable, sharesPerCPU), minShares, maxShares)
}

// weight is the same for version 2.
func weight(cpus float64, revocable bool) uint64 {
	return within(cpus, pick(revocable, weightPerRevocable, weightPerCPU), minWeight, maxWeight)
}

func pick(first bool, a, b float64) float64 {
	if first {
		return a
	}
	return b
}

func within(cpus, perCPU, low, high float64) uint64 {
	return uint64(min(max(cpus*perCPU, low), high))
}

// quota is how many microseconds of a period a number of processors is; -1 when it is infinite, or more than can be counted.
func quota(cpus float64) int64 {
	const most = 1 << 44 // the kernel's own bound, in microseconds
	q := math.Round(cpus * period)
	if !(q < most) {
		return -1
	}
	return int64(max(q, minQuota))
}

// Usage implements isolators.Isolator.
func (i cpu) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	return i.measure(of, into, i.one)
}

func (i cpu) one(c *isolators.Container, p *Place, into *mesospb.ResourceStatistics) error {
	var err error
	if i.home {
		err = p.kept.reading(homeCPU, p.Home, "cpu.stat", func(b []byte) error { flat(b, micros(into)); return nil })
	} else if group := p.Controllers["cpuacct"]; group != "" && !p.Shared {
		err = p.kept.reading(cpuacctStat, group, "cpuacct.stat", func(b []byte) error { flat(b, ticks(into)); return nil })
	}
	if err != nil {
		return err
	}
	// Who has no ceiling is not held back.
	if _, limited := c.Limits["cpus"]; !i.two && (limited || i.ceiling) {
		if group, ok := i.ownIn(p); ok {
			err = p.kept.reading(cpuStat, group, "cpu.stat", func(b []byte) error { flat(b, throttled(into)); return nil })
		}
	}
	if err == nil && i.count {
		err = count(p.Home, into)
	}
	return err
}

// micros reads version 2's cpu.stat. What it says of bandwidth it says only where there is the controller.
func micros(into *mesospb.ResourceStatistics) func(key []byte, value uint64) {
	return func(key []byte, value uint64) {
		switch string(key) {
		case "user_usec":
			into.CpusUserTimeSecs = proto.Float64(float64(value) / 1e6)
		case "system_usec":
			into.CpusSystemTimeSecs = proto.Float64(float64(value) / 1e6)
		case "nr_periods":
			into.CpusNrPeriods = proto.Uint32(uint32(value))
		case "nr_throttled":
			into.CpusNrThrottled = proto.Uint32(uint32(value))
		case "throttled_usec":
			into.CpusThrottledTimeSecs = proto.Float64(float64(value) / 1e6)
		}
	}
}

// throttled reads version 1's cpu.stat.
func throttled(into *mesospb.ResourceStatistics) func(key []byte, value uint64) {
	return func(key []byte, value uint64) {
		switch string(key) {
		case "nr_periods":
			into.CpusNrPeriods = proto.Uint32(uint32(value))
		case "nr_throttled":
			into.CpusNrThrottled = proto.Uint32(uint32(value))
		case "throttled_time":
			into.CpusThrottledTimeSecs = proto.Float64(float64(value) / 1e9)
		}
	}
}

// ticks reads cpuacct.stat, which has hundredths of seconds on every architecture (USER_HZ).
func ticks(into *mesospb.ResourceStatistics) func(key []byte, value uint64) {
	return func(key []byte, value uint64) {
		switch string(key) {
		case "user":
			into.CpusUserTimeSecs = proto.Float64(float64(value) / 100)
		case "system":
			into.CpusSystemTimeSecs = proto.Float64(float64(value) / 100)
		}
	}
}

func count(home hierarchy.Group, into *mesospb.ResourceStatistics) error {
	processes, err := home.Processes()
	if err != nil {
		return err
	}
	threads, err := home.Threads()
	into.Processes, into.Threads = proto.Uint32(uint32(len(processes))), proto.Uint32(uint32(len(threads)))
	return err
}
