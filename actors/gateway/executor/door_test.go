package executor_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
	"github.com/meseta-io/meseta/testkit/lodge"
)

const path = "/api/v1/executor"

// stream is the subscription of an executor.
type stream struct {
	*lodge.Client
	f wire.Format
}

// says is a call of an executor.
func says(framework, executor string, t executorpb.Call_Type, change ...func(*executorpb.Call)) *executorpb.Call {
	c := &executorpb.Call{Type: t.Enum(), FrameworkId: &mesospb.FrameworkID{Value: &framework}, ExecutorId: &mesospb.ExecutorID{Value: &executor}}
	if t == executorpb.Call_SUBSCRIBE {
		c.Subscribe = &executorpb.Call_Subscribe{}
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func update(task string, state mesospb.TaskState, n byte) func(*executorpb.Call) {
	return func(c *executorpb.Call) { c.Update = &executorpb.Call_Update{Status: status(task, state, n)} }
}

func status(task string, state mesospb.TaskState, n byte) *mesospb.TaskStatus {
	return &mesospb.TaskStatus{TaskId: &mesospb.TaskID{Value: &task}, State: state.Enum(), Uuid: bytes.Repeat([]byte{n}, 16),
		Source: mesospb.TaskStatus_SOURCE_EXECUTOR.Enum()}
}

func post(l *lodge.Lodge, c *executorpb.Call, more ...string) lodge.Answer {
	l.T.Helper()
	return l.Do("POST", path, append(lodge.Headers{"Content-Type", wire.MediaJSON}, more...), string(wire.AppendJSON(nil, c)))
}

func wants(t testing.TB, got lodge.Answer, code int, body string) {
	t.Helper()
	if got.Status != code || got.Body != body {
		t.Errorf("answered %d %q, want %d %q", got.Status, got.Body, code, body)
	}
}

// subscribe opens a stream, which has to be granted.
func subscribe(l *lodge.Lodge, f wire.Format, c *executorpb.Call) *stream {
	l.T.Helper()
	s := &stream{l.Dial(), f}
	body, err := f.Append(nil, c)
	l.Must(err)
	s.Send("POST", path, lodge.Headers{"Content-Type", f.MediaType(), "Accept", f.MediaType()}, body)
	s.begins()
	return s
}

// begins reads the head of the answer.
func (s *stream) begins() {
	l, f := s.L, s.f
	l.T.Helper()
	var head []string
	for {
		line, err := s.R.ReadString('\n')
		l.Must(err)
		if line = strings.TrimSpace(line); line == "" {
			break
		}
		head = append(head, line)
	}
	all := strings.Join(head, "\n")
	if head[0] != "HTTP/1.1 200 OK" || !strings.Contains(all, "Content-Type: "+f.MediaType()) || strings.Contains(all, "Mesos-Stream-Id") ||
		!strings.Contains(all, "Transfer-Encoding: chunked") {
		l.T.Fatalf("the stream begins with %q", head)
	}
}

var errEnd = errors.New("a clean end")

func (s *stream) next() (*executorpb.Event, error) {
	line, err := s.R.ReadString('\n')
	if err != nil {
		return nil, err
	}
	n, err := strconv.ParseInt(strings.TrimSpace(line), 16, 32)
	if err != nil {
		return nil, err
	}
	chunk := make([]byte, n+2)
	if _, err := io.ReadFull(s.R, chunk); err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errEnd
	}
	length, record, _ := bytes.Cut(chunk[:n], []byte("\n"))
	if want, err := strconv.Atoi(string(length)); err != nil || want != len(record) {
		return nil, errors.New("a chunk is not one record")
	}
	e := &executorpb.Event{}
	return e, s.f.Decode(record, e, wire.Limits{})
}

func (s *stream) wants(t executorpb.Event_Type) *executorpb.Event {
	s.L.T.Helper()
	e, err := s.next()
	if err != nil || e.GetType() != t {
		s.L.T.Fatalf("the event is %v, %v, want %s", e, err, t)
	}
	return e
}

// ends reads the end of the stream, and nothing before.
func (s *stream) ends() {
	s.L.T.Helper()
	if e, err := s.next(); !errors.Is(err, errEnd) {
		s.L.T.Fatalf("instead of the end comes %v, %v", e, err)
	}
}

// started is a lodge with an executor e1 of framework F1 that has a task t1 and has not subscribed.
func started(t testing.TB, o lodge.Options) *lodge.Lodge {
	t.Helper()
	l := lodge.New(t, o)
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t1", "e1"))
	l.Until("the container runs", func() bool { return len(l.Launcher.Specs()) == 1 })
	return l
}

func TestAnExecutorLivesAndEnds(t *testing.T) {
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		t.Run(f.String(), func(t *testing.T) {
			l := started(t, lodge.Options{})
			s := subscribe(l, f, says("F1", "e1", executorpb.Call_SUBSCRIBE))
			welcome := s.wants(executorpb.Event_SUBSCRIBED).GetSubscribed()
			if welcome.GetExecutorInfo().GetExecutorId().GetValue() != "e1" || welcome.GetFrameworkInfo().GetId().GetValue() != "F1" ||
				welcome.GetAgentInfo().GetId().GetValue() != "A1" || welcome.GetContainerId().GetValue() == "" {
				t.Errorf("welcomed with %v", welcome)
			}
			if e := s.wants(executorpb.Event_LAUNCH); e.GetLaunch().GetTask().GetTaskId().GetValue() != "t1" {
				t.Errorf("launched %v", e)
			}
			wants(t, post(l, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, 1))), 202, "")
			if tasks := l.Agent.View().Frameworks[0].Executors[0].Launched; tasks[0].GetState() != mesospb.TaskState_TASK_RUNNING {
				t.Errorf("the update was accepted, and the view shows %v", tasks)
			}
			if e := s.wants(executorpb.Event_ACKNOWLEDGED).GetAcknowledged(); e.GetTaskId().GetValue() != "t1" || e.GetUuid()[0] != 1 {
				t.Errorf("acknowledged %v", e)
			}
			if u := l.Update(); u.GetState() != mesospb.TaskState_TASK_RUNNING || u.GetSource() != mesospb.TaskStatus_SOURCE_EXECUTOR ||
				u.GetExecutorId().GetValue() != "e1" || u.GetContainerStatus().GetContainerId().GetValue() == "" {
				t.Errorf("the scheduler hears %v", u)
			}
			wants(t, post(l, says("F1", "e1", executorpb.Call_MESSAGE, func(c *executorpb.Call) {
				c.Message = &executorpb.Call_Message{Data: []byte("hello")}
			})), 202, "")
			if m := <-l.Messages; string(m.GetData()) != "hello" || m.GetExecutorId().GetValue() != "e1" {
				t.Errorf("the scheduler gets %v", m)
			}
			l.Order(killTask("F1", "t1"))
			if e := s.wants(executorpb.Event_KILL); e.GetKill().GetTaskId().GetValue() != "t1" {
				t.Errorf("killed %v", e)
			}
			l.Order(shutdownFramework("F1"))
			s.wants(executorpb.Event_SHUTDOWN)
			l.Clock.Advance(time.Minute) // the executor's time to end is over
			// As in Mesos its stream ends with whoever reads it, and not with its container.
			l.Until("the executor is over", func() bool { return len(l.Agent.View().Frameworks) == 0 })
			standIn := fmt.Sprintf("executor-stream(%s,1)", l.Agent.UPID().ID)
			if !l.Runtime.Alive(standIn) {
				t.Error("the stream has ended with the container")
			}
			s.Conn.Close()
			l.Until("its stand-in has gone with it", func() bool { return !l.Runtime.Alive(standIn) })
		})
	}
}

// An executor that does not say what it wants to hear, or that anything will do, hears JSON.
func TestAnyAnswerIsJSON(t *testing.T) {
	for _, c := range []struct {
		name   string
		accept lodge.Headers
	}{{"no header", nil}, {"any type", lodge.Headers{"Accept", "*/*"}}} {
		t.Run(c.name, func(t *testing.T) {
			l := started(t, lodge.Options{})
			body, err := wire.Protobuf.Append(nil, says("F1", "e1", executorpb.Call_SUBSCRIBE))
			l.Must(err)
			s := &stream{l.Dial(), wire.JSON}
			s.Send("POST", path, append(lodge.Headers{"Content-Type", wire.MediaProtobuf}, c.accept...), body)
			s.begins()
			if e := s.wants(executorpb.Event_SUBSCRIBED); e.GetSubscribed().GetExecutorInfo().GetExecutorId().GetValue() != "e1" {
				t.Errorf("welcomed with %v", e)
			}
		})
	}
}

func TestAnExecutorSubscribesAgain(t *testing.T) {
	l := started(t, lodge.Options{})
	first := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	first.wants(executorpb.Event_SUBSCRIBED)
	launched := first.wants(executorpb.Event_LAUNCH).GetLaunch().GetTask()
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t2", "e1"))
	first.wants(executorpb.Event_LAUNCH)
	// It says that it has t1, of which it could not tell; of t2 it says nothing.
	second := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE, func(c *executorpb.Call) {
		c.Subscribe.UnacknowledgedTasks = []*mesospb.TaskInfo{launched}
		c.Subscribe.UnacknowledgedUpdates = []*executorpb.Call_Update{{Status: status("t1", mesospb.TaskState_TASK_RUNNING, 7)}}
	}))
	first.ends()
	second.wants(executorpb.Event_SUBSCRIBED)
	if e := second.wants(executorpb.Event_ACKNOWLEDGED).GetAcknowledged(); e.GetUuid()[0] != 7 {
		t.Errorf("acknowledged %v", e)
	}
	fates := map[string]mesospb.TaskState{}
	for range 2 {
		u := l.Update()
		fates[u.GetTaskId().GetValue()] = u.GetState()
		if u.GetTaskId().GetValue() == "t2" && u.GetReason() != mesospb.TaskStatus_REASON_AGENT_RESTARTED {
			t.Errorf("t2 was dropped for %v", u.GetReason())
		}
	}
	if fates["t1"] != mesospb.TaskState_TASK_RUNNING || fates["t2"] != mesospb.TaskState_TASK_DROPPED {
		t.Errorf("fates %v", fates)
	}
}

// What is refused, in Mesos' order of checks: the method, the type, the form, the validity, who it is.
func TestRefusals(t *testing.T) {
	l := started(t, lodge.Options{})
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t9", "native"))
	valid := string(wire.AppendJSON(nil, says("F1", "e1", executorpb.Call_SUBSCRIBE)))
	for _, c := range []struct {
		name, method string
		headers      lodge.Headers
		body         string
		status       int
		says         string
	}{
		{"another method", "GET", nil, "", 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."},
		{"no type", "POST", nil, valid, 400, "Expecting 'Content-Type' to be present"},
		{"an unknown type", "POST", lodge.Headers{"Content-Type", "text/plain"}, valid, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"},
		{"a type with a parameter", "POST", lodge.Headers{"Content-Type", "application/json; charset=utf-8"}, valid, 415,
			"Expecting 'Content-Type' of application/json or application/x-protobuf"},
		{"garbage in protobuf", "POST", lodge.Headers{"Content-Type", wire.MediaProtobuf}, "\xff\xff", 400, "Failed to parse body into Call protobuf"},
		{"no ids", "POST", json_, `{"type":"SUBSCRIBE"}`, 400, "Failed to convert JSON into Call protobuf"},
		{"no answer is wanted", "POST", append(lodge.Headers{"Accept", "text/html"}, json_...), valid, 406, "Expecting 'Accept' to allow"},
		{"no call type", "POST", json_, `{"executor_id":{"value":"e1"},"framework_id":{"value":"F1"}}`, 400, "Failed to validate Executor::Call"},
		{"without its message", "POST", json_, `{"type":"UPDATE","executor_id":{"value":"e1"},"framework_id":{"value":"F1"}}`, 400, "Failed to validate Executor::Call"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := l.Do(c.method, path, c.headers, c.body)
			if got.Status != c.status || !strings.HasPrefix(got.Body, c.says) || got.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("answered %d %q %q, want %d %q", got.Status, got.Header.Get("Content-Type"), got.Body, c.status, c.says)
			}
		})
	}
	l.Until("both executors are there", func() bool { return len(l.Agent.View().Frameworks[0].Executors) == 2 })
	wants(t, post(l, says("nobody", "e1", executorpb.Call_SUBSCRIBE)), 400, "Framework cannot be found")
	wants(t, post(l, says("F1", "nobody", executorpb.Call_SUBSCRIBE)), 400, "Executor cannot be found")
	wants(t, post(l, says("F1", "nobody", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, 1))), 400, "Executor cannot be found")
	wants(t, post(l, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, 1))), 403, "Executor is not subscribed")
	wants(t, post(l, says("F1", "e1", executorpb.Call_UNKNOWN)), 403, "Executor is not subscribed")
	wants(t, post(l, says("nobody", "nobody", executorpb.Call_HEARTBEAT), "Accept", "text/html"), 202, "")
	s := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	s.wants(executorpb.Event_SUBSCRIBED)
	if got := post(l, says("F1", "e1", executorpb.Call_UNKNOWN)); got.Status != 501 {
		t.Errorf("a call of no type: %d %q", got.Status, got.Body)
	}
	for _, bad := range []func(*mesospb.TaskStatus){
		func(s *mesospb.TaskStatus) { s.State = mesospb.TaskState_TASK_STAGING.Enum() },
		func(s *mesospb.TaskStatus) { s.Source = mesospb.TaskStatus_SOURCE_AGENT.Enum() },
		func(s *mesospb.TaskStatus) { s.Source = nil },
		func(s *mesospb.TaskStatus) { s.Uuid = []byte("short") },
		func(s *mesospb.TaskStatus) { s.Uuid = nil },
		func(s *mesospb.TaskStatus) { s.ExecutorId = &mesospb.ExecutorID{Value: proto.String("another")} },
		func(s *mesospb.TaskStatus) { s.CheckStatus = &mesospb.CheckStatusInfo{} },
	} {
		got := post(l, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, 1), func(c *executorpb.Call) {
			bad(c.Update.Status)
		}))
		if got.Status != 400 || !strings.HasPrefix(got.Body, "Failed to validate Executor::Call: ") {
			t.Errorf("answered %d %q", got.Status, got.Body)
		}
	}
	if got := l.Agent.View().Frameworks[0].Executors[0].Launched[0].GetState(); got != mesospb.TaskState_TASK_STAGING {
		t.Errorf("what was refused changed the task to %v", got)
	}
}

var json_ = lodge.Headers{"Content-Type", wire.MediaJSON}

// An executor that ends while nobody is there leaves its last word with the agent that comes back.
func TestATaskThatEndsWhileItsAgentRecovers(t *testing.T) {
	l := started(t, lodge.Options{})
	s := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	s.wants(executorpb.Event_SUBSCRIBED)
	s.wants(executorpb.Event_LAUNCH)
	wants(t, post(l, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, 1))), 202, "")
	l.Update()
	s.wants(executorpb.Event_ACKNOWLEDGED)
	l.Stop()
	l.Recovering()
	// It did not notice, and does not subscribe again: it tells, and is gone.
	wants(t, post(l, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_FINISHED, 2))), 202, "")
	if !l.Agent.View().Recovering {
		t.Fatal("the agent did not wait")
	}
	for id := range l.Launcher.Specs() {
		l.Launcher.Exit(id, 0)
	}
	for {
		if u := l.Update(); u.GetState() != mesospb.TaskState_TASK_RUNNING {
			if u.GetState() != mesospb.TaskState_TASK_FINISHED {
				t.Errorf("the scheduler hears %v", u)
			}
			return
		}
	}
}

func TestNobodyIsServedBeforeTheCheckpointsAreRead(t *testing.T) {
	l := started(t, lodge.Options{})
	l.Stop()
	release := l.Reading()
	for _, c := range []*executorpb.Call{says("F1", "e1", executorpb.Call_SUBSCRIBE), says("F1", "e1", executorpb.Call_HEARTBEAT),
		says("F1", "e1", executorpb.Call_MESSAGE, func(c *executorpb.Call) { c.Message = &executorpb.Call_Message{Data: []byte{1}} })} {
		wants(t, post(l, c), 503, "Agent has not finished recovery")
	}
	release()
	l.Until("the checkpoints are read", func() bool { return !l.Agent.View().Reading })
	wants(t, post(l, says("F1", "e1", executorpb.Call_HEARTBEAT)), 202, "")
	// Its only task never reached it, so there is nothing for it to do; but it is known again.
	subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE)).wants(executorpb.Event_SHUTDOWN)
}

// The first heartbeat comes after thirty minutes and not before: executors that do not know it end at the first.
func TestHeartbeats(t *testing.T) {
	l := started(t, lodge.Options{})
	s := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	s.wants(executorpb.Event_SUBSCRIBED)
	s.wants(executorpb.Event_LAUNCH)
	l.Clock.Advance(29 * time.Minute)
	l.Order(killTask("F1", "t1"))
	s.wants(executorpb.Event_KILL) // and no heartbeat before it
	l.Clock.Advance(2 * time.Minute)
	s.wants(executorpb.Event_HEARTBEAT)
}

// Whoever is told to end is told once, and its stream is over.
func TestAnExecutorThatIsEndingIsSentHome(t *testing.T) {
	l := started(t, lodge.Options{})
	s := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	s.wants(executorpb.Event_SUBSCRIBED)
	s.wants(executorpb.Event_LAUNCH)
	l.Order(shutdownExecutor("F1", "e1"))
	s.wants(executorpb.Event_SHUTDOWN)
	again := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	again.wants(executorpb.Event_SHUTDOWN)
	again.ends()
}

// An executor whose stream broke keeps its tasks, and what it says without a stream counts.
func TestAStreamBreaks(t *testing.T) {
	l := started(t, lodge.Options{})
	s := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	s.wants(executorpb.Event_SUBSCRIBED)
	s.wants(executorpb.Event_LAUNCH)
	_ = s.Conn.Close()
	wants(t, post(l, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_FINISHED, 1))), 202, "")
	if u := l.Update(); u.GetState() != mesospb.TaskState_TASK_FINISHED {
		t.Errorf("the scheduler hears %v", u)
	}
	if len(l.Launcher.Specs()) != 1 {
		t.Error("the container was ended with the stream")
	}
}

// An executor that never reads is cut off, and harms nobody else.
func TestAnExecutorThatNeverReads(t *testing.T) {
	l := started(t, lodge.Options{})
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "good", "e2"))
	deaf := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	good := subscribe(l, wire.JSON, says("F1", "e2", executorpb.Call_SUBSCRIBE))
	good.wants(executorpb.Event_SUBSCRIBED)
	good.wants(executorpb.Event_LAUNCH)
	data := bytes.Repeat([]byte{1}, 1<<20)
	for range 100 { // more than the socket and the queue hold
		l.Order(message("F1", "e1", data))
	}
	l.Order(message("F1", "e2", []byte("hello")))
	if e := good.wants(executorpb.Event_MESSAGE); string(e.GetMessage().GetData()) != "hello" {
		t.Errorf("the other executor gets %v", e)
	}
	l.Must(deaf.Conn.SetDeadline(time.Now().Add(lodge.Patience)))
	tail, err := io.ReadAll(deaf.R)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal("it was not cut off")
	}
	if bytes.HasSuffix(tail, []byte("\r\n0\r\n\r\n")) {
		t.Error("what was cut off ends as if it were whole")
	}
}

// Whoever subscribes in an executor's place before its container runs does not keep it from being started.
func TestSomebodySubscribesTooEarly(t *testing.T) {
	l := lodge.New(t, lodge.Options{})
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t1", "e1"))
	l.Until("the executor is known", func() bool { return len(l.Agent.View().Frameworks) == 1 })
	early := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	early.wants(executorpb.Event_SUBSCRIBED)
	l.Until("the container runs", func() bool { return len(l.Launcher.Specs()) == 1 })
	own := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	own.wants(executorpb.Event_SUBSCRIBED)
}

// Many calls at once are as good as one after the other.
func TestAFloodOfUpdates(t *testing.T) {
	l := started(t, lodge.Options{})
	s := subscribe(l, wire.JSON, says("F1", "e1", executorpb.Call_SUBSCRIBE))
	s.wants(executorpb.Event_SUBSCRIBED)
	s.wants(executorpb.Event_LAUNCH)
	const many = 200
	codes := make(chan int, many)
	for n := range many {
		go func() {
			body := wire.AppendJSON(nil, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, byte(n+1))))
			r, err := http.Post("http://"+l.Addr+path, wire.MediaJSON, bytes.NewReader(body))
			if err != nil {
				codes <- 0
				return
			}
			r.Body.Close()
			codes <- r.StatusCode
		}()
	}
	for range many {
		if code := <-codes; code != 202 {
			t.Errorf("answered %d", code)
		}
	}
	if got := l.Do("GET", "/state", nil, ""); got.Status != 200 {
		t.Errorf("/state is %d", got.Status)
	}
}

// The environment is what executors of every language look for.
func TestTheEnvironment(t *testing.T) {
	l := started(t, lodge.Options{})
	for _, spec := range l.Launcher.Specs() {
		env := map[string]string{}
		for _, kv := range spec.Env {
			name, value, _ := strings.Cut(kv, "=")
			env[name] = value
		}
		for name, want := range map[string]string{
			"MESOS_FRAMEWORK_ID": "F1", "MESOS_EXECUTOR_ID": "e1", "MESOS_SLAVE_ID": "A1", "MESOS_SLAVE_PID": l.Agent.UPID().String(),
			"MESOS_AGENT_ENDPOINT": l.Agent.UPID().Addr, "MESOS_CHECKPOINT": "1", "MESOS_HTTP_COMMAND_EXECUTOR": "0",
			"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": "5secs", "MESOS_RECOVERY_TIMEOUT": "15mins", "MESOS_SUBSCRIPTION_BACKOFF_MAX": "2secs",
			"LIBPROCESS_PORT": "0", "MESOS_DIRECTORY": spec.Dir, "MESOS_SANDBOX": spec.Dir,
		} {
			if env[name] != want {
				t.Errorf("%s is %q, want %q", name, env[name], want)
			}
		}
		if _, has := env["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]; has {
			t.Error("there is a token though nobody asks for one")
		}
	}
}
