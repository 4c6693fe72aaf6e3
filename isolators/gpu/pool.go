package gpu

import (
	"fmt"
	"slices"
	"sync"

	"github.com/meseta-io/meseta/messages/fault"
)

// pool is the cards of a machine, by the numbers of their nodes, and who has them.
type pool struct {
	mu   sync.Mutex
	all  []int
	free []int // sorted: the lowest goes first
	has  map[string][]int
}

func newPool(cards []int) *pool {
	return &pool{all: cards, free: slices.Sorted(slices.Values(cards)), has: map[string][]int{}}
}

// set has a container have n cards. It keeps those that it has, as many as it may, and gets the lowest ones of those that are
// free.
func (p *pool) set(id string, n int) ([]int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	has := p.has[id]
	if more := n - len(has); more > len(p.free) {
		return nil, fmt.Errorf("Requested %d gpus but only %d available: %w", more, len(p.free), fault.ErrUnavailable)
	} else if more > 0 {
		has = append(slices.Clone(has), p.free[:more]...)
		p.free = slices.Clone(p.free[more:])
	} else {
		back := slices.DeleteFunc(slices.Clone(has[n:]), func(c int) bool { return !slices.Contains(p.all, c) })
		p.free = slices.Sorted(slices.Values(slices.Concat(p.free, back)))
		has = slices.Clone(has[:n])
	}
	if p.has[id] = has; n == 0 {
		delete(p.has, id)
	}
	return has, nil
}

// claim has a container have certain cards that nobody else has. One that is not given away any more stays its own until it ends.
func (p *pool) claim(id string, cards []int) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	free := slices.Clone(p.free)
	for _, c := range cards {
		i := slices.Index(free, c)
		if !slices.Contains(p.all, c) {
			continue
		}
		if i < 0 {
			return fmt.Errorf("195.%d is not available: %w", c, fault.ErrConflict)
		}
		free = slices.Delete(free, i, i+1)
	}
	p.free = free
	p.has[id] = append(p.has[id], cards...)
	return nil
}
