package devices

import (
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Default is what every container may do, as in Mesos: make any node, which opens nothing, and use the devices without which
// hardly a program runs.
func Default() []Entry {
	return []Entry{
		{'b', All, All, Mknod}, {'c', All, All, Mknod},
		{'c', 1, 3, Any},     // null
		{'c', 1, 5, Any},     // zero
		{'c', 1, 7, Any},     // full
		{'c', 1, 8, Any},     // random
		{'c', 1, 9, Any},     // urandom
		{'c', 4, 0, Any},     // tty0
		{'c', 4, 1, Any},     // tty1
		{'c', 5, 0, Any},     // tty
		{'c', 5, 1, Any},     // console
		{'c', 5, 2, Any},     // ptmx
		{'c', 10, 200, Any},  // net/tun
		{'c', 136, All, Any}, // pts
	}
}

// Of is what --allowed_devices says besides. A device is known by its path or by its numbers.
func Of(list *mesospb.DeviceWhitelist) ([]Entry, error) {
	var all []Entry
	for _, d := range list.GetAllowedDevices() {
		e, err := of(d)
		if err != nil {
			return nil, fmt.Errorf("--allowed_devices: %w: %w", err, fault.ErrInvalid)
		}
		all = append(all, e)
	}
	return all, nil
}

func of(d *mesospb.DeviceAccess) (Entry, error) {
	e := Entry{Kind: 'c'}
	if path := d.GetDevice().GetPath(); path != "" {
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return e, fmt.Errorf("%s: %w", path, err)
		}
		switch st.Mode & unix.S_IFMT {
		case unix.S_IFCHR:
		case unix.S_IFBLK:
			e.Kind = 'b'
		default:
			return e, fmt.Errorf("%s is no device", path)
		}
		e.Major, e.Minor = int64(unix.Major(uint64(st.Rdev))), int64(unix.Minor(uint64(st.Rdev)))
	} else if n := d.GetDevice().GetNumber(); n != nil {
		if n.GetMajorNumber() >= 1<<12 || n.GetMinorNumber() >= 1<<20 {
			return e, fmt.Errorf("no device has the numbers %d:%d", n.GetMajorNumber(), n.GetMinorNumber())
		}
		e.Major, e.Minor = int64(n.GetMajorNumber()), int64(n.GetMinorNumber())
	} else {
		return e, fmt.Errorf("a device has neither a path nor a number")
	}
	for access, wanted := range map[Access]bool{Read: d.GetAccess().GetRead(), Write: d.GetAccess().GetWrite(), Mknod: d.GetAccess().GetMknod()} {
		if wanted {
			e.Access |= access
		}
	}
	return e, nil
}
