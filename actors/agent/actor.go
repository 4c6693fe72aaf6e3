package agent

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/tracing"
)

// Parts are what an agent is made of besides its configuration.
type Parts struct {
	// Detector finds the master.
	Detector cluster.Detector
	// Launcher runs the executors.
	Launcher containerizer.Launcher
	// Isolators are the names of those that the Launcher uses; what none of them is for is refused to tasks.
	Isolators []string
	// Fetcher brings the files that tasks name. Nil: tasks with URIs are refused.
	Fetcher fetcher.Fetcher
	// Files shows sandboxes to those who ask over HTTP. Nil: nobody does.
	Files Files
	// Disk is the work directory.
	Disk Disk
	// Credential is what the agent proves itself with: what is in the file that Config.Credential names. Nil: it
	// does not authenticate.
	Credential *mesospb.Credential
	// Authorizer says what may be done on the agent, and who may see what. Nil: everything.
	Authorizer authorization.Authorizer
	// SecretKey signs the tokens that executors prove themselves with. Zero: they get none.
	SecretKey credentials.Secret
	// AuthenticateExecutors refuses executors that do not speak HTTP and come without their token. Those that do are the
	// gateway's to check.
	AuthenticateExecutors bool
	// Environment is what executors are told beside Config.ExecutorEnvironmentVariables, which win: NAME=value.
	Environment []string
	// Tracer hears how tasks come from their arrival to running. Nil: nobody does.
	Tracer tracing.Tracer
	// Machine is what is detected; the zero value detects nothing.
	Machine Machine
	// Ended, if set, is called once when the agent has ended by itself: nil when it was told to shut down or
	// has cleaned up, else why it cannot go on. It is not called by Runtime.Shutdown, which leaves executors
	// running.
	Ended func(error)
}

// Agent is the actor.
type Agent struct {
	config   Config
	parts    Parts
	b        *process.Base
	info     *mesospb.AgentInfo // with an id once the master gave one
	phase    phase
	inherits []string // what executors get from the agent's environment

	membership membership
	drain      draining
	writer     writer
	garbage    garbage
	holdings   holdings
	root       string // the work directory, absolute; known before any executor begins
	frameworks map[string]*framework
	completed  []*FrameworkView // the oldest first
	counters   counters
	desk       process.Ref[*desk]
	latest     *process.Published[View]
	changed    bool      // since the last view
	published  time.Time // when that was
	began      time.Time
	recovery   time.Duration  // how long it took; 0 before
	loaded     bool           // the checkpoints are read
	held       []func()       // updates that came before
	early      []process.UPID // who called before the checkpoints were read
	reunited   time.Time      // when executors that live were called
	returned   time.Time      // when the last of them answered
	reuniting  bool           // in the middle of looking through recovered executors
}

// phase is the agent's life.
//
//	recovering → away ⇄ member → leaving → left
type phase uint8

const (
	recovering phase = iota // reading what was written, waiting for executors
	away                    // no master has admitted it, or the link to it broke
	member                  // registered
	leaving                 // told to shut down: ends when its executors have
	left                    // they have
)

// Spawn starts an agent, and its desk: an actor called operator(n) for an agent slave(n), which answers
// agentpb.Call.
func Spawn(rt *process.Runtime, c Config, p Parts) (Client, error) {
	if err := c.Validate(); err != nil {
		return Client{}, err
	}
	info, err := describe(c, p.Machine, portOf(rt.Addr()))
	if err != nil {
		return Client{}, err
	}
	inherits, err := c.environment()
	if err != nil {
		return Client{}, err
	}
	inherits = append(unlessSet(p.Environment, inherits), inherits...)
	if p.Authorizer == nil {
		p.Authorizer = authorization.Everything
	}
	latest := &process.Published[View]{}
	latest.Store(&View{Recovering: true, Reading: true, Info: info})
	d := &desk{config: c, disk: p.Disk, launcher: p.Launcher, authorizer: p.Authorizer, latest: latest}
	deskRef, err := process.Spawn(rt, deskID(c.ID), d)
	if err != nil {
		return Client{}, err
	}
	a := &Agent{config: c, parts: p, info: info, inherits: inherits, desk: deskRef, latest: latest, frameworks: map[string]*framework{}}
	ref, err := process.Spawn(rt, c.ID, a)
	if err != nil {
		process.Terminate(deskRef, true)
		return Client{}, err
	}
	return Client{agent: ref, desk: deskRef, d: d}, nil
}

// deskID is operator(n) for slave(n).
func deskID(agent string) string {
	if n, ok := strings.CutPrefix(agent, "slave"); ok {
		return "operator" + n
	}
	return agent + "-operator"
}

func portOf(addr string) int32 {
	n, err := strconv.ParseInt(addr[strings.LastIndexByte(addr, ':')+1:], 10, 32)
	if err != nil {
		return 5051 // a runtime that talks to nobody
	}
	return int32(n)
}

// Initialize is everything that can happen to an agent.
func (a *Agent) Initialize(b *process.Base) {
	a.b = b
	a.began = b.Now()
	a.counters.keptFor = a.config.GCDelay
	b.Metrics().Counter(destroyErrors).Add(0)
	a.countGarbage()
	// The master: membership.go
	process.Install(b, a.challenged)           // authenticate.go
	process.Install(b, a.authenticated)        // authenticate.go
	process.Install(b, a.authenticationFailed) // authenticate.go
	process.Install(b, a.refused)              // authenticate.go
	process.Install(b, a.registered)
	process.Install(b, a.reregistered)
	process.Install(b, a.ping)
	process.Install(b, a.shutdownAgent) // leave.go
	process.Install(b, a.drainAgent)    // drain.go
	// The master: work
	process.Install(b, a.runTask)              // launch.go
	process.Install(b, a.runTaskGroup)         // launch.go
	process.Install(b, a.killTask)             // kill.go
	process.Install(b, a.shutdownExecutor)     // kill.go
	process.Install(b, a.shutdownFramework)    // kill.go
	process.Install(b, a.updateFramework)      // framework.go
	process.Install(b, a.frameworkMessage)     // relay.go
	process.Install(b, a.acknowledgeStatus)    // update.go
	process.Install(b, a.applyOperation)       // operation.go
	process.Install(b, a.acknowledgeOperation) // operation.go
	// Executors: SUBSCRIBE (subscribe.go), UPDATE (update.go), MESSAGE (relay.go)
	process.Install(b, a.executorCall)
	process.Install(b, a.executorToken) // proof.go
	// Operators who ask the agent instead of its desk
	process.Install(b, a.operatorCall)

	b.AfterBatch(a.drainOver)
	b.AfterBatch(a.publish)
	a.recover()
}

// Exited hears of broken links: to the master, or to an executor.
func (a *Agent) Exited(who process.UPID) {
	if who == a.membership.master {
		a.masterLost()
		return
	}
	if e := a.executorAt(who); e != nil {
		a.executorLost(e)
	}
}

// end stops the actor, with the reason for whoever runs it.
func (a *Agent) end(why error) {
	a.cancelAll()
	process.Terminate(a.desk, false)
	a.b.Terminate()
	if ended := a.parts.Ended; ended != nil {
		a.parts.Ended = nil
		process.Go(a.b, func(context.Context) (struct{}, error) {
			ended(why)
			return struct{}{}, nil
		})
	}
}

// Finalize leaves the executors alone: they outlive the agent.
func (a *Agent) Finalize() { a.cancelAll() }

// cancelAll ends the waits that edges hold for this agent.
func (a *Agent) cancelAll() {
	a.membership.cancel()
	for _, f := range a.frameworks {
		for _, e := range f.executors {
			e.cancel()
		}
	}
}

// id is the agent's id, "" before the first registration.
func (a *Agent) id() string { return a.info.GetId().GetValue() }

func (a *Agent) fatal(doing string, err error) {
	a.b.Fatal(fmt.Errorf("agent %s: %s: %w", a.id(), doing, err))
}
