// Package rlimits is the isolator posix/rlimits: the limits of setrlimit(2) that a container asks for. They are those of its
// first process and of all that come of it, each for itself.
package rlimits

import (
	"context"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Isolator implements isolators.Isolator.
type Isolator struct{ isolators.Nothing }

// Builder makes it.
var Builder = isolators.Builder{Names: []string{"posix/rlimits"}, New: New}

// New is the builder's. It needs no root where limits are lowered.
func New(isolators.Settings) (isolators.Isolator, error) { return Isolator{}, nil }

// Name implements isolators.Isolator.
func (Isolator) Name() string { return "posix/rlimits" }

// Prepare implements isolators.Isolator.
func (Isolator) Prepare(_ context.Context, c *isolators.Container, plan *isolators.Plan) error {
	for _, l := range c.Info.GetRlimitInfo().GetRlimits() {
		r, err := Of(l)
		if err != nil {
			return err
		}
		plan.Rlimits = append(plan.Rlimits, r)
	}
	return nil
}

// The kernel's numbers, which golang.org/x/sys has not all of; they are the same on amd64 and arm64.
var kinds = map[mesospb.RLimitInfo_RLimit_Type]int{
	mesospb.RLimitInfo_RLimit_RLMT_CPU:        unix.RLIMIT_CPU,
	mesospb.RLimitInfo_RLimit_RLMT_FSIZE:      unix.RLIMIT_FSIZE,
	mesospb.RLimitInfo_RLimit_RLMT_DATA:       unix.RLIMIT_DATA,
	mesospb.RLimitInfo_RLimit_RLMT_STACK:      unix.RLIMIT_STACK,
	mesospb.RLimitInfo_RLimit_RLMT_CORE:       unix.RLIMIT_CORE,
	mesospb.RLimitInfo_RLimit_RLMT_RSS:        unix.RLIMIT_RSS,
	mesospb.RLimitInfo_RLimit_RLMT_NPROC:      unix.RLIMIT_NPROC,
	mesospb.RLimitInfo_RLimit_RLMT_NOFILE:     unix.RLIMIT_NOFILE,
	mesospb.RLimitInfo_RLimit_RLMT_MEMLOCK:    unix.RLIMIT_MEMLOCK,
	mesospb.RLimitInfo_RLimit_RLMT_AS:         unix.RLIMIT_AS,
	mesospb.RLimitInfo_RLimit_RLMT_LOCKS:      unix.RLIMIT_LOCKS,
	mesospb.RLimitInfo_RLimit_RLMT_SIGPENDING: unix.RLIMIT_SIGPENDING,
	mesospb.RLimitInfo_RLimit_RLMT_MSGQUEUE:   unix.RLIMIT_MSGQUEUE,
	mesospb.RLimitInfo_RLimit_RLMT_NICE:       unix.RLIMIT_NICE,
	mesospb.RLimitInfo_RLimit_RLMT_RTPRIO:     unix.RLIMIT_RTPRIO,
	mesospb.RLimitInfo_RLimit_RLMT_RTTIME:     unix.RLIMIT_RTTIME,
}

// Of is a limit as the kernel takes it: with both values, or with none for no limit at all. Anything else is of class
// fault.ErrInvalid.
func Of(l *mesospb.RLimitInfo_RLimit) (isolators.Rlimit, error) {
	kind, ok := kinds[l.GetType()]
	switch {
	case !ok:
		return isolators.Rlimit{}, fmt.Errorf("Could not convert rlimit: Unknown rlimit type %s: use one of RLMT_AS to RLMT_STACK: %w", l.GetType(), fault.ErrInvalid)
	case l.Soft == nil && l.Hard == nil:
		return isolators.Rlimit{Kind: kind, Soft: unix.RLIM_INFINITY, Hard: unix.RLIM_INFINITY}, nil
	case l.Soft == nil || l.Hard == nil:
		return isolators.Rlimit{}, fmt.Errorf("Invalid rlimit values: %s has only one of soft and hard; give both, or none for no limit: %w", l.GetType(), fault.ErrInvalid)
	case l.GetSoft() > l.GetHard():
		return isolators.Rlimit{}, fmt.Errorf("Invalid rlimit values: %s has the soft limit %d above the hard limit %d: %w", l.GetType(), l.GetSoft(), l.GetHard(), fault.ErrInvalid)
	}
	return isolators.Rlimit{Kind: kind, Soft: l.GetSoft(), Hard: l.GetHard()}, nil
}
