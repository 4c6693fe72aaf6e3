package scheduler_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/scheduler"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
	"github.com/meseta-io/meseta/testkit/lodge"
)

// patience bounds every wait for something that has to happen.
const patience = 30 * time.Second

// house is a master behind its HTTP doors, on a real socket, with a clock that can be set forward.
type house struct {
	t      testing.TB
	clock  *lodge.Clock
	rt     *process.Runtime
	master master.Client
	addr   string
	agents int
}

type option func(*master.Config, *gateway.Config, *gateway.Parts)

// narrow is a house with the scheduler's door alone, which lets subscriptions cost only so much.
func narrow(t testing.TB, c scheduler.Config) *house {
	t.Helper()
	h := newHouse(t)
	router, err := web.New(web.Config{Routes: scheduler.Routes(h.rt, h.master, c), Delegate: "master"})
	h.must(err)
	server := httptest.NewUnstartedServer(router)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	h.addr = server.Listener.Addr().String()
	return h
}

// streams counts the actors that stand in for schedulers.
func (h *house) streams() (n int) {
	for i := range 1000 {
		if h.rt.Alive(fmt.Sprintf("scheduler-stream(%d)", i)) {
			n++
		}
	}
	return n
}

func newHouse(t testing.TB, options ...option) *house {
	t.Helper()
	h := &house{t: t, clock: &lodge.Clock{}}
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	rt, err := process.New(process.Config{Clock: h.clock, Log: logger, OnPanic: func(who process.UPID, why any, stack []byte) {
		panic(fmt.Sprintf("%s: %v\n%s", who, why, stack))
	}})
	h.must(err)
	h.rt = rt
	mc, gc, parts := master.Default(), gateway.Default(), gateway.Parts{Runtime: rt, Delegate: "master", Log: logger}
	store := memory.New()
	for _, o := range options {
		o(&mc, &gc, &parts)
	}
	h.master, err = master.Spawn(rt, mc, master.Parts{Contender: store, Registry: store, Authorizer: parts.Authorizer})
	h.must(err)
	parts.Master = &h.master
	parts.Leadership = func() web.Leadership { return web.Leadership{Leading: true, Recovered: h.master.View().Serving} }
	g, err := gateway.New(gc, parts)
	h.must(err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	h.must(err)
	h.addr = l.Addr().String()
	served := make(chan error, 1)
	go func() { served <- g.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		h.must(rt.Shutdown(ctx)) // ends the streams
		h.must(g.Close(ctx))
		h.must(<-served)
	})
	h.until("the master serves", func() bool { return h.master.View().Serving })
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// until waits for something that other goroutines bring about.
func (h *house) until(what string, holds func() bool) {
	h.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			h.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// late is when something that did not happen should have.
func (h *house) late() <-chan time.Time { return time.After(patience) }

// framework is what the master's view says of a framework, or nil.
func (h *house) framework(id string) *masterpb.Response_GetFrameworks_Framework {
	v := h.master.View()
	for _, f := range v.Frameworks.All() {
		if f.GetFrameworkInfo().GetId().GetValue() == id {
			return f
		}
	}
	return nil
}

// client is one TCP connection, spoken on word by word.
type client struct {
	h    *house
	conn net.Conn
	r    *bufio.Reader
}

func (h *house) dial() *client {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.addr)
	h.must(err)
	h.t.Cleanup(func() { _ = conn.Close() })
	h.must(conn.SetDeadline(time.Now().Add(patience)))
	return &client{h: h, conn: conn, r: bufio.NewReader(conn)}
}

// path is the scheduler API, as most clients have it.
const path = "/api/v1/scheduler"

// headers are pairs of name and value.
type headers []string

func (c *client) send(method, path string, hs headers, body []byte) {
	c.h.t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: master\r\n", method, path)
	for i := 0; i < len(hs); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", hs[i], hs[i+1])
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	_, err := c.conn.Write(b.Bytes())
	c.h.must(err)
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (c *client) head() (*http.Response, error) {
	return http.ReadResponse(c.r, &http.Request{Method: http.MethodPost})
}

// answered reads a whole answer.
func (c *client) answered() answer {
	c.h.t.Helper()
	r, err := c.head()
	c.h.must(err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	c.h.must(err)
	return answer{r.StatusCode, r.Header, string(body)}
}

// post sends a body on a connection of its own.
func (h *house) post(hs headers, body string) answer {
	h.t.Helper()
	c := h.dial()
	defer c.conn.Close()
	c.send("POST", path, hs, []byte(body))
	return c.answered()
}

// call sends a call as the scheduler of a stream.
func (s *stream) call(c *schedulerpb.Call) answer {
	s.h.t.Helper()
	c.FrameworkId = &mesospb.FrameworkID{Value: proto.String(s.framework)}
	return s.h.say(s.id, c)
}

func (h *house) say(streamID string, c *schedulerpb.Call) answer {
	h.t.Helper()
	hs := headers{"Content-Type", wire.MediaProtobuf}
	if streamID != "" {
		hs = append(hs, "Mesos-Stream-Id", streamID)
	}
	body, err := proto.Marshal(c)
	h.must(err)
	return h.post(hs, string(body))
}

// accepted sends a call that has to be accepted.
func (s *stream) accepted(c *schedulerpb.Call) {
	s.h.t.Helper()
	wants(s.h.t, s.call(c), http.StatusAccepted, "")
}

// wants compares an answer.
func wants(t testing.TB, got answer, status int, body string) {
	t.Helper()
	if got.status != status || got.body != body {
		t.Errorf("answered %d %q, want %d %q", got.status, got.body, status, body)
	}
}

// stream is a subscription.
type stream struct {
	*client
	format    wire.Format
	id        string
	framework string
	header    http.Header
	kept      []*schedulerpb.Event // passed over by ahead
}

// ahead reads events until one is of a type, and keeps the others for offer.
func (s *stream) ahead(want schedulerpb.Event_Type) *schedulerpb.Event {
	s.h.t.Helper()
	for {
		e, err := s.next()
		if err != nil {
			s.h.t.Fatalf("no %s: %v", want, err)
		}
		if e.GetType() == want {
			return e
		}
		s.kept = append(s.kept, e)
	}
}

// subscription is a SUBSCRIBE of a framework.
func subscription(info *mesospb.FrameworkInfo) *schedulerpb.Call {
	return &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), FrameworkId: info.Id, Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: info}}
}

func framework(change ...func(*mesospb.FrameworkInfo)) *mesospb.FrameworkInfo {
	info := &mesospb.FrameworkInfo{User: proto.String("nobody"), Name: proto.String("f")}
	for _, f := range change {
		f(info)
	}
	return info
}

func capable(types ...mesospb.FrameworkInfo_Capability_Type) func(*mesospb.FrameworkInfo) {
	return func(info *mesospb.FrameworkInfo) {
		for _, t := range types {
			info.Capabilities = append(info.Capabilities, &mesospb.FrameworkInfo_Capability{Type: t.Enum()})
		}
	}
}

// known gives a framework its id.
func known(id string) func(*mesospb.FrameworkInfo) {
	return func(info *mesospb.FrameworkInfo) { info.Id = &mesospb.FrameworkID{Value: proto.String(id)} }
}

func patient(info *mesospb.FrameworkInfo) { info.FailoverTimeout = proto.Float64(3600) }

// open sends a SUBSCRIBE and reads the head of its answer.
func (h *house) open(f wire.Format, c *schedulerpb.Call, more ...string) *stream {
	h.t.Helper()
	s := &stream{client: h.dial(), format: f}
	body, err := f.Append(nil, c)
	h.must(err)
	s.send("POST", path, append(headers{"Content-Type", f.MediaType(), "Accept", f.MediaType()}, more...), body)
	s.opened()
	return s
}

// opened reads the head of a stream.
func (s *stream) opened() {
	s.h.t.Helper()
	var lines []string
	for {
		line, err := s.r.ReadString('\n')
		s.h.must(err)
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		lines = append(lines, line)
	}
	if lines[0] != "HTTP/1.1 200 OK" {
		s.h.t.Fatalf("the stream begins with %q", lines)
	}
	s.header = http.Header{}
	for _, line := range lines[1:] {
		k, v, _ := strings.Cut(line, ": ")
		s.header.Add(k, v)
	}
	s.id = s.header.Get("Mesos-Stream-Id")
}

// subscribe opens a stream and reads the greeting.
func (h *house) subscribe(f wire.Format, info *mesospb.FrameworkInfo) *stream {
	h.t.Helper()
	s := h.open(f, subscription(info))
	s.greeted()
	return s
}

// greeted reads the greeting: SUBSCRIBED, and a HEARTBEAT at once.
func (s *stream) greeted() *schedulerpb.Event_Subscribed {
	s.h.t.Helper()
	e := s.wantsNext(schedulerpb.Event_SUBSCRIBED)
	s.framework = e.GetSubscribed().GetFrameworkId().GetValue()
	s.wantsNext(schedulerpb.Event_HEARTBEAT)
	s.h.until("the view shows the framework", func() bool { return s.h.framework(s.framework).GetConnected() })
	return e.GetSubscribed()
}

var errEnd = errors.New("the stream ended as it should")

// chunk reads one chunk. errEnd: the last one.
func (s *stream) chunk() ([]byte, error) {
	line, err := s.r.ReadString('\n')
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
	if err != nil {
		return nil, err
	}
	data := make([]byte, n+2)
	if _, err := io.ReadFull(s.r, data); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errEnd
	}
	return data[:n], nil
}

// next reads one event, which has to be one chunk.
func (s *stream) next() (*schedulerpb.Event, error) {
	chunk, err := s.chunk()
	if err != nil {
		return nil, err
	}
	length, record, ok := bytes.Cut(chunk, []byte("\n"))
	if n, err := strconv.Atoi(string(length)); !ok || err != nil || n != len(record) {
		return nil, fmt.Errorf("a chunk is not one record: %.80q", chunk)
	}
	if s.format == wire.JSON && bytes.ContainsAny(record, "\n") {
		return nil, fmt.Errorf("a record has a line break: %.80q", record)
	}
	e := &schedulerpb.Event{}
	return e, s.format.Decode(record, e, wire.Limits{})
}

// wantsNext reads one event of a type.
func (s *stream) wantsNext(want schedulerpb.Event_Type) *schedulerpb.Event {
	s.h.t.Helper()
	e, err := s.next()
	if err != nil {
		s.h.t.Fatalf("no %s: %v", want, err)
	}
	if e.GetType() != want {
		s.h.t.Fatalf("the event is %v, want %s", e, want)
	}
	return e
}

// wants reads events until one is of a type, and returns that.
func (s *stream) wants(want schedulerpb.Event_Type) *schedulerpb.Event {
	s.h.t.Helper()
	for {
		e, err := s.next()
		if err != nil {
			s.h.t.Fatalf("no %s: %v", want, err)
		}
		if e.GetType() == want {
			return e
		}
	}
}

// ends reads on until the stream ends as it should, and returns what came before.
func (s *stream) ends() (last []*schedulerpb.Event) {
	s.h.t.Helper()
	for {
		e, err := s.next()
		if errors.Is(err, errEnd) {
			return last
		}
		if err != nil {
			s.h.t.Fatalf("the stream does not end as it should: %v", err)
		}
		last = append(last, e)
	}
}

// errors reads an ERROR and the end of the stream.
func (s *stream) errors(want string) {
	s.h.t.Helper()
	if e := s.wants(schedulerpb.Event_ERROR); !strings.Contains(e.GetError().GetMessage(), want) {
		s.h.t.Errorf("the error is %q, want %q", e.GetError().GetMessage(), want)
	}
	if more := s.ends(); len(more) > 0 {
		s.h.t.Errorf("after the error comes %v", more)
	}
}

// leave closes the connection.
func (s *stream) leave() { _ = s.conn.Close() }

// offer reads events until there is an offer.
func (s *stream) offer() *mesospb.Offer {
	s.h.t.Helper()
	for len(s.kept) > 0 {
		e := s.kept[0]
		if s.kept = s.kept[1:]; e.GetType() == schedulerpb.Event_OFFERS {
			return e.GetOffers().GetOffers()[0]
		}
	}
	return s.wants(schedulerpb.Event_OFFERS).GetOffers().GetOffers()[0]
}
