package executor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/uuid"
)

// ErrAgentLost is why an executor ended that waited in vain for its agent.
var ErrAgentLost = errors.New("the agent is gone and did not come back in time")

const (
	// lastWords is how long a stopped executor waits for its last updates to be stored.
	lastWords = time.Minute
	// firstBackoff is the first bound of the random wait before subscribing again.
	firstBackoff = 100 * time.Millisecond
)

// Driver is the actor that speaks with the agent for an Executor. Its methods are for the Executor's callbacks and
// for what runs on its actor (Then, Delay).
//
//	subscribing → subscribed ⇄ (link lost) subscribing → stopping → ended
type Driver struct {
	config   Config
	executor Executor
	b        *process.Base

	subscribed bool
	// asked: a SUBSCRIBE went out since the connection was lost. A welcome that comes before is an answer to an
	// older one, from an agent that is gone.
	asked    bool
	info     *executorpb.Event_Subscribed
	backoff  time.Duration
	attempt  process.Timer
	deadline process.Timer // until the agent has to be back

	tasks   []*mesospb.TaskInfo // of which no update was stored yet
	updates []*pending          // not stored yet, oldest first
	gone    bool                // told to shut down
	stop    bool                // Stop was called
	why     error               // for Ended
}

// pending is an update that is not stored yet, as far as the executor knows.
type pending struct {
	*executorpb.Call_Update
	// sent: on its own or in the last SUBSCRIBE, over the connection that there is.
	sent bool
}

// Spawn starts an executor as an actor. It ends when it is told to shut down, or when its agent is lost.
func Spawn(rt *process.Runtime, c Config, e Executor) (process.UPID, error) {
	if c.ID == "" {
		c.ID = "executor(1)"
	}
	ref, err := process.Spawn(rt, c.ID, &Driver{config: c, executor: e})
	return ref.UPID, err
}

// Initialize implements process.Process.
func (d *Driver) Initialize(b *process.Base) {
	d.b = b
	process.Install(b, d.event)
	process.Install(b, d.reconnect)
	d.backoff = firstBackoff
	d.subscribe()
}

// Base is for timers, blocking work and time.
func (d *Driver) Base() *process.Base { return d.b }

// Config is what the agent told this executor.
func (d *Driver) Config() Config { return d.config }

// Framework is the framework, once subscribed.
func (d *Driver) Framework() *mesospb.FrameworkInfo { return d.info.GetFrameworkInfo() }

// Agent is the agent, once subscribed.
func (d *Driver) Agent() *mesospb.AgentInfo { return d.info.GetAgentInfo() }

// ContainerID is the executor's container, once subscribed.
func (d *Driver) ContainerID() *mesospb.ContainerID { return d.info.GetContainerId() }

// Update tells how a task goes. The update is kept and sent again until the agent has stored it; uuid, source,
// executor and time are filled in. The status must not be changed afterwards.
func (d *Driver) Update(s *mesospb.TaskStatus) {
	id := uuid.New(d.b.Rand())
	s.Uuid = id[:]
	s.Source = mesospb.TaskStatus_SOURCE_EXECUTOR.Enum()
	s.ExecutorId = &mesospb.ExecutorID{Value: proto.String(d.config.ExecutorID)}
	if s.Timestamp == nil {
		s.Timestamp = proto.Float64(float64(d.b.Now().UnixNano()) / 1e9)
	}
	d.updates = append(d.updates, &pending{Call_Update: &executorpb.Call_Update{Status: s}})
	if d.subscribed {
		d.sendUpdates()
	}
}

// sendUpdates sends what has not been sent over this connection, in order.
func (d *Driver) sendUpdates() {
	for _, u := range d.updates {
		if !u.sent {
			u.sent = true
			d.send(executorpb.Call_UPDATE, func(c *executorpb.Call) { c.Update = u.Call_Update })
		}
	}
}

// Message sends bytes to the scheduler, once: they may be lost.
func (d *Driver) Message(data []byte) {
	if d.subscribed {
		d.send(executorpb.Call_MESSAGE, func(c *executorpb.Call) { c.Message = &executorpb.Call_Message{Data: data} })
	}
}

// Stop ends the executor when its updates are stored, or after a minute.
func (d *Driver) Stop() {
	if d.stop {
		return
	}
	d.stop = true
	d.b.Delay(lastWords, func() { d.end() })
	d.endIfTold()
}

// endIfTold ends a stopped executor that has nothing left to tell, or nobody to tell it to.
func (d *Driver) endIfTold() {
	if d.stop && (len(d.updates) == 0 || d.gone && !d.subscribed) {
		d.end()
	}
}

// end is the end of the actor.
func (d *Driver) end() {
	ended := d.config.Ended
	d.config.Ended = nil
	d.b.Terminate()
	if ended != nil {
		why := d.why
		process.Go(d.b, func(context.Context) (struct{}, error) {
			ended(why)
			return struct{}{}, nil
		})
	}
}

func (d *Driver) send(t executorpb.Call_Type, fill func(*executorpb.Call)) {
	c := &executorpb.Call{
		Type:        t.Enum(),
		FrameworkId: &mesospb.FrameworkID{Value: proto.String(d.config.FrameworkID)},
		ExecutorId:  &mesospb.ExecutorID{Value: proto.String(d.config.ExecutorID)},
	}
	fill(c)
	d.b.Send(d.config.Agent, c)
}

// subscribe says hello, with everything that the agent may not have stored, until it is answered.
func (d *Driver) subscribe() {
	if d.subscribed {
		return
	}
	d.b.Link(d.config.Agent)
	d.asked = true
	if !d.config.Token.IsZero() {
		d.b.Send(d.config.Agent, &controlpb.ExecutorToken{Token: proto.String(string(d.config.Token.Reveal()))})
	}
	d.send(executorpb.Call_SUBSCRIBE, func(c *executorpb.Call) {
		c.Subscribe = &executorpb.Call_Subscribe{UnacknowledgedTasks: slices.Clone(d.tasks)}
		for _, u := range d.updates {
			u.sent = true
			c.Subscribe.UnacknowledgedUpdates = append(c.Subscribe.UnacknowledgedUpdates, u.Call_Update)
		}
	})
	d.subscribeLater()
}

func (d *Driver) subscribeLater() {
	if d.attempt != nil {
		d.attempt.Stop()
	}
	wait := time.Duration(d.b.Rand().Int64N(int64(d.backoff) + 1))
	d.backoff = min(2*d.backoff, max(d.config.SubscriptionBackoffMax, firstBackoff))
	d.attempt = d.b.Delay(wait, d.subscribe)
}

// Exited is the lost connection. The agent may come back, under the same name.
func (d *Driver) Exited(who process.UPID) {
	if who != d.config.Agent || d.gone {
		return
	}
	if d.subscribed {
		d.backoff = firstBackoff
	}
	d.subscribed, d.asked = false, false
	if !d.config.Checkpoint {
		d.why = ErrAgentLost
		d.shutdown()
		return
	}
	if d.deadline == nil {
		d.deadline = d.b.Delay(d.config.RecoveryTimeout, func() {
			d.why = ErrAgentLost
			d.shutdown()
		})
	}
	d.subscribeLater()
}

// reconnect is a restarted agent that looks for its executors.
func (d *Driver) reconnect(from process.UPID, m *controlpb.ReconnectExecutor) {
	if from != d.config.Agent || m.GetAgentId().GetValue() != d.config.AgentID || d.gone {
		return
	}
	d.subscribed = false
	d.backoff = firstBackoff
	d.subscribe()
}

// event is everything that the agent says.
func (d *Driver) event(from process.UPID, e *executorpb.Event) {
	if from != d.config.Agent {
		return
	}
	switch e.GetType() {
	case executorpb.Event_SUBSCRIBED:
		d.welcomed(e.GetSubscribed())
	case executorpb.Event_LAUNCH:
		d.launch(e.GetLaunch().GetTask())
	case executorpb.Event_LAUNCH_GROUP:
		for _, t := range e.GetLaunchGroup().GetTaskGroup().GetTasks() {
			d.launch(t)
		}
	case executorpb.Event_KILL:
		d.executor.Kill(d, e.GetKill().GetTaskId(), e.GetKill().GetKillPolicy())
	case executorpb.Event_ACKNOWLEDGED:
		d.acknowledged(e.GetAcknowledged())
	case executorpb.Event_MESSAGE:
		if m, ok := d.executor.(Messenger); ok {
			m.Message(d, e.GetMessage().GetData())
		}
	case executorpb.Event_SHUTDOWN:
		d.shutdown()
	case executorpb.Event_ERROR:
		d.why = fmt.Errorf("the agent refuses this executor: %s", e.GetError().GetMessage())
		d.shutdown()
	}
}

func (d *Driver) welcomed(s *executorpb.Event_Subscribed) {
	if d.gone || !d.asked {
		return
	}
	d.subscribed = true
	d.info = s
	for _, t := range []process.Timer{d.attempt, d.deadline} {
		if t != nil {
			t.Stop()
		}
	}
	d.attempt, d.deadline = nil, nil
	d.sendUpdates() // those that came up since the SUBSCRIBE that this answers
	if x, ok := d.executor.(Subscriber); ok {
		x.Subscribed(d, s)
	}
}

// launch starts a task once. An agent that lost the connection hands over again what it cannot know to have arrived; it
// stops doing so before it acknowledges the first update, and until then the task is listed here.
func (d *Driver) launch(t *mesospb.TaskInfo) {
	known := func(other *mesospb.TaskInfo) bool { return other.GetTaskId().GetValue() == t.GetTaskId().GetValue() }
	if d.gone || slices.ContainsFunc(d.tasks, known) {
		return
	}
	d.tasks = append(d.tasks, t)
	d.executor.Launch(d, t)
}

// acknowledged drops what the agent has stored.
func (d *Driver) acknowledged(m *executorpb.Event_Acknowledged) {
	id := m.GetTaskId().GetValue()
	d.updates = slices.DeleteFunc(d.updates, func(u *pending) bool {
		return string(u.GetStatus().GetUuid()) == string(m.GetUuid())
	})
	d.tasks = slices.DeleteFunc(d.tasks, func(t *mesospb.TaskInfo) bool { return t.GetTaskId().GetValue() == id })
	d.endIfTold()
}

// shutdown is the order to end, from the agent or because it is lost.
func (d *Driver) shutdown() {
	if d.gone {
		return
	}
	d.gone = true
	if x, ok := d.executor.(Shutdowner); ok {
		x.Shutdown(d)
		return
	}
	d.Stop()
}
