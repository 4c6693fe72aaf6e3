package launch

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// validate refuses what would not do what it says, or do it to the machine instead of the container.
func validate(p *isolators.Plan, root bool) error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("the plan of a container: %s: %w", fmt.Sprintf(format, args...), fault.ErrInvalid)
	}
	mounts := p.Namespaces&unix.CLONE_NEWNS != 0
	switch {
	case p.Path == "":
		return bad("it has no program to run")
	case p.Namespaces&^uintptr(everyKind) != 0:
		return bad("%#x are no namespaces", p.Namespaces&^uintptr(everyKind))
	case !mounts && (p.RootFS != "" || len(p.Mounts)+len(p.Masked)+len(p.Readonly)+len(p.Devices) > 0):
		return bad("a root, mounts, devices and masks want a new mount namespace, or they would be the machine's")
	case p.RootFS != "" && (!filepath.IsAbs(p.RootFS) || filepath.Clean(p.RootFS) == "/"):
		return bad("%q is no directory to be the root: it has to be absolute and not the machine's own", p.RootFS)
	case p.RootFS == "" && len(p.Devices) > 0:
		return bad("devices want a root of their own, or they would be made in the machine's /dev")
	case p.Hostname != "" && p.Namespaces&unix.CLONE_NEWUTS == 0:
		return bad("the hostname %q wants a new uts namespace, or it would be the machine's", p.Hostname)
	case p.Namespaces&unix.CLONE_NEWUSER != 0 && (len(p.UIDs) == 0 || len(p.GIDs) == 0 || p.UIDs[0].Inside != 0 || p.GIDs[0].Inside != 0):
		return bad("a new user namespace wants users and groups, 0 first")
	case len(p.Seccomp) > 4096:
		return bad("a filter of system calls has at most 4096 instructions, not %d", len(p.Seccomp))
	case p.Init && p.Namespaces&unix.CLONE_NEWPID == 0:
		return bad("a first process that stays wants a new pid namespace")
	}
	if !root {
		if err := withoutRoot(p); err != nil {
			return err
		}
	}
	if err := joins(p); err != nil {
		return bad("%v", err)
	}
	for name := range p.Sysctls {
		if err := sysctl(name, p); err != nil {
			return bad("%v", err)
		}
	}
	return nil
}

// withoutRoot only what is for everybody can be done.
func withoutRoot(p *isolators.Plan) error {
	user := otherUsers(p)
	var what string
	switch {
	case !user && (p.UID != os.Geteuid() || p.GID != os.Getegid()):
		what = fmt.Sprintf("run as user %d, group %d", p.UID, p.GID)
	case !user && p.Namespaces != 0:
		what = "have new " + kinds(p.Namespaces)
	case !user && p.Capabilities != nil:
		what = "be given capabilities"
	case len(p.Seccomp) > 0 && !p.NoNewPrivileges && !user:
		what = "have a filter of system calls without no_new_privs (isolator linux/nnp)"
	default:
		return nil
	}
	return fmt.Errorf("the plan of a container: it is to %s, and the agent is user %d; run the agent as root: %w", what, os.Geteuid(), fault.ErrDenied)
}

// otherUsers: the container's users are not the machine's.
func otherUsers(p *isolators.Plan) bool {
	return p.Namespaces&unix.CLONE_NEWUSER != 0 || slices.ContainsFunc(p.Join, func(n isolators.Namespace) bool { return n.Kind == unix.CLONE_NEWUSER })
}

// joins must not contradict what is made anew, or each other.
func joins(p *isolators.Plan) error {
	var seen uintptr
	for _, n := range p.Join {
		switch {
		case n.Kind == 0 || n.Kind&(n.Kind-1) != 0 || n.Kind&^uintptr(everyKind) != 0:
			return fmt.Errorf("%#x of %s is no one kind of namespace", n.Kind, n.Path)
		case n.Kind&(seen|p.Namespaces&^unix.CLONE_NEWPID) != 0:
			return fmt.Errorf("two %s for one container", kinds(n.Kind))
		case p.Namespaces&unix.CLONE_NEWUSER != 0 && n.Kind&(unix.CLONE_NEWNS|unix.CLONE_NEWPID) != 0:
			return fmt.Errorf("with a new user namespace it cannot enter %s: they are not its own", kinds(n.Kind))
		}
		seen |= n.Kind
	}
	return nil
}

// Sysctls that belong to a namespace, with the kind; every other one is the whole machine's. Those of the network all are
// the namespace's that are there at all.
var namespaced = []struct {
	kind  uintptr
	names []string
}{
	{unix.CLONE_NEWIPC, []string{"kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax", "kernel.shmmni", "kernel.shm_rmid_forced"}},
	{unix.CLONE_NEWUTS, []string{"kernel.domainname"}},
}

func sysctl(name string, p *isolators.Plan) error {
	own := p.Namespaces
	for _, n := range p.Join {
		own |= n.Kind
	}
	kind := uintptr(0)
	switch {
	case strings.HasPrefix(name, "net.") && !strings.ContainsAny(name, "/") && !strings.Contains(name, ".."):
		kind = unix.CLONE_NEWNET
	case strings.HasPrefix(name, "fs.mqueue.") && !strings.ContainsAny(name, "/") && !strings.Contains(name, ".."):
		kind = unix.CLONE_NEWIPC
	default:
		for _, n := range namespaced {
			if slices.Contains(n.names, name) {
				kind = n.kind
			}
		}
	}
	if kind == 0 {
		return fmt.Errorf("sysctl %q is the whole machine's, or none", name)
	}
	if own&kind == 0 {
		return fmt.Errorf("sysctl %q wants %s of the container's own", name, kinds(kind))
	}
	return nil
}
