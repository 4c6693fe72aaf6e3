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
	err := enable(own, controller)
	if errors.Is(err, unix.EBUSY) { // version 2 has no processes beside groups with controllers
		err = g.makeRoom(controller)
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
func (g *Groups) makeRoom(controller string) error {
	own := g.home.Own
	leaf := own.Below(agentLeaf)
	if err := leaf.Make(); err != nil {
		return err
	}
	if err := leaf.Join(os.Getpid()); err != nil {
		return err
	}
	err := enable(own, controller)
	if errors.Is(err, unix.EBUSY) {
		return fmt.Errorf("%w: %s; version 2 of control groups wants an agent that has its group for itself: run it as a systemd unit with Delegate=yes and DelegateSubgroup=%s, or from a group of its own",
			err, others(own), agentLeaf)
	}
	return err
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
