package cgroups

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Usage implements isolators.Isolator.
func (i *memory) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	var errs []error
	for n, c := range of {
		group, ok := i.own(c)
		if !ok {
			continue
		}
		measure := measure1
		if i.two {
			measure = measure2
		}
		if err := measure(group, into[n]); err != nil && !gone(err) {
			errs = append(errs, fmt.Errorf("container %s: %w", c.ID, err))
		}
		i.pressed(c.ID, into[n])
	}
	return errors.Join(errs...)
}

// pressed adds how often the kernel told of pressure since this agent began to listen.
func (i *memory) pressed(id string, into *mesospb.ResourceStatistics) {
	i.mu.Lock()
	w := i.watched[id]
	i.mu.Unlock()
	if w == nil || w.two {
		return
	}
	into.MemLowPressureCounter = proto.Uint64(w.pressure[0].Load())
	into.MemMediumPressureCounter = proto.Uint64(w.pressure[1].Load())
	into.MemCriticalPressureCounter = proto.Uint64(w.pressure[2].Load())
}

// measure1 reads version 1. Kernel memory and swap are told where they are counted.
func measure1(group hierarchy.Group, into *mesospb.ResourceStatistics) error {
	var err error
	if into.MemTotalBytes, err = single(group, "memory.usage_in_bytes"); err != nil {
		return err
	}
	for file, to := range map[string]**uint64{
		"memory.memsw.usage_in_bytes":    &into.MemTotalMemswBytes,
		"memory.kmem.usage_in_bytes":     &into.MemKmemUsageBytes,
		"memory.kmem.tcp.usage_in_bytes": &into.MemKmemTcpUsageBytes,
	} {
		if n, err := single(group, file); err == nil {
			*to = n
		}
	}
	return reading(group.File("memory.stat"), func(b []byte) error {
		flat(b, func(key []byte, n uint64) {
			switch string(key) {
			case "total_cache":
				into.MemCacheBytes, into.MemFileBytes = proto.Uint64(n), proto.Uint64(n)
			case "total_rss":
				into.MemRssBytes, into.MemAnonBytes = proto.Uint64(n), proto.Uint64(n)
			case "total_mapped_file":
				into.MemMappedFileBytes = proto.Uint64(n)
			case "total_swap":
				into.MemSwapBytes = proto.Uint64(n)
			case "total_unevictable":
				into.MemUnevictableBytes = proto.Uint64(n)
			}
		})
		return nil
	})
}

// measure2 reads version 2.
func measure2(group hierarchy.Group, into *mesospb.ResourceStatistics) error {
	var err error
	if into.MemTotalBytes, err = single(group, "memory.current"); err != nil {
		return err
	}
	if swap, err := single(group, "memory.swap.current"); err == nil {
		into.MemSwapBytes = swap
		into.MemTotalMemswBytes = proto.Uint64(*into.MemTotalBytes + *swap)
	}
	return reading(group.File("memory.stat"), func(b []byte) error {
		flat(b, func(key []byte, n uint64) {
			switch string(key) {
			case "file":
				into.MemCacheBytes, into.MemFileBytes = proto.Uint64(n), proto.Uint64(n)
			case "anon":
				into.MemRssBytes, into.MemAnonBytes = proto.Uint64(n), proto.Uint64(n)
			case "file_mapped":
				into.MemMappedFileBytes = proto.Uint64(n)
			case "unevictable":
				into.MemUnevictableBytes = proto.Uint64(n)
			case "kernel":
				into.MemKmemUsageBytes = proto.Uint64(n)
			case "sock":
				into.MemKmemTcpUsageBytes = proto.Uint64(n)
			}
		})
		return nil
	})
}

// single reads a file with one number in it.
func single(group hierarchy.Group, file string) (*uint64, error) {
	var n uint64
	err := reading(group.File(file), func(b []byte) (err error) {
		n, err = hierarchy.Number(b)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &n, nil
}
