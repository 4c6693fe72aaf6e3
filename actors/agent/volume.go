package agent

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// place is where the data of a persistent volume is: below the work directory, or below a directory that the
// operator named for a disk. The path "." is a disk that is one volume as a whole.
type place struct{ root, path string }

// placeOf is the directory of a volume.
func placeOf(x resources.Resource) place {
	root, dir := x.VolumeDir()
	return place{root, dir}
}

// places are the directories of all volumes, by where they are.
func places(rs resources.Resources) map[place]resources.Resource {
	all := map[place]resources.Resource{}
	for x := range rs.PersistentVolumes().All() {
		if _, provided := x.ProviderID(); !provided {
			all[placeOf(x)] = x
		}
	}
	return all
}

// volumeChanges is what an operation does to directories, in the order of the resources. Growing and shrinking do
// nothing to them, and a volume that is reserved for another role moves with everything in it.
func volumeChanges(before, after resources.Resources) (changes []*controlpb.VolumeChange) {
	gone, come := missingIn(before, after), missingIn(after, before)
	for _, x := range come {
		p := placeOf(x)
		from := slices.IndexFunc(gone, func(y resources.Resource) bool {
			return placeOf(y).root == p.root && y.Disk().GetPersistence().GetId() == x.Disk().GetPersistence().GetId()
		})
		if from >= 0 {
			changes = append(changes, volumeChange(p.root, placeOf(gone[from]).path, p.path))
			gone = slices.Delete(gone, from, from+1)
			continue
		}
		// Nobody gets to see what a volume of the same name once held.
		changes = append(changes, volumeChange(p.root, p.path, ""), volumeChange(p.root, "", p.path))
	}
	for _, y := range gone {
		changes = append(changes, volumeChange(placeOf(y).root, placeOf(y).path, ""))
	}
	return changes
}

// missingIn are the volumes of one whose places the other does not have.
func missingIn(rs, other resources.Resources) (list []resources.Resource) {
	there := places(other)
	for x := range rs.PersistentVolumes().All() {
		if _, provided := x.ProviderID(); provided {
			continue
		}
		if _, stays := there[placeOf(x)]; !stays {
			list = append(list, x)
		}
	}
	return list
}

func volumeChange(root, from, to string) *controlpb.VolumeChange {
	c := &controlpb.VolumeChange{}
	for _, set := range []struct {
		text  string
		field **string
	}{{root, &c.Root}, {from, &c.From}, {to, &c.To}} {
		if set.text != "" {
			*set.field = proto.String(set.text)
		}
	}
	return c
}

// steps are the changes of directories for the disk.
func steps(changes []*controlpb.VolumeChange) (out []Change) {
	for _, c := range changes {
		step := Change{Root: c.GetRoot(), Path: c.GetTo()}
		switch {
		case c.From == nil:
			step.Kind = Make
		case c.To == nil:
			step.Kind, step.Path = Clear, c.GetFrom()
		default:
			step.Kind, step.Data = Move, []byte(c.GetFrom())
		}
		out = append(out, step)
	}
	return out
}

// Volume is a directory that a container finds at a path of its sandbox.
type Volume struct {
	// Root is a directory of the operator's, "" for the work directory; Path is below it.
	Root, Path string
	// At is where it appears, relative to the sandbox.
	At string
	// Mounted: an isolator puts it there, so that only its owner is to be set.
	Mounted bool
}

// volumesOf are the volumes that resources put into a sandbox. Their paths come from the messages: two resources may
// be one volume in two places.
func volumesOf(lists ...[]*mesospb.Resource) (volumes []Volume) {
	for _, rs := range lists {
		for _, m := range rs {
			x, err := resources.FromOne(m)
			if err != nil || !x.IsPersistentVolume() {
				continue
			}
			p := placeOf(x)
			volumes = append(volumes, Volume{Root: p.root, Path: p.path, At: m.GetDisk().GetVolume().GetContainerPath()})
		}
	}
	return volumes
}

// mounted leaves putting volumes into the sandbox to an isolator, where there is one that does.
func (a *Agent) mounted(volumes []Volume) []Volume {
	if slices.Contains(a.parts.Isolators, "filesystem/linux") {
		for i := range volumes {
			volumes[i].Mounted = true
		}
	}
	return volumes
}

// invalidVolumes refuses volumes that would appear outside of the sandbox, or on it.
func invalidVolumes(t *mesospb.TaskInfo) error {
	for _, v := range volumesOf(t.GetResources(), t.GetExecutor().GetResources()) {
		if !inSandbox(v.At) {
			return fmt.Errorf("a volume has the container_path %q: on this agent it must be relative and inside the sandbox", v.At)
		}
	}
	return nil
}

// inSandbox tells whether a path is relative and stays below where it starts.
func inSandbox(at string) bool {
	if at == "" || strings.HasPrefix(at, "/") || strings.ContainsRune(at, 0) {
		return false
	}
	clean := path.Clean(at)
	return clean != "." && clean != ".." && !strings.HasPrefix(clean, "../")
}

// checkVolumes refuses ids that cannot be folders, whatever the master has checked.
func checkVolumes(rs resources.Resources) error {
	for x := range rs.PersistentVolumes().All() {
		if err := validation.ID(x.Disk().GetPersistence().GetId()); err != nil {
			return fmt.Errorf("volume %s: %w", x, err)
		}
		if p := placeOf(x); p.path == "." && p.root == "" {
			return fmt.Errorf("volume %s is on a disk without a root: %w", x, fault.ErrInvalid)
		}
	}
	return nil
}
