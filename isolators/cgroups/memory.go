package cgroups

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// minMemory is what a container has at least, as in Mesos: with less hardly a program starts.
const minMemory = 32 << 20

// memory is cgroups/mem: a container keeps what it asked for when memory is scarce, and ends when it takes more than its
// limit.
type memory struct {
	controlled
	swap  bool // is limited with the memory: --cgroups_limit_swap
	total uint64
	bells *bells

	mu      sync.Mutex
	watched map[string]*watch
}

func (s *shared) memory(settings isolators.Settings) (isolators.Isolator, error) {
	c, err := s.need(settings, "cgroups/mem", "memory")
	if err != nil {
		return nil, err
	}
	top := c.groups.topOf("memory")
	if file := "memory.memsw.limit_in_bytes"; settings.LimitSwap && !c.two && !top.Has(file) {
		return nil, fmt.Errorf("--cgroups_limit_swap: this kernel does not count swap (there is no %s): boot with swapaccount=1: %w", top.File(file), fault.ErrInvalid)
	}
	if c.two {
		// What a container is to keep it keeps only as far as the group around it does; that has no wish of its own.
		if err := top.Write("memory.low", "max"); err != nil {
			return nil, err
		}
	}
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return nil, err
	}
	return &memory{controlled: c, swap: settings.LimitSwap, total: uint64(info.Totalram) * uint64(info.Unit), bells: &bells{}, watched: map[string]*watch{}}, nil
}

// wish is what a container is to have, in bytes.
type wish struct {
	soft uint64 // it keeps that much when memory is scarce
	hard uint64 // beyond it the kernel kills
}

func wishOf(c *isolators.Container) wish {
	request, _ := amount(c, "mem")
	limit, limited := c.Limits["mem"]
	if !limited {
		limit = request
	}
	return wish{soft: max(bytes(request), minMemory), hard: max(bytes(limit), minMemory)}
}

// Prepare implements isolators.Isolator.
func (i *memory) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	group, ok := i.own(c)
	if !ok {
		return nil
	}
	w := wishOf(c)
	if w.hard > w.soft {
		score := badness(w.soft, i.total)
		plan.OOMScore = &score
	}
	return errors.Join(i.keep(group, w.soft), i.bound(group, w.hard))
}

// badness is what makes the kernel choose a process when the machine is out of memory: the less its container asked for, the
// sooner, between 2 and 999. It is for those that may take more than they asked for; the others have 0 and come last.
func badness(request, total uint64) int {
	if total == 0 {
		return 999
	}
	return min(max(1000-int(1000*(float64(request)/float64(total))), 2), 999)
}

// Update implements isolators.Isolator. The limit of a running container is only raised, as in Mesos: lowered below what is
// in use, it would kill. A container that has just ended is no error.
func (i *memory) Update(_ context.Context, c *isolators.Container) error {
	group, ok := i.own(c)
	if !ok {
		return nil
	}
	w := wishOf(c)
	err := i.keep(group, w.soft)
	if err == nil {
		var now uint64
		if now, err = i.limit(group); err == nil && w.hard > now {
			err = i.raise(group, w.hard)
		}
	}
	if gone(err) {
		return nil
	}
	return err
}

// keep sets what a group keeps when memory is scarce.
func (i *memory) keep(group hierarchy.Group, soft uint64) error {
	file := "memory.soft_limit_in_bytes"
	if i.two {
		file = "memory.low"
	}
	err := group.Write(file, i.amount(soft))
	if gone(err) && group.Exists() {
		return nil // a real-time kernel has no soft limit in version 1; the hard one holds
	}
	return err
}

// limit is what a group is bound to now.
func (i *memory) limit(group hierarchy.Group) (uint64, error) {
	if i.two {
		return group.Uint("memory.max")
	}
	n, err := group.Uint("memory.limit_in_bytes")
	if n > math.MaxInt64>>13<<12 { // which is how version 1 says that there is none: all the pages that can be counted
		n = unlimited
	}
	return n, err
}

// bound sets the limit of a group that has none yet.
func (i *memory) bound(group hierarchy.Group, hard uint64) error {
	if i.two {
		if i.swap { // memory and swap together are the limit when there is no swap
			if err := group.Write("memory.swap.max", "0"); err != nil && !gone(err) {
				return err
			}
		}
		return group.Write("memory.max", i.amount(hard))
	}
	if err := group.Write("memory.limit_in_bytes", i.amount(hard)); err != nil || !i.swap {
		return err
	}
	return group.Write("memory.memsw.limit_in_bytes", i.amount(hard))
}

// raise raises the limit. Memory with swap is never less than memory alone, so that it comes first.
func (i *memory) raise(group hierarchy.Group, hard uint64) error {
	if i.two {
		return group.Write("memory.max", i.amount(hard))
	}
	if i.swap {
		if err := group.Write("memory.memsw.limit_in_bytes", i.amount(hard)); err != nil {
			return err
		}
	}
	return group.Write("memory.limit_in_bytes", i.amount(hard))
}

// amount is how the files of either version take a number of bytes.
func (i *memory) amount(n uint64) string {
	switch {
	case n < unlimited:
		return strconv.FormatUint(n, 10)
	case i.two:
		return "max"
	}
	return "-1"
}

// Cleanup implements isolators.Isolator.
func (i *memory) Cleanup(_ context.Context, c *isolators.Container) error {
	i.unwatch(c.ID)
	return nil
}
