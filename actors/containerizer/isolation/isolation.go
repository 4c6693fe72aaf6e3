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
)

// The launchers.
const (
	Linux = "linux"
	Posix = "posix"
)

// Config is what an agent can be told about it.
type Config struct {
	// Launcher says who starts containers: 'linux' isolates them by control groups and namespaces, 'posix' runs them as plain
	// processes. Empty: posix.
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
}

// Default is a complete, safe answer.
func Default() Config {
	return Config{
		CgroupsRoot:             "mesos",
		CgroupsDestroyTimeout:   time.Minute,
		RevocableCPULowPriority: true,
		SandboxDirectory:        "/mnt/mesos/sandbox",
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
	if c.CgroupsDestroyTimeout <= 0 {
		wrong("--cgroups_destroy_timeout=%v: more than nothing, because nobody dies at once", c.CgroupsDestroyTimeout)
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
	}
	if s.RuntimeDir == "" {
		s.RuntimeDir = filepath.Join(workDir, "run")
	}
	return s
}
