package node

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/isolation"
	"github.com/meseta-io/meseta/actors/containerizer/linux"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/all"
	"github.com/meseta-io/meseta/isolators/cgroups"
)

// launcher makes what starts containers, and says which isolators it has. What of them it had to do without is said once.
func launcher(c agent.Config, m agent.Machine, log *slog.Logger) (containerizer.Launcher, []string, error) {
	s := c.Isolation.Settings(c.WorkDir)
	s.Log, s.Root = log, os.Geteuid() == 0
	var err error
	for _, dir := range []*string{&s.WorkDir, &s.RuntimeDir} {
		if *dir, err = filepath.Abs(*dir); err != nil {
			return nil, nil, err
		}
	}
	if s.AgentResources, err = agent.ResourcesOf(c, m); err != nil {
		return nil, nil, err
	}
	s.Launcher = chooseLauncher(c.Isolation, s, log)
	names, given := c.Isolation.Names(), c.Isolation.Isolation != ""
	builders := buildersFor(s.Launcher)
	if !given {
		names = isolation.Usual(s.Launcher)
	}
	if s.Launcher == isolation.Posix && isolation.Plain(names) {
		return posix.New(), nil, nil
	}
	// Isolators of the runtime directory's files want it to be there.
	if err := os.MkdirAll(s.RuntimeDir, 0o755); err != nil {
		return nil, nil, fmt.Errorf("%w; name another directory with --runtime_dir", err)
	}
	if s.Isolation = names; !given {
		s.Isolation = possible(builders, s, log)
	}
	chain, err := isolators.Build(builders, s.Isolation, s)
	if err != nil {
		return nil, nil, err
	}
	l, err := linux.New(linux.Config{RuntimeDir: s.RuntimeDir, Chain: chain, Log: log})
	if err != nil {
		return nil, nil, err
	}
	var has []string
	for _, i := range chain {
		has = append(has, i.Name())
	}
	log.Info("containers are isolated", "launcher", s.Launcher, "isolators", strings.Join(has, ","))
	return l, has, nil
}

// chooseLauncher is the one that was named, or the best that is possible here.
func chooseLauncher(c isolation.Config, s isolators.Settings, log *slog.Logger) string {
	switch {
	case c.Launcher != "":
		return c.Launcher
	case !s.Root:
		log.Info("containers are plain processes, isolated from nobody: run the agent as root to change that")
		return isolation.Posix
	}
	if _, err := cgroups.Open(s); err != nil {
		log.Warn("containers are plain processes, isolated from nobody: control groups cannot be used", "error", err)
		return isolation.Posix
	}
	return isolation.Linux
}

// buildersFor leaves out the control groups where containers are plain processes.
func buildersFor(launcher string) []isolators.Builder {
	builders := all.Builders()
	if launcher == isolation.Linux {
		return builders
	}
	return slices.DeleteFunc(builders, func(b isolators.Builder) bool { return strings.HasPrefix(b.Names[0], "cgroups/") })
}

// possible are those of the usual isolators that the machine allows.
func possible(builders []isolators.Builder, s isolators.Settings, log *slog.Logger) (names []string) {
	for _, name := range s.Isolation {
		n := slices.IndexFunc(builders, func(b isolators.Builder) bool { return b.Names[0] == name })
		if n < 0 {
			continue
		}
		if _, err := builders[n].New(s); err != nil {
			log.Warn("containers are isolated without what this machine lacks", "isolator", name, "error", err)
			continue
		}
		names = append(names, name)
	}
	return names
}
