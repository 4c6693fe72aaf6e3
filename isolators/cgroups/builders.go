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
	return core{groups: g}, nil
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
