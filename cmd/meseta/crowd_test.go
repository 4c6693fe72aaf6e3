package main_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/wire"
)

// The cluster of the crowd's test.
const (
	crowdAgents = 250
	crowdTasks  = 200 // on each
)

// sheep is an agent that comes back with its tasks, and says of all of them what it is told to.
type sheep struct {
	b      *process.Base
	master process.UPID
	report *controlpb.ReregisterAgent
	back   chan<- struct{}
}

func (s *sheep) Initialize(b *process.Base) {
	s.b = b
	process.Install(b, func(process.UPID, *controlpb.AgentReregistered) { s.back <- struct{}{} })
	process.Install(b, func(from process.UPID, _ *controlpb.Ping) { b.Send(from, &controlpb.Pong{AgentId: s.report.Agent.Id}) })
	b.Send(s.master, s.report)
}

// say reports a state of every task.
func (s *sheep) say(state mesospb.TaskState) {
	for _, t := range s.report.Tasks {
		s.b.Send(s.master, &controlpb.StatusUpdate{FrameworkId: t.FrameworkId, AgentId: t.AgentId, LatestState: &state,
			Status: &mesospb.TaskStatus{TaskId: t.TaskId, State: &state, Timestamp: proto.Float64(1700000000.5), Message: proto.String("as the test has it")}})
	}
}

func newSheep(t testing.TB, i int, master string, back chan<- struct{}) *sheep {
	rs, err := resources.Parse("cpus:32;mem:65536")
	if err != nil {
		t.Fatal(err)
	}
	framework := &mesospb.FrameworkID{Value: proto.String("c0ffee00-0000-4000-8000-000000000000-0000")}
	r := &controlpb.ReregisterAgent{Version: proto.String("0.1.0"),
		Agent: &mesospb.AgentInfo{Hostname: proto.String(fmt.Sprintf("agent-%d.example", i)), Resources: rs.Proto(),
			Id: &mesospb.AgentID{Value: proto.String(fmt.Sprintf("c0ffee00-0000-4000-8000-000000000000-S%d", i))}},
		Frameworks: []*mesospb.FrameworkInfo{{Id: framework, User: proto.String("u"), Name: proto.String("crowd"), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(1e6)}}}
	for n := range crowdTasks {
		id := proto.String(fmt.Sprintf("service.%d.instance-%d", i, n))
		r.Tasks = append(r.Tasks, &mesospb.Task{Name: id, TaskId: &mesospb.TaskID{Value: id}, FrameworkId: framework, AgentId: r.Agent.Id,
			State: mesospb.TaskState_TASK_STAGING.Enum(), Resources: []*mesospb.Resource{{Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(),
				Scalar: &mesospb.Value_Scalar{Value: proto.Float64(0.1)}, AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String("*")}}}})
	}
	return &sheep{master: process.UPID{ID: "master", Addr: master}, report: r, back: back}
}

// flock brings so many agents to a master.
func flock(t testing.TB, master string, agents int) []process.Ref[*sheep] {
	t.Helper()
	transport, err := remote.New(remote.Config{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	rt, err := process.New(process.Config{Transport: transport})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rt.Shutdown(t.Context()) })
	back := make(chan struct{}, agents)
	var all []process.Ref[*sheep]
	for i := range agents {
		ref, err := process.Spawn(rt, fmt.Sprintf("slave(%d)", i+1), newSheep(t, i, master, back))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ref)
	}
	for range all {
		<-back
	}
	return all
}

// spectator watches the stream of events of a master, with numbers, over a connection that holds little by itself.
type spectator struct {
	*testing.T
	body io.ReadCloser
	in   *wire.RecordReader
	at   uint64
}

func watch(t *testing.T, master string) *spectator {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+master+"/api/v1", strings.NewReader(`{"type":"SUBSCRIBE"}`))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", wire.MediaJSON)
	r.Header.Set("Meseta-Resume", "")
	answer, err := (&http.Transport{DisableCompression: true, ReadBufferSize: 4 << 10, Dial: func(network, address string) (net.Conn, error) {
		c, err := net.Dial(network, address)
		if err == nil {
			err = c.(*net.TCPConn).SetReadBuffer(32 << 10)
		}
		return c, err
	}}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	if answer.StatusCode != http.StatusOK {
		t.Fatal(answer.Status)
	}
	body := bufio.NewReaderSize(answer.Body, 4<<10)
	return &spectator{t, answer.Body, wire.NewRecordReader(body, wire.Limits{Bytes: 1 << 30}), 0}
}

type crowdRecord struct {
	Type     string `json:"type"`
	Sequence uint64 `json:"meseta_sequence"`
	Error    string `json:"meseta_error"`
}

// next is the next record that is no heartbeat. Their numbers have no gap.
func (s *spectator) next() (r crowdRecord, size int, err error) {
	for {
		text, err := s.in.Next()
		if err != nil {
			return r, 0, err
		}
		if r = (crowdRecord{}); len(text) < 1<<20 {
			if err := json.Unmarshal(text, &r); err != nil {
				s.Errorf("%.200s: %v", text, err)
			}
		} else { // the snapshot, whose number stands at its end
			_, number, _ := bytes.Cut(text[len(text)-60:], []byte(`"meseta_sequence":`))
			if err := json.Unmarshal(bytes.TrimSuffix(number, []byte("}")), &r.Sequence); err != nil {
				s.Errorf("the snapshot ends with %s", text[len(text)-60:])
			}
			r.Type = "SUBSCRIBED"
		}
		if r.Type == "HEARTBEAT" {
			continue
		}
		if s.at != 0 && r.Error == "" && r.Sequence != s.at+1 {
			s.Errorf("event %d follows event %d", r.Sequence, s.at)
		}
		if r.Sequence != 0 {
			s.at = r.Sequence
		}
		return r, len(text), nil
	}
}

// rest reads on to the end, and returns the last word and how the stream ended.
func (s *spectator) rest() (word string, events int, end error) {
	for {
		r, _, err := s.next()
		if err != nil {
			return word, events, err
		}
		word = r.Error
		events++
	}
}

func (c *testCluster) residentMB() int {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", c.master.cmd.Process.Pid))
	if err != nil {
		c.t.Fatal(err)
	}
	var size, pages int
	if _, err := fmt.Sscan(string(text), &size, &pages); err != nil {
		c.t.Fatal(err)
	}
	return pages * os.Getpagesize() >> 20
}

// knows waits until a master has so many tasks that are staging.
func (c *testCluster) knows(tasks int) {
	c.t.Helper()
	await(c.t, "all tasks are known", func() bool {
		return strings.Contains(page(c.t, c.at, "/metrics/snapshot"), fmt.Sprintf(`"master/tasks_staging":%d.0`, tasks))
	})
}

func page(t testing.TB, at, path string) string {
	t.Helper()
	answer, err := http.Get("http://" + at + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// With 50,000 tasks, of which every one changes three times: eighty who subscribe and read nothing, one who stops after the
// snapshot, and one who reads too slowly. Each is cut, the one who still listens is told why, whoever reads sees every event once and
// in order, tasks are run, and the master has grown by less than half of what the snapshots of the eighty alone would be.
func TestSubscribersThatStopReading(t *testing.T) {
	c := newCluster(t, "--http_write_timeout=10s")
	agents := flock(t, c.at, crowdAgents)
	await(t, "all tasks are known", func() bool {
		return strings.Contains(page(t, c.at, "/metrics/snapshot"), fmt.Sprintf(`"master/tasks_staging":%d.0`, crowdAgents*crowdTasks))
	})
	healthy := watch(t, c.at)
	_, snapshot, err := healthy.next()
	if err != nil {
		t.Fatal(err)
	}
	before := c.residentMB()

	var deaf []*spectator
	for range 80 {
		deaf = append(deaf, watch(t, c.at))
	}
	stopped, slow := watch(t, c.at), watch(t, c.at)
	for _, s := range []*spectator{stopped, slow} {
		if r, _, err := s.next(); err != nil || r.Type != "SUBSCRIBED" {
			t.Fatal(r, err)
		}
	}

	const updates = 3 * crowdAgents * crowdTasks
	var seen atomic.Int64
	readers := make(chan error, 2)
	paces := make(chan struct{}, updates/1000+1)
	go func() {
		defer close(paces)
		for seen.Load() < updates {
			r, _, err := healthy.next()
			if err != nil {
				readers <- err
				return
			}
			if r.Type == "TASK_UPDATED" && seen.Add(1)%1000 == 0 {
				paces <- struct{}{}
			}
		}
		readers <- nil
	}()
	lastWord := ""
	go func() { // reads a little whenever the healthy one has read much
	paces:
		for range paces {
			for read := 0; read < 128<<10; {
				r, size, err := slow.next()
				if r.Error != "" {
					lastWord = r.Error
					break paces
				}
				if err != nil {
					readers <- fmt.Errorf("the slow reader is cut without a word: %w", err)
					return
				}
				read += size
			}
		}
		readers <- nil
	}()

	peak, sent := 0, int64(0)
	for _, state := range []mesospb.TaskState{mesospb.TaskState_TASK_STARTING, mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_KILLING} {
		for i, a := range agents {
			process.Dispatch(a, func(s *sheep) { s.say(state) })
			if sent += crowdTasks; i%50 == 49 { // never more under way than a connection takes
				await(t, fmt.Sprintf("%d updates are seen", sent), func() bool { return seen.Load() >= sent })
				peak = max(peak, c.residentMB())
			}
		}
		if state == mesospb.TaskState_TASK_RUNNING {
			c.run("--", "echo", "unharmed").ends(0)
		}
	}
	for range 2 {
		if err := <-readers; err != nil {
			t.Fatal(err)
		}
	}

	word, _, end := slow.rest()
	if lastWord += word; !strings.Contains(lastWord, "too slowly") || end == io.EOF {
		t.Errorf("the last word to the slow reader is %q, and its stream ends with %v", lastWord, end)
	}
	for i, s := range append(deaf, stopped) {
		word, events, end := s.rest()
		if end == nil || errors.Is(end, io.EOF) && !errors.Is(end, io.ErrUnexpectedEOF) {
			t.Errorf("stream %d that nobody read ends cleanly, after %d events and %q: %v", i, events, word, end)
		}
	}
	grown := peak - before
	t.Logf("%d tasks, snapshot of %d MB; the master has %d MB, and %d more at most while %d subscribers do not read", crowdAgents*crowdTasks, snapshot>>20, before, grown, len(deaf)+2)
	limit := len(deaf) * snapshot >> 21
	if len(buildFlags) > 0 {
		limit *= 5 // what looks for races takes as much memory again, several times
	}
	if grown > limit {
		t.Errorf("the master has grown by %d MB; those who read nothing may cost %d MB together", grown, limit)
	}
}

// BenchmarkCommands is how long people wait for commands where there are 1,000 agents with 200,000 tasks, from shell to exit.
func BenchmarkCommands(b *testing.B) {
	const agents = 1000
	c := newCluster(b)
	flock(b, c.at, agents)
	c.knows(agents * crowdTasks)
	for _, args := range [][]string{{"status"}, {"agents"}, {"tasks"}, {"tasks", "-o", "json"}, {"why", "service.0.instance-0"}, {"why", "*"}, {"describe", "service.0.instance-0"}} {
		b.Run(strings.Join(args, "_"), func(b *testing.B) {
			for b.Loop() {
				if p := c.meseta(args...); p.cmd.ProcessState.ExitCode() != 0 {
					b.Fatal(p.out, p.err)
				}
			}
		})
	}
}
