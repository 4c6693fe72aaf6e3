package disk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/messages/bytesize"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// DU is disk/du. One goroutine looks at all directories in turn, each at most once in an interval, and rests nine times as long
// as a look took: however much the containers hold, measuring it takes a tenth of one processor. What is in a container
// counts for the outermost one.
type DU struct {
	isolators.Nothing
	log      *slog.Logger
	workDir  string
	interval time.Duration
	enforce  bool

	mu   sync.Mutex
	by   map[string]*watched
	busy bool          // the goroutine runs
	news chan struct{} // somebody has come
}

// watched is a container. Its lock is held while limited is called, so that Cleanup comes before or after.
type watched struct {
	id      string
	ctx     context.Context
	cancel  context.CancelFunc
	mu      sync.Mutex
	shares  []share
	used    map[string]uint64 // by path
	limited func(isolators.Limitation)
	due     time.Time
}

// NewDU is the builder's.
func NewDU(s isolators.Settings) (isolators.Isolator, error) {
	if err := beneath.Supported(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(s.WorkDir)
	d := &DU{log: s.Log, workDir: dir, interval: interval(s), enforce: s.EnforceContainerDiskQuota, by: map[string]*watched{}, news: make(chan struct{}, 1)}
	if d.log == nil {
		d.log = slog.New(slog.DiscardHandler)
	}
	return d, err
}

func interval(s isolators.Settings) time.Duration {
	if s.ContainerDiskWatchInterval > 0 {
		return s.ContainerDiskWatchInterval
	}
	return 15 * time.Second
}

// Name implements isolators.Isolator.
func (*DU) Name() string { return "disk/du" }

// Prepare implements isolators.Isolator: what cannot be read is refused now.
func (d *DU) Prepare(_ context.Context, c *isolators.Container, _ *isolators.Plan) error {
	_, err := shares(c, d.workDir)
	return err
}

// Watch implements isolators.Isolator.
func (d *DU) Watch(c *isolators.Container, limited func(isolators.Limitation)) {
	if c.Nested() {
		return
	}
	list, err := shares(c, d.workDir)
	if err != nil {
		d.log.Warn("disk usage of a container is not watched", "container", c.ID, "error", err)
		return
	}
	w := &watched{id: c.ID, shares: list, used: map[string]uint64{}, limited: limited}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	d.mu.Lock()
	defer d.mu.Unlock()
	if old := d.by[c.ID]; old != nil {
		old.cancel()
	}
	d.by[c.ID] = w
	select {
	case d.news <- struct{}{}:
	default:
	}
	if !d.busy {
		d.busy = true
		go d.look()
	}
}

// Update implements isolators.Isolator.
func (d *DU) Update(_ context.Context, c *isolators.Container) error {
	list, err := shares(c, d.workDir)
	d.mu.Lock()
	w := d.by[c.ID]
	d.mu.Unlock()
	if w == nil || err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	was := w.used
	w.shares, w.used = list, map[string]uint64{}
	for _, s := range list {
		if used, known := was[s.path()]; known {
			w.used[s.path()] = used
		}
	}
	return nil
}

// Cleanup implements isolators.Isolator.
func (d *DU) Cleanup(_ context.Context, c *isolators.Container) error {
	d.mu.Lock()
	w := d.by[c.ID]
	delete(d.by, c.ID)
	d.mu.Unlock()
	if w != nil {
		w.cancel()
		w.mu.Lock()
		w.limited = nil
		w.mu.Unlock()
	}
	return nil
}

// Usage implements isolators.Isolator.
func (d *DU) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	for i, c := range of {
		d.mu.Lock()
		w := d.by[c.ID]
		d.mu.Unlock()
		if w == nil {
			continue
		}
		w.mu.Lock()
		for _, s := range w.shares {
			used, known := w.used[s.path()]
			s.tell(into[i], used, known)
		}
		w.mu.Unlock()
	}
	return nil
}

// look goes on as long as there is somebody to look at.
func (d *DU) look() {
	var rested time.Time
	for {
		w := d.next()
		if w == nil {
			return
		}
		if wait := max(time.Until(w.due), time.Until(rested)); wait > 0 {
			rest := time.NewTimer(wait)
			select {
			case <-rest.C:
			case <-w.ctx.Done():
			case <-d.news: // of somebody who may be due before
			}
			rest.Stop()
			continue
		}
		began := time.Now()
		d.measure(w)
		took := time.Since(began)
		w.due, rested = began.Add(d.interval), time.Now().Add(9*took)
	}
}

// next is who was not looked at for the longest time; those who are new come first.
func (d *DU) next() (first *watched) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range d.by {
		if first == nil || w.due.Before(first.due) {
			first = w
		}
	}
	d.busy = first != nil
	return first
}

// measure looks at all directories of a container.
func (d *DU) measure(w *watched) {
	w.mu.Lock()
	list := w.shares
	w.mu.Unlock()
	for _, s := range list {
		if w.ctx.Err() != nil {
			return
		}
		used, err := s.measure(w.ctx)
		if err != nil && w.ctx.Err() == nil && !errors.Is(err, fault.ErrNotFound) {
			d.log.Warn("cannot measure the disk usage of a container", "container", w.id, "error", err)
		}
		d.measured(w, s, used, err == nil)
	}
}

func (s share) measure(ctx context.Context) (uint64, error) {
	dir, err := beneath.Open(s.root, s.dir)
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	used, err := Usage(ctx, dir)
	return (used + 1023) &^ 1023, err
}

// measured remembers a number, and speaks if it is too much. One of a look that was not finished is at least too small.
func (d *DU) measured(w *watched, s share, used uint64, all bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if all {
		w.used[s.path()] = used
	}
	for _, now := range w.shares {
		if now.path() == s.path() {
			s = now
		}
	}
	if !d.enforce || w.limited == nil || s.whole() || used <= s.limit {
		return
	}
	w.limited(isolators.Limitation{Reason: mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_DISK, Resources: cloned(s.parts),
		Message: fmt.Sprintf("Disk usage (%s) exceeds quota (%s)", bytesize.Format(used), bytesize.Format(s.limit))})
	w.limited = nil
}

func cloned(list []*mesospb.Resource) (out []*mesospb.Resource) {
	for _, r := range list {
		out = append(out, proto.CloneOf(r))
	}
	return out
}
