package capabilities

import (
	"fmt"
	"math/bits"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Set is a set of capabilities, bit n for number n.
type Set uint64

// Of is the set of a message. An unknown one, or one that this kernel does not have, is of class fault.ErrInvalid.
func Of(info *mesospb.CapabilityInfo) (Set, error) {
	var s Set
	for _, c := range info.GetCapabilities() {
		n := int(c) - int(mesospb.CapabilityInfo_CHOWN)
		if n < 0 || n > Last() {
			return 0, fmt.Errorf("capability %s: this kernel has those from CHOWN to number %d: %w", c, Last(), fault.ErrInvalid)
		}
		s |= 1 << n
	}
	return s, nil
}

// String lists the names, as Mesos does.
func (s Set) String() string {
	names := make([]string, 0, bits.OnesCount64(uint64(s)))
	for rest := uint64(s); rest != 0; rest &= rest - 1 {
		names = append(names, mesospb.CapabilityInfo_Capability(bits.TrailingZeros64(rest)+int(mesospb.CapabilityInfo_CHOWN)).String())
	}
	if len(names) == 0 {
		return "{}"
	}
	return "{ " + strings.Join(names, ", ") + " }"
}

// Holds tells whether every capability of o is in s.
func (s Set) Holds(o Set) bool { return o&^s == 0 }

// Last is the highest number that the kernel knows.
var Last = sync.OnceValue(func() int {
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if n, e := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && e == nil && n < 64 {
		return n
	}
	return unix.CAP_LAST_CAP
})

// All is every capability of the kernel.
func All() Set { return 1<<(Last()+1) - 1 }

// Own is what this process may use.
func Own() (Set, error) {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&head, &data[0]); err != nil {
		return 0, fmt.Errorf("the agent's own capabilities: %w", err)
	}
	return Set(data[0].Permitted) | Set(data[1].Permitted)<<32, nil
}
