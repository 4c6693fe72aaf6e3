package executor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/executor"
)

func TestFromEnvironment(t *testing.T) {
	full := []string{"MESOS_SLAVE_PID=slave(1)@127.0.0.1:5051", "MESOS_SLAVE_ID=A", "MESOS_FRAMEWORK_ID=F", "MESOS_EXECUTOR_ID=E",
		"MESOS_DIRECTORY=/d", "MESOS_CHECKPOINT=1", "MESOS_RECOVERY_TIMEOUT=1.5mins", "MESOS_SUBSCRIPTION_BACKOFF_MAX=2secs",
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD=500ms"}
	c, err := executor.FromEnvironment(full)
	if err != nil || c.Agent.String() != "slave(1)@127.0.0.1:5051" || c.AgentID != "A" || c.FrameworkID != "F" || c.ExecutorID != "E" ||
		c.Directory != "/d" || !c.Checkpoint || c.RecoveryTimeout != 90*time.Second || c.SubscriptionBackoffMax != 2*time.Second ||
		c.ShutdownGracePeriod != 500*time.Millisecond {
		t.Errorf("%+v, %v", c, err)
	}
	for _, missing := range []string{"MESOS_SLAVE_PID", "MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID"} {
		var env []string
		for _, kv := range full {
			if !strings.HasPrefix(kv, missing+"=") {
				env = append(env, kv)
			}
		}
		if _, err := executor.FromEnvironment(env); err == nil || !strings.Contains(err.Error(), missing) {
			t.Errorf("without %s: %v", missing, err)
		}
	}
	for _, bad := range []string{"5", "secs", "x secs", "1e300weeks", "nanmins"} {
		if _, err := executor.FromEnvironment(append(full, "MESOS_RECOVERY_TIMEOUT="+bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}
