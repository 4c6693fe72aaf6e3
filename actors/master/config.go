package master

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos"
	"github.com/meseta-io/meseta/messages/roles"
)

// Config is what an operator can say to a master. Names and defaults are Mesos'.
type Config struct {
	allocator.Config

	// Cluster is a name for people, shown with the state.
	Cluster string `flag:"cluster"`
	// Hostname is where people and frameworks find the master; empty means the host of its address.
	Hostname string `flag:"hostname"`
	// WorkDir is where the registry lives. With a registry in memory it may be empty.
	WorkDir string `flag:"work_dir"`

	// AgentPingTimeout is the time between two pings, and how long an answer may take.
	AgentPingTimeout time.Duration `flag:"agent_ping_timeout"`
	// MaxAgentPingTimeouts is how many pings in a row an agent may miss before it is unreachable.
	MaxAgentPingTimeouts int `flag:"max_agent_ping_timeouts"`
	// AgentReregisterTimeout is how long an agent may take to come back after its connection broke or the
	// master failed over. Agents back off for minutes, so a shorter time would lose healthy ones.
	AgentReregisterTimeout time.Duration `flag:"agent_reregister_timeout"`
	// AgentRemovalRateLimit is the most agents that become unreachable in a time, like "1/10mins", so that a
	// broken network does not empty the cluster at once. Empty means no limit.
	AgentRemovalRateLimit string `flag:"agent_removal_rate_limit"`
	// RecoveryAgentRemovalLimit is the largest share of the known agents that may become unreachable after a
	// failover; beyond it the master ends, because then it is rather the master's network that is broken.
	RecoveryAgentRemovalLimit string `flag:"recovery_agent_removal_limit"`

	// RegistryFetchTimeout is how long the registry may take to be read.
	RegistryFetchTimeout time.Duration `flag:"registry_fetch_timeout"`
	// RegistryStoreTimeout is how long the registry may take to be written. Beyond it the master ends.
	RegistryStoreTimeout time.Duration `flag:"registry_store_timeout"`
	// RegistryGCInterval is the time between two cleanings of the unreachable and gone agents.
	RegistryGCInterval time.Duration `flag:"registry_gc_interval"`
	// RegistryMaxAgentAge is how long an unreachable or gone agent is remembered.
	RegistryMaxAgentAge time.Duration `flag:"registry_max_agent_age"`
	// RegistryMaxAgentCount is how many unreachable and how many gone agents are remembered.
	RegistryMaxAgentCount int `flag:"registry_max_agent_count"`

	// AllocatorAgentRecoveryFactor is the share of the agents that have to be back after a failover before anything is
	// offered, if there are quotas: with a part of the cluster, guarantees could not be kept.
	AllocatorAgentRecoveryFactor float64 `flag:"allocator_agent_recovery_factor"`
	// AllocatorRecoveryTimeout is how long to wait for them.
	AllocatorRecoveryTimeout time.Duration `flag:"allocator_recovery_timeout"`

	// OfferTimeout is how long a framework may sit on an offer. Zero means forever, which starves the others
	// when a framework forgets to decline.
	OfferTimeout time.Duration `flag:"offer_timeout"`
	// Roles are the only roles that frameworks may have; empty means any.
	Roles []string `flag:"roles"`
	// Weights are those that roles begin with, as in 'dev=1,ops=2.5', in a cluster where nobody has ever set one.
	Weights string `flag:"weights"`
	// RequireAgentDomain refuses agents that do not say in which fault domain they are.
	RequireAgentDomain bool `flag:"require_agent_domain"`
	// PublishPerFrameworkMetrics shows what is counted of each framework among the metrics.
	PublishPerFrameworkMetrics bool `flag:"publish_per_framework_metrics"`
	// RootSubmissions lets frameworks run as root.
	RootSubmissions bool `flag:"root_submissions"`

	// AuthenticateAgents refuses agents that have not proven who they are, with a credential that is in Credentials.
	AuthenticateAgents bool `flag:"authenticate_agents"`
	// AuthenticateFrameworks refuses frameworks that have not. A framework that authenticates although nobody asked
	// for it still cannot use another's principal.
	AuthenticateFrameworks bool `flag:"authenticate_frameworks"`
	// Credentials is the file with those who may authenticate: {"credentials": [{"principal": …, "secret": …}]}, or
	// a principal and a secret in each line.
	Credentials string `flag:"credentials" unit:"path"`
	// ACLs say who may do what, as JSON or in a file: {"permissive": …, "run_tasks": [{"principals": …, "users": …}], …}.
	// Whoever is in no entry may do everything unless permissive is false. A file is read again at SIGHUP.
	ACLs string `flag:"acls" unit:"path"`
	// RateLimits say how many calls frameworks may make, by principal, as JSON or in a file: {"limits": [{"principal": …,
	// "qps": …, "capacity": …}], "aggregate_default_qps": …}. A file is read again at SIGHUP.
	RateLimits string `flag:"rate_limits" unit:"path"`
	// AuthenticationTimeout is how long the answer to a challenge may take.
	AuthenticationTimeout time.Duration `flag:"authentication_v0_timeout"`

	// MaxSubscribers is how many operators may watch the stream of events at a time; one more ends the oldest stream.
	MaxSubscribers int `flag:"max_operator_event_stream_subscribers"`
	// MaxCompletedFrameworks is how many frameworks are remembered after their end.
	MaxCompletedFrameworks int `flag:"max_completed_frameworks"`
	// MaxCompletedTasksPerFramework is how many tasks of a framework are remembered after their end.
	MaxCompletedTasksPerFramework int `flag:"max_completed_tasks_per_framework"`
	// MaxUnreachableTasksPerFramework is how many tasks on unreachable agents are remembered.
	MaxUnreachableTasksPerFramework int `flag:"max_unreachable_tasks_per_framework"`

	// Version is what the program calls itself, in MasterInfo and GET_VERSION.
	Version string
}

// minAuthenticationTimeout keeps a master from demanding answers faster than a network brings them.
const minAuthenticationTimeout = time.Second

// minReregisterTimeout is Mesos' least agent_reregister_timeout.
const minReregisterTimeout = 10 * time.Minute

// Default is a complete, safe answer, but for WorkDir.
func Default() Config {
	return Config{
		Config:                          allocator.Default(),
		AgentPingTimeout:                15 * time.Second,
		MaxAgentPingTimeouts:            5,
		AgentReregisterTimeout:          minReregisterTimeout,
		RecoveryAgentRemovalLimit:       "100%",
		RegistryFetchTimeout:            time.Minute,
		RegistryStoreTimeout:            20 * time.Second,
		RegistryGCInterval:              15 * time.Minute,
		RegistryMaxAgentAge:             14 * 24 * time.Hour,
		RegistryMaxAgentCount:           102400,
		AllocatorAgentRecoveryFactor:    0.8,
		AllocatorRecoveryTimeout:        10 * time.Minute,
		RootSubmissions:                 true,
		PublishPerFrameworkMetrics:      true,
		AuthenticationTimeout:           15 * time.Second,
		MaxSubscribers:                  1000,
		MaxCompletedFrameworks:          50,
		MaxCompletedTasksPerFramework:   1000,
		MaxUnreachableTasksPerFramework: 1000,
		Version:                         mesos.Version,
	}
}

// Validate reports every problem at once, each with its reason.
func (c Config) Validate() error {
	var problems []error
	refuse := func(bad bool, flag string, value any, reason string) {
		if bad {
			problems = append(problems, fmt.Errorf("--%s=%v: %s: %w", flag, value, reason, fault.ErrInvalid))
		}
	}
	refuse(c.AgentPingTimeout < time.Second || c.AgentPingTimeout > 15*time.Minute, "agent_ping_timeout", c.AgentPingTimeout,
		"from 1s to 15m, or agents are lost to a hiccup or never")
	refuse(c.MaxAgentPingTimeouts < 1, "max_agent_ping_timeouts", c.MaxAgentPingTimeouts, "at least 1")
	refuse(c.AgentReregisterTimeout < minReregisterTimeout, "agent_reregister_timeout", c.AgentReregisterTimeout,
		"at least 10m, or agents that are backing off are lost")
	refuse(c.RegistryFetchTimeout <= 0, "registry_fetch_timeout", c.RegistryFetchTimeout, "more than 0")
	refuse(c.RegistryStoreTimeout <= 0, "registry_store_timeout", c.RegistryStoreTimeout, "more than 0")
	refuse(c.RegistryGCInterval <= 0, "registry_gc_interval", c.RegistryGCInterval, "more than 0")
	refuse(c.RegistryMaxAgentAge <= 0, "registry_max_agent_age", c.RegistryMaxAgentAge, "more than 0")
	refuse(c.RegistryMaxAgentCount < 0, "registry_max_agent_count", c.RegistryMaxAgentCount, "not negative")
	refuse(!(c.AllocatorAgentRecoveryFactor >= 0 && c.AllocatorAgentRecoveryFactor <= 1), "allocator_agent_recovery_factor",
		c.AllocatorAgentRecoveryFactor, "from 0 to 1")
	refuse(c.AllocatorRecoveryTimeout < 0, "allocator_recovery_timeout", c.AllocatorRecoveryTimeout, "not negative")
	refuse(c.OfferTimeout < 0, "offer_timeout", c.OfferTimeout, "not negative; 0 means forever")
	refuse(c.AuthenticateAgents && c.Credentials == "", "authenticate_agents", true, "needs a file of --credentials to compare with")
	refuse(c.AuthenticateFrameworks && c.Credentials == "", "authenticate_frameworks", true, "needs a file of --credentials to compare with")
	refuse(c.AuthenticationTimeout < minAuthenticationTimeout, "authentication_v0_timeout", c.AuthenticationTimeout, "at least 1s")
	refuse(c.MaxSubscribers < 1, "max_operator_event_stream_subscribers", c.MaxSubscribers, "at least 1, or nobody can watch")
	refuse(c.MaxCompletedFrameworks < 0, "max_completed_frameworks", c.MaxCompletedFrameworks, "not negative")
	refuse(c.MaxCompletedTasksPerFramework < 0, "max_completed_tasks_per_framework", c.MaxCompletedTasksPerFramework, "not negative")
	refuse(c.MaxUnreachableTasksPerFramework < 0, "max_unreachable_tasks_per_framework", c.MaxUnreachableTasksPerFramework, "not negative")
	if _, err := parseRate(c.AgentRemovalRateLimit); err != nil {
		refuse(true, "agent_removal_rate_limit", c.AgentRemovalRateLimit, err.Error())
	}
	if _, err := parsePercent(c.RecoveryAgentRemovalLimit); err != nil {
		refuse(true, "recovery_agent_removal_limit", c.RecoveryAgentRemovalLimit, err.Error())
	}
	for _, role := range c.Roles {
		if err := roles.Validate(role); err != nil {
			problems = append(problems, fmt.Errorf("--roles: %w", err))
		}
	}
	if _, err := parseWeights(c.Weights); err != nil {
		problems = append(problems, fmt.Errorf("--weights: %w", err))
	}
	refuse(c.RequireAgentDomain && c.Domain == nil, "require_agent_domain", true, "needs the --domain of the master, or nobody may join")
	return errors.Join(append(problems, c.Config.Validate())...)
}

// parsePercent reads "70%" as 0.7.
func parsePercent(text string) (float64, error) {
	digits, ok := strings.CutSuffix(text, "%")
	v, err := strconv.ParseFloat(digits, 64)
	if !ok || err != nil || !(v >= 0 && v <= 100) {
		return 0, errors.New("a percentage from 0% to 100%")
	}
	return v / 100, nil
}

// parseRate reads "N/DURATION" as the time between two permits; 0 for the empty text.
func parseRate(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	const want = "a number of agents and a duration, as in 1/10mins"
	count, span, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(count)
	if !ok || err != nil || n < 1 {
		return 0, errors.New(want)
	}
	d, err := durations.Parse(span)
	if err != nil || d <= 0 {
		return 0, errors.New(want)
	}
	return d / time.Duration(n), nil
}
