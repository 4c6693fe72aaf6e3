package isolators

import (
	"slices"

	"golang.org/x/sys/unix"
)

// Plan is how the first process of a container is to be born. Isolators fill it in while they prepare, in the order of
// the chain; package launch carries it out. It is plain data, because it travels through a pipe to the process to be.
//
// Paths in it are the machine's, unless a comment says that they are the container's.
type Plan struct {
	// Cgroup is the directory of the container in the unified hierarchy of control groups, into which the process is
	// cloned, so that there is no instant at which it is outside; empty: the kernel has no such hierarchy.
	Cgroup string
	// Namespaces are the kinds (CLONE_NEWNS, CLONE_NEWPID, …) that are made anew; the child is born in them. That of control
	// groups is made when it goes on, because only then it is in its groups, which the new one begins at.
	Namespaces uintptr
	// Join are namespaces that exist and are entered instead. A pid namespace may be in both: the new one is then made inside
	// of the one that is joined. New and Enter keep both lists without doubles.
	Join []Namespace
	// UIDs and GIDs map those of a new user namespace. The first entry has to map 0.
	UIDs, GIDs []IDMap

	// RootFS is the directory that becomes the container's root; empty: it sees the machine's, changed by Mounts.
	RootFS string
	// Mounts are made in this order in the new mount namespace, before the root changes. What is mounted there spreads to
	// nobody, and what the machine mounts later spreads to it (MS_SLAVE), except where Propagation says otherwise. The sources of
	// all bind mounts are opened before the first mount is made: a mount may hide the source of a later one.
	Mounts []Mount
	// Masked paths of the container cannot be read, Readonly ones not be written. A path that is not there is passed over.
	Masked, Readonly []string
	// Devices are nodes to be made below the /dev of a RootFS, links what else belongs there.
	Devices []Device
	// Grants are devices of the machine that the container may use without a node of its own.
	Grants []Device
	// Hostname of a new uts namespace; empty: as it is.
	Hostname string
	// Dir is the working directory, as the container sees it.
	Dir string

	// Path is the program as the container sees it, looked up in the PATH of Env when it has no slash; Argv has argv[0].
	Path string
	Argv []string
	Env  []string
	// Init: the process of the plan stays as the first one of a pid namespace, hands signals to the program, takes in orphans
	// and ends as the program ends. Otherwise it becomes the program.
	Init bool

	UID, GID int
	Groups   []int
	// Capabilities; nil: what a process of that user gets from the kernel.
	Capabilities *Capabilities
	// NoNewPrivileges: programs with a set-user-id bit or file capabilities gain nothing.
	NoNewPrivileges bool
	// Seccomp is a filter of system calls; empty: there is none.
	Seccomp []Instruction
	Rlimits []Rlimit
	// OOMScore is what is added to the badness that the kernel sees in the process when memory runs out; nil: as it is.
	OOMScore *int
	// Sysctls of the new namespaces, as in "net.ipv4.ip_unprivileged_port_start".
	Sysctls map[string]string
}

// Namespace is one that exists, by the file that stands for it, as in /proc/7/ns/net.
type Namespace struct {
	Kind uintptr // CLONE_NEWNET …
	Path string
	// Inode is the number that the file must have (stat(2)), because a pid is given out again and would lead to the namespace
	// of somebody else, even the machine's; 0: whatever is there.
	Inode uint64
}

// New asks for a namespace of its own, in place of one to be joined, except that a new pid namespace may be inside of one.
func (p *Plan) New(kind uintptr) {
	p.Namespaces |= kind
	if kind != unix.CLONE_NEWPID {
		p.Join = slices.DeleteFunc(p.Join, func(n Namespace) bool { return n.Kind == kind })
	}
}

// Enter asks to join a namespace, in place of another one of its kind.
func (p *Plan) Enter(n Namespace) {
	p.Join = slices.DeleteFunc(p.Join, func(o Namespace) bool { return o.Kind == n.Kind })
	p.Join = append(p.Join, n)
	if n.Kind != unix.CLONE_NEWPID {
		p.Namespaces &^= n.Kind
	}
}

// IDMap maps Size numbers from Inside the user namespace to Outside.
type IDMap struct{ Inside, Outside, Size int }

// Mount is one call of mount(2), or for a bind mount a copy of the tree at Source with Flags then put on it.
type Mount struct {
	// Source of a bind mount is a file or a directory; of others, what shows in the table of mounts.
	Source string
	// From is a directory of the machine in which others change names meanwhile, as they do in a sandbox. Source is then
	// relative to it, and no link and no dot-dot leads out (package beneath).
	From string
	// Target is a path of the container: it is resolved below RootFS, and no link in it leads out.
	Target string
	// Within is a directory of the container in which others change names meanwhile. Target is then relative to it, and no link
	// and no dot-dot leads out of Within.
	Within string
	Type   string // "bind", "proc", "tmpfs", "overlay", …
	// Flags are those of mount(2). MS_REC in a bind mount copies what is mounted below Source too, and the other flags then
	// hold for all of it.
	Flags uintptr
	Data  string
	// Propagation is MS_PRIVATE, MS_SLAVE or MS_SHARED, with MS_REC or without; 0: MS_SLAVE. A bind mount with MS_SHARED stays in
	// the peer group of the machine's mount: what is mounted below it on either side appears on the other.
	Propagation uintptr
	// Make the target, a directory or a file after the source, when it is not there.
	Make bool
	// Optional: without the source or the target the mount is left out.
	Optional bool
}

// Device is a node in the /dev of a container.
type Device struct {
	Path         string // of the container
	Type         byte   // 'c' or 'b'
	Major, Minor uint32
	Mode         uint32 // permissions
	UID, GID     int
}

// Capabilities are sets of bits, 1<<CAP_….
type Capabilities struct{ Bounding, Permitted, Effective, Inheritable, Ambient uint64 }

// Instruction is one of classic BPF.
type Instruction struct {
	Code   uint16
	JT, JF uint8
	K      uint32
}

// Rlimit is a limit of setrlimit(2) by its number; ^uint64(0) is none.
type Rlimit struct {
	Kind       int
	Soft, Hard uint64
}
