package scheduler

import (
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// Driver is a framework's actor and its handle to the cluster.
type Driver struct {
	*process.Base

	scheduler Scheduler
	config    Config
	info      *mesospb.FrameworkInfo // never changed in place: it may be on its way to a master
	quiet     []string               // suppressed roles, sorted

	state  state
	seen   *cluster.Leader // what the detector said last
	epoch  uint64          // of the master that was followed last
	master process.UPID    // zero while nobody leads
	cancel func()          // of the detection under way
	finder detector.Client // asks Config.Masters, if there are any

	proving uint64        // the authentication under way; 0: none
	asked   int           // SUBSCRIBEs without an answer, for the backoff
	retry   process.Timer // sends the next one
	again   bool          // was subscribed before
	heard   time.Time     // when the master spoke last
	beat    time.Duration // its heartbeat interval; 0: it announced none
	doubted time.Time     // when the master last said that it does not know the framework
	watch   process.Timer // looks whether heartbeats are missing
	tearing bool          // Teardown was called; it is sent once subscribed

	done  memory                            // updates that are acknowledged
	kills map[string]*schedulerpb.Call_Kill // kills whose tasks are not known to have ended
	err   error
}

// state is where the driver stands with the cluster.
//
//	seeking     → subscribing           somebody leads
//	subscribing → subscribed            the master answered
//	any         → seeking, subscribing  nobody leads, or another; the link broke; heartbeats are missing
//	any         → stopped               Stop, Teardown, or the master's ERROR; nothing follows
type state int

const (
	seeking state = iota
	subscribing
	subscribed
	stopped
)

// Spawn starts a framework as process id of a runtime. It ends after Stop, Teardown or an error of the master;
// process.Wait tells when, and then Err why.
func Spawn(rt *process.Runtime, id string, s Scheduler, c Config) (process.Ref[*Driver], error) {
	d, err := New(s, c)
	if err != nil {
		return process.Ref[*Driver]{}, err
	}
	return process.Spawn(rt, id, d)
}

// New returns a framework that is not spawned yet.
func New(s Scheduler, c Config) (*Driver, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	return &Driver{
		scheduler: s,
		config:    c,
		info:      c.Framework,
		quiet:     sortedSet(c.SuppressedRoles),
		cancel:    func() {},
		kills:     map[string]*schedulerpb.Call_Kill{},
	}, nil
}

// Initialize implements process.Process. Everything that can happen to a framework begins here.
func (d *Driver) Initialize(b *process.Base) {
	d.Base = b
	process.Install(b, d.event) // from the master, as all that follow
	process.Install(b, d.refused)
	process.Install(b, d.challenged)
	process.Install(b, d.authenticated)
	process.Install(b, d.authenticationFailed)
	if s, ok := d.scheduler.(Starter); ok {
		s.Started(d)
	}
	if len(d.config.Masters) > 0 {
		found, err := detector.Spawn(b.Runtime(), b.Self().ID+"-detector", d.config.Masters)
		if err != nil {
			d.fail(err.Error())
			return
		}
		d.config.Detector, d.finder = found, found
	}
	d.detect()
}

// Exited implements process.Exiter: the connection to a master is gone.
func (d *Driver) Exited(who process.UPID) {
	if who == d.master {
		d.linkLost()
	}
}

// Finalize implements process.Finalizer.
func (d *Driver) Finalize() {
	d.state = stopped
	d.cancel()
	d.finder.Close()
}

// Err is why the framework ended: nil after Stop and Teardown, else what the master said. Ask after process.Wait,
// or on the actor.
func (d *Driver) Err() error { return d.err }

// Framework is the framework as it is subscribed, with its id as soon as there is one.
func (d *Driver) Framework() *mesospb.FrameworkInfo { return proto.CloneOf(d.info) }

// ID is the framework's id; nil before the first subscription.
func (d *Driver) ID() *mesospb.FrameworkID { return d.info.GetId() }

// Connected says whether calls have a master to go to. What is called while it is false is kept or lost as each
// call says.
func (d *Driver) Connected() bool { return d.state == subscribed }

// Master is who leads; zero when nobody is known to.
func (d *Driver) Master() process.UPID { return d.master }

func sortedSet(words []string) []string {
	words = slices.Clone(words)
	slices.Sort(words)
	return slices.Compact(words)
}
