// Package linux runs containers behind isolators: it takes each through its life and leaves nothing of it behind. It is an
// edge: it owns goroutines and talks to the kernel.
//
//	record written → prepared by the chain → process born, waiting → pid written → isolated → goes on → watched
//	→ everything killed → cleaned up by the chain → record removed → told
//
// The record comes first and goes last. So whatever moment the agent is killed at, the next one finds a record of all that may
// be there: a container that lives is taken over (Find), everything else is destroyed.
//
// Containers without a record were launched by an agent that used the posix launcher. They go on as what they are, and are left
// to that one.
package linux

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/isolators"
)

// Config is what a Launcher is made of.
type Config struct {
	// RuntimeDir is where the records are. It is made when it is missing.
	RuntimeDir string
	// Chain is what isolates.
	Chain isolators.Chain
	Log   *slog.Logger
}

// Launcher is a containerizer.Launcher. It is made by New.
type Launcher struct {
	chain  isolators.Chain
	keeper isolators.Keeper // nil: there are no control groups
	log    *slog.Logger
	dir    string // of the containers at the top
	boot   string
	plain  *posix.Launcher
	fault  func(point string) // tests have the agent killed here; nil in life

	mu         sync.Mutex
	containers map[string]*container
}

var _ containerizer.Launcher = (*Launcher)(nil)

// New opens the runtime directory.
func New(c Config) (*Launcher, error) {
	dir, err := filepath.Abs(filepath.Join(c.RuntimeDir, "containers"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("the directory of containers cannot be made: %w; name another one with --runtime_dir", err)
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Launcher{chain: c.Chain, keeper: c.Chain.Keeper(), log: c.Log, dir: dir, boot: string(boot),
		plain: posix.New(), containers: map[string]*container{}}, nil
}

// at is a point at which the agent may be killed.
func (l *Launcher) at(point string) {
	if l.fault != nil {
		l.fault(point)
	}
}

// known is a container that has a record.
func (l *Launcher) known(id string) *container {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.containers[id]
}

// inside are the containers in another one, the innermost first.
func (l *Launcher) inside(id string) (all []*container) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.containers {
		if within(id, c.ID) {
			all = append(all, c)
		}
	}
	deepestFirst(all)
	return all
}
