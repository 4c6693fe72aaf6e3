package agent_test

import (
	"fmt"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/cluster"
)

// TestMain lets the test binary be an executor, and an agent that can be killed, in processes of their own.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "executor":
			os.Exit(executor.CommandMain())
		case "agent":
			os.Exit(agentMain(os.Args[2], os.Args[3], os.Args[4]))
		}
	}
	os.Exit(m.Run())
}

// found is a cluster.Detector that knows the master.
type found string

func (f found) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	if previous == nil {
		done(&cluster.Leader{UPID: string(f), Epoch: 1}, nil)
	}
	return func() {}
}

// agentMain is an agent as a program: it lives until it is killed, or ends by itself.
func agentMain(master, listen, workDir string) int {
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	ended := make(chan error, 1)
	err := func() error {
		transport, err := remote.New(remote.Config{Listen: listen, Log: log})
		if err != nil {
			return err
		}
		rt, err := process.New(process.Config{Transport: transport, Log: log})
		if err != nil {
			return err
		}
		c := agent.Default()
		c.WorkDir, c.Hostname, c.Resources = workDir, "localhost", "cpus:4;mem:4096;disk:4096"
		c.RegistrationBackoffFactor = 10 * time.Millisecond
		c.Executor = []string{"/proc/self/exe", "executor"}
		if exe, err := os.Executable(); err == nil {
			c.Executor[0] = exe
		}
		disk, err := agent.OpenDisk(workDir)
		if err != nil {
			return err
		}
		_, err = agent.Spawn(rt, c, agent.Parts{Detector: found(master), Launcher: posix.New(), Disk: disk,
			Machine: agent.Machine{Root: os.Geteuid() == 0}, Ended: func(err error) { ended <- err }})
		return err
	}()
	if err == nil {
		err = <-ended
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
