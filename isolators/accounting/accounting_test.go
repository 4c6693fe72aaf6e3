package accounting

import (
	"bufio"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/sample"
)

// field is a number in one of the kernel's lists.
func field(t testing.TB, file, name string) uint64 {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			n, _ := strconv.ParseUint(f[1], 10, 64)
			return n
		}
	}
	t.Fatalf("there is no %s in %s", name, file)
	return 0
}

// near tells by how much a number is off.
func near(got, want uint64, share float64) bool {
	d := float64(got) - float64(want)
	return max(d, -d) <= share*float64(want)
}

// What a container used of processors is what its control group says, for loads of every kind.
func TestProcessorTimeIsTheKernels(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	for _, load := range []string{"spin 400", "nap 400", "fork 60"} {
		t.Run(load, func(t *testing.T) {
			id := strings.Fields(load)[0]
			c, plan := w.prepared(a, id, nil)
			w.run(plan.Cgroup, load)
			got, want := w.counted(a, c), field(t, filepath.Join(plan.Cgroup, "cpu.stat"), "usage_usec")
			if !near(got.CpuNs/1000, want, 0.01) {
				t.Errorf("%d us, and the group has used %d us: %+.2f %%", got.CpuNs/1000, want, 100*(float64(got.CpuNs/1000)/float64(want)-1))
			}
			t.Logf("%d us of %d us; waited %v %d times; %d voluntary switches, %d others", got.CpuNs/1000, want, time.Duration(got.WaitNs),
				(&sample.Histogram{Counts: got.Wait}).Total(), got.Voluntary, got.Involuntary)
		})
	}
}

// A thread that never leaves its processor is counted all the same.
func TestWhoNeverPausesIsCounted(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	c, plan := w.prepared(a, "busy", nil)
	cmd := w.in(plan.Cgroup, "spinon")
	out, err := cmd.StdoutPipe()
	w.must(err)
	w.must(cmd.Start())
	_, err = bufio.NewReader(out).ReadString('\n')
	w.must(err)
	stat := filepath.Join(plan.Cgroup, "cpu.stat")
	start := field(t, stat, "usage_usec")
	for field(t, stat, "usage_usec") < start+300_000 {
	}
	before := field(t, stat, "usage_usec")
	got := w.counted(a, c)
	after := field(t, stat, "usage_usec")
	w.must(cmd.Process.Kill())
	_ = cmd.Wait()
	// The group's own number is as old as the last tick.
	if low, high := before*99/100, after*101/100+10_000; got.CpuNs/1000 < low || got.CpuNs/1000 > high {
		t.Errorf("%d us, and the group says %d..%d us", got.CpuNs/1000, before, after)
	}
}

// Processes count from their first instruction to the end, in the group they were born into.
func TestEveryProcessIsCounted(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	c, plan := w.prepared(a, "c", nil)
	w.run(plan.Cgroup, "fork 5")
	if got := w.counted(a, c); got.Started != 6 || got.Ended != 6 {
		t.Errorf("%d processes began and %d ended; it was 6 and 6", got.Started, got.Ended)
	}
}

// Of a turn on a processor that nobody saw begin the processor time is known and the faults are not, so that some may be missing.
func TestPageFaultsAreTheKernels(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	c, plan := w.prepared(a, "c", nil)
	r := w.run(plan.Cgroup, "touch 64")
	if got := w.counted(a, c); r.Faults < 64<<20/4096 || !near(got.MinorFaults, r.Faults, 0.1) {
		t.Errorf("%d faults; the process knows of %d", got.MinorFaults, r.Faults)
	}
}

// Bytes of the network are exact: what loopback of a namespace of its own has seen.
func TestNetworkBytesAreExact(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	t.Run("datagrams", func(t *testing.T) {
		c, plan := w.prepared(a, "udp", nil)
		r := w.run(plan.Cgroup, "datagrams 1000", unix.CLONE_NEWNET)
		got := w.counted(a, c)
		if got.RxBytes != r.RxBytes || got.RxPackets != r.RxPackets || got.TxBytes != r.RxBytes || got.TxPackets != r.RxPackets || r.RxPackets != 1000 {
			t.Errorf("received %d bytes in %d packets and sent %d in %d; loopback has seen %d in %d", got.RxBytes, got.RxPackets,
				got.TxBytes, got.TxPackets, r.RxBytes, r.RxPackets)
		}
	})
	t.Run("a stream", func(t *testing.T) {
		c, plan := w.prepared(a, "tcp", nil)
		r := w.run(plan.Cgroup, "talk 64", unix.CLONE_NEWNET)
		got := w.counted(a, c)
		if got.RxBytes != r.RxBytes || got.RxPackets != r.RxPackets || r.RxBytes < 64<<20 {
			t.Errorf("received %d bytes in %d packets; loopback has seen %d in %d", got.RxBytes, got.RxPackets, r.RxBytes, r.RxPackets)
		}
		// A packet that is too large for the device leaves as several, of which each but the first has another 52 bytes of headers.
		if split := got.RxPackets - got.TxPackets; got.TxBytes+52*split != got.RxBytes {
			t.Errorf("sent %d bytes in %d packets, received %d in %d", got.TxBytes, got.TxPackets, got.RxBytes, got.RxPackets)
		}
		if n := (&sample.Histogram{Counts: got.Rtt}).Total(); n == 0 || got.EgressBytes != 0 {
			t.Errorf("%d round trips were measured, and %d bytes left the machine", n, got.EgressBytes)
		}
	})
}

func TestConnectionsAreCounted(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	c, plan := w.prepared(a, "c", nil)
	w.run(plan.Cgroup, "dial 7", unix.CLONE_NEWNET)
	got := w.counted(a, c)
	if got.Connected != 7 || got.Accepted != 7 || got.Refused != 1 {
		t.Errorf("%d opened, %d accepted, %d refused; it was 7, 7 and 1", got.Connected, got.Accepted, got.Refused)
	}
	if got.Closed > got.Connected+got.Accepted {
		t.Errorf("%d of %d connections are closed", got.Closed, got.Connected+got.Accepted)
	}
}

// onDevice leaves a test out where files are on no block device.
func onDevice(t *testing.T, dir string) {
	t.Helper()
	var s unix.Stat_t
	if err := unix.Stat(dir, &s); err != nil {
		t.Fatal(err)
	}
	if unix.Major(s.Dev) == 0 {
		t.Skipf("missing here: a file system on a block device at %s", dir)
	}
}

// Bytes of block devices are exact: what the process wrote around the page cache, and what the kernel says that it read. Where the
// kernel does not tell of the end of a request, as rarely happens on the machine of on_switch, that one is missing, and there is another try.
func TestDiskBytesAreExact(t *testing.T) {
	w := newWorld(t)
	onDevice(t, w.settings.WorkDir)
	a := w.accounting()
	// The file is there, so that the kernel has nothing of its own to write for it.
	f, err := os.Create(filepath.Join(w.settings.WorkDir, diskFile))
	w.must(err)
	_, err = f.Write(make([]byte, 16<<20))
	w.must(errors.Join(err, f.Sync(), f.Close()))
	for round := range 5 {
		c, plan := w.prepared(a, "c"+strconv.Itoa(round), nil)
		r := w.run(plan.Cgroup, "disk 16")
		got := w.counted(a, c)
		if got.ReadBytes > r.Read || got.WriteBytes > 16<<20 || r.Read < 16<<20 {
			t.Fatalf("read %d and wrote %d bytes; it was %d and %d", got.ReadBytes, got.WriteBytes, r.Read, 16<<20)
		}
		if n := (&sample.Histogram{Counts: got.Io}).Total(); n != got.Reads+got.Writes || n == 0 || got.IoNs == 0 {
			t.Fatalf("%d reads and %d writes have %d latencies, %d ns together", got.Reads, got.Writes, n, got.IoNs)
		}
		if got.ReadBytes == r.Read && got.WriteBytes == 16<<20 {
			return
		}
		t.Logf("read %d and wrote %d bytes; it was %d and %d", got.ReadBytes, got.WriteBytes, r.Read, 16<<20)
	}
	t.Error("no round was exact")
}

// A parent's numbers have in them what was nested in it, also when that is over, and a nested one's only its own.
func TestNestedContainersCountForTheirParents(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	parent, plan := w.prepared(a, "parent", nil)
	child, inner := w.prepared(a, "parent.child", parent)
	grandchild, innermost := w.prepared(a, "parent.child.last", child)
	w.run(plan.Cgroup, "true")
	w.run(inner.Cgroup, "fork 1")
	w.run(innermost.Cgroup, "fork 2")
	started := func(want ...uint64) {
		t.Helper()
		for i, c := range []*isolators.Container{parent, child, grandchild}[:len(want)] {
			if got := w.counted(a, c).Started; got != want[i] {
				t.Errorf("%s has begun %d processes, want %d", c.ID, got, want[i])
			}
		}
	}
	started(6, 5, 3)
	w.must(a.Cleanup(context.Background(), grandchild))
	w.must(a.Cleanup(context.Background(), grandchild))
	started(6, 5)
	w.must(a.Cleanup(context.Background(), child))
	w.must(a.Cleanup(context.Background(), child))
	started(6)
}

// A group that a container makes inside its own belongs to it.
func TestGroupsInsideOfAContainerAreItsOwn(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	c, plan := w.prepared(a, "c", nil)
	deep := filepath.Join(plan.Cgroup, "system", "service")
	w.must(os.MkdirAll(deep, 0o755))
	w.run(deep, "talk 8", unix.CLONE_NEWNET)
	got := w.counted(a, c)
	if want := field(t, filepath.Join(plan.Cgroup, "cpu.stat"), "usage_usec"); !near(got.CpuNs/1000, want, 0.02) {
		t.Errorf("%d us of %d us", got.CpuNs/1000, want)
	}
	if got.Started != 1 || got.RxBytes < 8<<20 || got.Connected != 1 || (&sample.Histogram{Counts: got.Rtt}).Total() == 0 {
		t.Errorf("%+v", got)
	}
}

// What belongs to no container is in nobody's numbers.
func TestStrangersAreNotCounted(t *testing.T) {
	w := newWorld(t)
	a := w.accounting()
	c, _ := w.prepared(a, "c", nil)
	_, other := w.container("stranger", nil)
	w.run(other.Cgroup, "fork 3")
	w.run(w.root, "fork 3")
	if got := w.counted(a, c); got != (counters{}) {
		t.Errorf("%+v", got)
	}
}
