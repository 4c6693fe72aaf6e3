// Package disk keeps containers to the disk that they have. disk/du looks how much their directories hold every now and then,
// disk/xfs has the file system count it and refuse more.
package disk

import (
	"fmt"
	"path/filepath"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// share is a directory of a container with the disk that it has for it: the sandbox, or a persistent volume.
type share struct {
	// dir is below root.
	root, dir string
	limit     uint64 // bytes
	// disk is what a volume's resource says of it; nil for the sandbox.
	disk *mesospb.Resource_DiskInfo
	// parts are the resources that make the limit.
	parts []*mesospb.Resource
}

func (s share) path() string { return filepath.Join(s.root, filepath.FromSlash(s.dir)) }

// whole: the volume is a disk of its own, which ends where it ends.
func (s share) whole() bool {
	return s.disk.GetSource().GetType() == mesospb.Resource_DiskInfo_Source_MOUNT
}

// what names a volume in a sentence.
func (s share) what() string {
	if s.disk == nil {
		return ""
	}
	return fmt.Sprintf(" for volume '%s'", s.disk.GetPersistence().GetId())
}

// shares are the directories of a container, the sandbox first if it has any disk for it.
func shares(c *isolators.Container, workDir string) (list []share, err error) {
	sandbox := share{root: c.Sandbox, dir: "."}
	for _, m := range c.Resources {
		if m.GetName() != "disk" || m.ProviderId != nil {
			continue
		}
		x, err := resources.FromOne(m)
		if err != nil {
			return nil, err
		}
		bytes := uint64(m.GetScalar().GetValue() * (1 << 20))
		if !x.IsPersistentVolume() {
			if m.GetDisk().GetVolume() == nil {
				sandbox.limit += bytes
				sandbox.parts = append(sandbox.parts, m)
			}
			continue
		}
		s := share{limit: bytes, disk: m.GetDisk(), parts: []*mesospb.Resource{m}}
		s.root, s.dir = x.VolumeDir()
		if !filepath.IsAbs(s.root) {
			s.root = filepath.Join(workDir, s.root)
		}
		list = append(list, s)
	}
	if len(sandbox.parts) > 0 {
		list = append([]share{sandbox}, list...)
	}
	return list, nil
}

// tell adds to the statistics how much of a share is used; 0 with known unset: nobody has looked yet.
func (s share) tell(into *mesospb.ResourceStatistics, used uint64, known bool) {
	d := &mesospb.DiskStatistics{LimitBytes: proto.Uint64(s.limit)}
	if known {
		d.UsedBytes = proto.Uint64(used)
	}
	if s.disk == nil {
		into.DiskLimitBytes, into.DiskUsedBytes = d.LimitBytes, d.UsedBytes
	} else {
		d.Source, d.Persistence = proto.CloneOf(s.disk.GetSource()), proto.CloneOf(s.disk.GetPersistence())
	}
	into.DiskStatistics = append(into.DiskStatistics, d)
}
