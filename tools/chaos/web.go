package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// web is a framework that speaks the plain HTTP API and nothing else, as one in another language would: a stream of
// events, a request for each call, and a redirect to whoever leads.
type web struct {
	*brain
	mu     sync.Mutex // of the brain: events and ticks
	client *http.Client
	try    int    // which of the masters is asked next
	at     string // the master of the stream
	stream string
	out    chan *schedulerpb.Call
}

// silence is how long a stream may say nothing, not even a heartbeat, before it is given up.
const silence = 50 * time.Second

// runWeb is the program.
func runWeb(ctx context.Context, c Child) error {
	b, err := newBrain(c)
	if err != nil {
		return err
	}
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	w := &web{brain: b, client: &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, ResponseHeaderTimeout: 10 * time.Second},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	go w.ticks(ctx)
	for ctx.Err() == nil {
		if err := w.session(ctx); err != nil && ctx.Err() == nil {
			fmt.Fprintln(os.Stderr, "session:", err)
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
		}
	}
	return ctx.Err()
}

func (w *web) ticks(ctx context.Context) {
	tick, ask := time.NewTicker(time.Second), time.NewTicker(reconcileEvery)
	defer tick.Stop()
	defer ask.Stop()
	for {
		select {
		case <-tick.C:
			w.do(func() { w.tick(w) })
		case <-ask.C:
			w.do(func() { w.reconcile(w) })
		case <-ctx.Done():
			return
		}
	}
}

func (w *web) do(what func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.out != nil {
		what()
	}
}

// session is one stream from its SUBSCRIBE to its end.
func (w *web) session(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	info := w.description()
	resp, err := w.post(ctx, w.leader(), &schedulerpb.Call{
		Type: schedulerpb.Call_SUBSCRIBE.Enum(), FrameworkId: info.Id, Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: info},
	})
	if err != nil {
		w.lost()
		return err
	}
	defer resp.Body.Close()
	w.stream = resp.Header.Get("Mesos-Stream-Id")
	out := make(chan *schedulerpb.Call, 1000)
	sent := make(chan struct{})
	go func() { defer close(sent); w.send(ctx, out, cancel) }()
	defer func() {
		w.do(func() { w.out = nil; w.journal.Write(Fact{What: Disconnected}) })
		cancel(nil)
		<-sent
		w.lost()
	}()
	w.mu.Lock()
	w.out = out
	w.mu.Unlock()
	quiet := time.AfterFunc(silence, func() { cancel(errors.New("the master is silent")) })
	defer quiet.Stop()
	for records := wire.NewRecordReader(resp.Body, wire.Limits{}); ; {
		e := &schedulerpb.Event{}
		if err := records.Decode(wire.Protobuf, e); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		quiet.Reset(silence)
		w.do(func() { w.event(e) })
	}
}

func (w *web) event(e *schedulerpb.Event) {
	switch e.GetType() {
	case schedulerpb.Event_SUBSCRIBED:
		w.subscribed(w, e.GetSubscribed().GetFrameworkId().GetValue())
	case schedulerpb.Event_OFFERS:
		w.offers(w, e.GetOffers().GetOffers())
	case schedulerpb.Event_UPDATE:
		// Without a library every copy is told, and acknowledged.
		w.came(e.GetUpdate().GetStatus())
		w.told(w, e.GetUpdate().GetStatus())
	case schedulerpb.Event_ERROR:
		fmt.Fprintln(os.Stderr, "error:", e.GetError().GetMessage())
	}
}

// leader is where to subscribe: where a redirect led last, else one master after the other.
func (w *web) leader() string {
	if w.at == "" {
		w.at = w.Masters[w.try%len(w.Masters)]
		w.try++
	}
	return w.at
}

func (w *web) lost() { w.at, w.stream = "", "" }

// send posts the calls of a session, in order. One that fails ends the session: what was lost is found out by the
// reconciliation of the next.
func (w *web) send(ctx context.Context, calls <-chan *schedulerpb.Call, cancel context.CancelCauseFunc) {
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-calls:
			resp, err := w.post(ctx, w.at, c)
			if err != nil {
				cancel(fmt.Errorf("%v: %w", c.GetType(), err))
				return
			}
			_ = resp.Body.Close()
		}
	}
}

// post sends a call, and follows redirects to a leader.
func (w *web) post(ctx context.Context, at string, c *schedulerpb.Call) (*http.Response, error) {
	body, err := proto.Marshal(c)
	if err != nil {
		return nil, err
	}
	for range 3 {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+at+"/api/v1/scheduler", bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "application/x-protobuf")
		req.Header.Set("Accept", "application/x-protobuf")
		if w.stream != "" {
			req.Header.Set("Mesos-Stream-Id", w.stream)
		}
		resp, err := w.client.Do(req)
		if err != nil {
			return nil, err
		}
		switch {
		case resp.StatusCode == http.StatusTemporaryRedirect:
			_ = resp.Body.Close()
			to, err := url.Parse(resp.Header.Get("Location"))
			if err != nil {
				return nil, err
			}
			at = to.Host
			w.at = at
		case resp.StatusCode >= 300:
			text := make([]byte, 200)
			n, _ := resp.Body.Read(text)
			_ = resp.Body.Close()
			return nil, fmt.Errorf("%s: %s", resp.Status, text[:n])
		default:
			return resp, nil
		}
	}
	return nil, errors.New("redirected in a circle")
}

func (w *web) call(c *schedulerpb.Call) {
	c.FrameworkId = &mesospb.FrameworkID{Value: proto.String(w.id)}
	select {
	case w.out <- c:
	default: // a slow master: the call is lost, as calls may be
	}
}

// Accept and those that follow are the calls of a brain.
func (w *web) Accept(p *scheduler.Plan) {
	w.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: p.Call()})
}

// Acknowledge implements speaker.
func (w *web) Acknowledge(s *mesospb.TaskStatus) {
	if len(s.GetUuid()) == 0 {
		return
	}
	w.call(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
		AgentId: s.GetAgentId(), TaskId: s.GetTaskId(), Uuid: s.GetUuid(),
	}})
}

// Reconcile implements speaker.
func (w *web) Reconcile(tasks ...*schedulerpb.Call_Reconcile_Task) {
	w.call(&schedulerpb.Call{Type: schedulerpb.Call_RECONCILE.Enum(), Reconcile: &schedulerpb.Call_Reconcile{Tasks: tasks}})
}

// Kill implements speaker.
func (w *web) Kill(task *mesospb.TaskID, agent *mesospb.AgentID, policy *mesospb.KillPolicy) {
	w.call(&schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{TaskId: task, AgentId: agent, KillPolicy: policy}})
}
