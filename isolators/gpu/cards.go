// Package gpu gives containers whole graphics cards: gpu/nvidia. Which cards there are the driver says below /proc; no library
// of its vendor is loaded. Who may use which is kept by cgroups/devices.
package gpu

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/messages/fault"
)

// Machine is where a driver shows its cards.
type Machine struct {
	// Cards has a directory for each card, named after its place on the bus, with a file "information".
	Cards string
	// Dev has nvidia0, nvidia1 …, nvidiactl and nvidia-uvm.
	Dev string
}

// Here is where they are.
var Here = Machine{Cards: "/proc/driver/nvidia/gpus", Dev: "/dev"}

// Minors are the numbers of the cards' nodes, in the order in which NVML counts cards: by their places on the bus. Without a
// driver there are none.
func (m Machine) Minors() ([]int, error) {
	places, err := os.ReadDir(m.Cards) // sorted
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var all []int
	for _, p := range places {
		text, rerr := os.ReadFile(filepath.Join(m.Cards, p.Name(), "information"))
		if rerr != nil {
			return nil, fmt.Errorf("graphics card %s: %w", p.Name(), rerr)
		}
		n, ok := minor(string(text))
		if !ok {
			return nil, fmt.Errorf("graphics card %s: the driver does not say which device it is: %w", p.Name(), fault.ErrUnsupported)
		}
		all = append(all, n)
	}
	return all, err
}

// minor reads the line "Device Minor: 	 0".
func minor(text string) (int, bool) {
	for line := range strings.Lines(text) {
		if name, number, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "Device Minor" {
			n, err := strconv.Atoi(strings.TrimSpace(number))
			return n, err == nil && n >= 0 && n < 1<<20
		}
	}
	return 0, false
}

// node is a device as containers have it: everybody in one may use it. A path below another Dev is shown below /dev.
func (m Machine) node(name string) (isolators.Device, error) {
	d, ok := filesystem.Node(filepath.Join(m.Dev, name))
	if !ok {
		return d, fmt.Errorf("Failed to obtain device ID for '%s': there is no such device; load the driver, and run nvidia-modprobe -u -c 0: %w", filepath.Join(m.Dev, name), fault.ErrInvalid)
	}
	d.Path, d.Mode, d.UID, d.GID = "/dev/"+name, 0o666, 0, 0
	return d, nil
}

// control are the devices without which the tools of the vendor fail even when there is no card for them.
func (m Machine) control() (all []isolators.Device, err error) {
	for _, name := range []string{"nvidiactl", "nvidia-uvm"} {
		d, err := m.node(name)
		if err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	for _, name := range []string{"nvidia-uvm-tools", "nvidia-modeset"} {
		if d, err := m.node(name); err == nil {
			all = append(all, d)
		}
	}
	return all, nil
}

// Amount is how many cards an agent offers, by its flags: whether --isolation names gpu/nvidia, how many cards there are, what
// --nvidia_gpu_devices lists, and the gpus that --resources says, if it says any. ok is whether it offers any at all.
func Amount(isolated bool, cards int, devices []int, said *float64) (gpus float64, ok bool, err error) {
	refuse := func(text string) (float64, bool, error) {
		return 0, false, fmt.Errorf("%s: %w", text, fault.ErrInvalid)
	}
	switch {
	case !isolated && devices != nil:
		return refuse("'--nvidia_gpu_devices' can only be specified if the `--isolation` flag contains 'gpu/nvidia'")
	case !isolated && said != nil:
		return *said, true, nil // whoever says so has them
	case !isolated:
		return 0, false, nil
	case said != nil && *said == 0 && devices != nil:
		return refuse("'--nvidia_gpu_devices' cannot be specified when '--resources' specifies 0 GPUs")
	case said != nil && *said == 0:
		return 0, false, nil
	case said == nil && devices != nil:
		return refuse("'--nvidia_gpu_devices' cannot be set without also setting 'gpus' in '--resources'")
	case said == nil:
		return float64(cards), cards > 0, nil
	case devices == nil:
		return refuse("The `gpus` resource cannot be set without also setting `--nvidia_gpu_devices`")
	case *said != float64(int(*said)) || *said < 0:
		return refuse("The 'gpus' resource must be an non-negative integer")
	}
	sorted := slices.Sorted(slices.Values(devices))
	switch {
	case len(slices.Compact(sorted)) != len(devices):
		return refuse("'--nvidia_gpu_devices' contains duplicates")
	case float64(len(devices)) != *said:
		return refuse("'--resources' and '--nvidia_gpu_devices' specify different numbers of GPU devices")
	case *said > float64(cards):
		return refuse("The number of GPUs requested is greater than the number of GPUs available on the machine")
	}
	return *said, true, nil
}
