package process

import (
	"context"
	"time"

	"google.golang.org/protobuf/proto"
)

// Envelope is a message on its way between two processes.
type Envelope struct {
	From, To  UPID
	Msg       proto.Message
	Principal Principal // who the sending node proved to be; zero for local messages and open transports
}

// Principal is an authenticated identity: of a peer (from its TLS certificate) or of an HTTP client.
type Principal struct {
	Name   string
	Claims map[string]string
}

// Transport carries envelopes between runtimes. Its methods may be called from any goroutine, also with locks
// of the runtime held: they never block, and a transport calls its Inbound neither from inside of one of its
// methods nor with a lock held that its methods take.
type Transport interface {
	// Start binds and begins to receive. The address that it returns is in every UPID of the runtime.
	Start(in Inbound) (addr string, err error)
	// Send never blocks. The message arrives at most once, in order for each pair of From and To.
	Send(Envelope)
	// Connect keeps a connection to peer until Release, and reports its loss once through PeerLost, which ends
	// the interest. A peer that cannot be reached is lost too.
	Connect(peer string)
	// Release ends the interest in peer.
	Release(peer string)
	Close(context.Context) error
}

// Inbound is where a transport delivers. Both methods return quickly and may be called from any goroutine.
type Inbound interface {
	// Receive takes one envelope. The transport vouches that From is at the address that the peer speaks for.
	Receive(Envelope)
	// PeerLost says that the connection to peer is gone, after everything that came over it was received.
	PeerLost(peer string, why error)
}

// Stage decides when and where a process with mail runs.
type Stage interface {
	// Ready is called on each edge from idle to having mail, from any goroutine. The stage then calls Run until
	// it reports that there is no more; never two at a time for one Runnable.
	Ready(Runnable)
	// Go runs blocking work off the actors.
	Go(work func(context.Context))
	Close(context.Context) error
}

// Runnable is a process as a Stage sees it.
type Runnable interface {
	UPID() UPID
	// Run handles at most max messages and says whether there is more.
	Run(max int) (more bool)
}

// Clock tells the time and wakes.
type Clock interface {
	Now() time.Time
	AfterFunc(time.Duration, func()) Timer
}

// Timer is something that will happen. Stop says whether it was in time to prevent it.
type Timer interface{ Stop() bool }

// Tap sees every message between processes before it is delivered, local and remote, in the sender's
// goroutine or the transport's, and may drop it.
type Tap func(Envelope) Verdict

// Verdict is what a Tap wants done.
type Verdict int

const (
	Pass Verdict = iota
	Drop
)

// Limits bounds a queue by number and by encoded bytes. Zero means the default, a negative number no bound.
type Limits struct {
	Msgs  int
	Bytes int
}

type realClock struct{}

func (realClock) Now() time.Time                            { return time.Now() }
func (realClock) AfterFunc(d time.Duration, f func()) Timer { return time.AfterFunc(d, f) }
