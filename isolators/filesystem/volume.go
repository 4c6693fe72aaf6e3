// Package filesystem isolates what containers see of the machine's files. filesystem/linux gives each a mount namespace,
// with a root of its own when there is one: persistent volumes are mounted in its sandbox, the agent's directories are hidden
// but for the sandbox, what the kernel shows in /proc and /sys is masked. filesystem/posix is for agents that may not mount:
// persistent volumes are symbolic links.
//
// Nothing of a container is ever mounted in the agent's own namespace, where Mesos mounts volumes. So no crash leaves a mount
// behind, and no removal of a sandbox reaches into a volume.
package filesystem

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// volume is a persistent volume of a container: Dir below the machine's directory Root, which appears At a path of the
// sandbox. It is comparable, and what is written down of it.
type volume struct {
	Root, Dir, At    string
	ReadOnly, Shared bool
}

// volumesOf are the persistent volumes of a container. Only those at the top have any: others are given theirs by their parents, as
// volumes of type SANDBOX_PATH. A volume of a resource provider is brought by its own isolator.
func volumesOf(c *isolators.Container, workDir string) (list []volume, err error) {
	if c.Nested() {
		return nil, nil
	}
	at := map[string]bool{}
	for _, m := range c.Resources {
		if m.GetDisk().GetPersistence() == nil || m.ProviderId != nil {
			continue
		}
		x, err := resources.FromOne(m)
		if err != nil {
			return nil, err
		}
		v := volume{At: path.Clean(m.GetDisk().GetVolume().GetContainerPath()), ReadOnly: m.GetDisk().GetVolume().GetMode() == mesospb.Volume_RO, Shared: x.IsShared()}
		if v.At == "." || v.At == ".." || strings.HasPrefix(v.At, "../") || path.IsAbs(v.At) {
			return nil, fmt.Errorf("a volume has the container_path %q: it must be relative and inside the sandbox: %w", m.GetDisk().GetVolume().GetContainerPath(), fault.ErrInvalid)
		}
		v.Root, v.Dir = x.VolumeDir()
		if !filepath.IsAbs(v.Root) {
			v.Root = filepath.Join(workDir, v.Root)
		}
		if !at[v.At] { // two tasks of one executor may use a shared volume at one place
			list = append(list, v)
		}
		at[v.At] = true
	}
	return list, nil
}

// Origin is where something in the sandbox of a container really is: dir below the machine's directory root. A persistent
// volume is elsewhere than it appears, and only the container's own namespace has it in the sandbox.
func Origin(c *isolators.Container, workDir, name string) (root, dir string, readonly bool, err error) {
	name = path.Clean(name)
	volumes, err := volumesOf(c, workDir)
	for _, v := range volumes {
		if name == v.At {
			return v.Root, v.Dir, v.ReadOnly, err
		}
		if rest, ok := strings.CutPrefix(name, v.At+"/"); ok {
			return filepath.Join(v.Root, filepath.FromSlash(v.Dir)), rest, v.ReadOnly, err
		}
	}
	return c.Sandbox, name, false, err
}
