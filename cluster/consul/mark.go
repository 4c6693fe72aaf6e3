package consul

import (
	"fmt"
	"time"

	"github.com/meseta-io/meseta/messages/fault"
)

// ErrWentBack says that Consul holds less than was once decided: it was wiped, or restored from a backup. It
// belongs to fault.ErrConflict: only an operator can tell which history is to go on.
var ErrWentBack = fmt.Errorf("Consul lost what was decided: %w", fault.ErrConflict)

// behind reports whether a Consul at m lacks something that one at other had.
func (m Mark) behind(other Mark) bool {
	return m.Epoch < other.Epoch || m.Epoch == other.Epoch && m.Sequence < other.Sequence
}

// saveEvery bounds how often a mark is written to disk for the sake of the sequence alone.
const saveEvery = 10 * time.Second

// see remembers how far the cluster has come. What belongs to another cluster is nothing to remember. It is called
// in a turn.
func (c *Cluster) see(m Mark) {
	if m.Cluster == "" || c.mark.Cluster != "" && (m.Cluster != c.mark.Cluster || !c.mark.behind(m)) {
		return
	}
	term := m.Epoch != c.mark.Epoch
	c.mark = m
	now := c.clock.Now()
	if c.config.Memory == nil || !term && now.Sub(c.saved) < saveEvery {
		return
	}
	c.saved = now
	c.later(func() {
		if err := c.config.Memory.Save(m); err != nil {
			c.log.Warn("what was seen of the cluster cannot be saved: a Consul that is wiped now would not be noticed", "error", err)
		}
	})
}

// foreign says why a Consul that is at found cannot be obeyed, or nil. known is what was known when Consul was
// asked: what was learnt while the answer travelled may be newer than it.
func (c *Cluster) foreign(found, known Mark) error {
	switch {
	case known.Cluster == "":
		return nil
	case found.Cluster == "":
		return c.wentBack("it holds nothing of", known)
	case found.Cluster != known.Cluster:
		return c.wentBack(fmt.Sprintf("it holds cluster %s instead of", found.Cluster), known)
	case found.behind(known):
		return c.wentBack(fmt.Sprintf("it ends at epoch %d, write %d of", found.Epoch, found.Sequence), known)
	}
	return nil
}

func (c *Cluster) wentBack(what string, known Mark) error {
	return fmt.Errorf("%s below %s: %s cluster %s, which had come to epoch %d, write %d. Restore a newer backup of Consul; or restore the registry (meseta snapshot restore) "+
		"or accept the one that is there, and start a master with %s?abandon=%d: %w", c.config, c.config.Prefix, what, known.Cluster, known.Epoch, known.Sequence, c.config, known.Epoch, ErrWentBack)
}

// abandons reports whether the operator gives up what is known beyond what Consul holds. One consent is for one
// loss: the term that begins with it has a later epoch.
func (c *Cluster) abandons() bool { return c.config.Abandon > 0 && c.config.Abandon >= c.mark.Epoch }
