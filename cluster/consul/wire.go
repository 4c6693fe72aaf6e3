package consul

import (
	"context"
	"fmt"
	"time"
)

// Wire carries requests to Consul's servers (or agents, which pass them on). An implementation keeps no state
// that matters: each call stands for itself.
type Wire interface {
	// Do sends a request to one of Config.Servers and calls done once, from any goroutine, with the answer or
	// the reason why there is none; also when it is cancelled, which the caller then ignores. A write without
	// an answer may still happen, now or later.
	Do(server string, r Request, timeout time.Duration, done func(Reply, error)) (cancel func())
	// Wait is Do for callers that may block: the registry's reads and writes, and the last words of a term.
	Wait(ctx context.Context, server string, r Request, timeout time.Duration) (Reply, error)
}

// Request is one call of Consul's HTTP API: one of the types below.
type Request interface{ request() }

// CreateSession makes a session whose locks are released when it ends (behaviour "release", so that LockIndex
// goes on counting). Without Checks nothing but TTL ends it, so that no trouble of Consul's gossip does. The
// answer has Session.
type CreateSession struct {
	Name      string
	TTL       time.Duration
	LockDelay time.Duration
	Checks    []string // ids of service checks of the asked agent's node
}

// RenewSession starts the TTL again. Found is false in the answer if the session is over.
type RenewSession struct{ ID string }

// DestroySession ends a session and frees its locks. It succeeds also if there is none.
type DestroySession struct{ ID string }

// Get reads one key; Pairs is empty in the answer if there is none. With an Index it waits until the key's
// index is another, at most Wait (and a sixteenth more, which Consul adds against stampedes).
type Get struct {
	Key   string
	Index uint64
	Wait  time.Duration
	// Consistent makes Consul's leader ask the other servers whether it still is the leader.
	Consistent bool
}

// timeout is how long to wait for the answer: one that does not wait for a change comes at once, or the server hangs.
func (g Get) timeout() time.Duration {
	if g.Index == 0 {
		return requestTimeout
	}
	return g.Wait + g.Wait/16 + requestTimeout
}

// Keys lists the names below a prefix, sorted, in a consistent read.
type Keys struct{ Prefix string }

// Txn does all operations or none. If any was impossible, Refused says so in the answer and nothing else is set.
// One that only reads is consistent. Pairs are the results in the order of Ops: one for each lock, unlock, cas
// and set (without Value) and check, any number for a get-tree, none for a delete.
type Txn struct{ Ops []Op }

// RegisterCheck has the asked agent register the service ID with a TCP check of the same name, and
// DeregisterCheck end that.
type RegisterCheck struct {
	ID       string
	Service  string
	Address  string // host:port that must accept connections
	Interval time.Duration
	Timeout  time.Duration
	Failures int // in a row before the check is critical, which ends the sessions that name it
}

// DeregisterCheck undoes RegisterCheck. It succeeds also if there is none.
type DeregisterCheck struct{ ID string }

func (CreateSession) request()   {}
func (RenewSession) request()    {}
func (DestroySession) request()  {}
func (Get) request()             {}
func (Keys) request()            {}
func (Txn) request()             {}
func (RegisterCheck) request()   {}
func (DeregisterCheck) request() {}

// Verb is what an operation of a transaction does.
type Verb string

// The verbs, with Consul's names.
const (
	Set          Verb = "set"
	CAS          Verb = "cas" // set if ModifyIndex is Index; with Index 0 if there is no such key
	Delete       Verb = "delete"
	Lock         Verb = "lock" // also taken again by the session that holds it, which does not count in LockIndex
	Unlock       Verb = "unlock"
	GetTree      Verb = "get-tree"      // every key that begins with Key; none is fine
	CheckSession Verb = "check-session" // Key is locked by Session
)

// Op is one operation of a transaction.
type Op struct {
	Verb    Verb
	Key     string
	Value   []byte
	Index   uint64
	Session string
}

// Pair is a key as Consul holds it.
type Pair struct {
	Key         string
	Value       []byte
	Session     string // who holds it as a lock; empty for nobody
	LockIndex   uint64 // how often it was acquired since it was last set without a lock
	ModifyIndex uint64
}

// Reply is an answer. Which fields are set depends on the request.
type Reply struct {
	Index   uint64 // of a Get, for the next one; 0 means that nothing may be concluded from it
	Session string
	Found   bool
	Pairs   []Pair
	Keys    []string
	Refused []Refusal
}

// Refusal says why a transaction was not made: Op is the operation's place in it, Text what Consul says.
type Refusal struct {
	Op   int
	Text string
}

// StatusError is an answer that says no: any HTTP status but 200, and but those that a Reply has a field for
// (404 of a Get or RenewSession, 409 of a Txn).
type StatusError struct {
	Code int
	Text string
}

func (e *StatusError) Error() string { return fmt.Sprintf("Consul answers %d: %s", e.Code, e.Text) }
