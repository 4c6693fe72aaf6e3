package launch

import (
	"encoding/binary"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/launch/internal/birth"
)

// identity is who the program is and what it may do. Without root there is nothing to change.
//
// A filter without no_new_privs takes CAP_SYS_ADMIN to load. Instead of loading it earlier, when it would have to let all of
// these steps through, the capability stays until the program runs: execve keeps nothing of it, because it is neither
// inheritable nor ambient.
func (s *steps) identity(plan *isolators.Plan, root bool) {
	admin := len(plan.Seccomp) > 0 && !plan.NoNewPrivileges
	caps := plan.Capabilities
	if caps != nil {
		s.add(birth.Step{Op: birth.Bounding, N: []uint64{caps.Bounding, uint64(lastCapability())}}, "give up capabilities beyond its bounding set")
	}
	if plan.UID != 0 && (caps != nil || admin) {
		s.add(birth.Step{Op: birth.KeepCaps}, "keep capabilities for another user")
	}
	if root {
		groups := birth.Step{Op: birth.Groups}
		for _, g := range plan.Groups {
			groups.N = append(groups.N, uint64(g))
		}
		s.add(groups, "belong to the groups %v", plan.Groups)
	}
	if root || otherUsers(plan) {
		s.add(birth.Step{Op: birth.GID, N: []uint64{uint64(plan.GID)}}, "become group %d", plan.GID)
		s.add(birth.Step{Op: birth.UID, N: []uint64{uint64(plan.UID)}}, "become user %d", plan.UID)
	}
	switch {
	case caps != nil:
		var keep uint64
		if admin {
			keep = 1 << unix.CAP_SYS_ADMIN
		}
		s.add(birth.Step{Op: birth.Caps, N: []uint64{caps.Effective | keep, caps.Permitted | keep, caps.Inheritable}}, "have the capabilities %s, and hand on %s", capNames(caps.Permitted), capNames(caps.Inheritable))
		s.add(birth.Step{Op: birth.Ambient, N: []uint64{caps.Ambient}}, "give the capabilities %s to every program", capNames(caps.Ambient))
	case admin && plan.UID != 0:
		s.add(birth.Step{Op: birth.Caps, N: []uint64{1 << unix.CAP_SYS_ADMIN, 1 << unix.CAP_SYS_ADMIN, 0}}, "load a filter of system calls without no_new_privs")
	}
	if plan.NoNewPrivileges {
		s.add(birth.Step{Op: birth.NoNewPrivs}, "gain no privileges")
	}
	s.add(birth.Step{Op: birth.CloseRest}, "close the agent's descriptors")
	if len(plan.Seccomp) > 0 {
		code := make([]byte, 0, 8*len(plan.Seccomp))
		for _, i := range plan.Seccomp {
			code = binary.NativeEndian.AppendUint16(code, i.Code)
			code = append(code, i.JT, i.JF)
			code = binary.NativeEndian.AppendUint32(code, i.K)
		}
		s.add(birth.Step{Op: birth.Seccomp, S: []string{string(code)}}, "load a filter of system calls with %d instructions", len(plan.Seccomp))
	}
}
