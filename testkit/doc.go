// Package testkit is the rehearsal room: it runs unmodified actors of many nodes in one goroutine, from a seed,
// on a virtual clock, over a network that delays, loses, duplicates and cuts. The same seed gives the same run to
// the last step, on any machine, so whatever goes wrong once goes wrong again.
//
// # A world
//
// A World has nodes; each is an operating-system process of its own with a process.Runtime, where actors are
// spawned as in production:
//
//	w := testkit.NewWorld(t, testkit.Seed(7))
//	n := w.Node("n1", testkit.Boot(func(n *testkit.Node) {
//		process.Spawn(n.Runtime(), "counter", &Counter{})
//	}))
//	p := w.Probe("p")
//	p.Send(n.UPID("counter"), &pb.Add{N: 2})
//	p.Expect(testkit.That("the sum 2", func(m *pb.Sum) error { … }))
//
// Nothing happens but inside the functions that take steps: Settle until nothing can happen now, Advance for some
// virtual time, Until for a condition, and the Expect functions of a Probe. A step is one message handled, one
// message arrived, one timer fired or one piece of blocking work (process.Go) done. Which one of all that are
// possible is chosen by the seed. Time moves only when nothing is possible, and then at once: an hour of silence
// costs nothing.
//
// A Probe is a process that the test speaks and hears through. Expect waits for messages, in any order; ExpectNext
// for the very next one; ExpectNone for silence; ExpectExit for the end of a linked process.
//
// # Trouble
//
// Messages between nodes are marshalled when they are sent and unmarshalled when they arrive, so nodes share no
// memory. They take a chosen while, in order for each pair of processes. SetWeather makes them vanish or arrive twice.
// Cut and CutOneWay separate nodes: a short cut only delays, as TCP does, a longer one than Weather.KeepAlive breaks
// the connection, which both sides notice in their own time. Crash ends a node as kill -9 does, PowerOff as a pulled
// plug does; Restart starts it again with its Disk, Replace without. Work that was underway in process.Go when a
// node died may have happened, or not, or half.
// Pause and Continue are SIGSTOP and SIGCONT; JumpClock sets a node's wall clock wrong.
//
// Services that are no actors, such as Consul, talk by Carry, which suffers the same weather; work in process.Go of a node
// that Waits may Await their answers.
//
// Drop, Hold (with Release) and Watch stand in the way of messages that fit a Pattern. Observe sees all messages;
// Always checks a property after each step.
//
// # Seeds, replays and shrinking
//
// Every choice is recorded. When a test fails it prints the end of the trace and a command that repeats the run:
//
//	MESETA_SEED=54 go test -count=1 -run '^TestRegistration$' example.com/pkg
//
// Choices are recorded by topic (whose turn it is, how long things take, what is lost, what the test itself chose
// with Choose), and the first possibility is always the dullest. Check and Sweep run a body for one or many seeds; if
// it fails they run it again and again with fewer choices against the dull order until little else is left, and
// print that run:
//
//	MESETA_SEED=54:DA8 go test -count=1 -run '^TestRegistration$' example.com/pkg
//
// In its trace an asterisk marks each step that was chosen against the dull order: those are the story of the bug.
// MESETA_TRACE=1 prints whole traces, MESETA_SHRINK=0 reports a failure as it was found, MESETA_SWEEP=5000 makes sweeps longer (5001-10000: with
// other seeds), -short makes them shorter.
//
// # What an actor must not do
//
// A run repeats only if actors get time, chance and concurrency from their process.Base alone: no goroutine, lock,
// time.Now, global random, and no map order that can be seen in messages. Sweep and CheckTwice find most violations,
// because they run a seed twice and show the first difference. Work in process.Go runs synchronously at its step, so it
// must not wait for another actor; whatever waits long takes a callback and returns.
//
// The package knows only actors/process. Package cast, below it, adds masters, agents on simulated machines, and
// frameworks; package sweep sends such clusters through bad weather and checks what Meseta promises.
package testkit
