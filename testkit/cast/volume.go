package cast

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/fault"
)

// below is a path on the simulated disk: a directory of the operator's is a folder of the same disk.
func below(root, name string) string { return path.Join(strings.TrimPrefix(root, "/"), name) }

// volume makes, moves or clears a directory.
func (d disk) volume(c agent.Change) error {
	to, from := below(c.Root, c.Path), below(c.Root, string(c.Data))
	switch c.Kind {
	case agent.Make:
		if f := d.Lookup(to); f != nil && f.Dir {
			return nil
		}
		return d.Mkdir(to)
	case agent.Move:
		return d.move(from, to)
	}
	if c.Path != "." {
		return d.Remove(to)
	}
	for _, f := range d.Disk.List(to) {
		if err := d.Remove(f.Path); err != nil {
			return err
		}
	}
	return nil
}

// move copies a tree and removes it where it was; a crash in between leaves both, and the next attempt ends it.
func (d disk) move(from, to string) error {
	if f := d.Lookup(from); f == nil || !f.Dir {
		return nil
	}
	if err := d.Mkdir(to); err != nil {
		return err
	}
	for _, name := range d.Paths() {
		rest, ok := strings.CutPrefix(name, from+"/")
		if !ok {
			continue
		}
		var err error
		switch f := d.Lookup(name); {
		case f.Dir:
			err = d.Mkdir(to + "/" + rest)
		case f.Link != "":
			err = d.Disk.Link(to+"/"+rest, f.Link)
		default:
			err = d.Put(to+"/"+rest, f.Data)
		}
		if err != nil {
			return err
		}
	}
	return d.Remove(from)
}

// Bind puts links into a sandbox.
func (d disk) Bind(_ context.Context, sandbox string, volumes []agent.Volume) error {
	for _, v := range volumes {
		if err := inside(v.At); err != nil {
			return err
		}
		if f := d.Lookup(below(v.Root, v.Path)); f == nil || !f.Dir {
			return fmt.Errorf("volume %s: %w", v.Path, fault.ErrNotFound)
		}
		at, target := sandbox+"/"+v.At, "/"+below(v.Root, v.Path)
		if v.Root == "" {
			target = workDir + "/" + v.Path
		}
		switch f := d.Lookup(at); {
		case f != nil && f.Link == target:
		case f != nil:
			return fmt.Errorf("%s: something else is there already: %w", at, fault.ErrConflict)
		default:
			if err := d.Disk.Link(at, target); err != nil {
				return err
			}
		}
	}
	return nil
}
