package agent_test

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// An executor whose wishes for its logs cannot be understood does not run, and its task says which one it was.
func TestWishesForLogs(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.Logs.ContainerLogger = "logrotate" })
	wishing := func(name, value string) func(*mesospb.TaskInfo) {
		return func(t *mesospb.TaskInfo) {
			t.Command.Environment = &mesospb.Environment{Variables: []*mesospb.Environment_Variable{
				{Name: proto.String("CONTAINER_LOGGER_" + name), Value: proto.String(value)}}}
		}
	}
	w.run(command("t1", "exit 0", wishing("LOGROTATE_STDOUT_OPTIONS", "postrotate\nid\nendscript")))
	s := w.status("t1", failed).GetStatus()
	if m := s.GetMessage(); s.GetReason() != mesospb.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED ||
		!strings.HasPrefix(m, `Failed to launch container: CONTAINER_LOGGER_LOGROTATE_STDOUT_OPTIONS: option "postrotate" is not supported`) {
		t.Errorf("%v: %s", s.GetReason(), m)
	}
	w.run(command("t2", "exit 0", wishing("LOGROTATE_STDOUT_OPTIONS", "rotate 4\ncompress")))
	w.status("t2", finished)
}
