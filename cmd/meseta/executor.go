package main

import (
	"runtime"
	"runtime/debug"

	"github.com/meseta-io/meseta/actors/executor"
)

// runExecutor is the built-in command executor, as an agent starts it. What it says goes to the stderr of the task's
// sandbox.
func runExecutor() int {
	beSmall()
	return executor.CommandMain()
}

// beSmall: an executor has little to do and mostly not for long, and a machine may run a thousand of them.
// Collecting garbage before there are 16 MB would cost more than the rest of a short task, and running on several
// processors at once would only make them wake each other.
func beSmall() {
	debug.SetGCPercent(400)
	runtime.GOMAXPROCS(1)
}
