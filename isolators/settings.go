package isolators

import (
	"log/slog"
	"time"
)

// Settings are an agent's flags that isolators read, as Mesos names them, with its defaults where a field is zero.
type Settings struct {
	Log *slog.Logger
	// Root: the agent may do everything. Without it only what is for everybody works.
	Root bool
	// WorkDir is the agent's; RuntimeDir is where containers' State directories and isolators' own files are that a restart of
	// the machine makes void.
	WorkDir, RuntimeDir string
	// CgroupsRoot is the group below the agent's own in which all containers are: "mesos".
	CgroupsRoot string
	// CFS: cpus are a ceiling and not only a weight. LimitSwap: memory and swap together are limited.
	CFS, LimitSwap bool
	// CountTasks: statistics have numbers of processes and threads.
	CountTasks bool
	// DestroyTimeout is how long a control group may take to become empty: 1 minute.
	DestroyTimeout time.Duration
}
