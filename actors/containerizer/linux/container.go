package linux

import (
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/isolators"
)

// container is one that has a record.
type container struct {
	*isolators.Container

	// life has calls that change something come one after the other; facts keeps what isolators read from being changed meanwhile.
	life  sync.Mutex
	facts sync.RWMutex

	start uint64        // of the first process, in ticks; 0: it was not born
	ended chan struct{} // closed when exit is set
	mu    sync.Mutex
	exit  containerizer.Exit
	over  bool // ended is closed
	// limitation is why it is being ended; nil when it is not.
	limitation *isolators.Limitation
	destroyed  bool
}

func newContainer(c *isolators.Container) *container {
	return &container{Container: c, ended: make(chan struct{})}
}

func (c *container) process() containerizer.Process {
	c.facts.RLock()
	defer c.facts.RUnlock()
	return containerizer.Process{ContainerID: c.ID, PID: c.PID, StartTicks: c.start}
}

// end notes how the first process ended, once.
func (c *container) end(x containerizer.Exit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.over {
		return
	}
	c.exit, c.over = x, true
	close(c.ended)
}

// guilty is what the container has done; nil when nothing is known.
func (c *container) guilty() *isolators.Limitation {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limitation
}

// accuse notes what the container has done. It tells whether that is news.
func (c *container) accuse(l *isolators.Limitation) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limitation != nil || c.over {
		return false
	}
	c.limitation = l
	return true
}

// within tells whether an id is that of a container in another one, at any depth.
func within(outer, id string) bool { return strings.HasPrefix(id, outer+".") }

func depth(id string) int { return strings.Count(id, ".") }

func deepestFirst(all []*container) {
	slices.SortFunc(all, func(a, b *container) int {
		if d := depth(b.ID) - depth(a.ID); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// state is a container's directory below that of the containers at the top.
func state(dir, id string) string {
	return filepath.Join(dir, strings.ReplaceAll(id, ".", "/"+nestedDir+"/"))
}

// nestedDir is where the containers in a container have their directories.
const nestedDir = "containers"
