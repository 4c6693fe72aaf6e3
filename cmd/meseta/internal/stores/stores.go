// Package stores finds the place where a cluster keeps its registry, for the commands that look at it or replace it
// without being a master.
package stores

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/cluster/standalone"
	"github.com/meseta-io/meseta/messages/fault"
)

// Standalone is the value of --election for a registry in the master's work directory.
const Standalone = "standalone"

// Place is where a registry is kept.
type Place interface {
	// String names the place for people.
	String() string
	// Read returns the registry, sorted, and the epoch of its newest term, also while a master leads. A place
	// without a registry has no entries and epoch 0.
	Read(ctx context.Context) ([]cluster.Entry, uint64, error)
	// Leader is the master that leads now, or "" where nobody does or the place does not know.
	Leader(ctx context.Context) (string, error)
	// Open makes the registry ready for writing.
	Open(ctx context.Context) (Opened, error)
}

// Opened is a registry that can be written to by whoever leads.
type Opened interface {
	cluster.Contender
	cluster.Registry
	Close() error
}

// At finds the place by the settings of a master.
func At(election, workDir string) (Place, error) {
	switch {
	case consul.Is(election):
		return atConsul(election)
	case election == Standalone || election == "":
		if workDir == "" {
			return nil, fmt.Errorf("--work_dir=DIR is missing: the directory of the master whose registry is meant: %w", fault.ErrInvalid)
		}
		whole, err := filepath.Abs(workDir)
		return directory(whole), err
	}
	return nil, fmt.Errorf("--election=%s: standalone or consul://HOST:PORT/PREFIX expected: %w", election, fault.ErrInvalid)
}

// directory is the work directory of a standalone master.
type directory string

// String implements Place.
func (d directory) String() string { return string(d) }

// Read implements Place.
func (d directory) Read(context.Context) ([]cluster.Entry, uint64, error) {
	entries, epoch, err := standalone.Read(string(d))
	if errors.Is(err, fault.ErrNotFound) {
		return nil, 0, nil
	}
	return entries, epoch, err
}

// Leader implements Place: the lock of the file tells, when it is opened.
func (d directory) Leader(context.Context) (string, error) { return "", nil }

// Open implements Place.
func (d directory) Open(context.Context) (Opened, error) {
	s, err := standalone.Open(string(d))
	if err != nil {
		return nil, err
	}
	return s, nil
}
