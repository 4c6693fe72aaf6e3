package agent

import "testing"

// Operators' scripts know these places.
func TestLayout(t *testing.T) {
	r := run{"A", "F", "E", "C"}
	for _, c := range []struct{ name, got, want string }{
		{"the machine's start", bootIDFile, "meta/boot_id"},
		{"the resources", resourcesFile, "meta/resources/resources_and_operations.state"},
		{"the latest agent", latestAgent, "meta/slaves/latest"},
		{"an agent", agentMeta("A") + "/" + agentFile, "meta/slaves/A/slave.info"},
		{"a drain", drainConfig("A"), "meta/slaves/A/drain.config"},
		{"a framework", frameworkMeta("A", "F") + "/" + frameworkFile, "meta/slaves/A/frameworks/F/framework.info"},
		{"an executor", executorMeta(r), "meta/slaves/A/frameworks/F/executors/E"},
		{"a run", runMeta(r) + "/" + executorFile, "meta/slaves/A/frameworks/F/executors/E/runs/C/executor.info"},
		{"a task", taskMeta(r, "T") + "/" + taskFile, "meta/slaves/A/frameworks/F/executors/E/runs/C/tasks/T/task.info"},
		{"its updates", taskMeta(r, "T") + "/" + journalFile, "meta/slaves/A/frameworks/F/executors/E/runs/C/tasks/T/task.updates"},
		{"a sandbox", sandbox(r), "slaves/A/frameworks/F/executors/E/runs/C"},
		{"the latest sandbox", runs(r) + "/" + latestRun, "slaves/A/frameworks/F/executors/E/runs/latest"},
	} {
		if c.got != c.want {
			t.Errorf("%s is at %s, want %s", c.name, c.got, c.want)
		}
	}
	if box, rest, ok := cutSandbox(sandbox(r) + "/dir/file"); !ok || box != sandbox(r) || rest != "dir/file" {
		t.Errorf("a path in a sandbox is cut into %s and %s", box, rest)
	}
}
