package filesystem

import (
	"fmt"
	"os"
	"sync"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/beneath"
	"github.com/meseta-io/meseta/messages/fault"
)

// use knows which containers use which volumes, because a shared one that is in use is not given to somebody else.
type use struct {
	mu sync.Mutex
	by map[string][]volume
}

// set says what a container uses; nil: nothing any more.
func (u *use) set(id string, volumes []volume) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.by == nil {
		u.by = map[string][]volume{}
	}
	if u.by[id] = volumes; len(volumes) == 0 {
		delete(u.by, id)
	}
}

// of is what a container uses.
func (u *use) of(id string) []volume {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.by[id]
}

// others tells whether another container uses a volume.
func (u *use) others(id string, v volume) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for who, volumes := range u.by {
		for _, o := range volumes {
			if who != id && o.Root == v.Root && o.Dir == v.Dir {
				return true
			}
		}
	}
	return false
}

// open opens a volume and gives it to the owner of the sandbox, as Mesos does: not to root, who does not need it, and not
// while others use it.
func (u *use) open(c *isolators.Container, v volume, to beneath.Owner) (*os.File, error) {
	f, err := beneath.Open(v.Root, v.Dir)
	if err != nil {
		return nil, fmt.Errorf("persistent volume: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.IsDir() {
		err = fmt.Errorf("persistent volume %s is not a directory: %w", f.Name(), fault.ErrInvalid)
	}
	if err == nil && to.UID != 0 && !(v.Shared && u.others(c.ID, v)) {
		err = beneath.Give(f, to)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
