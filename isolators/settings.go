package isolators

import (
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Settings are an agent's flags that isolators read, as Mesos names them, with its defaults where a field is zero.
type Settings struct {
	Log *slog.Logger
	// Root: the agent may do everything. Without it only what is for everybody works.
	Root bool
	// Isolation are the names in --isolation, because some isolators need others; Launcher is "linux" or "posix".
	Isolation []string
	Launcher  string
	// WorkDir is the agent's; RuntimeDir is where containers' State directories and isolators' own files are that a restart of
	// the machine makes void.
	WorkDir, RuntimeDir string
	// CgroupsRoot is the group below the agent's own in which all containers are: "mesos".
	CgroupsRoot string
	// CFS: cpus are a ceiling and not only a weight. LimitSwap: memory and swap together are limited.
	CFS, LimitSwap bool
	// RevocableEqual: cpus that can be revoked weigh as much as others (--revocable_cpu_low_priority=false).
	RevocableEqual bool
	// CountTasks: statistics have numbers of processes and threads.
	CountTasks bool
	// NetClsPrimary and NetClsSecondaries are the handles that mark containers' packets: "0x0012" and "0x0001,0xffff".
	NetClsPrimary, NetClsSecondaries string
	// AllowedDevices are those that containers may use besides the usual.
	AllowedDevices *mesospb.DeviceWhitelist
	// PerfEvents are what cgroups/perf_event counts, such as "cycles" and "page-faults", for PerfDuration (10 seconds) in every
	// PerfInterval (1 minute).
	PerfEvents                 []string
	PerfInterval, PerfDuration time.Duration
	// DestroyTimeout is how long a control group may take to become empty: 1 minute.
	DestroyTimeout time.Duration

	// SandboxDirectory is where a container with a root of its own finds its sandbox: /mnt/mesos/sandbox.
	SandboxDirectory string
	// HostPathVolumeForceCreation are directories below which volume/host_path makes what is missing.
	HostPathVolumeForceCreation []string
	// DisallowSharingAgentPIDNamespace and DisallowSharingAgentIPCNamespace refuse top-level containers that ask for the machine's.
	DisallowSharingAgentPIDNamespace, DisallowSharingAgentIPCNamespace bool
	// DefaultContainerShmSize is the size of a container's own /dev/shm in bytes; 0: the kernel's default, half of the memory.
	DefaultContainerShmSize uint64
	// ContainerDiskWatchInterval is how often disk usage of containers is looked at: 15 s. EnforceContainerDiskQuota: one that uses
	// more than it has ends.
	ContainerDiskWatchInterval time.Duration
	EnforceContainerDiskQuota  bool
	// XFSProjectRange are the ids of projects that disk/xfs gives to directories: [5000-10000]. XFSKillContainers: a container ends
	// when it uses more than it has, for which it gets XFSQuotaHeadroom bytes more: 10 MB.
	XFSProjectRange   string
	XFSKillContainers bool
	XFSQuotaHeadroom  uint64
	// NvidiaGPUDevices are the cards that gpu/nvidia gives away, by their numbers in NVML; none: all.
	NvidiaGPUDevices []int
	// Before are the isolators that work before the one that is being made; Build sets it.
	Before Chain
	// VolumeGIDRange is "[first-last]" of the groups that volumes are given which containers of several users share; empty: none.
	VolumeGIDRange string
	// UserNamespaceRange is "[first-last]" of the user and group ids that containers in user namespaces of their own are given
	// in blocks of 65536: [1000000-66535999].
	UserNamespaceRange string

	// EffectiveCapabilities are what a container has that asks for none, BoundingCapabilities the most that one can have; nil: as
	// the kernel has it for the container's user.
	EffectiveCapabilities, BoundingCapabilities *mesospb.CapabilityInfo
	// SeccompConfigDir is where profiles of system calls are, in Docker's format; SeccompProfileName is that of containers that
	// name none, a file there or "default" for the built-in one. Empty: such containers are not filtered.
	SeccompConfigDir, SeccompProfileName string

	// NetworkCNIPluginsDir are the directories of CNI plugins with colons between them, NetworkCNIConfigDir that of the files that
	// describe networks; both or none. NetworkCNIRootDirPersist: what is noted of networks survives a restart of the machine.
	// WithoutCNIMetrics: no statistics of containers' interfaces (--network_cni_metrics=false).
	NetworkCNIPluginsDir, NetworkCNIConfigDir string
	NetworkCNIRootDirPersist                  bool
	WithoutCNIMetrics                         bool
	// DefaultContainerDNS are name servers for networks that name none: JSON of Mesos' ContainerDNSInfo.
	DefaultContainerDNS string
	// ContainerPortsWatchInterval is how often ports on which containers listen are compared with those that they have: 30 s.
	// EnforceContainerPorts: one that listens on another ends. CheckAgentPortRangeOnly: only ports among AgentResources count;
	// ContainerPortsIsolatedRange, such as "[5000-7000]": only those.
	ContainerPortsWatchInterval                    time.Duration
	EnforceContainerPorts, CheckAgentPortRangeOnly bool
	ContainerPortsIsolatedRange                    string
	// AgentResources is everything that the agent offers.
	AgentResources []*mesospb.Resource
}

// Uses tells whether --isolation names an isolator.
func (s Settings) Uses(name string) bool {
	return slices.ContainsFunc(s.Isolation, func(n string) bool { return strings.TrimSpace(n) == name })
}

// Supports says why a kind of namespace, such as "pid", cannot be made here: who names it and what it needs, or nil.
func (s Settings) Supports(kind, isolator string) error {
	switch {
	case !s.Root:
		return fmt.Errorf("'%s' isolator requires root privileges: run the agent as root, or leave it out: %w", isolator, fault.ErrInvalid)
	case s.Launcher != "linux":
		return fmt.Errorf("'linux' launcher must be used to enable '%s': set --launcher=linux: %w", isolator, fault.ErrInvalid)
	}
	if _, err := os.Stat("/proc/self/ns/" + kind); err != nil {
		return fmt.Errorf("'%s' isolator: %s namespaces are not supported by this kernel (%w): %w", isolator, kind, err, fault.ErrInvalid)
	}
	return nil
}

// NeedsFilesystem refuses an isolator whose mounts would reach the machine.
func (s Settings) NeedsFilesystem(isolator string) error {
	if s.Uses("filesystem/linux") {
		return nil
	}
	return fmt.Errorf("'filesystem/linux' isolator must be used to enable '%s': add it to --isolation: %w", isolator, fault.ErrInvalid)
}
