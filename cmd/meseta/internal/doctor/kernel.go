package doctor

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Kernel checks what agents ask of Linux.
func (m Machine) Kernel() Check {
	return Check{"kernel", func(context.Context) []Finding {
		return []Finding{m.release(), m.cgroups(), m.bpf(), m.isolation()}
	}}
}

// release wants pidfds (5.3), by which a process is never mistaken for another.
func (m Machine) release() Finding {
	release := strings.TrimSpace(m.read("/proc/sys/kernel/osrelease"))
	var major, minor int
	if n, err := fmt.Sscanf(release, "%d.%d", &major, &minor); err != nil || n != 2 {
		return warn("kernel", "meseta runs on Linux, with /proc mounted", "its version cannot be read")
	}
	if major < 5 || major == 5 && minor < 3 {
		return warn("kernel", "Linux 5.3 or newer, better 5.14, makes tasks surer to be found and ended", "Linux %s is old", release)
	}
	return ok("kernel", "Linux %s", release)
}

func (m Machine) cgroups() Finding {
	var one, two []string
	for line := range strings.Lines(m.read("/proc/self/mountinfo")) {
		before, after, found := strings.Cut(line, " - ")
		fields := strings.Fields(before)
		if !found || len(fields) < 5 {
			continue
		}
		switch kind, _, _ := strings.Cut(after, " "); kind {
		case "cgroup":
			one = append(one, fields[4])
		case "cgroup2":
			two = append(two, fields[4])
		}
	}
	switch {
	case len(one) > 0 && len(two) > 0:
		return warn("cgroups", "boot with systemd.unified_cgroup_hierarchy=1 to have version 2 alone", "hybrid: version 1 with %d hierarchies, and version 2 at %s", len(one), two[0])
	case len(one) > 0:
		return warn("cgroups", "boot with systemd.unified_cgroup_hierarchy=1", "version 1, which Linux distributions have left")
	case len(two) > 0:
		return ok("cgroups", "version 2 at %s", two[0])
	}
	return warn("cgroups", "mount -t cgroup2 none /sys/fs/cgroup", "none are mounted")
}

// bpf wants what loading a program takes.
func (m Machine) bpf() Finding {
	if _, err := os.Stat(m.Root + "/sys/kernel/btf/vmlinux"); err != nil {
		return warn("bpf", "a kernel with CONFIG_DEBUG_INFO_BTF, as distributions have", "the kernel does not describe its types (BTF)")
	}
	if m.capable(unix.CAP_SYS_ADMIN) || m.capable(unix.CAP_BPF) && m.capable(unix.CAP_PERFMON) {
		return ok("bpf", "BTF is there, and this user may load programs")
	}
	return warn("bpf", "only agents need this: run the agent, and its doctor, as root or with CAP_BPF and CAP_PERFMON", "BTF is there, but this user may load no programs")
}

// wantedNamespaces are the kinds that keep containers apart, by their names in /proc.
var wantedNamespaces = []string{"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"}

// isolation says what an agent of this user's can keep containers apart with.
func (m Machine) isolation() Finding {
	if !m.capable(unix.CAP_SYS_ADMIN) {
		return warn("isolation", "only agents need this: run the agent, and its doctor, as root", "this user's agents run containers as plain processes, isolated from nobody")
	}
	if grouped := m.cgroups(); strings.Contains(grouped.Text, "none are mounted") {
		return warn("isolation", grouped.Remedy, "without control groups containers are plain processes, isolated from nobody")
	}
	var has, lacks []string
	for _, kind := range wantedNamespaces {
		if _, err := os.Lstat(m.Root + "/proc/self/ns/" + kind); err != nil {
			lacks = append(lacks, kind)
			continue
		}
		has = append(has, kind)
	}
	if len(lacks) > 0 {
		return warn("isolation", "a kernel with these namespaces, as distributions have", "containers share what there are no namespaces for: %s", strings.Join(lacks, ", "))
	}
	return ok("isolation", "control groups, and namespaces: %s", strings.Join(has, ", "))
}

// capable tells whether this user has a capability.
func (m Machine) capable(capability uint) bool {
	for line := range strings.Lines(m.read("/proc/self/status")) {
		if text, found := strings.CutPrefix(line, "CapEff:"); found {
			bits, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			return err == nil && bits>>capability&1 == 1
		}
	}
	return false
}

// Limits checks how much the user may open and start.
func (m Machine) Limits() Check {
	return Check{"limits", func(context.Context) []Finding {
		var files unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil {
			return []Finding{warn("limits", "", "they cannot be read: %v", err)}
		}
		return []Finding{openFiles(files.Cur, files.Max)}
	}}
}

// openFiles: every agent is a connection to its master, and every container some of its agent. Go raises the soft limit
// to the hard one by itself.
func openFiles(soft, hard uint64) Finding {
	most := max(soft, hard)
	switch {
	case most < 1024:
		return fail("limits", "LimitNOFILE=1048576 in the unit, or ulimit -n", "only %d files may be open", most)
	case most < 65536:
		return warn("limits", "LimitNOFILE=1048576 in the unit, or ulimit -n, for more than some thousand agents or containers", "%d files may be open", most)
	}
	return ok("limits", "%d files may be open", most)
}
