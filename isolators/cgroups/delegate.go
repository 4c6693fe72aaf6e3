package cgroups

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/messages/fault"
)

// hand gives a controller of version 2 to the groups below the agent's own, down to those of containers.
func (g *Groups) hand(controller string) error {
	own := g.home.Own
	err := g.makeRoom()
	if err == nil {
		err = enable(own, controller)
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, fault.ErrInvalid)
	}
	group := own
	for name := range strings.SplitSeq(g.root, "/") {
		group = group.Below(name)
		if err := enable(group, controller); err != nil {
			return fmt.Errorf("%w: %w", err, fault.ErrInvalid)
		}
	}
	return nil
}

// enable gives controllers to the groups below one.
func enable(group hierarchy.Group, controllers ...string) error {
	text, err := group.Read("cgroup.subtree_control")
	if err != nil {
		return err
	}
	given := strings.Fields(text)
	var more []string
	for _, c := range controllers {
		if !slices.Contains(given, c) {
			more = append(more, "+"+c)
		}
	}
	if len(more) == 0 {
		return nil
	}
	return group.Write("cgroup.subtree_control", strings.Join(more, " "))
}

// makeRoom moves the agent into a group below its own, and no other process: whoever else is there did not ask for it.
// Version 2 has no processes beside groups with controllers. Some controllers it would grant all the same, and declare
// everything below to be fit for threads only; so nothing is tried before there is room. The root of all groups is exempt.
func (g *Groups) makeRoom() error {
	own := g.home.Own
	if !own.Has("cgroup.type") {
		return nil
	}
	if own.Holds(os.Getpid()) {
		leaf := own.Below(agentLeaf)
		if err := leaf.Make(); err != nil {
			return err
		}
		if err := leaf.Join(os.Getpid()); err != nil {
			return err
		}
	}
	switch text, err := own.Read("cgroup.procs"); {
	case err != nil && !errors.Is(err, unix.EOPNOTSUPP):
		return err
	case err != nil || text != "":
		return fmt.Errorf("give controllers to the groups in %s: %s; version 2 of control groups wants an agent that has its group for itself: run it as a systemd unit with Delegate=yes and DelegateSubgroup=%s, or from a group of its own",
			own, others(own), agentLeaf)
	}
	return nil
}

// others names who is in a group itself.
func others(group hierarchy.Group) string {
	text, err := group.Read("cgroup.procs")
	pids := strings.Fields(text)
	if err != nil || len(pids) == 0 {
		return "other processes were there"
	}
	var names []string
	for _, pid := range pids[:min(len(pids), 5)] {
		comm, _ := hierarchy.Slurp("/proc/"+pid+"/comm", nil)
		names = append(names, fmt.Sprintf("%s (%s)", pid, strings.TrimSpace(string(comm))))
	}
	return fmt.Sprintf("%d other processes are in it: %s", len(pids), strings.Join(names, ", "))
}
