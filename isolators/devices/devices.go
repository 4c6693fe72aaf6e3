// Package devices populates the /dev of containers that have a root of their own: linux/devices makes the nodes that
// --allowed_devices lists. Whether they may be used is up to cgroups/devices.
package devices

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/messages/fault"
)

// Linux is linux/devices.
type Linux struct {
	isolators.Nothing
	nodes []isolators.Device
}

// NewLinux is the builder's.
func NewLinux(s isolators.Settings) (isolators.Isolator, error) {
	if err := s.Supports("mnt", "linux/devices"); err != nil {
		return nil, err
	}
	if err := s.NeedsFilesystem("linux/devices"); err != nil {
		return nil, err
	}
	l := &Linux{}
	for _, a := range s.AllowedDevices.GetAllowedDevices() {
		name := path.Clean(a.GetDevice().GetPath())
		if a.GetDevice().GetPath() == "" {
			return nil, fmt.Errorf("Whitelisted device has no device path provided: --allowed_devices: %w", fault.ErrInvalid)
		}
		if !strings.HasPrefix(name, "/dev/") {
			return nil, fmt.Errorf("--allowed_devices: '%s' is not below /dev, where linux/devices makes nodes: %w", name, fault.ErrInvalid)
		}
		d, ok := filesystem.Node(name)
		if !ok {
			return nil, fmt.Errorf("--allowed_devices: '%s' is not a block or character device: %w", name, fault.ErrInvalid)
		}
		// As with the control group, access is the container's and not a user's: what is granted is granted to everybody in it.
		d.UID, d.GID, d.Mode = 0, 0, 0o600
		if a.GetAccess().GetRead() {
			d.Mode |= 0o044
		}
		if a.GetAccess().GetWrite() {
			d.Mode |= 0o022
		}
		l.nodes = append(l.nodes, d)
	}
	return l, nil
}

// Name implements isolators.Isolator.
func (*Linux) Name() string { return "linux/devices" }

// Prepare implements isolators.Isolator. Without a root of its own a container finds the machine's nodes.
func (l *Linux) Prepare(_ context.Context, _ *isolators.Container, plan *isolators.Plan) error {
	if plan.RootFS != "" {
		plan.Devices = append(plan.Devices, l.nodes...)
	}
	return nil
}
