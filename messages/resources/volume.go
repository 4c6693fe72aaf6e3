package resources

import (
	"path"
	"strings"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// volumesDir is where volumes are that have no disk of their own: Mesos' place.
const volumesDir = "volumes/roles"

// VolumeDir is where the data of a persistent volume is: dir is below root, a directory that the operator named for a disk;
// empty: the agent's work directory. The dir "." is a disk that is one volume as a whole. A nested role is one folder, with
// blanks for its slashes, which no role has.
func (r Resource) VolumeDir() (root, dir string) {
	d := r.Disk()
	dir = path.Join(volumesDir, strings.ReplaceAll(r.ReservationRole(), "/", " "), d.GetPersistence().GetId())
	switch s := d.GetSource(); s.GetType() {
	case mesospb.Resource_DiskInfo_Source_PATH:
		return s.GetPath().GetRoot(), dir
	case mesospb.Resource_DiskInfo_Source_MOUNT:
		return s.GetMount().GetRoot(), "."
	}
	return "", dir
}
