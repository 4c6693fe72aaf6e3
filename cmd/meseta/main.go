// Command meseta is the whole of Meseta in one program: master, agent, executor, and the commands that use a
// cluster. Called through a link named mesos-master, mesos-agent, mesos-local, mesos-execute or mesos-executor it
// behaves as that program.
package main

import (
	"os"
	"path/filepath"

	"github.com/meseta-io/meseta/actors/containerizer/posix/logger"
	"github.com/meseta-io/meseta/cmd/meseta/internal/cli"
)

func main() {
	// Every command task starts an executor, so its way is short: none of the command line is built for it.
	if isExecutor(os.Args) {
		os.Exit(runExecutor())
	}
	if isLogger(os.Args) {
		os.Exit(logger.Main(os.Args[2:]))
	}
	os.Exit(cli.Main(os.Args))
}

func isExecutor(argv []string) bool {
	return len(argv) > 0 && filepath.Base(argv[0]) == "mesos-executor" || len(argv) > 1 && argv[1] == "executor"
}

// isLogger: agents that rotate logs start one beside every executor.
func isLogger(argv []string) bool {
	return len(argv) > 1 && argv[1] == "logger"
}
