// Package namespaces isolates what containers see of each other's processes, queues and names: namespaces/pid and
// namespaces/ipc as in Mesos, and namespaces/uts, namespaces/cgroup and namespaces/user, which are ours. Mount namespaces
// are filesystem/linux's, network namespaces network/cni's.
//
// Which namespace a container is in is written into its State directory when its first process exists, as the number that
// the kernel has for it. Whoever joins it later names that number too: a pid alone may be somebody else's by then.
package namespaces

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
)

// kinds are the files below /proc/N/ns.
var kinds = map[uintptr]string{
	unix.CLONE_NEWNS: "mnt", unix.CLONE_NEWPID: "pid", unix.CLONE_NEWIPC: "ipc", unix.CLONE_NEWUTS: "uts",
	unix.CLONE_NEWNET: "net", unix.CLONE_NEWUSER: "user", unix.CLONE_NEWCGROUP: "cgroup",
}

// Remember writes down which namespace of a kind the first process of a container is in.
func Remember(c *isolators.Container, kind uintptr) error {
	id, err := inode("/proc/" + strconv.Itoa(c.PID) + "/ns/" + kinds[kind])
	if err != nil {
		return fmt.Errorf("find the %s namespace: %w", kinds[kind], err)
	}
	return os.WriteFile(remembered(c, kind), strconv.AppendUint(nil, id, 10), 0o600)
}

func remembered(c *isolators.Container, kind uintptr) string {
	return filepath.Join(c.State, "namespaces-"+kinds[kind])
}

// Of is the namespace that a living container is in; agents is whether it is the agent's own.
func Of(c *isolators.Container, kind uintptr) (n isolators.Namespace, agents bool, err error) {
	if c.PID == 0 {
		return n, false, fmt.Errorf("container %s has no first process any more, so nothing can join its %s namespace: %w", c.ID, kinds[kind], fault.ErrConflict)
	}
	n = isolators.Namespace{Kind: kind, Path: "/proc/" + strconv.Itoa(c.PID) + "/ns/" + kinds[kind]}
	text, err := os.ReadFile(remembered(c, kind))
	if err == nil {
		n.Inode, err = strconv.ParseUint(string(text), 10, 64)
	} else if errors.Is(err, fs.ErrNotExist) {
		n.Inode, err = inode(n.Path) // it was launched when this isolator was not used
	}
	if err != nil {
		return n, false, fmt.Errorf("find the %s namespace of container %s: %w", kinds[kind], c.ID, err)
	}
	own, err := inode("/proc/self/ns/" + kinds[kind])
	return n, own == n.Inode, err
}

// enter has the plan join what the parent is in, unless that is where the agent is.
func enter(c *isolators.Container, plan *isolators.Plan, kind uintptr) (agents bool, err error) {
	n, agents, err := Of(c.Parent, kind)
	if err == nil && !agents {
		plan.Enter(n)
	}
	return agents, err
}

func inode(path string) (uint64, error) {
	var s unix.Stat_t
	if err := unix.Stat(path, &s); err != nil {
		return 0, fmt.Errorf("%s: %w", path, err)
	}
	return s.Ino, nil
}
