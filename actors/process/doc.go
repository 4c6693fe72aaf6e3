// Package process is libprocess' model on Proto.Actor: the runtime that every actor of Meseta lives in.
//
// A process owns its state and handles one message at a time. It is spawned under an id, known to everybody
// by its [UPID] (id@host:port), and touches the world only through its [Base]: Send, Link, Delay, Go, Now,
// Rand. Messages are protobufs with typed handlers ([Install]); functions can be run on a process with
// [Dispatch] and [Call], and the answers of futures come back to it with [Then]. All of these are ordinary
// messages in one queue, so what was sent first is handled first.
//
// Promises, the same as libprocess makes: a message arrives at most once, in order for each sender and
// receiver, and the end of a linked process is noticed exactly once, after everything that it sent.
//
// A panic or [Base.Fatal] in a handler is a broken invariant and ends the operating-system process (see
// Config.OnPanic), because an actor that goes on with half a memory is worse than one that is gone.
//
// Everything that decides when something happens is a seam: [Clock], [Stage] and [Transport]. With seams that
// are deterministic the whole runtime is: it starts no goroutine, reads no clock and no global random, and
// walks no map where order can be seen. The testkit lives on that.
//
// What is left to others: the transport between nodes (package remote), and every decision.
package process
