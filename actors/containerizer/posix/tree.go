package posix

import (
	"bytes"
	"context"
	"os"
	"slices"
	"strconv"
	"sync"

	"github.com/meseta-io/meseta/actors/containerizer"
)

// table is one look at all processes of the machine.
type table struct {
	all    []*stat // by pid
	cookie func(pid int) string
}

// cookies says whose environment is worth reading.
type cookies uint8

const (
	// everyCookie misses nothing; for finding and ending.
	everyCookie cookies = iota
	// orphanCookies reads only those of processes whose parent is init, because everybody else who belongs to a
	// container still has a parent in it; for measuring, which happens often.
	orphanCookies
)

// look reads /proc. A process that is born or ends meanwhile may be missed or be listed; who must be sure looks again.
func look() (*table, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	t := &table{all: make([]*stat, 0, len(names)), cookie: remember(readCookie)}
	buffer := make([]byte, 1024)
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if s, err := readStatInto(pid, buffer); err == nil {
			t.all = append(t.all, s)
		}
	}
	slices.SortFunc(t.all, func(a, b *stat) int { return a.pid - b.pid })
	return t, nil
}

// remember asks about each process once, for all containers that share a look: when hundreds end together,
// reading environments would be most of the work.
func remember(read func(pid int) string) func(pid int) string {
	var known sync.Map
	return func(pid int) string {
		if cookie, ok := known.Load(pid); ok {
			return cookie.(string)
		}
		cookie := read(pid)
		known.Store(pid, cookie)
		return cookie
	}
}

// readCookie is the container id in a process' environment, "" if it has none or may not be read.
func readCookie(pid int) string {
	environ, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return ""
	}
	for kv := range bytes.SplitSeq(environ, []byte{0}) {
		if value, ok := bytes.CutPrefix(kv, []byte(containerizer.CookieVariable+"=")); ok {
			return string(value)
		}
	}
	return ""
}

// members is everybody alive in a container, by pid. trusted says that the number of its first process is known
// not to have been given out again; what else carries that number, as a session or a group, then belongs to it.
func (t *table) members(p containerizer.Process, which cookies, trusted bool) []*stat {
	in := make(map[int]bool)
	trusted = trusted || t.has(p)
	for _, s := range t.all {
		if t.seed(p, s, which, trusted) {
			in[s.pid] = true
		}
	}
	t.close(in)
	return t.living(in)
}

// has tells whether the first process is listed, alive or not yet waited for.
func (t *table) has(p containerizer.Process) bool {
	i, ok := slices.BinarySearchFunc(t.all, p.PID, func(s *stat, pid int) int { return s.pid - pid })
	return ok && t.all[i].start == p.StartTicks
}

// seed tells whether a process belongs to the container by itself, whatever its parents are.
func (t *table) seed(p containerizer.Process, s *stat, which cookies, trusted bool) bool {
	if s.start < p.StartTicks || s.parent == kernelThreads || s.pid == kernelThreads {
		return false // older than the container: its number is the only thing in common
	}
	if s.pid == p.PID && s.start == p.StartTicks {
		return true
	}
	if trusted && (s.session == p.PID || s.group == p.PID) {
		return true
	}
	if p.ContainerID == "" || which == orphanCookies && s.parent != 1 {
		return false
	}
	return t.cookie(s.pid) == p.ContainerID
}

// kernelThreads is kthreadd, the parent of all kernel threads.
const kernelThreads = 2

// close adds children of members, and theirs.
func (t *table) close(in map[int]bool) {
	if len(in) == 0 {
		return
	}
	for grown := true; grown; {
		grown = false
		for _, s := range t.all {
			if !in[s.pid] && in[s.parent] {
				in[s.pid], grown = true, true
			}
		}
	}
}

// descendants is everybody alive below a process, without itself, by pid.
func (t *table) descendants(pid int) []*stat {
	in := map[int]bool{pid: true}
	t.close(in)
	delete(in, pid)
	return t.living(in)
}

func (t *table) living(in map[int]bool) []*stat {
	var living []*stat
	for _, s := range t.all {
		if in[s.pid] && !s.dead() {
			living = append(living, s)
		}
	}
	return living
}

// looks shares looks among callers: everybody who asks while one is being taken gets the next one together, so
// a thousand containers that end at once cost a few looks and nobody is served one older than his question.
type looks struct {
	mu      sync.Mutex
	running bool
	next    *shared
}

type shared struct {
	ready chan struct{}
	t     *table
	err   error
}

func (l *looks) take(ctx context.Context) (*table, error) {
	l.mu.Lock()
	if l.next == nil {
		l.next = &shared{ready: make(chan struct{})}
	}
	mine := l.next
	if !l.running {
		l.running = true
		go l.run()
	}
	l.mu.Unlock()
	select {
	case <-mine.ready:
		return mine.t, mine.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *looks) run() {
	for {
		l.mu.Lock()
		s := l.next
		l.next = nil
		if s == nil {
			l.running = false
			l.mu.Unlock()
			return
		}
		l.mu.Unlock()
		s.t, s.err = look()
		close(s.ready)
	}
}
