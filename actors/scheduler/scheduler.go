package scheduler

import (
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// Scheduler is what every framework does. Its methods run on the framework's actor, one at a time.
type Scheduler interface {
	// Offers brings resources that are the framework's until it accepts or declines them, or they are rescinded.
	// Answer every offer, also with Decline: what sits unanswered is of use to nobody.
	Offers(d *Driver, offers []*mesospb.Offer)
	// Update tells the state of a task. After it returns the update is acknowledged, unless the framework asked
	// to do that itself (Config.ExplicitAcknowledgements) or has stopped meanwhile. An update that was
	// acknowledged is not told again.
	Update(d *Driver, status *mesospb.TaskStatus)
}

// Starter is told that its actor runs, before anything else. It is the place for timers and for handlers of the
// framework's own messages.
type Starter interface{ Started(d *Driver) }

// Subscriber is told when the framework joins the cluster and when it is cut off. Offers from before a
// disconnection are void.
type Subscriber interface {
	Subscribed(d *Driver, s Subscription)
	Disconnected(d *Driver)
}

// Subscription says what a master answered.
type Subscription struct {
	// FrameworkID is the framework's for good. A framework that wants to outlive its process keeps it, and sets
	// it in Config.Framework when it returns.
	FrameworkID *mesospb.FrameworkID
	// Master is who answered; nil if it did not say.
	Master *mesospb.MasterInfo
	// Again is true from this actor's second subscription on.
	Again bool
}

// Rescinder is told that an offer is void. Using it all the same is answered by a lost task, so a framework that
// answers offers at once need not care.
type Rescinder interface {
	Rescinded(d *Driver, offer *mesospb.OfferID)
}

// Messenger gets what executors send. Such messages are never repeated and may be lost.
type Messenger interface {
	Message(d *Driver, agent *mesospb.AgentID, executor *mesospb.ExecutorID, data []byte)
}

// Loser is told about what is gone. The tasks that were there have updates of their own, sooner or later.
type Loser interface {
	AgentLost(d *Driver, agent *mesospb.AgentID)
	// ExecutorLost comes with the raw wait status; -1 when it is not known.
	ExecutorLost(d *Driver, agent *mesospb.AgentID, executor *mesospb.ExecutorID, status int)
}

// OperationWatcher gets the states of operations that were given an id. They are acknowledged as updates are.
type OperationWatcher interface {
	OperationUpdated(d *Driver, status *mesospb.OperationStatus)
}

// InverseOfferer is asked to give resources back for maintenance.
type InverseOfferer interface {
	InverseOffers(d *Driver, offers []*mesospb.InverseOffer)
	InverseOfferRescinded(d *Driver, offer *mesospb.OfferID)
}

// Failer is told why the cluster wants no more of the framework: its description is refused, it was torn down,
// or another instance took its place. The actor ends after it returns.
type Failer interface {
	Failed(d *Driver, reason string)
}

// Observer sees every event as it came, before anything else is done with it. It is for those who write tools.
type Observer interface {
	Observed(d *Driver, e *schedulerpb.Event)
}
