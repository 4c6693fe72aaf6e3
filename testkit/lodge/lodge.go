// Package lodge is an agent behind its HTTP doors, for tests of these doors: a real agent on a real socket and a real
// disk, whose containers are pretended and whose master does what the test says.
package lodge

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway"
	agentdoor "github.com/meseta-io/meseta/actors/gateway/agent"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// Patience bounds every wait for something that has to happen.
const Patience = 30 * time.Second

// Lodge is the agent and what is around it.
type Lodge struct {
	T        testing.TB
	Agent    agent.Client
	Runtime  *process.Runtime
	Clock    *Clock
	Launcher *Launcher
	Addr     string
	// Updates are what the master has heard of tasks, which it acknowledges at once.
	Updates chan *controlpb.StatusUpdate
	// Messages are what executors sent to their schedulers.
	Messages chan *controlpb.ExecutorMessage

	options Options
	master  process.Ref[*master]
	close   func()
}

// Options change what is built; nil leaves it alone.
type Options struct {
	Config func(*agent.Config)
	Parts  func(*agent.Parts)
	Doors  func(*agentdoor.Parts)
	Gate   func(*gateway.Parts)
	// Alone: the agent never finds a master.
	Alone bool
}

// New is an agent that has registered.
func New(t testing.TB, o Options) *Lodge {
	t.Helper()
	l := &Lodge{T: t, options: o, Launcher: newLauncher(), Clock: &Clock{},
		Updates: make(chan *controlpb.StatusUpdate, 10_000), Messages: make(chan *controlpb.ExecutorMessage, 10_000)}
	if o.Config == nil {
		o.Config = func(*agent.Config) {}
	}
	work := t.TempDir()
	config := func(c *agent.Config) {
		c.WorkDir = work
		o.Config(c)
	}
	l.options.Config = config
	l.Start()
	t.Cleanup(l.Stop)
	return l
}

// Start starts the agent, again after Stop, and waits until it has registered. Its containers have gone on meanwhile.
func (l *Lodge) Start() {
	l.T.Helper()
	l.start(nil)
	if !l.options.Alone {
		l.Until("the agent has registered", func() bool { return l.Agent.View().Registered })
	}
}

// Recovering starts the agent again and waits until it waits for its executors.
func (l *Lodge) Recovering() {
	l.T.Helper()
	l.start(nil)
	l.Until("the checkpoints are read", func() bool { return !l.Agent.View().Reading })
}

// Reading starts the agent again with a disk that does not answer until release.
func (l *Lodge) Reading() (release func()) {
	l.T.Helper()
	gate := make(chan struct{})
	l.start(gate)
	return func() { close(gate) }
}

func (l *Lodge) start(gate chan struct{}) {
	l.T.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	rt, err := process.New(process.Config{Clock: l.Clock, Log: log, OnPanic: func(who process.UPID, why any, stack []byte) {
		panic(fmt.Sprintf("%s: %v\n%s", who, why, stack))
	}})
	l.Must(err)
	l.Runtime = rt
	m := &master{lodge: l}
	l.master, err = process.Spawn(rt, "master", m)
	l.Must(err)
	c := agent.Default()
	c.Hostname, c.Resources, c.SwitchUser = "a.example", "cpus:64;mem:65536;disk:1024;ports:[31000-32000]", false
	c.RegistrationBackoffFactor = 0
	l.options.Config(&c)
	disk, err := agent.OpenDisk(c.WorkDir)
	l.Must(err)
	parts := agent.Parts{Detector: found{l.master.UPID.String(), l.options.Alone}, Launcher: l.Launcher, Disk: gated{disk, gate}}
	if l.options.Parts != nil {
		l.options.Parts(&parts)
	}
	l.Agent, err = agent.Spawn(rt, c, parts)
	l.Must(err)
	l.open(log, parts)
}

// gated is a disk that lets nobody read before its gate is open.
type gated struct {
	agent.Disk
	gate chan struct{} // nil: it is
}

func (g gated) Read(ctx context.Context, path string) ([]byte, error) {
	if g.gate != nil {
		select {
		case <-g.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return g.Disk.Read(ctx, path)
}

func (l *Lodge) open(log *slog.Logger, parts agent.Parts) {
	doors := agentdoor.Parts{Agent: l.Agent, Runtime: l.Runtime, Authorizer: parts.Authorizer}
	if l.options.Doors != nil {
		l.options.Doors(&doors)
	}
	gate := gateway.Parts{Runtime: l.Runtime, Delegate: l.Agent.UPID().ID, Log: log, Agents: []agentdoor.Parts{doors}}
	if l.options.Gate != nil {
		l.options.Gate(&gate)
	}
	gc := gateway.Default()
	g, err := gateway.New(gc, gate)
	l.Must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	l.Must(err)
	l.Addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- g.Serve(listener) }()
	l.close = func() {
		ctx, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		l.Must(l.Runtime.Shutdown(ctx)) // ends the streams
		l.Must(g.Close(ctx))
		l.Must(<-served)
	}
}

// Stop ends the agent's process and leaves its containers alone.
func (l *Lodge) Stop() {
	if l.close != nil {
		l.close()
		l.close = nil
	}
}

// Must fails the test on an error.
func (l *Lodge) Must(err error) {
	l.T.Helper()
	if err != nil {
		l.T.Fatal(err)
	}
}

// Until waits for something that other goroutines bring about.
func (l *Lodge) Until(what string, holds func() bool) {
	l.T.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(Patience)
	defer late.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			l.T.Fatalf("%s: not within %v", what, Patience)
		}
	}
}

// Order sends a message as the master.
func (l *Lodge) Order(m proto.Message) {
	process.Dispatch(l.master, func(p *master) { p.b.Send(l.Agent.UPID(), m) })
}

// Run orders tasks.
func (l *Lodge) Run(f *mesospb.FrameworkInfo, tasks ...*mesospb.TaskInfo) {
	for _, t := range tasks {
		l.Order(&controlpb.RunTask{Framework: f, Task: t, Epoch: proto.Uint64(1)})
	}
}

// Update waits for what the master hears next of tasks.
func (l *Lodge) Update() *mesospb.TaskStatus {
	l.T.Helper()
	select {
	case u := <-l.Updates:
		return u.GetStatus()
	case <-time.After(Patience):
		l.T.Fatal("the master hears of no task")
		return nil
	}
}

// Framework is one with an id; it checkpoints.
func Framework(id string, change ...func(*mesospb.FrameworkInfo)) *mesospb.FrameworkInfo {
	f := &mesospb.FrameworkInfo{User: proto.String("nobody"), Name: proto.String("f"), Id: &mesospb.FrameworkID{Value: &id},
		Checkpoint: proto.Bool(true), Roles: []string{"web"}, Capabilities: []*mesospb.FrameworkInfo_Capability{
			{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()}, {Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()}}}
	for _, c := range change {
		c(f)
	}
	return f
}

// Task is one of an executor of its own.
func Task(framework, id, executor string, change ...func(*mesospb.TaskInfo)) *mesospb.TaskInfo {
	t := &mesospb.TaskInfo{Name: proto.String(id), TaskId: &mesospb.TaskID{Value: &id}, AgentId: agentID,
		Resources: []*mesospb.Resource{scalar("cpus", 0.5), scalar("mem", 32)},
		Executor: &mesospb.ExecutorInfo{Type: mesospb.ExecutorInfo_CUSTOM.Enum(), ExecutorId: &mesospb.ExecutorID{Value: &executor},
			FrameworkId: &mesospb.FrameworkID{Value: &framework}, Command: &mesospb.CommandInfo{Value: proto.String("run " + executor)},
			Resources: []*mesospb.Resource{scalar("cpus", 0.1), scalar("mem", 16)}, Name: proto.String("x"), Source: proto.String("s")}}
	for _, c := range change {
		c(t)
	}
	return t
}

func scalar(name string, amount float64) *mesospb.Resource {
	return &mesospb.Resource{Name: &name, Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: &amount},
		AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String("web")}}
}

var agentID = &mesospb.AgentID{Value: proto.String("A1")}

// master admits the agent, acknowledges, and keeps what it hears.
type master struct {
	lodge *Lodge
	b     *process.Base
}

// Initialize implements process.Process.
func (m *master) Initialize(b *process.Base) {
	m.b = b
	epoch := proto.Uint64(1)
	// This master never pings. An agent whose clock is set forward must not think that it is gone.
	pings := proto.Float64((365 * 24 * time.Hour).Seconds())
	process.Install(b, func(from process.UPID, _ *controlpb.RegisterAgent) {
		b.Send(from, &controlpb.AgentRegistered{AgentId: agentID, Epoch: epoch, PingTimeoutSeconds: pings})
	})
	process.Install(b, func(from process.UPID, _ *controlpb.ReregisterAgent) {
		b.Send(from, &controlpb.AgentReregistered{AgentId: agentID, Epoch: epoch, PingTimeoutSeconds: pings})
	})
	process.Install(b, func(from process.UPID, u *controlpb.StatusUpdate) {
		m.lodge.Updates <- u
		b.Send(from, &controlpb.AcknowledgeStatus{FrameworkId: u.FrameworkId, AgentId: u.AgentId, TaskId: u.Status.TaskId,
			Uuid: u.Status.Uuid, Epoch: epoch})
	})
	process.Install(b, func(_ process.UPID, e *controlpb.ExecutorMessage) { m.lodge.Messages <- e })
}

// found is a detector that knows.
type found struct {
	master string
	nobody bool
}

func (f found) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	if previous == nil && !f.nobody {
		done(&cluster.Leader{UPID: f.master, Epoch: 1, Info: &mesospb.MasterInfo{Hostname: proto.String("m.example")}}, nil)
	}
	return func() {}
}

// Client is one TCP connection, spoken on word by word.
type Client struct {
	L    *Lodge
	Conn net.Conn
	R    *bufio.Reader
}

// Dial opens one.
func (l *Lodge) Dial() *Client {
	l.T.Helper()
	conn, err := net.Dial("tcp", l.Addr)
	l.Must(err)
	l.T.Cleanup(func() { _ = conn.Close() })
	l.Must(conn.SetDeadline(time.Now().Add(Patience)))
	return &Client{L: l, Conn: conn, R: bufio.NewReader(conn)}
}

// Headers are pairs of name and value.
type Headers []string

// Send writes a request.
func (c *Client) Send(method, path string, hs Headers, body []byte) {
	c.L.T.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: agent\r\n", method, path)
	for i := 0; i < len(hs); i += 2 {
		fmt.Fprintf(&b, "%s: %s\r\n", hs[i], hs[i+1])
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	_, err := c.Conn.Write(b.Bytes())
	c.L.Must(err)
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Answered reads a whole answer.
func (c *Client) Answered(method string) Answer {
	c.L.T.Helper()
	r, err := http.ReadResponse(c.R, &http.Request{Method: method})
	c.L.Must(err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	c.L.Must(err)
	return Answer{r.StatusCode, r.Header, string(body)}
}

// Do sends a request on a connection of its own.
func (l *Lodge) Do(method, path string, hs Headers, body string) Answer {
	l.T.Helper()
	c := l.Dial()
	defer c.Conn.Close()
	c.Send(method, path, hs, []byte(body))
	return c.Answered(method)
}
