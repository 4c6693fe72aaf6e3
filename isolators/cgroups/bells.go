package cgroups

import (
	"fmt"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// bells hears many descriptors of the kernel's with one of its own and one goroutine, which is there while anything is heard:
// a container has four, and a thousand containers are usual.
type bells struct {
	mu    sync.Mutex
	epoll *os.File
	rings map[int32]func()
}

// hear calls ring, from a goroutine of its own and one at a time, whenever something happens to a descriptor, until it is
// deafened. What is waiting has to be read by ring, or it rings for ever.
func (b *bells) hear(fd int, events uint32, ring func()) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.epoll == nil {
		ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
		if err != nil {
			return fmt.Errorf("wait for the kernel's events: %w", err)
		}
		if err := unix.SetNonblock(ep, true); err != nil { // so that the runtime's own poller waits for it, and no thread
			unix.Close(ep)
			return err
		}
		b.epoll, b.rings = os.NewFile(uintptr(ep), "epoll"), map[int32]func(){}
		go b.listen(b.epoll)
	}
	raw, err := b.epoll.SyscallConn()
	if err != nil {
		return err
	}
	var added error
	err = raw.Control(func(ep uintptr) {
		added = unix.EpollCtl(int(ep), unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: events, Fd: int32(fd)})
	})
	if err == nil {
		err = added
	}
	if err != nil {
		return fmt.Errorf("wait for the kernel's events: %w", err)
	}
	b.rings[int32(fd)] = ring
	return nil
}

// deafen is for a descriptor that is about to be closed. The goroutine may still be on its way to ring.
func (b *bells) deafen(fd int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, heard := b.rings[int32(fd)]; !heard {
		return
	}
	delete(b.rings, int32(fd))
	if raw, err := b.epoll.SyscallConn(); err == nil {
		_ = raw.Control(func(ep uintptr) { _ = unix.EpollCtl(int(ep), unix.EPOLL_CTL_DEL, fd, nil) })
	}
	if len(b.rings) == 0 {
		b.epoll.Close() // which ends the goroutine
		b.epoll = nil
	}
}

func (b *bells) listen(epoll *os.File) {
	raw, err := epoll.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 64)
	for {
		n := 0
		err := raw.Read(func(ep uintptr) bool {
			n, err = unix.EpollWait(int(ep), events, 0)
			return err != nil && err != unix.EINTR || n > 0
		})
		if err != nil {
			return // closed
		}
		for _, e := range events[:max(n, 0)] {
			b.mu.Lock()
			ring := b.rings[e.Fd]
			b.mu.Unlock()
			if ring != nil {
				ring()
			}
		}
	}
}
