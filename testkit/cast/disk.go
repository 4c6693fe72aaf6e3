package cast

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/testkit"
)

// disk is a node's testkit.Disk as an agent's work directory. Like the real one it does not sync: what was
// written survives the end of the process, and a power loss may take the last of it.
type disk struct {
	*testkit.Disk
	machine *Machine
}

var _ agent.Disk = disk{}

// workDir is where all simulated machines have their work directory.
const workDir = "/work_dir"

func (d disk) Apply(_ context.Context, changes []agent.Change) (int, error) {
	for done, c := range changes {
		err := d.apply(c)
		if err == nil && c.Durable {
			err = d.Sync()
		}
		if errors.Is(err, testkit.ErrFull) {
			return done, fmt.Errorf("write %s: %w: %w", c.Path, agent.ErrFull, err)
		}
		if err != nil {
			return done, fmt.Errorf("write %s: %w", c.Path, err)
		}
	}
	return len(changes), nil
}

func (d disk) apply(c agent.Change) error {
	if err := inside(c.Path); err != nil {
		return err
	}
	switch c.Kind {
	case agent.Put:
		return d.Put(c.Path, c.Data)
	case agent.Append:
		return d.Append(c.Path, c.Data)
	case agent.Link:
		return d.Disk.Link(c.Path, string(c.Data))
	case agent.Prune:
		d.prune(c.Path)
		return nil
	case agent.Remove:
		return d.Remove(c.Path)
	case agent.Cut:
		data, err := d.Disk.Read(c.Path)
		if err != nil {
			return err
		}
		return d.Disk.Cut(c.Path, int(min(c.Size, int64(len(data)))))
	case agent.Make, agent.Move, agent.Clear:
		return d.volume(c)
	}
	return fmt.Errorf("change %d of %s: %w", c.Kind, c.Path, fault.ErrInvalid)
}

func (d disk) Read(_ context.Context, name string) ([]byte, error) {
	f, err := d.find(name)
	if err != nil {
		return nil, err
	}
	if f.Dir {
		return nil, fmt.Errorf("%s is a directory: %w", name, fault.ErrInvalid)
	}
	return f.Data, nil
}

func (d disk) ReadAt(ctx context.Context, name string, offset int64, length int) ([]byte, int64, error) {
	data, err := d.Read(ctx, name)
	if err != nil {
		return nil, 0, err
	}
	size := int64(len(data))
	offset = min(max(offset, 0), size)
	return data[offset:min(size, offset+int64(length))], size, nil
}

func (d disk) List(_ context.Context, name string) ([]agent.File, error) {
	f, err := d.find(name)
	if err != nil {
		return nil, err
	}
	if !f.Dir {
		return []agent.File{entry(f)}, nil
	}
	var files []agent.File
	for _, f := range d.Disk.List(f.Path) {
		files = append(files, entry(f))
	}
	return files, nil
}

func (d disk) Sandbox(_ context.Context, name, _ string) (string, error) {
	if err := inside(name); err != nil {
		return "", err
	}
	if err := d.Mkdir(name); err != nil {
		return "", err
	}
	return workDir + "/" + name, nil
}

// prune deletes the link to a run that is gone; directories that hold nothing are none here.
func (d disk) prune(runs string) {
	if f := d.Lookup(runs + "/latest"); f != nil && f.Link != "" && d.Lookup(runs+"/"+f.Link) == nil {
		_ = d.Remove(f.Path)
	}
}

func (d disk) Touch(_ context.Context, name string) error {
	f := d.Lookup(name)
	if f == nil || !f.Dir {
		return fmt.Errorf("%s: %w", name, fault.ErrNotFound)
	}
	f.Modified = d.machine.node.World().Now()
	return nil
}

func (d disk) Discard(_ context.Context, name string) error {
	if err := inside(name); err != nil {
		return err
	}
	return d.Remove(name)
}

func (d disk) Where(_ context.Context, name string) (string, error) { return workDir + "/" + name, nil }

func (d disk) Used(context.Context) (float64, error) { return d.machine.DiskUsed, nil }

// find follows symbolic links, in the name and at its end.
func (d disk) find(name string) (*testkit.File, error) {
	if err := inside(name); err != nil {
		return nil, err
	}
	for range 16 {
		at, rest := d.linkOn(name)
		if at == nil {
			break
		}
		name = path.Join(path.Dir(at.Path), at.Link, rest)
		if err := inside(name); err != nil {
			return nil, err
		}
	}
	if name == "." {
		name = ""
	}
	if f := d.Lookup(name); f != nil && f.Link == "" {
		return f, nil
	}
	return nil, fmt.Errorf("%s: %w", name, errors.Join(fault.ErrNotFound, fs.ErrNotExist))
}

// linkOn is the first symbolic link on the way to name, and the rest of the way.
func (d disk) linkOn(name string) (link *testkit.File, rest string) {
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		if f := d.Lookup(name[:i]); f != nil && f.Link != "" {
			return f, name[i:]
		}
	}
	return nil, ""
}

func entry(f *testkit.File) agent.File {
	e := agent.File{Name: path.Base(f.Path), Size: int64(len(f.Data)), Mode: 0o644, Links: 1, Modified: f.Modified, User: "root", Group: "root"}
	switch {
	case f.Dir:
		e.Mode = fs.ModeDir | 0o755
	case f.Link != "":
		e.Mode = fs.ModeSymlink | 0o777
	}
	return e
}

func inside(name string) error {
	if strings.HasPrefix(name, "/") || name == ".." || strings.HasPrefix(name, "../") || strings.Contains(name, "/../") || strings.HasSuffix(name, "/..") {
		return fmt.Errorf("%s leads out of the work directory: %w", name, fault.ErrInvalid)
	}
	return nil
}
