package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/values"
)

// projects are the ids that directories are given. An id is a directory's until the directory is gone: links and pipes in it
// keep the id, and would count for the next one that had it.
type projects struct {
	ids values.Ranges

	mu    sync.Mutex
	taken map[uint32]string // the directory
}

func newProjects(text string) (*projects, error) {
	if text == "" {
		text = "[5000-10000]"
	}
	v, err := values.Parse(text)
	switch {
	case err != nil || len(v.Ranges) == 0:
		return nil, fmt.Errorf("Failed to parse XFS project range '%s': write it as [5000-10000]: %w", text, fault.ErrInvalid)
	case v.Ranges.Has(0):
		return nil, fmt.Errorf("XFS project ID range contains illegal 0 value: --xfs_project_range=%s: %w", text, fault.ErrInvalid)
	case v.Ranges[len(v.Ranges)-1].End > 1<<32-1:
		return nil, fmt.Errorf("Project ID %d is out of range: --xfs_project_range=%s: %w", v.Ranges[len(v.Ranges)-1].End, text, fault.ErrInvalid)
	}
	return &projects{ids: v.Ranges, taken: map[uint32]string{}}, nil
}

// next is an id for a directory, which is its own from now on.
func (p *projects) next(dir string) (uint32, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if id, ok := p.find(); ok {
		p.taken[id] = dir
		return id, nil
	}
	for id, dir := range p.taken {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			delete(p.taken, id)
		}
	}
	if id, ok := p.find(); ok {
		p.taken[id] = dir
		return id, nil
	}
	return 0, fmt.Errorf("Failed to assign project ID, range exhausted: use a longer --xfs_project_range: %w", fault.ErrUnavailable)
}

func (p *projects) find() (uint32, bool) {
	for _, r := range p.ids {
		for id := r.Begin; id <= r.End; id++ {
			if _, taken := p.taken[uint32(id)]; !taken {
				return uint32(id), true
			}
		}
	}
	return 0, false
}

// own remembers that a directory has an id.
func (p *projects) own(id uint32, dir string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.taken[id] = dir
}

// recover looks which directories of an agent have ids.
func (p *projects) recover(workDir string) error {
	var dirs []string
	for _, pattern := range []string{"slaves/*/frameworks/*/executors/*/runs/*", "volumes/roles/*/*"} {
		found, err := filepath.Glob(filepath.Join(workDir, pattern))
		if err != nil {
			return err
		}
		dirs = append(dirs, found...)
	}
	for _, dir := range dirs {
		f, err := os.OpenFile(dir, os.O_RDONLY|directoryOnly, 0)
		if err != nil {
			continue // it is a link, or has just gone
		}
		id, err := projectOf(int(f.Fd()))
		f.Close()
		if err != nil {
			return fmt.Errorf("find the project of %s: %w", dir, err)
		}
		if id != 0 {
			p.own(id, dir)
		}
	}
	return nil
}
