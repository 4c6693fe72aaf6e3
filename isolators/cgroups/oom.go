package cgroups

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/bytesize"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// A watch is the kernel's news about the memory of one container.
type watch struct {
	group    hierarchy.Group
	two      bool
	bells    *bells
	pressure [len(levels)]atomic.Uint64

	mu      sync.Mutex
	fds     []int
	limited func(isolators.Limitation) // nil once it was called, or must not be any more
}

// levels are those of memory pressure in version 1, in which the kernel tells how hard it is to find memory for a group.
var levels = [3]string{"low", "medium", "critical"}

// Watch implements isolators.Isolator.
func (i *memory) Watch(c *isolators.Container, limited func(isolators.Limitation)) {
	group, ok := i.own(c)
	if !ok {
		return
	}
	w := &watch{group: group, two: i.two, bells: i.bells, limited: limited}
	i.mu.Lock()
	if i.watched[c.ID] != nil {
		i.mu.Unlock()
		return
	}
	i.watched[c.ID] = w
	i.mu.Unlock()
	if err := w.start(); err != nil && !gone(err) {
		i.groups.logger.Error("nobody will tell when a container runs out of memory", "container", c.ID, "error", err)
	}
	w.look() // for what happened before anybody listened
}

func (i *memory) unwatch(id string) {
	i.mu.Lock()
	w := i.watched[id]
	delete(i.watched, id)
	i.mu.Unlock()
	if w != nil {
		w.stop()
	}
}

// Judge implements isolators.Judge: the kernel counts whom it kills before it does.
func (i *memory) Judge(_ context.Context, c *isolators.Container) *isolators.Limitation {
	group, ok := i.own(c)
	if !ok || !exhausted(group, i.two) {
		return nil
	}
	l := limitation(group, i.two)
	return &l
}

func (w *watch) start() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.two {
		file := "memory.events.local"
		if !w.group.Has(file) { // Linux before 5.2
			file = "memory.events"
		}
		fd, err := unix.Open(w.group.File(file), unix.O_RDONLY|unix.O_CLOEXEC, 0)
		if err != nil {
			return err
		}
		w.fds = append(w.fds, fd)
		// It says that there is news until it is read again.
		buf := make([]byte, 512)
		_, _ = unix.Pread(fd, buf, 0)
		return w.bells.hear(fd, unix.EPOLLPRI, func() { w.unlessStopped(func() { _, _ = unix.Pread(fd, buf, 0) }); w.look() })
	}
	if err := w.event("memory.oom_control", "", func(uint64) { w.tellIf(reached(w.group)) }); err != nil {
		return err
	}
	for n, level := range levels {
		// A kernel without memory.pressure_level tells of no pressure, and is a kernel for all that.
		if err := w.event("memory.pressure_level", level, func(times uint64) { w.pressure[n].Add(times) }); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// event asks version 1 to tell of something through a descriptor that counts (cgroups.rst, "Notification API").
func (w *watch) event(file, argument string, happened func(times uint64)) error {
	source, err := unix.Open(w.group.File(file), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(source) // the kernel keeps what it needs
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return err
	}
	w.fds = append(w.fds, fd)
	if err := w.group.Write("cgroup.event_control", strings.TrimSpace(fmt.Sprintf("%d %d %s", fd, source, argument))); err != nil {
		return err
	}
	return w.bells.hear(fd, unix.EPOLLIN, func() {
		var times uint64
		w.unlessStopped(func() {
			var buf [8]byte
			if n, err := unix.Read(fd, buf[:]); err == nil && n == len(buf) {
				times = binary.NativeEndian.Uint64(buf[:])
			}
		})
		if times > 0 {
			happened(times)
		}
	})
}

// unlessStopped runs f while the descriptors are known to be open.
func (w *watch) unlessStopped(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.fds) > 0 {
		f()
	}
}

// look tells when the kernel had to kill for want of memory.
func (w *watch) look() { w.tellIf(exhausted(w.group, w.two)) }

// tellIf tells once, and never after stop.
func (w *watch) tellIf(so bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.limited == nil || !so {
		return
	}
	w.limited(limitation(w.group, w.two))
	w.limited = nil
}

// stop returns when nobody will be told any more.
func (w *watch) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.limited = nil
	for _, fd := range w.fds {
		w.bells.deafen(fd)
		unix.Close(fd)
	}
	w.fds = nil
}

// exhausted tells whether the kernel had to kill because a group had reached its own limit, and not one around it.
func exhausted(group hierarchy.Group, two bool) bool {
	if two {
		if text, err := group.Read("memory.events.local"); err == nil {
			return valueOf(text, "oom") > 0
		}
		text, _ := group.Read("memory.events")
		return valueOf(text, "oom") > 0
	}
	if !reached(group) {
		return false
	}
	killed := false // the kernel counts where the process was, which may be in a group below
	err := group.Walk(func(g hierarchy.Group) error {
		text, err := g.Read("memory.oom_control")
		killed = killed || err == nil && (valueOf(text, "oom_kill") > 0 || !hasKey(text, "oom_kill")) // which Linux counts since 4.13
		return nil
	})
	return err == nil && killed
}

// reached tells whether a group of version 1 has come to its own limit. The kernel tells of want of memory before it counts
// whom it kills for that; and it tells those below the group in want, too, who are none the worse for it, and those that are
// being removed. So this is what has to be asked when it tells.
func reached(group hierarchy.Group) bool {
	return failed(group, "memory.failcnt") || failed(group, "memory.memsw.failcnt")
}

func failed(group hierarchy.Group, file string) bool {
	n, err := group.Uint(file)
	return err == nil && n > 0
}

func valueOf(text, key string) (value uint64) {
	flat([]byte(text), func(k []byte, n uint64) {
		if string(k) == key {
			value = n
		}
	})
	return value
}

// limitation is what Mesos tells of a container without memory: its limit, the most that it had used, and all that the kernel
// counted, for whoever has to find out where it went.
func limitation(group hierarchy.Group, two bool) isolators.Limitation {
	limit, usage := "memory.limit_in_bytes", "memory.max_usage_in_bytes"
	if two {
		limit, usage = "memory.max", "memory.peak"
		if !group.Has(usage) { // Linux before 5.19
			usage = "memory.current"
		}
	}
	var message strings.Builder
	message.WriteString("Memory limit exceeded: ")
	if n, err := group.Uint(limit); err == nil {
		fmt.Fprintf(&message, "Requested: %s ", bytesize.Format(n))
	}
	used, err := group.Uint(usage)
	if err == nil {
		fmt.Fprintf(&message, "Maximum Used: %s\n", bytesize.Format(used))
	}
	if text, err := group.Read("memory.stat"); err == nil {
		fmt.Fprintf(&message, "\nMEMORY STATISTICS: \n%s\n", text)
	}
	return isolators.Limitation{
		Reason: mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY, Message: message.String(),
		Resources: []*mesospb.Resource{{
			Name: proto.String("mem"), Type: mesospb.Value_SCALAR.Enum(), Role: proto.String("*"),
			Scalar: &mesospb.Value_Scalar{Value: proto.Float64(float64(used) / (1 << 20))},
		}},
	}
}
