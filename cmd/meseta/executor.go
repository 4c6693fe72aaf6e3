package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/meseta-io/meseta/actors/containerizer/posix"
	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// runExecutor is the built-in command executor, as an agent starts it. What it says goes to the stderr of the task's
// sandbox.
func runExecutor() int {
	beSmall()
	env := os.Environ()
	config, err := executor.FromEnvironment(env)
	if err != nil {
		fmt.Fprintf(os.Stderr, "meseta executor: %v\n", err)
		return 2
	}
	// What a task leaves behind comes to its executor, which ends it.
	launcher, err := posix.NewSubreaper()
	if err != nil {
		fmt.Fprintf(os.Stderr, "meseta executor: %v\n", err)
		return 1
	}
	transport, err := remote.New(remote.Config{Listen: remote.Toward(config.Agent.Addr) + ":0"})
	if err == nil {
		err = executor.Run(context.Background(), transport, env, executor.NewCommand(launcher))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "meseta executor: %v\n", err)
		return 1
	}
	return 0
}

// beSmall: an executor has little to do and mostly not for long, and a machine may run a thousand of them.
// Collecting garbage before there are 16 MB would cost more than the rest of a short task, and running on several
// processors at once would only make them wake each other.
func beSmall() {
	debug.SetGCPercent(400)
	runtime.GOMAXPROCS(1)
}
