package isolators

// MaskedPaths are what a container with a proc and a sys file system of its own should not read: they tell of the machine,
// or change it. It is what Docker hides.
func MaskedPaths() []string {
	return []string{
		"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
		"/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	}
}

// ReadonlyPaths are what it may read and not write, as in Docker.
func ReadonlyPaths() []string {
	return []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}
}

// StandardDevices are those that every program may count on.
func StandardDevices() []Device {
	var all []Device
	for _, d := range []struct {
		name         string
		major, minor uint32
	}{{"null", 1, 3}, {"zero", 1, 5}, {"full", 1, 7}, {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0}} {
		all = append(all, Device{Path: "/dev/" + d.name, Type: 'c', Major: d.major, Minor: d.minor, Mode: 0o666})
	}
	return all
}
