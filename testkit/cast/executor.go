package cast

import (
	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/testkit"
)

// ExecutorProgram is the program that simulated agents run for command tasks: the production one.
const ExecutorProgram = "meseta-executor"

func commandExecutor(p *Process) {
	Executor(func(p *Process) executor.Executor { return executor.NewCommand(p.Launcher()) })(p)
}

// Executor is a program that is an executor of the executor library. It ends as its actor does.
func Executor(make func(p *Process) executor.Executor) Program {
	return func(p *Process) {
		config, err := executor.FromEnvironment(p.Spec.Env)
		if err != nil {
			p.Exit(1)
			return
		}
		config.Ended = func(err error) {
			status := 0
			if err != nil {
				status = 1
			}
			p.World().At(0, func() { p.Exit(status) })
		}
		p.Listen(func(n *testkit.Node) {
			if _, err := executor.Spawn(n.Runtime(), config, make(p)); err != nil {
				n.World().Fail("executor %s: %v", config.ExecutorID, err)
			}
		})
	}
}
