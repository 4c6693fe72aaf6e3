package cgroups

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Usage implements isolators.Isolator.
func (i *memory) Usage(_ context.Context, of []*isolators.Container, into []*mesospb.ResourceStatistics) error {
	one := measure1
	if i.two {
		one = measure2
	}
	return i.measure(of, into, func(c *isolators.Container, p *Place, into *mesospb.ResourceStatistics) error {
		group, ok := i.ownIn(p)
		if !ok {
			return nil
		}
		i.pressed(c.ID, into)
		return one(&p.kept, group, into)
	})
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
func measure1(k *kept, group hierarchy.Group, into *mesospb.ResourceStatistics) error {
	var err error
	if into.MemTotalBytes, err = single(k, memoryUsage, group, "memory.usage_in_bytes"); err != nil {
		return err
	}
	if n, err := single(k, memoryKernel, group, "memory.kmem.usage_in_bytes"); err == nil {
		into.MemKmemUsageBytes = n
	}
	if n, err := single(k, memoryTCP, group, "memory.kmem.tcp.usage_in_bytes"); err == nil {
		into.MemKmemTcpUsageBytes = n
	}
	err = k.reading(memoryStat, group, "memory.stat", func(b []byte) error {
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
	if into.GetMemSwapBytes() == 0 {
		into.MemTotalMemswBytes = into.MemTotalBytes // and there is no need to ask
	} else if n, err := single(k, memorySwap, group, "memory.memsw.usage_in_bytes"); err == nil {
		into.MemTotalMemswBytes = n
	}
	return err
}

// measure2 reads version 2.
func measure2(k *kept, group hierarchy.Group, into *mesospb.ResourceStatistics) error {
	var err error
	if into.MemTotalBytes, err = single(k, memoryUsage, group, "memory.current"); err != nil {
		return err
	}
	if swap, err := single(k, memorySwap, group, "memory.swap.current"); err == nil {
		into.MemSwapBytes = swap
		into.MemTotalMemswBytes = proto.Uint64(*into.MemTotalBytes + *swap)
	}
	return k.reading(memoryStat, group, "memory.stat", func(b []byte) error {
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
func single(k *kept, which counter, group hierarchy.Group, name string) (*uint64, error) {
	n := new(uint64)
	return n, k.reading(which, group, name, func(b []byte) (err error) {
		*n, err = hierarchy.Number(b)
		return err
	})
}
