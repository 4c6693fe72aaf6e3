package seccomp

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Profile is a file of Docker's format, as far as a filter needs it.
type Profile struct {
	Default Action
	// Arches are those that calls may be of: the native one always, with its sub-architectures where the profile maps it.
	Arches []Arch
	Rules  []Rule
}

// Action is what becomes of a system call, as a filter returns it.
type Action uint32

// What a filter can return; Errno and Trace carry a number in their lower half.
const (
	KillProcess Action = unix.SECCOMP_RET_KILL_PROCESS
	KillThread  Action = unix.SECCOMP_RET_KILL_THREAD
	Trap        Action = unix.SECCOMP_RET_TRAP
	Errno       Action = unix.SECCOMP_RET_ERRNO
	Trace       Action = unix.SECCOMP_RET_TRACE
	Log         Action = unix.SECCOMP_RET_LOG
	Allow       Action = unix.SECCOMP_RET_ALLOW
)

// Rule says what becomes of some calls. It holds when all of its Args do, where the conditions in Includes and Excludes let
// it into the filter at all.
type Rule struct {
	Names              []string
	Action             Action
	Args               []Arg
	Includes, Excludes Conditions
}

// Conditions are about the container and the machine: capabilities as bits, architectures by Docker's names, a kernel.
type Conditions struct {
	Caps      uint64
	Arches    []string
	MinKernel Kernel
}

// Kernel is a version by its first two numbers; the zero one is every kernel.
type Kernel struct{ Major, Minor int }

// AtLeast tells whether k is o or newer.
func (k Kernel) AtLeast(o Kernel) bool {
	return k.Major > o.Major || k.Major == o.Major && k.Minor >= o.Minor
}

// Running is the kernel of this machine.
func Running() (Kernel, error) {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return Kernel{}, err
	}
	return parseKernel(unix.ByteSliceToString(u.Release[:]))
}

func parseKernel(s string) (k Kernel, err error) {
	if _, err := fmt.Sscanf(s, "%d.%d", &k.Major, &k.Minor); err != nil || k.Major < 0 || k.Minor < 0 {
		return Kernel{}, fmt.Errorf("%.80q is no version of a kernel, such as \"4.8\"", s)
	}
	return k, nil
}

// Op compares an argument, as 64 bits without a sign, with a value.
type Op int

// The comparisons. MaskedEqual: the argument under the mask Value is Two.
const (
	NotEqual Op = iota
	Less
	LessOrEqual
	Equal
	GreaterOrEqual
	Greater
	MaskedEqual
)

// Arg is a condition on an argument of a call, by its index from 0 to 5.
type Arg struct {
	Index int
	Op    Op
	Value uint64
	Two   uint64
}

// For is what a filter is compiled for.
type For struct {
	// Caps is the container's bounding set.
	Caps   uint64
	Kernel Kernel
}

// holds tells whether a rule is part of the filter.
func (r *Rule) holds(f For, native Arch) bool {
	in, out := r.Includes, r.Excludes
	switch {
	case in.Caps&^f.Caps != 0,
		len(in.Arches) > 0 && !contains(in.Arches, native.Go),
		!f.Kernel.AtLeast(in.MinKernel):
		return false
	case out.Caps&f.Caps != 0,
		contains(out.Arches, native.Go),
		out.MinKernel != (Kernel{}) && f.Kernel.AtLeast(out.MinKernel):
		return false
	}
	return true
}

func contains(list []string, s string) bool {
	for _, l := range list {
		if l == s {
			return true
		}
	}
	return false
}
