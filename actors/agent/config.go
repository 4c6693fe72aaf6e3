package agent

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer/isolation"
	"github.com/meseta-io/meseta/actors/containerizer/logrotate"
	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Config is what an agent can be told. Names and defaults of the flags are Mesos'.
type Config struct {
	// WorkDir is where sandboxes, checkpoints and the agent's identity live. Executors outlive the agent only
	// with it, so it should not be on a file system that is emptied at boot.
	WorkDir string `flag:"work_dir"`
	// Hostname is the name that the master, frameworks and people reach the machine by. Empty: what the
	// machine calls itself.
	Hostname string `flag:"hostname"`
	// Resources is what the agent offers, 'cpus:4;mem:4096;disk:8192;ports:[31000-32000]' or JSON. Of cpus,
	// mem, disk and ports those that are not named are detected: all cpus; memory less 1 GB, or half of less
	// than 2 GB; disk less 5 GB, or half of less than 10 GB; ports 31000 to 32000.
	Resources string `flag:"resources"`
	// DefaultRole is whom resources without a role are reserved to; '*' is everybody.
	DefaultRole string `flag:"default_role"`
	// Attributes tell frameworks about the machine: 'rack:abc;zone:west;level:[10-20]'.
	Attributes string `flag:"attributes"`

	// Domain is the region and zone that the machine is in, as JSON: {"fault_domain": {"region": {"name": …}, "zone": {"name": …}}}.
	// Machines that fail together are in one zone.
	Domain *mesospb.DomainInfo `flag:"domain"`

	// RegistrationBackoffFactor bounds the random wait before the first attempt to register; it doubles up to
	// a minute. Without it all agents of a cluster would come at once after a failover.
	RegistrationBackoffFactor time.Duration `flag:"registration_backoff_factor"`
	// Credential is the file with what the agent authenticates as: {"principal": …, "secret": …}, or the two in one
	// line. Empty: it does not authenticate.
	Credential string `flag:"credential" unit:"path"`
	// ACLs say who may do and see what on this agent, as JSON or in a file, as for a master. A file is read again at SIGHUP.
	ACLs string `flag:"acls" unit:"path"`
	// AuthenticationBackoffFactor is what an attempt to authenticate may take beyond AuthenticationTimeoutMin, at
	// random; it doubles with every failure, so that the agents of a cluster do not ask in step.
	AuthenticationBackoffFactor time.Duration `flag:"authentication_backoff_factor"`
	// AuthenticationTimeoutMin is how long an attempt may take at least before the next one.
	AuthenticationTimeoutMin time.Duration `flag:"authentication_timeout_min"`
	// AuthenticationTimeoutMax is how long it may take at most, whatever the backoff says.
	AuthenticationTimeoutMax time.Duration `flag:"authentication_timeout_max"`
	// ExecutorRegistrationTimeout is how long an executor may take from its launch to its first word.
	ExecutorRegistrationTimeout time.Duration `flag:"executor_registration_timeout"`
	// ExecutorReregistrationTimeout is how long a restarted agent waits for executors that still run, before
	// it destroys those that are silent. At most 15 s, because the master waits for the agent meanwhile.
	ExecutorReregistrationTimeout time.Duration `flag:"executor_reregistration_timeout"`
	// ExecutorReregistrationRetryInterval is how often a restarted agent calls an executor again that is silent, until
	// ExecutorReregistrationTimeout; zero: it calls once. It is for networks that lose connections without a word.
	ExecutorReregistrationRetryInterval time.Duration `flag:"executor_reregistration_retry_interval"`
	// ExecutorShutdownGracePeriod is how long an executor that was asked to shut down may take to do so.
	ExecutorShutdownGracePeriod time.Duration `flag:"executor_shutdown_grace_period"`
	// RecoveryTimeout is how long executors wait for an agent that is gone before they end themselves.
	RecoveryTimeout time.Duration `flag:"recovery_timeout"`
	// Recover says what a restarted agent does with executors that still run: 'reconnect' goes on with them,
	// 'cleanup' kills them and ends, as before an upgrade that cannot keep them.
	Recover string `flag:"recover"`
	// Strict makes damaged checkpoints fatal. Without it what can be read is recovered and the rest is lost.
	Strict bool `flag:"strict"`
	// ReconfigurationPolicy says which changes of resources and attributes a restarted agent may come with:
	// 'equal' none, 'additive' more of them.
	ReconfigurationPolicy string `flag:"reconfiguration_policy"`

	// SwitchUser runs tasks as the user that the framework or the task names. It needs root; an agent without
	// runs everything as itself.
	SwitchUser bool `flag:"switch_user"`
	// ExecutorEnvironmentVariables is a JSON object of the variables that executors get from the agent.
	// Empty: PATH alone, so that nothing of the agent's own environment leaks into tasks.
	ExecutorEnvironmentVariables string `flag:"executor_environment_variables"`
	// MaxCompletedExecutorsPerFramework bounds the memory of what is over.
	MaxCompletedExecutorsPerFramework int `flag:"max_completed_executors_per_framework"`
	// GCDelay is how long the sandboxes of executors that are over are kept. When the disk fills up they go earlier: at
	// most GCDelay x max(0, 1 - GCDiskHeadroom - the used share of the disk).
	GCDelay time.Duration `flag:"gc_delay"`
	// GCDiskHeadroom is the share of the disk, 0 to 1, that is to stay free: see GCDelay.
	GCDiskHeadroom float64 `flag:"gc_disk_headroom"`
	// DiskWatchInterval is how often the agent looks how full the disk is.
	DiskWatchInterval time.Duration `flag:"disk_watch_interval"`
	// Fetcher is how the URIs of tasks are fetched.
	Fetcher fetcher.Config
	// Logs is what becomes of what executors print.
	Logs logrotate.Config
	// Isolation is how containers are kept apart.
	Isolation isolation.Config

	// History is how often containers are measured for their history of the last hour, which is sample.Interval; 0: there is none.
	History time.Duration
	// IP is the address that the agent was told to listen on, which executors are told too; empty: it was not.
	IP string
	// Executor is the program and arguments of the built-in command executor; an agent's command sets it to
	// its own binary. Empty: command tasks are refused.
	Executor []string
	// Logger is the program and first arguments of whoever rotates what executors print; an agent's command sets it to its
	// own binary.
	Logger []string
	// ID is the process id of the agent; agents that share a runtime need different ones.
	ID string
}

// Default is a complete, safe answer to everything but work_dir.
func Default() Config {
	return Config{
		DefaultRole:                       "*",
		RegistrationBackoffFactor:         time.Second,
		AuthenticationBackoffFactor:       time.Second,
		AuthenticationTimeoutMin:          5 * time.Second,
		AuthenticationTimeoutMax:          time.Minute,
		ExecutorRegistrationTimeout:       time.Minute,
		ExecutorReregistrationTimeout:     2 * time.Second,
		ExecutorShutdownGracePeriod:       5 * time.Second,
		RecoveryTimeout:                   15 * time.Minute,
		Recover:                           recoverReconnect,
		Strict:                            true,
		ReconfigurationPolicy:             policyEqual,
		SwitchUser:                        true,
		MaxCompletedExecutorsPerFramework: 150,
		GCDelay:                           7 * 24 * time.Hour,
		GCDiskHeadroom:                    0.1,
		DiskWatchInterval:                 time.Minute,
		Fetcher:                           fetcher.Default(),
		Logs:                              logrotate.Default(),
		Isolation:                         isolation.Default(),
		ID:                                "slave(1)",
	}
}

const (
	recoverReconnect = "reconnect"
	recoverCleanup   = "cleanup"
	policyEqual      = "equal"
	policyAdditive   = "additive"
)

// maxReregistrationTimeout is Mesos' bound.
const maxReregistrationTimeout = 15 * time.Second

// Validate reports every problem at once, each with its flag and its reason.
func (c Config) Validate() error {
	var problems []error
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.WorkDir == "" {
		wrong("--work_dir: required: sandboxes and everything that survives a restart are kept there")
	}
	if _, err := resources.ParseFor(c.Resources, c.DefaultRole); err != nil {
		wrong("--resources: %w", err)
	}
	if _, err := parseAttributes(c.Attributes); err != nil {
		wrong("--attributes: %w", err)
	}
	if _, err := c.environment(); err != nil {
		wrong("--executor_environment_variables: %w", err)
	}
	for _, d := range []struct {
		flag  string
		value time.Duration
	}{
		{"registration_backoff_factor", c.RegistrationBackoffFactor},
		{"authentication_backoff_factor", c.AuthenticationBackoffFactor},
		{"authentication_timeout_min", c.AuthenticationTimeoutMin},
		{"authentication_timeout_max", c.AuthenticationTimeoutMax},
		{"executor_registration_timeout", c.ExecutorRegistrationTimeout},
		{"executor_reregistration_timeout", c.ExecutorReregistrationTimeout},
		{"executor_reregistration_retry_interval", c.ExecutorReregistrationRetryInterval},
		{"executor_shutdown_grace_period", c.ExecutorShutdownGracePeriod},
		{"recovery_timeout", c.RecoveryTimeout},
		{"gc_delay", c.GCDelay},
	} {
		if d.value < 0 {
			wrong("--%s=%v: a time to wait is not negative", d.flag, d.value)
		}
	}
	if c.AuthenticationTimeoutMin > c.AuthenticationTimeoutMax {
		wrong("--authentication_timeout_min=%v: at most --authentication_timeout_max=%v", c.AuthenticationTimeoutMin, c.AuthenticationTimeoutMax)
	}
	if c.ExecutorReregistrationTimeout > maxReregistrationTimeout {
		wrong("--executor_reregistration_timeout=%v: at most %v, because the agent is away from the cluster meanwhile",
			c.ExecutorReregistrationTimeout, maxReregistrationTimeout)
	}
	if !(c.GCDiskHeadroom >= 0 && c.GCDiskHeadroom <= 1) {
		wrong("--gc_disk_headroom=%v: a share of the disk, from 0 to 1", c.GCDiskHeadroom)
	}
	if c.DiskWatchInterval <= 0 {
		wrong("--disk_watch_interval=%v: more than nothing, or the agent would do nothing else", c.DiskWatchInterval)
	}
	problems = append(problems, c.Fetcher.Validate(), c.Logs.Validate(), c.Isolation.Validate(), oneOf("recover", c.Recover, recoverReconnect, recoverCleanup),
		oneOf("reconfiguration_policy", c.ReconfigurationPolicy, policyEqual, policyAdditive))
	if c.MaxCompletedExecutorsPerFramework < 0 {
		wrong("--max_completed_executors_per_framework=%d: not negative", c.MaxCompletedExecutorsPerFramework)
	}
	return errors.Join(problems...)
}

func oneOf(flag, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fmt.Errorf("--%s=%s: one of %q", flag, value, allowed)
}

// environment is what executors get from the agent, as NAME=value, sorted.
func (c Config) environment() ([]string, error) {
	variables := map[string]string{"PATH": defaultPath}
	if c.ExecutorEnvironmentVariables != "" {
		variables = nil
		if err := json.Unmarshal([]byte(c.ExecutorEnvironmentVariables), &variables); err != nil {
			return nil, fmt.Errorf("not a JSON object of strings: %w", err)
		}
	}
	var env []string
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		env = append(env, name+"="+variables[name])
	}
	return env, nil
}

// unlessSet are the variables of env that another environment does not have.
func unlessSet(env, other []string) (left []string) {
	for _, kv := range env {
		name, _, _ := strings.Cut(kv, "=")
		if !slices.ContainsFunc(other, func(o string) bool { return strings.HasPrefix(o, name+"=") }) {
			left = append(left, kv)
		}
	}
	return left
}

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
