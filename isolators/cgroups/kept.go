package cgroups

import (
	"io/fs"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
)

// A counter is a file that is read for statistics, again and again for every container.
type counter int

const (
	homeCPU counter = iota
	cpuStat
	cpuacctStat
	memoryUsage
	memorySwap
	memoryKernel
	memoryTCP
	memoryStat
	counters int = iota
)

// kept has the files of one container open. To open one takes the kernel three times as long as to read it.
type kept struct {
	mu     sync.Mutex
	may    bool            // it is known when this has to end
	fds    [counters]int32 // and 1; 0 is one that is not open
	budget *budget
}

// A budget is how many files may be kept open for all containers: a quarter of what this process may have. The others are
// opened whenever they are read.
type budget struct{ left atomic.Int64 }

func newBudget() *budget {
	var limit unix.Rlimit
	b := &budget{}
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err == nil {
		b.left.Store(int64(min(limit.Cur, 1<<20) / 4))
	}
	return b
}

func (b *budget) take() bool {
	if b.left.Add(-1) >= 0 {
		return true
	}
	b.left.Add(1)
	return false
}

// buffers are for one file at a time; of none that are read so the kernel says more than half of this.
var buffers = sync.Pool{New: func() any { b := make([]byte, 16<<10); return &b }}

// reading calls f with what a file of a group says, which is only lent.
func (k *kept) reading(which counter, group hierarchy.Group, name string, f func(content []byte) error) error {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	k.mu.Lock()
	defer k.mu.Unlock()
	fd := int(k.fds[which]) - 1
	if fd < 0 {
		opened, err := unix.Open(group.File(name), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return &fs.PathError{Op: "open", Path: group.File(name), Err: err}
		}
		if fd = opened; k.may && k.budget.take() {
			k.fds[which] = int32(fd) + 1
		} else {
			defer unix.Close(fd)
		}
	}
	n, err := unix.Pread(fd, *buf, 0)
	if err != nil {
		return &fs.PathError{Op: "read", Path: group.File(name), Err: err}
	}
	return f((*buf)[:n])
}

// end closes what is open, and nothing is kept any more.
func (k *kept) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.may = false
	for n, fd := range k.fds {
		if fd > 0 {
			unix.Close(int(fd) - 1)
			k.budget.left.Add(1)
		}
		k.fds[n] = 0
	}
}
