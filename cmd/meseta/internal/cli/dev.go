package cli

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer/isolation"
	"github.com/meseta-io/meseta/actors/gateway/realms"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/cmd/meseta/internal/node"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
)

// orphanage is how long executors wait for an agent that will not be back. A cluster for trying things that is killed
// and cannot clean up leaves nothing behind after that.
const orphanage = 5 * time.Second

// devConfig is what `meseta dev` can be told.
type devConfig struct {
	Agents    int        `flag:"agents" help:"how many agents the cluster has"`
	Resources string     `flag:"resources" help:"what each agent offers; a share of this machine if not given"`
	IP        string     `flag:"ip" help:"the address to listen on"`
	Port      uint16     `flag:"port" help:"the master's port; if it is not given and taken, a free one is used"`
	Level     node.Level `flag:"logging_level" help:"from which level on messages are logged: DEBUG, INFO, WARNING or ERROR"`
}

func (a *app) dev() *cobra.Command {
	config := devConfig{Agents: 1, IP: "127.0.0.1", Port: 5050, Level: node.Level(slog.LevelWarn)}
	c := &cobra.Command{
		Use: "dev [--agents=N]", GroupID: "try", Args: noArguments,
		Short: "run a whole cluster in this terminal, to try things",
		Long:  "Runs a master and agents in one process, in a temporary folder, until Ctrl-C. Nothing is left behind then.",
	}
	return bind(c, &config, func([]string) error {
		return a.runDev(config, c.Flags().Changed("port"))
	})
}

// local is mesos-local: the same under the names that it has there.
func (a *app) local() *cobra.Command {
	config := struct {
		Slaves int        `flag:"num_slaves" help:"how many agents the cluster has"`
		IP     string     `flag:"ip" help:"the address to listen on"`
		Port   uint16     `flag:"port" help:"the master's port"`
		Level  node.Level `flag:"logging_level" help:"from which level on messages are logged: DEBUG, INFO, WARNING or ERROR"`
	}{1, "127.0.0.1", 5050, node.Level(slog.LevelWarn)}
	c := &cobra.Command{Use: "local", Hidden: true, Short: "mesos-local: a whole cluster in one process", Args: noArguments}
	return bind(c, &config, func([]string) error {
		return a.runDev(devConfig{Agents: config.Slaves, IP: config.IP, Port: config.Port, Level: config.Level}, true)
	})
}

func (a *app) runDev(config devConfig, portGiven bool) (err error) {
	if config.Agents < 1 {
		return usageError(fmt.Errorf("--agents=%d: at least 1", config.Agents))
	}
	log, err := node.Logging{Level: config.Level}.Open("dev", a.err)
	if err != nil {
		return err
	}
	listen := node.Default(config.Port)
	listen.IP = config.IP
	s, err := node.New(listen, log)
	if err != nil && !portGiven {
		listen.Port = 0
		s, err = node.New(listen, log)
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "meseta-dev-")
	if err != nil {
		_ = s.Close()
		return err
	}
	// The folder goes last: until then there are processes that write to it.
	defer os.RemoveAll(dir)
	s.Mortal()
	if err := populate(s, dir, config); err != nil {
		_ = s.Close()
		return err
	}
	return a.serve(s, fmt.Sprintf("dev: a master and %s are up. In another terminal type: %s   (Ctrl-C ends it all)",
		count(config.Agents, "agent"), a.out.Paint(screen.Bold, "meseta run"+masterFlag(s.Addr())+" -- echo hi")), false)
}

// populate puts a master and agents into a node.
func populate(s *node.Service, dir string, config devConfig) error {
	m := master.Default()
	m.WorkDir = filepath.Join(dir, "master")
	if err := s.Master(m, node.DefaultElection(), realms.DefaultMaster()); err != nil {
		return err
	}
	for i := range config.Agents {
		c := agent.Default()
		c.ID = fmt.Sprintf("slave(%d)", i+1)
		c.WorkDir = filepath.Join(dir, "agent"+strconv.Itoa(i+1))
		c.Hostname = "agent" + strconv.Itoa(i+1)
		c.Resources = config.Resources
		c.RegistrationBackoffFactor = 0 // nobody else is waiting
		c.RecoveryTimeout = orphanage
		c.Isolation.Launcher = isolation.Posix // a cluster that may be killed at any time leaves no control groups behind
		if c.Resources == "" {
			share, err := share(c.WorkDir, i, config.Agents)
			if err != nil {
				return err
			}
			c.Resources = share
		}
		if err := s.Agent(c, s.Addr(), realms.Agent{}); err != nil {
			return err
		}
	}
	return nil
}

// share is one agent's part of this machine, so that several on it do not offer the same processors and ports.
func share(workDir string, i, of int) (string, error) {
	if err := os.MkdirAll(workDir, 0o755); err != nil {
		return "", err
	}
	m, err := agent.ThisMachine(workDir)
	if err != nil {
		return "", err
	}
	const mb = 1 << 20
	ports := 1000 / of
	first := 31000 + i*ports
	// More processors than there are may be offered: what is tried here is seldom busy.
	return fmt.Sprintf("cpus:%d;mem:%d;disk:%d;ports:[%d-%d]", max(2, m.CPUs/of),
		max(256, m.Memory/2/mb/uint64(of)), max(1024, m.Disk/2/mb/uint64(of)), first, first+ports-1), nil
}

// masterFlag is how a command is told of a master, if it has to be.
func masterFlag(address string) string {
	if address == defaultMaster {
		return ""
	}
	return " --master=" + address
}

func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return strconv.Itoa(n) + " " + thing + "s"
}
