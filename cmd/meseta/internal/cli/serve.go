package cli

import (
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
)

// quietLevel is what commands for people log from: they say themselves what matters.
const quietLevel = slog.LevelError + 1

// logging is how much a server says.
type logging struct {
	// Level is from which level on messages are logged: DEBUG, INFO, WARNING or ERROR.
	Level level `flag:"logging_level"`
}

// level is a logging level with Mesos' names.
type level slog.Level

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *level) UnmarshalText(text []byte) error {
	switch name := strings.ToUpper(string(text)); name {
	case "DEBUG":
		*l = level(slog.LevelDebug)
	case "INFO":
		*l = level(slog.LevelInfo)
	case "WARNING", "WARN":
		*l = level(slog.LevelWarn)
	case "ERROR":
		*l = level(slog.LevelError)
	default:
		return fmt.Errorf("one of DEBUG, INFO, WARNING, ERROR expected")
	}
	return nil
}

// MarshalText implements encoding.TextMarshaler.
func (l level) MarshalText() ([]byte, error) {
	names := map[level]string{level(slog.LevelDebug): "DEBUG", level(slog.LevelInfo): "INFO", level(slog.LevelWarn): "WARNING", level(slog.LevelError): "ERROR"}
	return []byte(names[l]), nil
}

type masterConfig struct {
	master.Config
	node.Listen
	logging
}

func (a *app) master() *cobra.Command {
	config := masterConfig{Config: master.Default(), Listen: node.Listen{Port: 5050}}
	config.WorkDir = node.WorkDir("master")
	c := &cobra.Command{
		Use: "master [flags]", GroupID: "serve", Args: noArguments,
		Short: "run a master: it knows the agents and offers what they have to frameworks",
		Long: "Runs a master, which admits agents, offers their resources to frameworks, and keeps what must survive it in\n" +
			"--work_dir. SIGTERM and Ctrl-C end it; agents and tasks go on, and come back to it when it is started again.",
		Example: "  meseta master --ip=127.0.0.1 --port=5050 --work_dir=M",
	}
	return bind(c, &config, func([]string) error {
		if err := config.Validate(); err != nil {
			return usageError(err)
		}
		s, err := node.New(config.Listen, logTo(a.err, slog.Level(config.Level)))
		if err != nil {
			return err
		}
		if err := s.Master(config.Config); err != nil {
			_ = s.Close()
			return err
		}
		return a.serve(s, fmt.Sprintf("master: listening on %s, work_dir %s", s.Addr(), config.WorkDir))
	})
}

type agentConfig struct {
	agent.Config
	// Master is the address of the master, host:port.
	Master string `flag:"master"`
	node.Listen
	logging
}

func (a *app) agent() *cobra.Command {
	config := agentConfig{Config: agent.Default(), Listen: node.Listen{Port: 5051}, Master: defaultMaster}
	config.WorkDir = node.WorkDir("agent")
	c := &cobra.Command{
		Use: "agent [flags]", GroupID: "serve", Args: noArguments,
		Short: "run an agent: it offers this machine to the cluster and runs the tasks",
		Long: "Runs an agent, which offers this machine's resources to the master and runs tasks on it. SIGTERM and Ctrl-C end\n" +
			"it; its tasks go on, and it finds them again when it is started with the same --work_dir.",
		Example: "  meseta agent --master=127.0.0.1:5050 --ip=127.0.0.1 --port=5051 --work_dir=A \\\n" +
			"    --resources='cpus:4;mem:4096;disk:8192;ports:[31000-32000]'",
	}
	return bind(c, &config, func([]string) error {
		if err := config.Validate(); err != nil {
			return usageError(err)
		}
		s, err := node.New(config.Listen, logTo(a.err, slog.Level(config.Level)))
		if err != nil {
			return err
		}
		if err := s.Agent(config.Config, config.Master); err != nil {
			_ = s.Close()
			return err
		}
		return a.serve(s, fmt.Sprintf("agent: listening on %s, master %s, work_dir %s", s.Addr(), config.Master, config.WorkDir))
	})
}

// serve says that the node is there, and waits for its end: a signal, or a reason of its own.
func (a *app) serve(s *node.Service, ready string) error {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, endings()...)
	defer signal.Stop(signals)
	fmt.Fprintln(a.out, "meseta "+ready)
	var reason error
	select {
	case reason = <-s.Ended():
	case <-signals:
	case <-a.ctx.Done():
	}
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
