package agent

import "path"

// Where things are below the work directory: Mesos' places, so that operators and their scripts find them.
//
//	meta/boot_id
//	meta/resources/resources_and_operations.state
//	meta/slaves/latest -> <agent>
//	meta/slaves/<agent>/slave.info
//	meta/slaves/<agent>/drain.config
//	meta/slaves/<agent>/frameworks/<framework>/framework.info
//	     …/executors/<executor>/runs/<container>/executor.info
//	     …/executors/<executor>/runs/<container>/tasks/<task>/task.info
//	     …/executors/<executor>/runs/<container>/tasks/<task>/task.updates
//	slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>   the sandbox
//	     …/executors/<executor>/runs/latest -> <container>
//	volumes/roles/<role>/<persistence id>
//
// The ids in them have been checked before: no slash, no dot-dot.
const (
	bootIDFile    = "meta/boot_id"
	agentsDir     = "meta/slaves"
	resourcesFile = "meta/resources/resources_and_operations.state"
	latestAgent   = "meta/slaves/latest"
	agentFile     = "slave.info"
	frameworkFile = "framework.info"
	executorFile  = "executor.info"
	taskFile      = "task.info"
	journalFile   = "task.updates"
	latestRun     = "latest"
)

// run names one run of an executor: a container.
type run struct{ agent, framework, executor, container string }

func agentMeta(agent string) string { return path.Join(agentsDir, agent) }

func frameworkMeta(agent, framework string) string {
	return path.Join(agentMeta(agent), "frameworks", framework)
}

func executorMeta(r run) string {
	return path.Join(frameworkMeta(r.agent, r.framework), "executors", r.executor)
}

// drainConfig says that the agent is being drained.
func drainConfig(agent string) string { return path.Join(agentMeta(agent), "drain.config") }

func runMeta(r run) string { return path.Join(executorMeta(r), "runs", r.container) }

func taskMeta(r run, task string) string { return path.Join(runMeta(r), "tasks", task) }

// sandbox is the run's working directory.
func sandbox(r run) string { return path.Join(runs(r), r.container) }

func runs(r run) string {
	return path.Join("slaves", r.agent, "frameworks", r.framework, "executors", r.executor, "runs")
}
