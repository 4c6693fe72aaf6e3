package cgroups

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/meseta-io/meseta/messages/fault"
)

// A Handle marks the packets of a container for the machine's traffic control and firewall: 16 bits that all containers of
// the agent have in common, and 16 of its own.
type Handle struct{ Primary, Secondary uint16 }

// ClassID is how the kernel writes a handle.
func (h Handle) ClassID() uint32 { return uint32(h.Primary)<<16 | uint32(h.Secondary) }

// HandleOf reads a class id.
func HandleOf(classid uint32) Handle {
	return Handle{Primary: uint16(classid >> 16), Secondary: uint16(classid)}
}

// String is such as "0x0012:0x0001".
func (h Handle) String() string { return fmt.Sprintf("%#04x:%#04x", h.Primary, h.Secondary) }

// handles gives them out. Its methods may be called from any goroutine.
type handles struct {
	primary     uint16
	first, last uint16

	mu   sync.Mutex
	used map[uint16]bool
	next uint16
}

// newHandles reads --cgroups_net_cls_primary_handle ("0x0012") and --cgroups_net_cls_secondary_handles ("0x0001,0xffff", the
// first and the last). Without a primary there are none: nil.
func newHandles(primary, secondary string) (*handles, error) {
	if primary == "" {
		if secondary != "" {
			return nil, fmt.Errorf("--cgroups_net_cls_secondary_handles=%s: set --cgroups_net_cls_primary_handle too, to which they are secondary: %w", secondary, fault.ErrInvalid)
		}
		return nil, nil
	}
	h := &handles{first: 1, last: 0xffff, used: map[uint16]bool{}}
	var err error
	if h.primary, err = half(primary); err != nil || h.primary == 0 {
		return nil, fmt.Errorf("--cgroups_net_cls_primary_handle=%s: from 0x0001 to 0xffff: %w", primary, fault.ErrInvalid)
	}
	if secondary != "" {
		first, last, ok := strings.Cut(secondary, ",")
		var err1, err2 error
		h.first, err1 = half(first)
		h.last, err2 = half(last)
		if !ok || err1 != nil || err2 != nil || h.first == 0 || h.first > h.last {
			return nil, fmt.Errorf("--cgroups_net_cls_secondary_handles=%s: the first and the last of a range in 0x0001,0xffff: %w", secondary, fault.ErrInvalid)
		}
	}
	h.next = h.first
	return h, nil
}

func half(s string) (uint16, error) {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 0, 16)
	return uint16(n), err
}

// alloc is one that nobody has. The last that was given back is the last to be given again, because packets with its mark may
// still be under way.
func (h *handles) alloc() (Handle, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if size := int(h.last) - int(h.first) + 1; len(h.used) >= size {
		return Handle{}, fmt.Errorf("all %d secondary net_cls handles are in use: widen --cgroups_net_cls_secondary_handles: %w", size, fault.ErrUnavailable)
	}
	for h.used[h.next] {
		h.advance()
	}
	n := h.next
	h.used[n] = true
	h.advance()
	return Handle{h.primary, n}, nil
}

func (h *handles) advance() {
	if h.next == h.last {
		h.next = h.first
		return
	}
	h.next++
}

// reserve takes one that a container of an earlier agent has. One of another primary, or out of the range, is nobody else's
// either.
func (h *handles) reserve(n Handle) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.has(n) {
		return nil
	}
	if h.used[n.Secondary] {
		return fmt.Errorf("net_cls handle %s is in use twice: %w", n, fault.ErrConflict)
	}
	h.used[n.Secondary] = true
	return nil
}

func (h *handles) has(n Handle) bool {
	return n.Primary == h.primary && h.first <= n.Secondary && n.Secondary <= h.last
}

// free gives one back; one that nobody had is no error.
func (h *handles) free(n Handle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.has(n) {
		delete(h.used, n.Secondary)
	}
}
