package agent

import (
	"cmp"
	"context"
	"errors"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/fault"
)

// garbage is what is kept for a while and removed then: sandboxes of executors that are over, and all that belongs to
// agent ids of before. When something became garbage is written nowhere but in the modification time of its directory,
// so a restarted agent finds what an earlier one left.
type garbage struct {
	waiting map[string]refuse // by directory, below the work directory
	doomed  []refuse          // about to be removed, one after the other
	busy    bool
	timer   process.Timer
}

// refuse is a directory to be removed.
type refuse struct {
	dir     string
	since   time.Time
	run     run    // zero for what is no sandbox
	sandbox string // where the run's sandbox is on this machine
	// containers had their sandboxes in it.
	containers []string
}

// keepFor is how long garbage may be kept: Mesos' formula. It shrinks as the disk fills, and is nothing when less than
// the headroom is free.
func (c Config) keepFor(used float64) time.Duration {
	share := min(1, max(0, 1-c.GCDiskHeadroom-used))
	return time.Duration(float64(c.GCDelay) * share)
}

// collectLater removes the sandbox of an executor that is over when it has been kept long enough.
func (a *Agent) collectLater(e *executor) {
	dir := sandbox(e.run)
	a.discardLater(refuse{dir: dir, since: a.b.Now(), run: e.run, sandbox: e.sandbox})
	disk := a.parts.Disk
	process.Go(a.b, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, disk.Touch(ctx, dir) // there is none if it failed to be made
	})
}

func (a *Agent) discardLater(r refuse) {
	if a.garbage.waiting == nil {
		a.garbage.waiting = map[string]refuse{}
	}
	a.garbage.waiting[r.dir] = r
	a.nextGarbage()
}

// collectOld looks for what earlier agent processes left, and begins to watch the disk.
func (a *Agent) collectOld() {
	disk, id := a.parts.Disk, a.id()
	old := process.Go(a.b, func(ctx context.Context) ([]refuse, error) { return leftBehind(ctx, disk, id) })
	process.Then(a.b, old, func(found []refuse, err error) {
		a.endOrphans(found)
		if err != nil {
			a.b.Log().Warn("cannot look for sandboxes that are over", "error", err)
		}
		for _, r := range found {
			if _, known := a.garbage.waiting[r.dir]; known || a.inUse(r.dir) {
				continue
			}
			a.discardLater(r)
			if r.run.container != "" {
				a.attach(r.sandbox, r.run, nil, nil)
			}
		}
	})
	a.b.Every(a.config.DiskWatchInterval, a.watchDisk)
}

// leftBehind finds every sandbox of an agent id, in use or not, and whatever belongs to other ids.
func leftBehind(ctx context.Context, disk Disk, id string) ([]refuse, error) {
	var found []refuse
	for _, top := range []string{"slaves", agentsDir} {
		agents, err := folders(ctx, disk, top)
		if err != nil {
			return found, err
		}
		for _, agent := range agents {
			if agent.Name == id {
				continue
			}
			r := refuse{dir: path.Join(top, agent.Name), since: agent.Modified}
			if top == "slaves" {
				boxes, e := sandboxes(ctx, disk, agent.Name)
				err = cmp.Or(err, e)
				for _, box := range boxes {
					r.containers = append(r.containers, box.run.container)
				}
			}
			found = append(found, r)
		}
		if err != nil {
			return found, err
		}
	}
	if id == "" {
		return found, nil
	}
	own, err := sandboxes(ctx, disk, id)
	return append(found, own...), err
}

// sandboxes finds those of an agent id.
func sandboxes(ctx context.Context, disk Disk, id string) (found []refuse, err error) {
	frameworks := path.Join("slaves", id, "frameworks")
	all, err := folders(ctx, disk, frameworks)
	for _, f := range all {
		executors, e := folders(ctx, disk, path.Join(frameworks, f.Name, "executors"))
		err = cmp.Or(err, e)
		for _, x := range executors {
			r := run{agent: id, framework: f.Name, executor: x.Name}
			containers, e := folders(ctx, disk, runs(r))
			err = cmp.Or(err, e)
			for _, c := range containers {
				r.container = c.Name
				at := refuse{dir: sandbox(r), since: c.Modified, run: r, containers: []string{c.Name}}
				at.sandbox, e = disk.Where(ctx, at.dir)
				err = cmp.Or(err, e)
				found = append(found, at)
			}
		}
	}
	return found, err
}

// folders are the directories in a directory, which need not be there. Links are none.
func folders(ctx context.Context, disk Disk, dir string) ([]File, error) {
	files, err := disk.List(ctx, dir)
	if errors.Is(err, fault.ErrNotFound) {
		return nil, nil
	}
	return slices.DeleteFunc(files, func(f File) bool { return !f.Mode.IsDir() }), err
}

// inUse tells whether a directory holds the sandbox of an executor that is not over, or is what the agent lives from.
func (a *Agent) inUse(dir string) bool {
	if id := a.id(); id != "" && (dir == agentMeta(id) || dir == path.Join("slaves", id)) {
		return true
	}
	for _, f := range a.frameworks {
		for _, e := range f.executors {
			if at := sandbox(e.run); at == dir || strings.HasPrefix(at, dir+"/") {
				return true
			}
		}
	}
	return false
}

// watchDisk removes what may not be kept as long any more as it was when there was more room.
func (a *Agent) watchDisk() {
	disk := a.parts.Disk
	used := process.Go(a.b, func(ctx context.Context) (float64, error) { return disk.Used(ctx) })
	process.Then(a.b, used, func(used float64, err error) {
		if err != nil {
			a.b.Log().Warn("cannot see how full the disk is", "error", err)
			return
		}
		a.counters.keptFor = a.config.keepFor(used)
		a.changed = true
		a.discard(a.counters.keptFor)
	})
}

// nextGarbage waits for the next directory that has been kept long enough.
func (a *Agent) nextGarbage() {
	a.countGarbage()
	g := &a.garbage
	if g.timer != nil {
		g.timer.Stop()
		g.timer = nil
	}
	var first time.Time
	for _, r := range g.waiting {
		if first.IsZero() || r.since.Before(first) {
			first = r.since
		}
	}
	if !first.IsZero() {
		wait := max(0, first.Add(a.config.GCDelay).Sub(a.b.Now()))
		g.timer = a.b.Delay(wait, func() { a.discard(a.config.GCDelay) })
	}
}

// discard removes what has been kept for some time or longer, the oldest first.
func (a *Agent) discard(kept time.Duration) {
	g, now := &a.garbage, a.b.Now()
	var due []refuse
	for dir, r := range g.waiting {
		if now.Sub(r.since) >= kept {
			due = append(due, r)
			delete(g.waiting, dir)
		}
	}
	slices.SortFunc(due, func(x, y refuse) int { return cmp.Or(x.since.Compare(y.since), strings.Compare(x.dir, y.dir)) })
	g.doomed = append(g.doomed, due...)
	a.nextGarbage()
	a.discardNext()
}

// discardNext removes one after the other: to empty a disk fast is not worth to slow down the tasks on it.
func (a *Agent) discardNext() {
	g := &a.garbage
	if g.busy || len(g.doomed) == 0 {
		return
	}
	r := g.doomed[0]
	g.doomed = g.doomed[1:]
	if a.inUse(r.dir) {
		a.discardNext()
		return
	}
	g.busy = true
	if r.run.container != "" {
		a.hide(r.sandbox, r.run)
	}
	disk := a.parts.Disk
	removed := process.Go(a.b, func(ctx context.Context) (struct{}, error) { return struct{}{}, disk.Discard(ctx, r.dir) })
	process.Then(a.b, removed, func(_ struct{}, err error) {
		g.busy = false
		a.discarded(r, err)
		a.countGarbage()
		a.discardNext()
	})
}

// discarded goes on after a removal. One that failed is tried again by the next agent process, as in Mesos.
func (a *Agent) discarded(r refuse, err error) {
	if err != nil {
		a.b.Log().Warn("cannot remove a directory that is over", "directory", r.dir, "error", err)
		a.b.Metrics().Counter("gc/path_removals_failed").Inc()
		return
	}
	a.b.Log().Info("removed a directory that is over", "directory", r.dir, "since", r.since)
	a.b.Metrics().Counter("gc/path_removals_succeeded").Inc()
	f := a.frameworks[r.run.framework]
	if r.run.container != "" && (f == nil || f.executors[r.run.executor] == nil) {
		a.write([]Change{{Kind: Prune, Path: runs(r.run)}}, nil)
	}
}

// countGarbage brings the metrics up to date.
func (a *Agent) countGarbage() {
	a.b.Metrics().Counter("gc/path_removals_failed").Add(0)
	a.b.Metrics().Counter("gc/path_removals_succeeded").Add(0)
	pending := len(a.garbage.waiting) + len(a.garbage.doomed)
	if a.garbage.busy {
		pending++
	}
	a.b.Metrics().Gauge("gc/path_removals_pending").Set(float64(pending))
}
