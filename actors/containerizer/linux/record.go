package linux

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// recordFile is the record in a container's directory.
const recordFile = "record"

// recordVersion is the newest form that this program knows.
const recordVersion = 1

// write writes the record as a whole.
func (l *Launcher) write(c *container) error {
	if err := put(filepath.Join(c.State, recordFile), l.record(c)); err != nil {
		return fmt.Errorf("the record of container %s cannot be written: %w", c.ID, err)
	}
	return nil
}

// put replaces a file in one step. It need not survive the machine, which no container does.
func put(name string, m proto.Message) error {
	data, err := proto.MarshalOptions{AllowPartial: true}.Marshal(m) // what others have left out is theirs
	if err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
}

func (l *Launcher) record(c *container) *controlpb.ContainerRecord {
	r := &controlpb.ContainerRecord{
		Version: proto.Uint32(recordVersion), ContainerId: &c.ID, BootId: &l.boot, Sandbox: &c.Sandbox,
		User: &c.User, Uid: proto.Int32(int32(c.UID)), Gid: proto.Int32(int32(c.GID)),
		Resources: c.Resources, Limits: c.Limits, OwnCgroups: &c.OwnCgroups, Debug: &c.Debug,
		Command: discreetCommand(c.Command), Info: discreetInfo(c.Info),
	}
	if c.PID != 0 {
		r.Pid, r.StartTicks = proto.Int32(int32(c.PID)), &c.start
	}
	return r
}

// discreetCommand leaves out what may be secret: the environment, and URIs, which may hold a password.
func discreetCommand(c *mesospb.CommandInfo) *mesospb.CommandInfo {
	if c == nil {
		return nil
	}
	c = proto.CloneOf(c)
	c.Environment, c.Uris = nil, nil
	return c
}

// discreetInfo leaves out the values of secrets, wherever they are.
func discreetInfo(i *mesospb.ContainerInfo) *mesospb.ContainerInfo {
	if i == nil {
		return nil
	}
	i = proto.CloneOf(i)
	for _, v := range i.GetVolumes() {
		if s := v.GetSource().GetSecret(); s != nil {
			s.Value = nil
		}
	}
	if d := i.GetMesos().GetImage().GetDocker(); d != nil && d.Config != nil {
		d.Config.Value = nil
	}
	return i
}

// read reads the records of all containers in a directory, those that are in others after them. A record that cannot be read is
// as good as none: the container is known by its directory's name, and as dead.
func (l *Launcher) read(dir string, parent *container) (all []*container, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the records of containers cannot be read: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() || strings.ContainsAny(e.Name(), ". ") {
			continue // nobody's: an id has no dot
		}
		c := l.readOne(filepath.Join(dir, e.Name()), e.Name(), parent)
		inner, err := l.read(filepath.Join(c.State, nestedDir), c)
		if err != nil {
			return nil, err
		}
		all = append(append(all, c), inner...)
	}
	return all, nil
}

func (l *Launcher) readOne(dir, name string, parent *container) *container {
	c := newContainer(&isolators.Container{ID: name, State: dir, Info: &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum()}, Command: &mesospb.CommandInfo{}})
	if parent != nil {
		c.ID, c.Parent = parent.ID+"."+name, parent.Container
	}
	r, err := load(filepath.Join(dir, recordFile))
	if err != nil {
		l.log.Warn("a container has no record that can be read; taking it as ended", "container", c.ID, "error", err)
		return c
	}
	if r.Info != nil {
		c.Info = r.Info
	}
	if r.Command != nil {
		c.Command = r.Command
	}
	c.Sandbox, c.User, c.UID, c.GID = r.GetSandbox(), r.GetUser(), int(r.GetUid()), int(r.GetGid())
	c.Resources, c.Limits, c.OwnCgroups, c.Debug = r.GetResources(), r.GetLimits(), r.GetOwnCgroups(), r.GetDebug()
	if r.GetBootId() == l.boot {
		c.PID, c.start = int(r.GetPid()), r.GetStartTicks()
	}
	return c
}

func load(name string) (*controlpb.ContainerRecord, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	r := &controlpb.ContainerRecord{}
	if err := (proto.UnmarshalOptions{AllowPartial: true}).Unmarshal(data, r); err != nil {
		return nil, err
	}
	if r.GetVersion() > recordVersion {
		return nil, fmt.Errorf("version %d of a record; this program knows %d", r.GetVersion(), recordVersion)
	}
	return r, nil
}

// remove removes a container's directory, the record last: what is left after a crash in the midst of it is found again.
func remove(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	slices.SortFunc(entries, func(a, b os.DirEntry) int { return last(a) - last(b) })
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
			return err
		}
	}
	return os.Remove(dir)
}

func last(e os.DirEntry) int {
	if e.Name() == recordFile {
		return 1
	}
	return 0
}
