package accounting

import (
	"errors"
	"fmt"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/accounting/bpf"
)

// counters are the numbers of one container.
type counters = bpf.AccountingCounters

// add sums numbers of processors, or of containers.
func add(to, c *counters) {
	to.CpuNs += c.CpuNs
	to.UserNs += c.UserNs
	to.SystemNs += c.SystemNs
	to.WaitNs += c.WaitNs
	to.Voluntary += c.Voluntary
	to.Involuntary += c.Involuntary
	to.MinorFaults += c.MinorFaults
	to.MajorFaults += c.MajorFaults
	to.OomKills += c.OomKills
	to.Started += c.Started
	to.Ended += c.Ended
	to.RxBytes += c.RxBytes
	to.RxPackets += c.RxPackets
	to.TxBytes += c.TxBytes
	to.TxPackets += c.TxPackets
	to.EgressBytes += c.EgressBytes
	to.Connected += c.Connected
	to.Accepted += c.Accepted
	to.Refused += c.Refused
	to.Closed += c.Closed
	to.Retransmits += c.Retransmits
	to.ReadBytes += c.ReadBytes
	to.WriteBytes += c.WriteBytes
	to.Reads += c.Reads
	to.Writes += c.Writes
	to.IoNs += c.IoNs
	for i := range to.Wait {
		to.Wait[i] += c.Wait[i]
		to.Io[i] += c.Io[i]
		to.Rtt[i] += c.Rtt[i]
	}
}

// insert makes an entry, unless it is there.
func insert(m *ebpf.Map, key, value any) error {
	return ignore(patiently(func() error { return m.Update(key, value, ebpf.UpdateNoExist) }), ebpf.ErrKeyExist)
}

// patiently tries again while the kernel has no entry at hand: a map that grows takes entries from a small store, which is filled up behind
// the back of whoever empties it.
func patiently(put func() error) error {
	var err error
	for wait := 50 * time.Microsecond; wait < 100*time.Millisecond; wait *= 2 {
		if err = put(); !errors.Is(err, unix.ENOMEM) {
			return err
		}
		time.Sleep(wait)
	}
	return err
}

// batchBytes is about how large the buffer of a read may be, which bounds the memory of a machine with many processors.
const batchBytes = 1 << 20

// readAll reads every entry of the map in as few calls as fit into memory, and gives each to do. Its argument is only valid
// during the call.
func readAll(m *ebpf.Map, expected int, do func(id uint64, c *counters)) error {
	cpus, err := ebpf.PossibleCPU()
	if err != nil {
		return fmt.Errorf("how many processors there may be: %w", err)
	}
	// A call returns whole buckets of the kernel's table: there has to be room for the fullest.
	n := max(64, min(expected+expected/8+16, batchBytes/(cpus*int(m.ValueSize()))))
	for {
		err := readBatches(m, n, cpus, do)
		if !errors.Is(err, unix.ENOSPC) {
			return err
		}
		n *= 2
	}
}

func readBatches(m *ebpf.Map, n, cpus int, do func(id uint64, c *counters)) error {
	var at ebpf.MapBatchCursor
	keys, values := make([]uint64, n), make([]counters, n*cpus)
	for {
		got, err := m.BatchLookup(&at, keys, values, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read the counters of containers: %w", err)
		}
		for i := range got {
			sum := values[i*cpus]
			for _, c := range values[i*cpus+1 : (i+1)*cpus] {
				add(&sum, &c)
			}
			do(keys[i], &sum)
		}
		if err != nil {
			return nil // the end
		}
	}
}

// running is what is on the processors now. Who has been there since before a read and still is after it has used processor time
// that is in no counter yet.
func running(m *ebpf.Map) ([]bpf.AccountingRunning, error) {
	var all []bpf.AccountingRunning
	err := m.Lookup(uint32(0), &all)
	return all, err
}

// unfinished is by container the processor time that is in no counter yet. Between before and after the counters were read.
func unfinished(before, after []bpf.AccountingRunning, now time.Duration) map[uint64]time.Duration {
	extra := map[uint64]time.Duration{}
	for i := range min(len(before), len(after)) {
		a, b := before[i], after[i]
		if a.Owner != 0 && a.Owner == b.Owner && a.Since == b.Since && now > time.Duration(a.Since) {
			extra[a.Owner] += now - time.Duration(a.Since)
		}
	}
	return extra
}

// monotonic is the kernel's clock that never jumps, which programs use.
func monotonic() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &t)
	return time.Duration(t.Nano())
}
