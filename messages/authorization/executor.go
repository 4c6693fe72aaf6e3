package authorization

import "github.com/meseta-io/meseta/messages/mesos/mesospb"

// isExecutor says whether the subject is known by a token only. Mesos knows no other such subjects than executors.
func (s Subject) isExecutor() bool { return s.Principal == "" && len(s.Claims) > 0 }

// implicit is what an executor may do without any list: look after the containers below its own, and see itself. No
// list can give it more, because lists know principals and it has none.
func implicit(s Subject, a Action) Approver {
	if a >= actions || rules[a].own == nil {
		return never
	}
	own := rules[a].own
	return func(o Object) bool { return own(s, o) }
}

func (s Subject) isOf(framework *mesospb.FrameworkID) bool {
	return framework.GetValue() != "" && s.Claims[ClaimFramework] == framework.GetValue()
}

func ownFramework(s Subject, o Object) bool { return s.isOf(o.Framework.GetId()) }

func ownExecutor(s Subject, o Object) bool {
	id := o.Executor.GetExecutorId().GetValue()
	framework := o.Executor.GetFrameworkId()
	if framework == nil {
		framework = o.Framework.GetId()
	}
	return id != "" && s.Claims[ClaimExecutor] == id && s.isOf(framework)
}

// ownTask is a task of the executor. A command executor's tasks do not name it; it has the id of its task.
func ownTask(s Subject, o Object) bool {
	id := o.Task.GetExecutorId().GetValue()
	if id == "" {
		id = o.Task.GetTaskId().GetValue()
	}
	return id != "" && s.Claims[ClaimExecutor] == id && s.isOf(o.Task.GetFrameworkId())
}

// ownContainer is a container below the executor's own.
func ownContainer(s Subject, o Object) bool {
	root := o.ContainerID
	for depth := 0; root.GetParent() != nil; depth++ {
		if depth == maxNesting {
			return false
		}
		root = root.GetParent()
	}
	return root.GetValue() != "" && root.GetValue() == s.Claims[ClaimContainer]
}

// maxNesting bounds how deep containers nest, in what strangers send.
const maxNesting = 100
