// Package groups lets containers that run as different users share volumes: each such volume gets a group of its own from
// --volume_gid_range, everything in it may be read and written by the group, and whoever is given the volume is launched as a member.
//
// Which volume has which group is written down below the agent's work directory, because it is in the volumes' files too and
// outlives the machine's restart. A group is a volume's until the volume is gone.
package groups

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/disk"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/values"
)

// Groups gives volumes groups.
type Groups struct {
	ids  values.Ranges
	file string

	mu    sync.Mutex
	taken map[string]int // by the volume's path
}

// Open reads what an earlier agent has written down.
func Open(workDir, text string) (*Groups, error) {
	v, err := values.Parse(text)
	switch {
	case err != nil || len(v.Ranges) == 0:
		return nil, fmt.Errorf("--volume_gid_range: Failed to parse '%s': write it as [10000-20000]: %w", text, fault.ErrInvalid)
	case v.Ranges.Has(0):
		return nil, fmt.Errorf("--volume_gid_range: it contains 0, the group of root: %w", fault.ErrInvalid)
	case v.Ranges[len(v.Ranges)-1].End > 1<<32-2:
		return nil, fmt.Errorf("--volume_gid_range: %d is no group: %w", v.Ranges[len(v.Ranges)-1].End, fault.ErrInvalid)
	}
	g := &Groups{ids: v.Ranges, file: filepath.Join(workDir, "meta/volume_gid_manager/volume_gids"), taken: map[string]int{}}
	said, err := os.ReadFile(g.file)
	if errors.Is(err, fs.ErrNotExist) {
		return g, nil
	}
	if err == nil {
		err = json.Unmarshal(said, &g.taken)
	}
	if err != nil {
		return nil, fmt.Errorf("read the groups of volumes: %s: %w", g.file, err)
	}
	return g, nil
}

// Give makes a volume, which is open and at a path, its group's, with everything in it, and returns the group.
func (g *Groups) Give(ctx context.Context, volume *os.File, path string) (int, error) {
	gid, err := g.of(path)
	if err != nil {
		return 0, err
	}
	fd, err := unix.Openat(int(volume.Fd()), ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	dir := os.NewFile(uintptr(fd), path)
	defer dir.Close()
	if err := disk.Each(ctx, dir, func(fd int) error { return open(fd, gid) }); err != nil {
		return 0, fmt.Errorf("give the volume %s to the group %d: %w", path, gid, err)
	}
	return gid, nil
}

// open lets a group use what is open. In a directory what is made later is the group's too.
func open(fd, gid int) error {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return err
	}
	mode := s.Mode&0o7777 | 0o060
	if s.Mode&unix.S_IFMT == unix.S_IFDIR {
		mode |= unix.S_ISGID | 0o010
	}
	if int(s.Gid) != gid {
		// Changing the group takes special bits of files away: a program that ran as its owner must not for others.
		if err := unix.Fchown(fd, -1, gid); err != nil {
			return err
		}
		if s.Mode&unix.S_IFMT != unix.S_IFDIR {
			mode &^= unix.S_ISUID | unix.S_ISGID
		}
	}
	return unix.Fchmod(fd, mode)
}

// of is the group of a volume, written down before it is used.
func (g *Groups) of(path string) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if gid, ok := g.taken[path]; ok {
		return gid, nil
	}
	gid, ok := g.free()
	if !ok {
		for path := range g.taken {
			if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
				delete(g.taken, path)
			}
		}
		if gid, ok = g.free(); !ok {
			return 0, fmt.Errorf("Failed to allocate gid because the gid range is exhausted: use a longer --volume_gid_range: %w", fault.ErrUnavailable)
		}
	}
	g.taken[path] = gid
	if err := g.write(); err != nil {
		delete(g.taken, path)
		return 0, err
	}
	return gid, nil
}

func (g *Groups) free() (int, bool) {
	taken := map[int]bool{}
	for _, gid := range g.taken {
		taken[gid] = true
	}
	for _, r := range g.ids {
		for id := r.Begin; id <= r.End; id++ {
			if !taken[int(id)] {
				return int(id), true
			}
		}
	}
	return 0, false
}

func (g *Groups) write() error {
	text, err := json.Marshal(g.taken)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(g.file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(g.file+".new", text, 0o600)
	}
	if err == nil {
		err = os.Rename(g.file+".new", g.file)
	}
	return err
}
