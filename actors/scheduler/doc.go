// Package scheduler is the library for writing frameworks: programs that take a cluster's offers and turn them
// into running tasks. An author writes a small type with two methods,
//
//	Offers(d *scheduler.Driver, offers []*mesospb.Offer)
//	Update(d *scheduler.Driver, status *mesospb.TaskStatus)
//
// and spawns it with [Spawn]. The library finds the master, subscribes and subscribes again whenever the
// connection or the master is lost, watches the master's heartbeats, acknowledges updates, and hands on each
// update once, however often the cluster sends it. What else can happen (a task's executor is lost, an offer is
// withdrawn, …) is told to those who ask: by the optional methods [Subscriber], [Rescinder], [Messenger],
// [Loser], [OperationWatcher], [InverseOfferer], [Refuser], [Failer] and [Starter].
//
// The [Driver] is how the framework speaks. Its methods are legal only on the framework's actor, that is inside
// of the author's methods, in timers (d.Delay) and in continuations (process.Then), so nothing here needs a lock.
// From outside, reach in with process.Dispatch. Driver embeds the actor's process.Base: Now, Rand, Delay, Every,
// Log and the rest are there too.
//
// A framework is an actor like any other, so it runs unchanged in the testkit under a virtual clock.
//
// # What is promised
//
// Calls are sent at most once. A launch that did not arrive is noticed through [Driver.Reconcile]; a kill is said
// again after each subscription until the task is known to have ended; suppressed roles stay suppressed. Tasks
// launched while there is no master come back at once as lost. Events of a master that is not the current one
// are dropped. A call that the master refuses is told to a [Refuser], else logged as a warning; when the master
// says that it does not know the framework at all, the library subscribes again. Messages given to the author's methods belong to everybody: read them, do not change them.
package scheduler
