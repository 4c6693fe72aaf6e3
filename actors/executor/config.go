package executor

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/fault"
)

// Config is what an agent tells an executor, by environment variables.
type Config struct {
	// Agent is whom to subscribe to: MESOS_SLAVE_PID.
	Agent process.UPID
	// AgentID, FrameworkID and ExecutorID say who is who: MESOS_SLAVE_ID, MESOS_FRAMEWORK_ID, MESOS_EXECUTOR_ID.
	AgentID, FrameworkID, ExecutorID string
	// Directory is the sandbox: MESOS_DIRECTORY.
	Directory string
	// Checkpoint says that the executor outlives its agent: MESOS_CHECKPOINT. Without, it ends with the connection.
	Checkpoint bool
	// RecoveryTimeout is how long to wait for an agent that is gone: MESOS_RECOVERY_TIMEOUT.
	RecoveryTimeout time.Duration
	// SubscriptionBackoffMax bounds the random wait between attempts to subscribe: MESOS_SUBSCRIPTION_BACKOFF_MAX.
	// A restarted agent waits about that long for its executors.
	SubscriptionBackoffMax time.Duration
	// ShutdownGracePeriod is how long the agent waits after a SHUTDOWN: MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD.
	ShutdownGracePeriod time.Duration
	// Token is what the executor proves itself with: MESOS_EXECUTOR_AUTHENTICATION_TOKEN. Zero: the agent gave it none.
	Token credentials.Secret
	// Environment is all of it, for the processes that the executor starts.
	Environment []string

	// ID is the actor's; executors that share a runtime need different ones. Empty: executor(1).
	ID string
	// Ended, if set, is called once when the executor has ended, with what went wrong if it was not asked to.
	Ended func(error)
}

// FromEnvironment reads the variables that an agent sets, NAME=value.
func FromEnvironment(env []string) (Config, error) {
	c := Config{
		RecoveryTimeout:        15 * time.Minute,
		SubscriptionBackoffMax: 2 * time.Second,
		ShutdownGracePeriod:    5 * time.Second,
		Environment:            env,
	}
	var problems []error
	duration := func(into *time.Duration, name, text string) {
		d, err := durations.Parse(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		*into = d
	}
	for _, kv := range env {
		name, value, _ := strings.Cut(kv, "=")
		switch name {
		case "MESOS_SLAVE_PID":
			agent, err := process.ParseUPID(value)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s: %w", name, err))
			}
			c.Agent = agent
		case "MESOS_SLAVE_ID":
			c.AgentID = value
		case "MESOS_FRAMEWORK_ID":
			c.FrameworkID = value
		case "MESOS_EXECUTOR_ID":
			c.ExecutorID = value
		case "MESOS_EXECUTOR_AUTHENTICATION_TOKEN":
			c.Token = credentials.NewSecret([]byte(value))
		case "MESOS_DIRECTORY":
			c.Directory = value
		case "MESOS_CHECKPOINT":
			c.Checkpoint = value == "1"
		case "MESOS_RECOVERY_TIMEOUT":
			duration(&c.RecoveryTimeout, name, value)
		case "MESOS_SUBSCRIPTION_BACKOFF_MAX":
			duration(&c.SubscriptionBackoffMax, name, value)
		case "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD":
			duration(&c.ShutdownGracePeriod, name, value)
		}
	}
	for _, required := range []struct{ name, value string }{
		{"MESOS_SLAVE_PID", c.Agent.ID}, {"MESOS_FRAMEWORK_ID", c.FrameworkID}, {"MESOS_EXECUTOR_ID", c.ExecutorID},
	} {
		if required.value == "" {
			problems = append(problems, fmt.Errorf("%s is not set: executors are started by an agent: %w", required.name, fault.ErrInvalid))
		}
	}
	return c, errors.Join(problems...)
}
