package gateway_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/press"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// The cluster that Mesos was measured with.
const (
	benchAgents     = 10_000
	benchTasks      = 20 // on each
	benchFrameworks = 20
)

// sheep is an agent that returns with its tasks, answers pings and does nothing else.
type sheep struct {
	master process.UPID
	report *controlpb.ReregisterAgent
	back   chan<- struct{}
}

func (s *sheep) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *controlpb.AgentReregistered) { s.back <- struct{}{} })
	process.Install(b, func(from process.UPID, _ *controlpb.Ping) { b.Send(from, &controlpb.Pong{AgentId: s.report.Agent.Id}) })
	b.Send(s.master, s.report)
}

func benchInfo(b *testing.B, i int) *mesospb.AgentInfo {
	rs, err := resources.Parse("cpus:32;mem:65536;disk:100000;ports:[31000-32000]")
	if err != nil {
		b.Fatal(err)
	}
	return &mesospb.AgentInfo{Hostname: proto.String(fmt.Sprintf("agent-%05d", i)), Resources: rs.Proto(),
		Id: &mesospb.AgentID{Value: proto.String(fmt.Sprintf("c0ffee00-0000-4000-8000-000000000000-S%d", i))}}
}

func benchReport(b *testing.B, i int) *controlpb.ReregisterAgent {
	info := benchInfo(b, i)
	framework := &mesospb.FrameworkID{Value: proto.String(fmt.Sprintf("c0ffee00-0000-4000-8000-000000000000-%04d", i%benchFrameworks))}
	r := &controlpb.ReregisterAgent{Agent: info, Version: proto.String("0.1.0"),
		Frameworks: []*mesospb.FrameworkInfo{{Id: framework, User: proto.String("u"), Name: proto.String("f"), Checkpoint: proto.Bool(true)}}}
	for n := range benchTasks {
		id := proto.String(fmt.Sprintf("service.%d.instance-%d", i, n))
		one := func(name string, amount float64) *mesospb.Resource {
			return &mesospb.Resource{Name: proto.String(name), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(amount)},
				AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String("*")}}
		}
		status := func(s mesospb.TaskState) *mesospb.TaskStatus {
			return &mesospb.TaskStatus{TaskId: &mesospb.TaskID{Value: id}, State: s.Enum(), AgentId: info.Id, Timestamp: proto.Float64(1700000000.25),
				Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum(), Uuid: []byte("0123456789abcdef"),
				ContainerStatus: &mesospb.ContainerStatus{ContainerId: &mesospb.ContainerID{Value: id}, NetworkInfos: []*mesospb.NetworkInfo{{
					IpAddresses: []*mesospb.NetworkInfo_IPAddress{{Protocol: mesospb.NetworkInfo_IPv4.Enum(), IpAddress: proto.String("10.1.2.3")}}}}}}
		}
		r.Tasks = append(r.Tasks, &mesospb.Task{Name: id, TaskId: &mesospb.TaskID{Value: id}, FrameworkId: framework, AgentId: info.Id,
			State: mesospb.TaskState_TASK_RUNNING.Enum(), Resources: []*mesospb.Resource{one("cpus", 0.5), one("mem", 512)},
			Statuses: []*mesospb.TaskStatus{status(mesospb.TaskState_TASK_STARTING), status(mesospb.TaskState_TASK_RUNNING)}})
	}
	return r
}

// bench is a master with everything, behind its doors.
type bench struct {
	*httptest.Server
	parts gateway.Parts
}

// serve opens doors at which nobody has asked for anything yet.
func (c *bench) serve(b *testing.B) *httptest.Server {
	g, err := gateway.New(gateway.Default(), c.parts)
	if err != nil {
		b.Fatal(err)
	}
	return httptest.NewServer(g.Handler())
}

// admitted is a registry that knows all agents.
func admitted(b *testing.B) *memory.Cluster {
	store := memory.New()
	store.Contend(&mesospb.MasterInfo{Pid: proto.String("master@before")}, func(term cluster.Term, err error) {
		if err != nil {
			b.Fatal(err)
		}
		var all []cluster.Change
		for i := range benchAgents {
			info := benchInfo(b, i)
			value, err := proto.Marshal(&controlpb.RegistryRecord{Version: proto.Uint32(1),
				Record: &controlpb.RegistryRecord_Admitted{Admitted: &controlpb.AdmittedAgent{Agent: info}}})
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, cluster.Change{Key: "agents/" + info.GetId().GetValue(), Value: value})
		}
		for batch := range slices.Chunk(all, cluster.MaxChanges) {
			if err := store.Apply(context.Background(), term, batch); err != nil {
				b.Fatal(err)
			}
		}
	})
	store.Depose(nil)
	return store
}

// bigCluster is a master to which all agents have returned.
func bigCluster(b *testing.B) *bench {
	b.Helper()
	store := admitted(b)
	log := slog.New(slog.DiscardHandler)
	rt, err := process.New(process.Config{Log: log})
	if err != nil {
		b.Fatal(err)
	}
	m, err := master.Spawn(rt, master.Default(), master.Parts{Contender: store, Registry: store})
	if err != nil {
		b.Fatal(err)
	}
	c := &bench{parts: gateway.Parts{Runtime: rt, Master: &m, Delegate: "master", Log: log}}
	c.Server = c.serve(b)
	b.Cleanup(func() { c.Close(); _ = rt.Shutdown(context.Background()) })
	views := watch(m)
	for !(<-views).Serving {
		// The next view may say so.
	}
	back := make(chan struct{}, benchAgents)
	for i := range benchAgents {
		if _, err := process.Spawn(rt, fmt.Sprintf("slave(%d)", i), &sheep{m.UPID(), benchReport(b, i), back}); err != nil {
			b.Fatal(err)
		}
	}
	for range benchAgents {
		<-back
	}
	for v := m.View(); v.Tasks.Len() < benchAgents*benchTasks; v = <-views {
		// More are to come.
	}
	return c
}

// lookout hands on the latest view.
type lookout chan *master.View

func watch(m master.Client) lookout {
	l := make(lookout, 1)
	m.Watch(l)
	return l
}

func (l lookout) Published(v *master.View, _ []*master.Event) {
	select {
	case <-l: // nobody has looked at the one before
	default:
	}
	l <- v
}

// question is one way to ask for everything.
type question struct{ name, method, path, accept, body, encoding string }

var everything = []question{
	{name: "old", method: http.MethodGet, path: "/state"},
	{name: "protobuf", method: http.MethodPost, path: "/api/v1", accept: "application/x-protobuf", body: `{"type":"GET_STATE"}`},
	{name: "JSON", method: http.MethodPost, path: "/api/v1", accept: "application/json", body: `{"type":"GET_STATE"}`},
}

func (q question) packed() question {
	q.encoding = "gzip"
	return q
}

func fetch(b *testing.B, s *httptest.Server, q question) (size int64) {
	r, err := http.NewRequest(q.method, s.URL+q.path, strings.NewReader(q.body))
	if err != nil {
		b.Fatal(err)
	}
	if q.accept != "" {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", q.accept)
	}
	r.Header.Set("Accept-Encoding", cmp.Or(q.encoding, "identity"))
	answer, err := s.Client().Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	size, err = io.Copy(io.Discard, answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		b.Fatal(answer.Status, err)
	}
	return size
}

// BenchmarkState reads the whole of 10,000 agents with 200,000 tasks, in the three ways that there are: again and again while
// nothing changes, for the first time, and packed; and asks for nothing while others ask for everything, again and again and
// for the first time.
func BenchmarkState(b *testing.B) {
	c := bigCluster(b)
	for _, q := range everything {
		b.Run(q.name, func(b *testing.B) { c.measure(b, q, c.Server) })
		b.Run(q.name+"-first", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				s := c.serve(b)
				runtime.GC() // what the one before kept is gone, as it is in a master after a minute
				b.StartTimer()
				b.SetBytes(fetch(b, s, q))
				b.StopTimer()
				s.Close()
				b.StartTimer()
			}
		})
		b.Run(q.name+"-gzip", func(b *testing.B) { c.measure(b, q.packed(), c.Server) })
	}
	b.Run("health-alone", func(b *testing.B) { c.health(b, c.Server) })
	b.Run("health", func(b *testing.B) {
		c.crowded(b, c.Server)
		c.health(b, c.Server)
	})
	b.Run("health-first", func(b *testing.B) {
		s := c.forgetful(b)
		defer s.Close()
		c.crowded(b, s)
		c.health(b, s)
	})
}

// forgetful opens doors that keep nothing of what was asked for before. All that they made stays in memory for a minute.
func (c *bench) forgetful(b *testing.B) *httptest.Server {
	g, err := gateway.New(gateway.Default(), c.parts)
	if err != nil {
		b.Fatal(err)
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := g
		if r.URL.Path == "/state" {
			fresh, err := gateway.New(gateway.Default(), c.parts)
			if err != nil {
				panic(err)
			}
			to = fresh
		}
		to.Handler().ServeHTTP(w, r)
	}))
}

func (c *bench) measure(b *testing.B, q question, s *httptest.Server) {
	b.ReportAllocs()
	for b.Loop() {
		b.SetBytes(fetch(b, s, q))
	}
}

// crowd is the variable that makes a program of this test one that does nothing but ask.
const crowd = "MESETA_BENCH_CROWD"

func TestMain(m *testing.M) {
	if url := os.Getenv(crowd); url != "" {
		hammer(url)
		return
	}
	press.Spare() // as a node does
	os.Exit(m.Run())
}

// hammer asks for everything on two connections until its input ends. It is a program of its own, because whoever reads in
// the master's program takes turns with the master.
func hammer(url string) {
	for range 2 {
		go func() {
			for {
				answer, err := http.Get(url)
				if err != nil {
					return
				}
				_, _ = io.Copy(io.Discard, answer.Body)
				answer.Body.Close()
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// crowded has others ask for everything until the benchmark is over.
func (c *bench) crowded(b *testing.B, s *httptest.Server) {
	self, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	others := exec.Command(self)
	others.Env = append(os.Environ(), crowd+"="+s.URL+"/state")
	input, err := others.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := others.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { input.Close(); _ = others.Wait() })
}

// health asks how the master is.
func (c *bench) health(b *testing.B, s *httptest.Server) {
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		fetch(b, s, question{method: http.MethodGet, path: "/health"})
		took = append(took, time.Since(began))
		<-pace.C
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}

// BenchmarkResident is what the program takes, agents included, with everything and nobody who asks, after the old state was read a hundred
// times, and after it was read in the other ways too.
func BenchmarkResident(b *testing.B) {
	c := bigCluster(b)
	for b.Loop() {
		report := func(when string) {
			debug.FreeOSMemory()
			b.ReportMetric(resident(b), when+"-MB")
		}
		report("idle")
		for range 100 {
			fetch(b, c.Server, everything[0])
		}
		b.ReportMetric(resident(b), "busy-MB")
		report("old")
		for _, q := range everything {
			fetch(b, c.Server, q)
			fetch(b, c.Server, q.packed())
		}
		report("all")
	}
}

// resident is the memory of this program in MB.
func resident(b *testing.B) float64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Skip(err)
	}
	var size, pages float64
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		b.Fatal(err)
	}
	return pages * float64(os.Getpagesize()) / 1e6
}
