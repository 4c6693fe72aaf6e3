package cgroups

import (
	"sync"

	"github.com/meseta-io/meseta/isolators"
)

// Builders are the isolators of control groups, in the order in which they work. A chain is built from the first to the last
// of them; those of one chain share what they know.
func Builders() []isolators.Builder {
	s := &shared{}
	return []isolators.Builder{
		{Names: []string{"cgroups/core"}, Always: true, New: s.core},
		{Names: []string{"cgroups/cpu", "cgroups"}, Sets: everything, New: s.cpu},
		{Names: []string{"cgroups/mem", "cgroups"}, Sets: everything, New: s.memory},
		{Names: []string{"cgroups/pids"}, Sets: everything, New: s.pids},
		{Names: []string{"cgroups/cpuset"}, Sets: everything, New: s.plain("cgroups/cpuset", "cpuset")},
		{Names: []string{"cgroups/devices"}, Sets: everything, New: s.guard},
		{Names: []string{"cgroups/blkio"}, Sets: everything, New: s.blkio},
		{Names: []string{"cgroups/hugetlb"}, Sets: everything, New: s.plain("cgroups/hugetlb", "hugetlb")},
		{Names: []string{"cgroups/net_cls"}, Sets: everything, New: s.netcls},
		{Names: []string{"cgroups/net_prio"}, Sets: everything, New: s.plain("cgroups/net_prio", "net_prio")},
		{Names: []string{"cgroups/perf_event"}, Sets: everything, New: s.perf},
	}
}

// plain has every container in a group of its own of a controller, as Mesos does, for the operator to write into.
func (s *shared) plain(name, controller string) func(isolators.Settings) (isolators.Isolator, error) {
	return func(settings isolators.Settings) (isolators.Isolator, error) {
		c, err := s.need(settings, name, controller)
		if err != nil {
			return nil, err
		}
		return c, nil
	}
}

// everything is the name for all of them that the machine allows.
var everything = []string{"cgroups/all"}

// shared are the groups of the agent whose chain is being built.
type shared struct {
	mu     sync.Mutex
	groups *Groups
}

// core opens the groups anew, because it comes first.
func (s *shared) core(settings isolators.Settings) (isolators.Isolator, error) {
	g, err := Open(settings)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.groups = g
	return newCore(g), nil
}

// open are the groups that core has opened, which is impossible for the others too where it was for core.
func (s *shared) open(settings isolators.Settings) (*Groups, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.groups == nil {
		g, err := Open(settings)
		if err != nil {
			return nil, err
		}
		s.groups = g
	}
	return s.groups, nil
}
