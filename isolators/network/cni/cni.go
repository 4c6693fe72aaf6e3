// Package cni is the isolator network/cni: containers that ask for networks by name get a network namespace of their own, which
// the plugins of those networks connect (CNI, Container Network Interface), and host name, hosts and name servers to go
// with it. Containers in them share it, or get their own. Who asks for no network is in the machine's.
//
// The namespace is made, and the plugins are called, before the container has a process; so its addresses are known to its
// environment and its files. A container without a network of its own keeps nothing here.
package cni

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/containernetworking/cni/libcni"
	"github.com/containernetworking/cni/pkg/invoke"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/network/netlink"
)

// Builder makes the isolator. It is part of every chain of a privileged agent, as in Mesos.
var Builder = isolators.Builder{Names: []string{name}, Always: true, New: New}

const name = "network/cni"

// Isolator is network/cni.
type Isolator struct {
	isolators.Nothing
	log      *slog.Logger
	plugins  []string
	config   string
	defaults defaults
	metrics  bool
	store    store
	exec     invoke.Exec

	mu   sync.Mutex
	here map[string]*box // containers with something of their own, by id
}

// box is what is known of a container while it lives.
type box struct {
	record
	inode uint64 // of its network namespace; 0: it has none of its own

	mu   sync.Mutex
	ask  *netlink.Conn // in that namespace, since the first time that somebody wanted statistics
	gone bool
}

// New makes the isolator from an agent's flags.
func New(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("net", name); err != nil {
		return nil, err
	}
	d, err := parseDefaults(s.DefaultContainerDNS)
	if err := errors.Join(err, directories(s.NetworkCNIPluginsDir, s.NetworkCNIConfigDir)); err != nil {
		return nil, errors.Join(isolators.ErrFlags, err)
	}
	top := s.RuntimeDir
	if s.NetworkCNIRootDirPersist {
		top = s.WorkDir
	}
	i := &Isolator{
		log: s.Log, config: s.NetworkCNIConfigDir, defaults: d, metrics: !s.WithoutCNIMetrics,
		plugins: filepath.SplitList(s.NetworkCNIPluginsDir),
		store:   store(filepath.Join(top, "isolators", "network", "cni")),
		exec:    &runner{timeout: patience},
		here:    map[string]*box{},
	}
	if i.log == nil {
		i.log = slog.New(slog.DiscardHandler)
	}
	if err := os.MkdirAll(string(i.store), 0o711); err != nil {
		return nil, fmt.Errorf("a directory for networks: %w", err)
	}
	return i, nil
}

// Name implements isolators.Isolator.
func (i *Isolator) Name() string { return name }

func (i *Isolator) box(id string) *box {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.here[id]
}

func (i *Isolator) keep(b *box) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.here[b.ID] = b
}

func (i *Isolator) forget(id string) {
	i.mu.Lock()
	b := i.here[id]
	delete(i.here, id)
	i.mu.Unlock()
	if b != nil {
		b.hangUp()
	}
}

// network is the container in whose network namespace another one is: itself, or the nearest that it is in with one of its
// own; nil when it is in the machine's.
func (i *Isolator) network(c *isolators.Container) *box {
	for ; c != nil; c = c.Parent {
		if b := i.box(c.ID); b != nil && b.inode != 0 {
			return b
		}
	}
	return nil
}

// plugged is libcni for a container, with results where nobody else looks for them.
func (i *Isolator) plugged(id string) *libcni.CNIConfig {
	return libcni.NewCNIConfigWithCacheDir(i.plugins, i.store.cache(id), i.exec)
}

// Recover implements isolators.Isolator. What other containers left is cleaned up here: those that died with the machine are
// in nobody's list.
func (i *Isolator) Recover(ctx context.Context, alive []*isolators.Container) error {
	living := map[string]bool{}
	for _, c := range alive {
		living[c.ID] = true
		if err := i.find(c); err != nil {
			return err
		}
	}
	ids, err := i.store.ids()
	if err != nil {
		return fmt.Errorf("which containers had networks: %w", err)
	}
	i.clear(ctx, ids, living)
	return nil
}

// clear cleans up, some at a time, because each call of a plugin takes a tenth of a second. What fails is tried again at the
// next start.
func (i *Isolator) clear(ctx context.Context, ids []string, living map[string]bool) {
	var wait sync.WaitGroup
	turns := make(chan struct{}, 8)
	for _, id := range ids {
		if living[id] {
			continue
		}
		turns <- struct{}{}
		wait.Go(func() {
			defer func() { <-turns }()
			if err := i.detach(ctx, id); err != nil {
				i.log.Warn("a network of a container that is gone cannot be given back; it is tried again when the agent starts", "container", id, "error", err)
			}
		})
	}
	wait.Wait()
}
