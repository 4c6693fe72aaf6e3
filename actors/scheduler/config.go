package scheduler

import (
	"errors"
	"fmt"
	"math"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

const (
	// The first wait for an answer to SUBSCRIBE, doubled up to the longest. Mesos begins with 2 s and ends at one
	// minute; a framework of ours is back sooner, because asking costs a master little.
	defaultRetry    = 500 * time.Millisecond
	defaultRetryMax = 15 * time.Second
	// A master that keeps silent for so many of its heartbeats is given up.
	missedHeartbeats = 5
)

// Config says who the framework is and where its master is found. Framework and one of Master, Masters and Detector are
// needed.
type Config struct {
	// Framework describes the framework. With its id set, the framework returns as the one that it was; without,
	// the cluster gives it a new one.
	Framework *mesospb.FrameworkInfo
	// Master is the one master of the cluster. Masters are addresses of masters, host:port, some or all of a cluster's:
	// they are asked who leads, and whoever does is followed. Detector follows by other means.
	Master   process.UPID
	Masters  []string
	Detector cluster.Detector
	// Credential is what the framework authenticates with. Nil: it does not. A framework whose description names a
	// principal needs the credential of that principal.
	Credential *mesospb.Credential
	// SuppressedRoles are roles that want no offers at first.
	SuppressedRoles []string
	// OfferConstraints limit the agents whose offers are wanted.
	OfferConstraints *schedulerpb.OfferConstraints
	// ExplicitAcknowledgements leaves it to the framework to call Acknowledge for each update, for instance after
	// it has written down what it says. An update that is not acknowledged is sent again and again.
	ExplicitAcknowledgements bool
	// Retry is how long to wait at first for an answer of the master, and RetryMax at most. Zero: 500 ms, 15 s.
	Retry, RetryMax time.Duration
}

// Validate reports everything that is wrong at once.
func (c Config) Validate() error {
	var problems []error
	add := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf(format+": %w", append(args, fault.ErrInvalid)...))
	}
	switch f := c.Framework; {
	case f == nil:
		add("framework: missing; it needs a name at least")
	case f.GetName() == "":
		add("framework name: missing; it is what operators see")
	}
	if t := c.Framework.GetFailoverTimeout(); t < 0 || math.IsNaN(t) {
		add("framework failover_timeout %v: at least 0 seconds", t)
	}
	if given := count(!c.Master.IsZero()) + count(len(c.Masters) > 0) + count(c.Detector != nil); given != 1 {
		add("master: one of Master, Masters and Detector is needed, and only one")
	}
	if err := detector.Validate(c.Masters); len(c.Masters) > 0 && err != nil {
		problems = append(problems, err)
	}
	if c.Credential != nil && c.Credential.GetPrincipal() == "" {
		add("credential: a principal is missing")
	}
	if c.Retry < 0 || c.RetryMax < 0 {
		add("retry %v, at most %v: cannot be negative", c.Retry, c.RetryMax)
	}
	return errors.Join(problems...)
}

// withDefaults is a copy of the config that is complete and belongs to the driver alone.
func (c Config) withDefaults() Config {
	c.Framework = proto.CloneOf(c.Framework)
	c.Credential = proto.CloneOf(c.Credential)
	if c.Framework.User == nil {
		// An empty user is the user that the agent runs as.
		c.Framework.User = proto.String("")
	}
	if c.Retry == 0 {
		c.Retry = defaultRetry
	}
	if c.RetryMax == 0 {
		c.RetryMax = defaultRetryMax
	}
	c.RetryMax = max(c.RetryMax, c.Retry)
	if c.Detector == nil && len(c.Masters) == 0 {
		c.Detector = fixed(c.Master)
	}
	return c
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// fixed is a detector that knows one master.
type fixed process.UPID

// Detect implements cluster.Detector.
func (f fixed) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) (cancel func()) {
	if previous == nil {
		done(&cluster.Leader{UPID: process.UPID(f).String()}, nil)
	}
	return func() {}
}
