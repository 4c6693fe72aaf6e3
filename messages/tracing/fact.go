// Package tracing has the words by which masters and agents tell how a task comes from its offer to running: steps, each
// with a begin and an end, that make one tree. Nothing of it travels with messages: which trace a step belongs to
// and what it is a part of follow from the ids of framework and task, so master and agent agree without asking.
//
// It decides nothing about who listens: that is a Tracer, and where there is none nothing is told.
package tracing

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
)

// Tracer hears what was done. Note is called by actors, so it must not block and must not keep them long.
type Tracer interface {
	Note(Fact)
}

// Step is a part of a task's way. The zero Step is none.
type Step uint8

// The steps, in the order in which they are done. docs/tracing.md says where each begins and ends.
const (
	Task        Step = iota + 1 // the whole way: the root
	Offer                       // the framework thinks about an offer
	Accept                      // the master validates and sends the task to the agent, or refuses it
	Agent                       // the agent's part of it
	Checkpoint                  // the agent writes the task down
	Launch                      // the agent makes sandbox and container
	Register                    // the executor starts and says its first word
	Execute                     // the executor has the task, and has not said what became of it
	Update                      // a status of the task, until its framework has acknowledged it
	Forward                     // the master passes that status on
	Acknowledge                 // the master passes the acknowledgement back
)

// names are what people see, and parents what each step is a part of.
var names = [...]string{"", "task", "offer", "accept", "agent", "checkpoint", "launch", "register", "execute", "update", "forward", "acknowledge"}

var parents = [...]Step{Accept: Task, Offer: Task, Agent: Task, Checkpoint: Agent, Launch: Agent, Register: Agent, Execute: Agent,
	Update: Agent, Forward: Update, Acknowledge: Update}

// String is the step's name.
func (s Step) String() string { return names[s] }

// Remote says whether another process tells the step that this one is a part of.
func (s Step) Remote() bool { return s == Agent || s == Forward || s == Acknowledge }

// Fact is one step that was done.
type Fact struct {
	Framework, Task string // ids
	Step            Step
	Update          string    // the uuid of the status, for Update, Forward and Acknowledge; else empty
	From, To        time.Time // by the clock of whoever tells
	// What else is known; empty where it is not.
	Agent, Executor, Container, Offer, Role string
	State                                   string // of the task, as TASK_RUNNING
	Failure                                 string // why the step failed; empty if it did not
}

// TraceID names the tree of a task.
type TraceID [16]byte

// SpanID names a step in its tree.
type SpanID [8]byte

// Trace is the tree that the fact belongs to.
func (f *Fact) Trace() (id TraceID) {
	copy(id[:], digest(f.Framework, f.Task))
	return id
}

// Span is the fact's own name. A step that others are a part of is named by what it is, so that they can tell its name;
// every other also by its begin, because it may be done twice.
func (f *Fact) Span() SpanID {
	switch f.Step {
	case Task, Agent, Update:
		return f.named(f.Step)
	}
	return spanID(digest(f.Framework, f.Task, f.Step.String(), f.Update, string(binary.BigEndian.AppendUint64(nil, uint64(f.From.UnixNano())))))
}

// Parent is the name of the step that this one is a part of; false for the root.
func (f *Fact) Parent() (SpanID, bool) {
	parent := parents[f.Step]
	if parent == 0 {
		return SpanID{}, false
	}
	return f.named(parent), true
}

// named is the name of a step that others are a part of.
func (f *Fact) named(s Step) SpanID {
	if s == Update {
		return spanID(digest(f.Framework, f.Task, s.String(), f.Update))
	}
	return spanID(digest(f.Framework, f.Task, s.String()))
}

func spanID(sum []byte) (id SpanID) {
	copy(id[:], sum)
	return id
}

// digest is a hash of words in which no two lists of words look alike.
func digest(words ...string) []byte {
	var room [256]byte
	text := room[:0]
	for _, w := range words {
		text = append(binary.AppendUvarint(text, uint64(len(w))), w...)
	}
	sum := sha256.Sum256(text)
	return sum[:]
}
