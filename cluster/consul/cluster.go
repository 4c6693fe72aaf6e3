package consul

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
)

// Cluster is a cluster.Contender, cluster.Detector and cluster.Registry on Consul.
type Cluster struct {
	config Config
	wire   Wire
	clock  Clock
	log    *slog.Logger

	mu         sync.Mutex
	out        []func() // what to do once the lock is released, in order
	closed     bool
	forgot     error
	mark       Mark // the furthest that was seen of the cluster
	saved      time.Time
	candidates []*candidate
	retired    []*retirement
	watch      watch
}

// New returns a cluster that is driven by a wire and a clock. Config must be valid. If its Memory cannot be read,
// contending fails.
func New(c Config, w Wire, clock Clock, log *slog.Logger) *Cluster {
	cl := &Cluster{config: c, wire: w, clock: clock, log: log, watch: watch{reads: ring{servers: c.Servers}}}
	if c.Memory != nil {
		if cl.mark, cl.forgot = c.Memory.Load(); cl.forgot != nil {
			cl.forgot = fmt.Errorf("what this master remembers of its cluster cannot be read: %w", cl.forgot)
		}
	}
	return cl
}

// Open connects to Consul over HTTP. It fails only for what is wrong on this machine: files that cannot be read.
// Whether Consul is there is found out by contending and detecting, which wait for it.
func Open(c Config, log *slog.Logger) (*Cluster, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	wire, err := dial(c)
	if err != nil {
		return nil, err
	}
	if c.Place == "" {
		c.Place = place()
	}
	cl := New(c, wire, bootClock{}, log)
	if cl.forgot != nil {
		return nil, cl.forgot
	}
	return cl, nil
}

// Close ends every term and wait with cluster.ErrClosed, and asks Consul once to end the sessions, so that another
// can lead at once.
func (c *Cluster) Close() error {
	var sessions []string
	c.turn(func() {
		if c.closed {
			return
		}
		c.closed = true
		for _, who := range c.candidates {
			if who.session != "" {
				sessions = append(sessions, who.session)
			}
			who.leave(cluster.ErrClosed)
		}
		c.candidates = nil
		for _, r := range c.retired {
			c.quiet(r.asking, r.alarm)
		}
		c.endWatch(cluster.ErrClosed)
	})
	var errs []error
	for _, id := range sessions {
		errs = append(errs, c.destroyNow(id))
	}
	return errors.Join(errs...)
}

func (c *Cluster) leaderKey() string      { return c.config.Prefix + "/leader" }
func (c *Cluster) revisionKey() string    { return c.config.Prefix + "/revision" }
func (c *Cluster) registryPrefix() string { return c.config.Prefix + "/registry/" }

// The times of requests. A renewal has as long as the next one is away, so that a lease survives several that
// fail.
const (
	requestTimeout = 2 * time.Second
	writeTimeout   = 5 * time.Second
	loadTimeout    = 15 * time.Second
	// waitTime is how long a watch lets Consul wait for a change. Short, because a watch that hangs on a server
	// that was stopped sees nothing until it is over.
	waitTime = 10 * time.Second
	// retryPause is between two tries of what no server answers, or what a lock-delay refuses.
	retryPause = 250 * time.Millisecond
)

// pulse is how often a session is renewed, and how long one renewal may take.
func (c Config) pulse() time.Duration { return min(requestTimeout, c.TTL/4) }

// denied reports whether Consul refuses because of who asks, which trying again does not change.
func denied(err error) bool {
	var status *StatusError
	return errors.Is(err, fault.ErrDenied) || errors.As(err, &status) && (status.Code == 401 || status.Code == 403)
}
