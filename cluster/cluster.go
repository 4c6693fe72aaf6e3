// Package cluster says who leads and what survives. It holds the interfaces that the actors are written
// against; standalone (one master, a bbolt file) and memory (tests, with faults to inject) implement them,
// and clustertest is the exam that every implementation takes.
//
// The actors know nothing of files or services: a master contends for a Term, and hands that Term to the
// Registry with every read and write, so that a deposed master can change nothing however late its writes
// arrive. Agents and schedulers ask a Detector who leads.
//
// What may wait long takes a callback, which is called exactly once unless it was cancelled first, from any
// goroutine and never while a lock of the implementation is held. What is short blocks and takes a context.
package cluster

import (
	"context"
	"errors"
	"fmt"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// ErrFenced says that the term of a read or write is over. It belongs to fault.ErrNotLeader: the only thing
// left to a master that meets it is to end.
var ErrFenced = fmt.Errorf("the term is over: %w", fault.ErrNotLeader)

// ErrUnknownOutcome says that a write may have happened or not. It belongs to fault.ErrUnavailable. Trying
// the same changes again is safe, because setting and deleting are idempotent and fenced by the term.
var ErrUnknownOutcome = fmt.Errorf("nobody knows whether it was written: %w", fault.ErrUnavailable)

// ErrClosed says that the store was closed by its owner.
var ErrClosed = errors.New("the store is closed")

// Contender asks to lead.
type Contender interface {
	// Contend waits until info leads and hands over its term, or reports why it never will. One candidate
	// may contend once at a time. Cancel withdraws; a term won in the same instant is given back.
	Contend(info *mesospb.MasterInfo, done func(Term, error)) (cancel func())
}

// Term is one master's time as the leader.
type Term interface {
	// Epoch is larger than that of every earlier term of the same cluster, also across restarts.
	Epoch() uint64
	// Valid reports whether its master may still act: the term is not over, and nobody else can lead before
	// the local lease ends. It asks nobody, so it is cheap enough for every message. Once false, it stays so.
	Valid() bool
	// Lost calls done when the term ends: with nil after Resign, else with the reason.
	Lost(done func(error)) (cancel func())
	// Resign ends the term, so that another can lead at once. It is idempotent.
	Resign(ctx context.Context) error
}

// Detector tells who leads.
type Detector interface {
	// Detect calls done with the leader once it differs from previous, which may be nil for none; with a nil
	// leader when nobody leads any more. Whoever wants to follow calls it again with what it got.
	Detect(previous *Leader, done func(*Leader, error)) (cancel func())
}
