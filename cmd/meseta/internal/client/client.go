// Package client asks masters and agents on behalf of a person at a command line. It is the edge between plain
// blocking code and the actors: each conversation is an actor of its own that has one question under way.
package client

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/refusal"
)

// Patience is how long a question may wait for its answer. A cluster that needs longer has another problem.
const Patience = 5 * time.Second

// Again is how long to wait before asking somebody again who was not ready.
const Again = 50 * time.Millisecond

// number makes the ids of conversations unique in this process.
var number atomic.Uint64

// Conversation asks one process, one question after the other. It is for one goroutine at a time.
type Conversation struct {
	rt  *process.Runtime
	to  process.UPID
	ref process.Ref[*asker]
}

// Master begins a conversation with the operator's desk of the master at an address, host:port.
func Master(rt *process.Runtime, address string) *Conversation {
	return &Conversation{rt: rt, to: process.UPID{ID: "operator", Addr: address}}
}

// Agent begins a conversation with the desk of an agent: operator(n) for slave(n).
func Agent(rt *process.Runtime, agent process.UPID) *Conversation {
	desk := process.UPID{ID: "operator" + strings.TrimPrefix(agent.ID, "slave"), Addr: agent.Addr}
	return &Conversation{rt: rt, to: desk}
}

// AskMaster asks the operator's desk.
func (c *Conversation) AskMaster(ctx context.Context, call *masterpb.Call) (*masterpb.Response, error) {
	answer, err := c.ask(ctx, call)
	if err != nil {
		return nil, err
	}
	response, ok := answer.(*masterpb.Response)
	if !ok {
		return nil, fmt.Errorf("master %s: an answer that is not a master's", c.to.Addr)
	}
	return response, nil
}

// AskAgent asks an agent.
func (c *Conversation) AskAgent(ctx context.Context, call *agentpb.Call) (*agentpb.Response, error) {
	answer, err := c.ask(ctx, call)
	if err != nil {
		return nil, err
	}
	response, ok := answer.(*agentpb.Response)
	if !ok {
		return nil, fmt.Errorf("agent %s: an answer that is not an agent's", c.to.Addr)
	}
	return response, nil
}

// Close ends the conversation.
func (c *Conversation) Close() {
	process.Terminate(c.ref, true)
	c.ref = process.Ref[*asker]{}
}

// ask waits for the answer. Somebody who says that he is not ready yet, as a master does that reads its registry, is
// asked again until the patience is over.
func (c *Conversation) ask(ctx context.Context, call proto.Message) (proto.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	again := time.NewTicker(Again)
	defer again.Stop()
	for {
		m, err := c.askOnce(ctx, call)
		if err != nil {
			return nil, err
		}
		r, refused := m.(*controlpb.Refused)
		if !refused {
			return m, nil
		}
		if r.GetClass() != controlpb.Refused_UNAVAILABLE {
			return nil, refusal.Err(r)
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, refusal.Err(r)
		}
	}
}

func (c *Conversation) askOnce(ctx context.Context, call proto.Message) (proto.Message, error) {
	if c.ref.IsZero() {
		ref, err := process.Spawn(c.rt, "question-"+strconv.FormatUint(number.Add(1), 10), &asker{to: c.to})
		if err != nil {
			return nil, err
		}
		c.ref = ref
	}
	promise, answer := process.NewPromise[proto.Message](nil)
	process.Dispatch(c.ref, func(a *asker) { a.ask(call, promise) })
	m, err := answer.Get(ctx)
	if err != nil {
		// An answer that comes later must not be taken for that of the next question.
		c.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("%s does not answer within %v: %w", c.to, Patience, fault.ErrUnavailable)
		}
		return nil, err
	}
	return m, nil
}

// asker is the actor of a conversation.
type asker struct {
	*process.Base
	to      process.UPID
	waiting *process.Promise[proto.Message]
	lost    bool
}

// Initialize implements process.Process.
func (a *asker) Initialize(b *process.Base) {
	a.Base = b
	process.Install(b, func(from process.UPID, m *masterpb.Response) { a.answer(from, m) })
	process.Install(b, func(from process.UPID, m *agentpb.Response) { a.answer(from, m) })
	process.Install(b, func(from process.UPID, m *controlpb.Refused) { a.answer(from, m) })
	b.Link(a.to)
}

func (a *asker) ask(call proto.Message, p *process.Promise[proto.Message]) {
	a.waiting = p
	if a.lost {
		a.Exited(a.to)
		return
	}
	a.Send(a.to, call)
}

func (a *asker) answer(from process.UPID, m proto.Message) {
	if from == a.to && a.waiting != nil {
		a.waiting.Complete(m, nil)
		a.waiting = nil
	}
}

// Exited implements process.Exiter.
func (a *asker) Exited(process.UPID) {
	a.lost = true
	if a.waiting != nil {
		a.waiting.Complete(nil, &Unreachable{a.to})
		a.waiting = nil
	}
}

// Unreachable says that nobody is there.
type Unreachable struct{ Who process.UPID }

func (u *Unreachable) Error() string { return u.Who.String() + " cannot be reached" }

// Unwrap gives the class of the error.
func (u *Unreachable) Unwrap() error { return fault.ErrUnavailable }
