package filesystem

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
)

// hide lets a container that has the machine's root see the agent's directories empty, but for its own sandbox: checkpoints,
// other sandboxes and volumes are nobody's business. The program is left where it is, should it be in there.
func (l *Linux) hide(c *isolators.Container, plan *isolators.Plan) {
	for _, dir := range l.hidden() {
		plan.Mounts = append(plan.Mounts, isolators.Mount{Source: "tmpfs", Target: dir, Type: "tmpfs",
			Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC, Data: "mode=755,size=64k,nr_inodes=256"})
	}
	plan.Mounts = append(plan.Mounts, l.bind(c, c.Sandbox))
	if program := plan.Path; l.hides(program) && !below(program, c.Sandbox) {
		plan.Mounts = append(plan.Mounts, isolators.Mount{Source: program, Target: program, Type: "bind", Flags: unix.MS_BIND | unix.MS_RDONLY, Make: true, Optional: true})
	}
}

// hidden are the agent's directories, one that is inside of the other left out.
func (l *Linux) hidden() []string {
	switch {
	case below(l.runtimeDir, l.workDir):
		return []string{l.workDir}
	case below(l.workDir, l.runtimeDir):
		return []string{l.runtimeDir}
	}
	return []string{l.workDir, l.runtimeDir}
}

func (l *Linux) hides(name string) bool {
	for _, dir := range l.hidden() {
		if below(name, dir) {
			return true
		}
	}
	return false
}

func below(name, dir string) bool {
	return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/")
}

// bind shows the sandbox at a path of the container. That of a nested one is a name in the sandbox of its parent, who may
// make something else of it.
func (l *Linux) bind(c *isolators.Container, at string) isolators.Mount {
	m := isolators.Mount{Source: c.Sandbox, Target: at, Type: "bind", Flags: unix.MS_BIND | unix.MS_REC, Make: true}
	if top := c.Top().Sandbox; c.Nested() && below(c.Sandbox, top) {
		m.From, m.Source = top, strings.TrimPrefix(c.Sandbox, top+"/")
	}
	return m
}

// ownRoot makes the file systems that every root has. The image's own files below them are hidden, and no link in it is
// followed out of it.
func (l *Linux) ownRoot(c *isolators.Container, plan *isolators.Plan) error {
	for _, dir := range []string{"/proc", "/sys", "/dev", l.sandbox} {
		if err := Place(plan, dir, true); err != nil {
			return err
		}
	}
	const strict = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV
	plan.Mounts = append(plan.Mounts,
		isolators.Mount{Source: "proc", Target: "/proc", Type: "proc", Flags: strict, Make: true},
		sys(plan),
		isolators.Mount{Source: "tmpfs", Target: "/sys/fs/cgroup", Type: "tmpfs", Flags: strict, Data: "mode=755", Optional: true},
		isolators.Mount{Source: "tmpfs", Target: "/dev", Type: "tmpfs", Flags: unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_STRICTATIME, Data: "mode=755", Make: true},
		// The group of terminals has the number 5 everywhere, and grantpt(3) looks for it.
		isolators.Mount{Source: "devpts", Target: "/dev/pts", Type: "devpts", Flags: unix.MS_NOSUID | unix.MS_NOEXEC, Data: "newinstance,ptmxmode=0666,mode=0620,gid=5", Make: true},
	)
	if !l.ipc {
		plan.Mounts = append(plan.Mounts, isolators.Mount{Source: "tmpfs", Target: "/dev/shm", Type: "tmpfs",
			Flags: unix.MS_NOSUID | unix.MS_NODEV | unix.MS_STRICTATIME, Data: "mode=1777", Make: true})
	}
	plan.Mounts = append(plan.Mounts, l.bind(c, l.sandbox))
	if plan.Dir == "" || below(plan.Dir, c.Sandbox) {
		plan.Dir = path.Join(l.sandbox, strings.TrimPrefix(plan.Dir, c.Sandbox))
	}
	plan.Env = append(slices.DeleteFunc(plan.Env, func(v string) bool { return strings.HasPrefix(v, "MESOS_SANDBOX=") }), "MESOS_SANDBOX="+l.sandbox)
	for _, name := range []string{"full", "null", "random", "tty", "urandom", "zero"} {
		if d, ok := Node("/dev/" + name); ok {
			plan.Devices = append(plan.Devices, d)
		}
	}
	return nil
}

// sys is what the kernel shows of itself. Who has a user namespace of its own may mount that only with a network of its own
// too, and sees the machine's otherwise.
func sys(plan *isolators.Plan) isolators.Mount {
	const flags = unix.MS_NOSUID | unix.MS_NOEXEC | unix.MS_NODEV | unix.MS_RDONLY
	if plan.Namespaces&unix.CLONE_NEWUSER != 0 {
		return isolators.Mount{Source: "/sys", Target: "/sys", Type: "bind", Flags: unix.MS_BIND | unix.MS_REC | flags, Make: true}
	}
	return isolators.Mount{Source: "sysfs", Target: "/sys", Type: "sysfs", Flags: flags, Make: true}
}

// Node is a device of the machine as a container may have it, at the same path and with the same rights.
func Node(name string) (d isolators.Device, ok bool) {
	info, err := os.Stat(name)
	if err != nil || info.Mode()&os.ModeDevice == 0 {
		return d, false
	}
	var s unix.Stat_t
	if err := unix.Stat(name, &s); err != nil {
		return d, false
	}
	d = isolators.Device{Path: path.Clean(filepath.ToSlash(name)), Type: 'b', Major: unix.Major(s.Rdev), Minor: unix.Minor(s.Rdev),
		Mode: s.Mode & 0o777, UID: int(s.Uid), GID: int(s.Gid)}
	if info.Mode()&os.ModeCharDevice != 0 {
		d.Type = 'c'
	}
	return d, true
}

// What the kernel shows of the machine as a whole: Mesos' list, and what others have added since.
var (
	maskedPaths = []string{"/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/latency_stats",
		"/proc/sched_debug", "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"}
	readonlyPaths = []string{"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", "/sys/fs/cgroup"}
)

// mask keeps a container from the machine as a whole, unless it was given that: one that shares the pid namespace of the machine
// is privileged, as in Mesos.
func mask(c *isolators.Container, plan *isolators.Plan) {
	if privileged(c) {
		return
	}
	plan.Masked = append(plan.Masked, maskedPaths...)
	plan.Readonly = append(plan.Readonly, readonlyPaths...)
}

func privileged(c *isolators.Container) bool {
	for ; c != nil; c = c.Parent {
		if !c.Info.GetLinuxInfo().GetSharePidNamespace() {
			return false
		}
	}
	return true
}
