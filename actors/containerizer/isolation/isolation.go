// Package isolation says how an agent isolates containers: Mesos' flags, as pure words. Who makes isolators of them is elsewhere.
package isolation

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// The launchers.
const (
	Linux = "linux"
	Posix = "posix"
)

// Config is what an agent can be told about it.
type Config struct {
	// Launcher says who starts containers: 'linux' isolates them by control groups and namespaces, 'posix' runs them as plain
	// processes. Empty: linux for root on a machine with control groups, else posix.
	Launcher string `flag:"launcher"`
	// Isolation are the isolators to use, with commas between them, such as 'filesystem/linux,namespaces/pid,cgroups/cpu,cgroups/mem'.
	// Exactly these are used, and those that Mesos always uses. Empty: with the linux launcher filesystem/linux, namespaces/pid,
	// namespaces/ipc, namespaces/uts, cgroups/cpu, cgroups/mem and ebpf/accounting, as far as the machine allows them; with the posix
	// launcher posix/cpu and posix/mem.
	Isolation string `flag:"isolation"`
	// RuntimeDir is where is kept what a restart of the agent has to find again of containers, and a restart of the machine
	// makes void. Agents on one machine need different ones. Empty: run below --work_dir.
	RuntimeDir string `flag:"runtime_dir" unit:"path"`

	// CgroupsRoot is the control group, below the agent's own, in which all containers are. Agents on one machine may share it.
	CgroupsRoot string `flag:"cgroups_root"`
	// CgroupsDestroyTimeout is how long the processes of a container may take to die once they were killed.
	CgroupsDestroyTimeout time.Duration `flag:"cgroups_destroy_timeout"`
	// CgroupsEnableCfs makes of the cpus of a container a ceiling, and not only a share of what is busy.
	CgroupsEnableCfs bool `flag:"cgroups_enable_cfs"`
	// CgroupsLimitSwap limits memory and swap together, and not only memory.
	CgroupsLimitSwap bool `flag:"cgroups_limit_swap"`
	// CgroupsCPUEnablePidsAndTidsCount has statistics count the processes and threads of containers.
	CgroupsCPUEnablePidsAndTidsCount bool `flag:"cgroups_cpu_enable_pids_and_tids_count"`
	// CgroupsNetClsPrimaryHandle begins the handles by which cgroups/net_cls marks the packets of containers, such as 0x0012.
	CgroupsNetClsPrimaryHandle string `flag:"cgroups_net_cls_primary_handle"`
	// CgroupsNetClsSecondaryHandles are the first and the last of the numbers that follow, such as 0x0001,0xffff.
	CgroupsNetClsSecondaryHandles string `flag:"cgroups_net_cls_secondary_handles"`
	// AllowedDevices are devices that cgroups/devices lets containers use besides the usual ones, as JSON: {"allowed_devices":
	// [{"device": {"path": …}, "access": {"read": true, …}}]}.
	AllowedDevices *mesospb.DeviceWhitelist `flag:"allowed_devices"`
	// PerfEvents are what cgroups/perf_event counts, with commas between them, such as 'cycles,page-faults'.
	PerfEvents []string `flag:"perf_events"`
	// PerfInterval is how often it counts.
	PerfInterval time.Duration `flag:"perf_interval"`
	// PerfDuration is how long it counts each time.
	PerfDuration time.Duration `flag:"perf_duration"`
	// RevocableCPULowPriority gives containers with revocable cpus next to nothing of a processor that others want.
	RevocableCPULowPriority bool `flag:"revocable_cpu_low_priority"`

	// SandboxDirectory is where a container with a root of its own finds its sandbox.
	SandboxDirectory string `flag:"sandbox_directory"`
	// DisallowSharingAgentPIDNamespace refuses containers that ask to see all processes of the machine.
	DisallowSharingAgentPIDNamespace bool `flag:"disallow_sharing_agent_pid_namespace"`
	// DisallowSharingAgentIPCNamespace refuses containers that ask for the machine's shared memory and queues.
	DisallowSharingAgentIPCNamespace bool `flag:"disallow_sharing_agent_ipc_namespace"`
	// DefaultContainerShmSize is how large the /dev/shm of a container is that does not say. 0: half of the memory.
	DefaultContainerShmSize uint64 `flag:"default_container_shm_size" unit:"bytes"`
	// HostPathVolumeForceCreation are directories, with colons between them, below which volumes from the machine are made where
	// they are missing.
	HostPathVolumeForceCreation string `flag:"host_path_volume_force_creation"`

	// ContainerDiskWatchInterval is how often disk/du and disk/xfs look how much containers have written.
	ContainerDiskWatchInterval time.Duration `flag:"container_disk_watch_interval"`
	// EnforceContainerDiskQuota has disk/du end containers that have written more than their disk.
	EnforceContainerDiskQuota bool `flag:"enforce_container_disk_quota"`
	// XFSProjectRange is the first and the last of the project ids that disk/xfs may use.
	XFSProjectRange string `flag:"xfs_project_range"`
	// XFSKillContainers has disk/xfs end containers that reach their disk, instead of refusing what they write.
	XFSKillContainers bool `flag:"xfs_kill_containers"`
	// XFSQuotaHeadroom is how much more they can write before the kernel refuses it, so that they are found to have.
	XFSQuotaHeadroom uint64 `flag:"xfs_quota_headroom" unit:"bytes"`

	// EffectiveCapabilities are what containers have that ask for none, as JSON: {"capabilities": ["NET_RAW", …]}. Empty: what
	// their users have.
	EffectiveCapabilities *mesospb.CapabilityInfo `flag:"effective_capabilities"`
	// BoundingCapabilities are the most that a container can have. Empty: what it asks for.
	BoundingCapabilities *mesospb.CapabilityInfo `flag:"bounding_capabilities"`
	// SeccompConfigDir is where profiles of system calls are, in Docker's format.
	SeccompConfigDir string `flag:"seccomp_config_dir" unit:"path"`
	// SeccompProfileName is the profile of containers that name none: a file there, or 'default' for the one that is built in.
	SeccompProfileName string `flag:"seccomp_profile_name"`

	// NetworkCNIPluginsDir is where the programs of CNI are; several directories with colons between them.
	NetworkCNIPluginsDir string `flag:"network_cni_plugins_dir"`
	// NetworkCNIConfigDir is where the files are that describe networks for CNI.
	NetworkCNIConfigDir string `flag:"network_cni_config_dir" unit:"path"`
	// NetworkCNIRootDirPersist keeps what is noted of networks over a restart of the machine.
	NetworkCNIRootDirPersist bool `flag:"network_cni_root_dir_persist"`
	// NetworkCNIMetrics has statistics count what goes through containers' own interfaces.
	NetworkCNIMetrics bool `flag:"network_cni_metrics"`
	// DefaultContainerDNS are name servers for networks that name none, as JSON of Mesos' ContainerDNSInfo.
	DefaultContainerDNS string `flag:"default_container_dns"`
	// ContainerPortsWatchInterval is how often network/ports compares the ports that containers listen on with those that they have.
	ContainerPortsWatchInterval time.Duration `flag:"container_ports_watch_interval"`
	// EnforceContainerPorts has network/ports end containers that listen on others.
	EnforceContainerPorts bool `flag:"enforce_container_ports"`
	// CheckAgentPortRangeOnly has network/ports look at no ports but those that the agent offers.
	CheckAgentPortRangeOnly bool `flag:"check_agent_port_range_only"`
	// ContainerPortsIsolatedRange are the only ports that network/ports looks at, such as [5000-7000]. Empty: all.
	ContainerPortsIsolatedRange string `flag:"container_ports_isolated_range"`
}

// Default is a complete, safe answer.
func Default() Config {
	return Config{
		CgroupsRoot:             "mesos",
		CgroupsDestroyTimeout:   time.Minute,
		RevocableCPULowPriority: true,
		PerfInterval:            time.Minute,
		PerfDuration:            10 * time.Second,
		SandboxDirectory:        "/mnt/mesos/sandbox",

		ContainerDiskWatchInterval:  15 * time.Second,
		XFSProjectRange:             "[5000-10000]",
		XFSQuotaHeadroom:            10 << 20,
		NetworkCNIMetrics:           true,
		ContainerPortsWatchInterval: 30 * time.Second,
	}
}

// Validate reports every problem at once, each with its flag and its reason.
func (c Config) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if !slices.Contains([]string{"", Linux, Posix}, c.Launcher) {
		wrong("--launcher=%s: one of %q", c.Launcher, []string{Linux, Posix})
	}
	if root := filepath.Clean("/" + c.CgroupsRoot); root == "/" || strings.Contains(c.CgroupsRoot, "..") || strings.ContainsAny(c.CgroupsRoot, " \n\t") {
		wrong("--cgroups_root=%q: the name of a control group, without blanks and dot-dot", c.CgroupsRoot)
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{
		{"cgroups_destroy_timeout", c.CgroupsDestroyTimeout}, {"perf_interval", c.PerfInterval}, {"perf_duration", c.PerfDuration},
		{"container_disk_watch_interval", c.ContainerDiskWatchInterval}, {"container_ports_watch_interval", c.ContainerPortsWatchInterval},
	} {
		if d.value <= 0 {
			wrong("--%s=%v: more than nothing", d.flag, d.value)
		}
	}
	if c.PerfDuration > c.PerfInterval {
		wrong("--perf_duration=%v: at most --perf_interval=%v", c.PerfDuration, c.PerfInterval)
	}
	if !filepath.IsAbs(c.SandboxDirectory) {
		wrong("--sandbox_directory=%q: an absolute path", c.SandboxDirectory)
	}
	return errors.Join(problems...)
}

// Names are the isolators that were asked for; none when nobody said.
func (c Config) Names() []string {
	return strings.FieldsFunc(c.Isolation, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' })
}

// Usual are the isolators of a launcher when nobody says.
func Usual(launcher string) []string {
	if launcher == Linux {
		return []string{"filesystem/linux", "namespaces/pid", "namespaces/ipc", "namespaces/uts", "cgroups/cpu", "cgroups/mem", "ebpf/accounting"}
	}
	return []string{"posix/cpu", "posix/mem"}
}

// Plain tells whether isolators ask for nothing that the posix launcher does not do by itself.
func Plain(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool {
		return !slices.Contains([]string{"posix/cpu", "posix/mem", "process", "filesystem/posix"}, n)
	})
}

// Settings are what isolators are told, beside who they are for.
func (c Config) Settings(workDir string) isolators.Settings {
	s := isolators.Settings{
		WorkDir: workDir, RuntimeDir: c.RuntimeDir,
		CgroupsRoot: c.CgroupsRoot, DestroyTimeout: c.CgroupsDestroyTimeout,
		CFS: c.CgroupsEnableCfs, LimitSwap: c.CgroupsLimitSwap, CountTasks: c.CgroupsCPUEnablePidsAndTidsCount,
		RevocableEqual:                   !c.RevocableCPULowPriority,
		SandboxDirectory:                 c.SandboxDirectory,
		DisallowSharingAgentPIDNamespace: c.DisallowSharingAgentPIDNamespace,
		DisallowSharingAgentIPCNamespace: c.DisallowSharingAgentIPCNamespace,
		DefaultContainerShmSize:          c.DefaultContainerShmSize,
		NetClsPrimary:                    c.CgroupsNetClsPrimaryHandle, NetClsSecondaries: c.CgroupsNetClsSecondaryHandles,
		AllowedDevices: c.AllowedDevices,
		PerfEvents:     c.PerfEvents, PerfInterval: c.PerfInterval, PerfDuration: c.PerfDuration,
		HostPathVolumeForceCreation: strings.FieldsFunc(c.HostPathVolumeForceCreation, func(r rune) bool { return r == ':' }),
		ContainerDiskWatchInterval:  c.ContainerDiskWatchInterval, EnforceContainerDiskQuota: c.EnforceContainerDiskQuota,
		XFSProjectRange: c.XFSProjectRange, XFSKillContainers: c.XFSKillContainers, XFSQuotaHeadroom: c.XFSQuotaHeadroom,
		EffectiveCapabilities: c.EffectiveCapabilities, BoundingCapabilities: c.BoundingCapabilities,
		SeccompConfigDir: c.SeccompConfigDir, SeccompProfileName: c.SeccompProfileName,
		NetworkCNIPluginsDir: c.NetworkCNIPluginsDir, NetworkCNIConfigDir: c.NetworkCNIConfigDir,
		NetworkCNIRootDirPersist: c.NetworkCNIRootDirPersist, WithoutCNIMetrics: !c.NetworkCNIMetrics,
		DefaultContainerDNS:         c.DefaultContainerDNS,
		ContainerPortsWatchInterval: c.ContainerPortsWatchInterval, EnforceContainerPorts: c.EnforceContainerPorts,
		CheckAgentPortRangeOnly: c.CheckAgentPortRangeOnly, ContainerPortsIsolatedRange: c.ContainerPortsIsolatedRange,
	}
	if s.RuntimeDir == "" {
		s.RuntimeDir = filepath.Join(workDir, "run")
	}
	return s
}
