package ports

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/network/netlink"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/values"
)

// look compares once, and tells whether it found something that is to be looked at again soon.
func (i *Isolator) look() (again bool) {
	sockets, err := listening()
	if err != nil {
		i.log.Warn("on which ports containers listen cannot be seen", "error", err)
		return false
	}
	i.mu.Lock()
	watched := i.watched()
	found := i.listeners(sockets, watched)
	given := map[string]values.Ranges{}
	for _, b := range i.boxes {
		given[b.top] = given[b.top].Add(b.ports)
	}
	tell := map[*box]values.Ranges{}
	for _, b := range watched {
		strange := found[b].Subtract(given[b.top])
		both := strange.Subtract(strange.Subtract(b.seen))
		again = again || len(strange.Subtract(b.seen)) > 0
		b.seen = strange
		if len(both) > 0 && !both.Equal(b.said) {
			tell[b] = both
		}
		b.said = both
	}
	i.mu.Unlock()
	// Outside of the lock: who hears it may have something to say to this isolator.
	for _, b := range watched {
		if ports, ok := tell[b]; ok {
			i.tell(b, ports)
		}
	}
	return again
}

// watched are the containers that may be told of, in order of their ids.
func (i *Isolator) watched() (all []*box) {
	for _, b := range i.boxes {
		if b.limited != nil {
			all = append(all, b)
		}
	}
	slices.SortFunc(all, func(a, b *box) int { return strings.Compare(a.id, b.id) })
	return all
}

func (i *Isolator) tell(b *box, ports values.Ranges) {
	message := fmt.Sprintf("Container %s is listening on unallocated port(s): %v", b.id, ports)
	i.log.Warn("a container listens on ports that it was not given", "container", b.id, "ports", ports.String(), "ends", i.enforce)
	if !i.enforce {
		return
	}
	b.limit(isolators.Limitation{
		Reason: mesospb.TaskStatus_REASON_CONTAINER_LIMITATION, Message: message,
		Resources: []*mesospb.Resource{{Name: proto.String("ports"), Type: mesospb.Value_RANGES.Enum(), Ranges: ports.Proto()}},
	})
}

func listening() ([]netlink.Socket, error) {
	c, err := netlink.Diag()
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.Listening()
}

// listeners are the ports that count and on which containers listen.
func (i *Isolator) listeners(sockets []netlink.Socket, boxes []*box) map[*box]values.Ranges {
	found := map[*box]values.Ranges{}
	add := func(b *box, s netlink.Socket) {
		port := uint64(s.Local.Port())
		if i.within == nil || i.within.Has(port) {
			found[b] = found[b].Add(values.Ranges{{Begin: port, End: port}})
		}
	}
	groups := map[uint64]*box{}
	for _, b := range boxes {
		b.groups(func(id uint64) { groups[id] = b })
	}
	// What the kernel does not tell by the socket's group is found by who has it open.
	rest := map[string]netlink.Socket{}
	for _, s := range sockets {
		if b := groups[s.Cgroup]; b != nil && s.Cgroup != 0 {
			add(b, s)
		} else if s.Inode != 0 {
			rest[fmt.Sprintf("socket:[%d]", s.Inode)] = s
		}
	}
	boxes = slices.DeleteFunc(slices.Clone(boxes), func(b *box) bool { return b.Cgroup != "" && told(sockets) })
	if len(boxes) > 0 && len(rest) > 0 {
		byProcess(boxes, rest, add)
	}
	return found
}

// told tells whether the kernel says of which group sockets are.
func told(sockets []netlink.Socket) bool {
	return !slices.ContainsFunc(sockets, func(s netlink.Socket) bool { return s.Cgroup == 0 })
}

// byProcess looks through the open files of all processes of containers.
func byProcess(boxes []*box, sockets map[string]netlink.Socket, add func(b *box, s netlink.Socket)) {
	processes, _ := os.ReadDir("/proc")
	for _, p := range processes {
		if _, err := strconv.Atoi(p.Name()); err != nil {
			continue
		}
		own := lines(p.Name())
		n := slices.IndexFunc(boxes, func(b *box) bool { return b.holds(own) })
		if n < 0 {
			continue
		}
		// The innermost container that the process is in.
		for m := range boxes {
			if boxes[m].holds(own) && len(boxes[m].id) > len(boxes[n].id) {
				n = m
			}
		}
		dir := filepath.Join("/proc", p.Name(), "fd")
		open, _ := os.ReadDir(dir)
		for _, f := range open {
			link, _ := os.Readlink(filepath.Join(dir, f.Name()))
			if s, ok := sockets[link]; ok {
				add(boxes[n], s)
			}
		}
	}
}
