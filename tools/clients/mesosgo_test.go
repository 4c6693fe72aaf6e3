package clients_test

import (
	"path/filepath"
	"testing"
)

// mesosGo builds a program of mesos-go's module, which has its own go.mod here, and returns where it is.
func mesosGo(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	start(t, "mesosgo", "go", "build", "-o", path, "github.com/mesos/mesos-go/api/v1/cmd/"+name).succeeds()
	return path
}

// TestMesosGoShell runs a command with mesos-go's shell, which speaks protobuf, looks for the role to which its offers are
// allocated, declines no offers at all, and takes a 403 for the end of its subscription.
func TestMesosGoShell(t *testing.T) {
	msh, at := mesosGo(t, "msh"), cluster(t)
	p := start(t, t.TempDir(), msh, "-master", at, "--", "/bin/sh", "-c", "exit 0")
	p.succeeds()
	p.sees("TASK_FINISHED")
}

// TestMesosGoExample runs the example scheduler of mesos-go with its example executor, which agents fetch from the scheduler
// and which speaks the executor API: five tasks in one executor. At its end the scheduler says that its context was
// canceled, and ends with 1; what counts is what it says before.
func TestMesosGoExample(t *testing.T) {
	scheduler, executor, at := mesosGo(t, "example-scheduler"), mesosGo(t, "example-executor"), cluster(t)
	p := start(t, t.TempDir(), scheduler, "-url", "http://"+at+"/api/v1/scheduler", "-executor", executor, "-tasks", "5", "-metrics.port", "0")
	p.sees("mission accomplished")
}
