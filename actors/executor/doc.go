// Package executor is for writing executors: programs that an agent starts to run tasks. Implement Executor, and
// give it to Main (a program of its own) or Spawn (an actor in a runtime that is there already):
//
//	type hello struct{}
//
//	func (hello) Launch(d *executor.Driver, t *mesospb.TaskInfo) {
//		d.Update(executor.Status(t.TaskId, mesospb.TaskState_TASK_RUNNING))
//		d.Update(executor.Status(t.TaskId, mesospb.TaskState_TASK_FINISHED))
//	}
//	func (hello) Kill(*executor.Driver, *mesospb.TaskID, *mesospb.KillPolicy) {}
//
//	func main() { os.Exit(executor.Main(hello{})) }
//
// The Driver does the tedious part: it subscribes to the agent, keeps every update until the agent has stored it,
// comes back when the agent was restarted, and gives up when that takes too long.
//
// Command is the built-in executor of tasks that are a command.
package executor
