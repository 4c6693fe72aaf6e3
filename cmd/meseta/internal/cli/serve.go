package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/cmd/meseta/internal/flags"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/messages/fault"
)

// quietLevel is what commands for people log from: they say themselves what matters.
const quietLevel = slog.LevelError + 1

type masterConfig struct {
	master.Config
	Guard realms.Master
	Node  node.Config
	node.Logging
	node.Election
	node.Traces
	// Registry is where the registry is kept: replicated_log, which is a file in work_dir or what --election names, or
	// in_memory, which forgets everything when the master ends.
	Registry string `flag:"registry"`
	// Whitelist is a file with the hosts whose agents are offered, one in each line. It is read again every 5 seconds.
	// Empty: all are.
	Whitelist string `flag:"whitelist" unit:"path"`
}

func (a *app) master() *cobra.Command {
	config := masterConfig{Config: master.Default(), Guard: realms.DefaultMaster(), Node: node.Default(5050), Logging: node.Logging{Level: node.Level(slog.LevelInfo)},
		Election: node.DefaultElection(), Traces: node.DefaultTraces(), Registry: inFile}
	config.WorkDir = node.WorkDir("master")
	c := &cobra.Command{
		Use: "master [flags]", GroupID: "serve", Args: noArguments,
		Short: "run a master: it knows the agents and offers what they have to frameworks",
		Long: "Runs a master, which admits agents, offers their resources to frameworks, and keeps what must survive it in\n" +
			"--work_dir. SIGTERM and Ctrl-C end it; agents and tasks go on, and come back to it when it is started again.\n\n" +
			"With --election=consul://… several masters agree in Consul on the one that leads; the others stand by and send\n" +
			"whoever asks them to it. One that loses its leadership ends with exit code 3: start it again, and it stands by.",
		Example: "  meseta master --ip=127.0.0.1 --port=5050 --work_dir=M\n" +
			"  meseta master --ip=10.0.0.1 --election=consul://127.0.0.1:8500/meseta",
	}
	bind(c, &config, func([]string) error {
		if err := errors.Join(config.Config.Validate(), config.Election.Validate(), config.Guard.Validate(config.Credentials != ""), config.Node.Validate(), config.Traces.Validate()); err != nil {
			return usageError(err)
		}
		switch {
		case config.Registry != inFile && config.Registry != inMemory:
			return usageError(fmt.Errorf("--registry=%s: %s or %s expected", config.Registry, inFile, inMemory))
		case config.Registry == inMemory && config.Election.Election != node.Standalone:
			return usageError(fmt.Errorf("--registry=%s: masters that are elected keep their registry together; leave the flag out", inMemory))
		}
		s, err := a.open(c, config.Node, config.Logging)
		if err != nil {
			return err
		}
		if config.Registry == inMemory {
			s.Forgetful()
		}
		if err := errors.Join(s.Trace(config.Traces, "meseta-master"), s.Master(config.Config, config.Election, config.Guard)); err != nil {
			_ = s.Close()
			return err
		}
		if err := s.Whitelist(config.Whitelist); err != nil {
			_ = s.Close()
			return usageError(err)
		}
		return a.serve(s, fmt.Sprintf("master: listening on %s, work_dir %s", s.Addr(), config.WorkDir), true)
	})
	flags.Take(c.Flags(), slices.Concat(takenByBoth, takenByMasters))
	return c
}

// The places of a registry, under Mesos' names.
const (
	inFile   = "replicated_log"
	inMemory = "in_memory"
)

// open makes the node of a server, with a log of its own and settings that can be looked at.
func (a *app) open(c *cobra.Command, config node.Config, logging node.Logging) (*node.Service, error) {
	log, err := logging.Open(c.Name(), a.err)
	if err != nil {
		return nil, usageError(err)
	}
	s, err := node.New(config, log)
	if err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s.Settings(func() map[string]string { return flags.All(c.Flags()) })
	return s, nil
}

type agentConfig struct {
	agent.Config
	// Master is where the leading master is found: host:port of one or, with commas between, of several masters, any of
	// which may lead; consul://HOST:PORT/PREFIX as in the masters' --election; or zk://HOST:PORT/PATH.
	Master string `flag:"master"`
	Guard  realms.Agent
	Node   node.Config
	node.Logging
	node.Traces
}

func (a *app) agent() *cobra.Command {
	config := agentConfig{Config: agent.Default(), Node: node.Default(5051), Logging: node.Logging{Level: node.Level(slog.LevelInfo)}, Traces: node.DefaultTraces(), Master: defaultMaster}
	config.WorkDir = node.WorkDir("agent")
	c := &cobra.Command{
		Use: "agent [flags]", GroupID: "serve", Args: noArguments,
		Short: "run an agent: it offers this machine to the cluster and runs the tasks",
		Long: "Runs an agent, which offers this machine's resources to the master and runs tasks on it. SIGTERM and Ctrl-C end\n" +
			"it; its tasks go on, and it finds them again when it is started with the same --work_dir. SIGUSR1 ends it with its tasks: it\n" +
			"leaves the cluster, and comes back as a new agent.",
		Example: "  meseta agent --master=127.0.0.1:5050 --ip=127.0.0.1 --port=5051 --work_dir=A \\\n" +
			"    --resources='cpus:4;mem:4096;disk:8192;ports:[31000-32000]'",
	}
	bind(c, &config, func([]string) error {
		if err := errors.Join(config.Config.Validate(), config.Guard.Validate(), config.Node.Validate(), config.Traces.Validate()); err != nil {
			return usageError(err)
		}
		masters, err := node.ParseMasters(config.Master)
		switch {
		case errors.Is(err, fault.ErrNotFound):
			return err // the line is well: names may be found in a moment
		case err != nil:
			return usageError(err)
		}
		s, err := a.open(c, config.Node, config.Logging)
		if err != nil {
			return err
		}
		if err := errors.Join(s.Trace(config.Traces, "meseta-agent"), s.Agent(config.Config, config.Master, config.Guard)); err != nil {
			_ = s.Close()
			return err
		}
		return a.serve(s, fmt.Sprintf("agent: listening on %s, master %s, work_dir %s", s.Addr(), masters, config.WorkDir), true)
	})
	flags.Take(c.Flags(), slices.Concat(takenByBoth, takenByAgents))
	return c
}

// serve says that the node is there, and waits for its end: a signal, or a reason of its own. A server outlives the
// terminal that it was started from, and reads its files again when it hangs up or somebody else sends that signal.
func (a *app) serve(s *node.Service, ready string, outlives bool) error {
	signals, hangups, leaves := make(chan os.Signal, 2), make(chan os.Signal, 1), make(chan os.Signal, 1)
	defer signal.Stop(signals)
	defer signal.Stop(hangups)
	defer signal.Stop(leaves)
	if outlives {
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		signal.Notify(hangups, syscall.SIGHUP)
		signal.Notify(leaves, syscall.SIGUSR1)
	} else {
		signal.Notify(signals, endings()...)
	}
	if err := s.Open(); err != nil {
		_ = s.Close()
		return err
	}
	fmt.Fprintln(a.out, "meseta "+ready)
	reason := a.wait(s, signals, hangups, leaves)
	go func() {
		// Whoever asks twice does not want a goodbye.
		<-signals
		os.Exit(1)
	}()
	if err := s.Close(); err != nil && reason == nil {
		return err
	}
	return reason
}

// endings are the signals that end a program which cleans up: also the hang-up of its terminal, unless it was
// started to outlive that (nohup).
func endings() []os.Signal {
	signals := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// wait ends with the node, or with a signal, and lets the node read its files again at a hang-up. At SIGUSR1 agents leave
// the cluster with everything that they run, and then the node ends.
func (a *app) wait(s *node.Service, signals, hangups, leaves <-chan os.Signal) error {
	for {
		select {
		case reason := <-s.Ended():
			return reason
		case <-signals:
			return nil
		case <-a.ctx.Done():
			return nil
		case <-leaves:
			s.Leave("SIGUSR1")
		case <-hangups:
			_ = s.Reload() // it has logged what failed, and the node goes on with what it had
		}
	}
}
