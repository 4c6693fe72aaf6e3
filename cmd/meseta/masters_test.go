package main_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/tools/consuls"
)

// quorum is three masters that agree in a Consul, and an agent that is told where they are and nothing of Consul.
type quorum struct {
	*testCluster
	consul   *consuls.Servers
	election string
	masters  []*program
	at       []string // the masters' addresses
}

// newQuorum starts all of it. The sessions are short, or a test would wait most of its time for them to expire.
func newQuorum(t testing.TB) *quorum {
	t.Helper()
	return newQuorumWith(t, consuls.Options{SessionTTLMin: time.Second}, "?ttl=3s")
}

func newQuorumWith(t testing.TB, o consuls.Options, parameters string, agentFlags ...string) *quorum {
	t.Helper()
	q := &quorum{testCluster: &testCluster{t: t, dir: t.TempDir(), ip: loopback()}, masters: make([]*program, 3), at: make([]string, 3)}
	t.Cleanup(q.clean)
	var err error
	if q.consul, err = consuls.StartWith(t.TempDir(), 1, o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.consul.Close() })
	q.election = "consul://" + q.consul.Addresses[0] + "/test" + parameters
	for i := range q.masters {
		q.at[i] = loopback() + ":5050"
		q.startMaster(i)
	}
	q.testCluster.at = strings.Join(q.at, ",")
	q.startAgent("0", agentFlags...)
	return q
}

func (q *quorum) startMaster(i int, more ...string) {
	q.t.Helper()
	ip, port, _ := strings.Cut(q.at[i], ":")
	args := append([]string{"master", "--ip=" + ip, "--port=" + port, fmt.Sprintf("--work_dir=M%d", i), "--election=" + q.election}, more...)
	q.masters[i] = start(q.t, q.dir, args...)
	q.masters[i].sees(q.masters[i].out, `listening on (\S+),`)
}

// get asks a master over HTTP without following it to another; status 0: it is not there.
func (q *quorum) get(i int, path string) (status int, location, body string) {
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: patience}
	r, err := c.Get("http://" + q.at[i] + path)
	if err != nil {
		return 0, "", err.Error()
	}
	defer r.Body.Close()
	text, _ := io.ReadAll(r.Body)
	return r.StatusCode, r.Header.Get("Location"), string(text)
}

// leads waits until a master other than not serves an active agent, and returns which. -1: any.
func (q *quorum) leads(not int) (leader int) {
	q.t.Helper()
	await(q.t, "a master leads and the agent is back", func() bool {
		for i := range q.masters {
			if i == not {
				continue
			}
			status, _, body := q.get(i, "/state-summary")
			var state struct {
				Slaves []struct{ Active bool }
			}
			if status == 200 && json.Unmarshal([]byte(body), &state) == nil && len(state.Slaves) == 1 && state.Slaves[0].Active {
				leader = i
				return true
			}
		}
		return false
	})
	return leader
}

func (q *quorum) others(i int) []int { return []int{(i + 1) % 3, (i + 2) % 3} }

// works sees that commands find the leader from any of the masters, and that offers flow.
func (q *quorum) works(leader int) {
	q.t.Helper()
	for _, i := range q.others(leader) {
		if status, _, _ := q.get(i, "/health"); status == 0 {
			continue // it is down
		}
		startAs(q.t, binary, q.dir, []string{"MESETA_MASTER=" + q.at[i]}, "status").says(0, "Leader +"+q.at[leader])
		startAs(q.t, binary, q.dir, nil, "run", "--master="+q.at[i], "--", "echo here I am").says(0, "here I am")
	}
}

// Three masters: one leads, and is killed, told to end, and stopped past its lease. All the while one command runs.
func TestMasters(t *testing.T) {
	q := newQuorum(t)
	leader := q.leads(-1)
	gate := filepath.Join(q.dir, "gate")
	long := start(t, q.dir, "run", "--master="+q.at[q.others(leader)[0]]+","+q.at[q.others(leader)[1]], "--name=long", "--cpus=0.1", "--",
		"echo begun; while [ ! -e "+gate+" ]; do sleep 0.1; done; echo over")
	long.sees(long.out, "begun")

	t.Run("standbys send to the leader", func(t *testing.T) {
		for _, i := range q.others(leader) {
			for path, want := range map[string]string{"/redirect": "//" + q.at[leader], "/master/redirect": "//" + q.at[leader],
				"/state": "//" + q.at[leader] + "/master/state", "/master/tasks?limit=3": "//" + q.at[leader] + "/master/tasks?limit=3"} {
				if status, to, _ := q.get(i, path); status != http.StatusTemporaryRedirect || to != want {
					t.Errorf("%s: %d to %q, want %q", path, status, to, want)
				}
			}
			for _, path := range []string{"/health", "/version", "/flags"} {
				if status, _, _ := q.get(i, path); status != 200 {
					t.Errorf("%s: %d", path, status)
				}
			}
			if _, _, body := q.get(i, "/metrics/snapshot"); !strings.Contains(body, `"master/elected":0`) {
				t.Error("a standby does not say that it is not elected")
			}
		}
		q.works(leader)
		// Consul can be asked as well.
		startAs(t, binary, q.dir, nil, "status", "--master="+q.election).says(0, "Leader +"+q.at[leader])
		// And a file can say where to ask.
		file := filepath.Join(q.dir, "masters")
		if err := os.WriteFile(file, []byte(q.election+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		startAs(t, binary, q.dir, nil, "status", "--master=file://"+file).says(0, "Leader +"+q.at[leader])
	})

	t.Run("the leader is killed", func(t *testing.T) {
		q.masters[leader].signal(syscall.SIGKILL)
		next := q.leads(leader)
		q.works(next)
		q.startMaster(leader)
		leader = next
	})

	t.Run("the leader is told to end", func(t *testing.T) {
		q.masters[leader].signal(syscall.SIGTERM)
		q.masters[leader].ends(0)
		next := q.leads(leader)
		q.works(next)
		q.startMaster(leader)
		leader = next
	})

	t.Run("the leader is stopped past its lease", func(t *testing.T) {
		old := q.masters[leader]
		old.signal(syscall.SIGSTOP)
		next := q.leads(leader)
		old.signal(syscall.SIGCONT)
		old.ends(3).sees(old.err, "leadership is lost")
		q.works(next)
		q.startMaster(leader)
		leader = next
	})

	t.Run("then the agent is replaced", func(t *testing.T) { // as in an upgrade: masters first, one after the other
		q.agent.signal(syscall.SIGTERM)
		q.agent.ends(0)
		_, port, _ := strings.Cut(q.agentAt, ":")
		q.startAgent(port)
		q.works(q.leads(-1))
	})

	if err := os.WriteFile(gate, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	long.says(0, `(?s)begun.*over`)
	if n := strings.Count(long.out.String(), "begun"); n != 1 {
		t.Errorf("the command ran %d times", n)
	}
	status, _, body := q.get(leader, "/tasks")
	var tasks struct {
		Tasks []struct{ Name, State string }
	}
	if status != 200 || json.Unmarshal([]byte(body), &tasks) != nil {
		t.Fatalf("/tasks: %d %s", status, body)
	}
	for _, task := range tasks.Tasks {
		if task.Name == "long" && task.State != "TASK_FINISHED" {
			t.Errorf("the master has it as %s", task.State)
		}
	}
}

// reach is what a master says of its election in numbers: for how long it has been silent, and how long the lease lasts.
func (q *quorum) reach(i int) (silence, lease float64) {
	_, _, body := q.get(i, "/metrics/snapshot")
	var all map[string]float64
	if json.Unmarshal([]byte(body), &all) != nil {
		return 0, 0
	}
	return all["master/election_silence_secs"], all["master/election_lease_secs"]
}

// A master whose Consul is gone answers as long as its lease lasts, and says how long that is. Then it ends; it is back
// once Consul is.
func TestMastersWithoutConsul(t *testing.T) {
	q := newQuorumWith(t, consuls.Options{SessionTTLMin: time.Second}, "?ttl=8s")
	leader := q.leads(-1)
	standby := q.others(leader)[0]
	if silence, lease := q.reach(leader); silence != 0 || lease <= 0 || lease > 8 {
		t.Errorf("while all is well: silent for %v s, leads for %v s", silence, lease)
	}
	long := q.run("--", "echo begun; sleep 1000")
	long.sees(long.out, "begun")
	if err := q.consul.Stop(0); err != nil {
		t.Fatal(err)
	}

	await(t, "the leader and a standby notice", func() bool {
		silence, lease := q.reach(leader)
		other, none := q.reach(standby)
		return silence > 0 && lease > 0 && other > 0 && none == 0
	})
	for path, text := range map[string]string{"/health": "", "/state": q.at[leader], "/tasks": "TASK_RUNNING"} {
		status, _, body := q.get(leader, path)
		if status != 200 || !strings.Contains(body, text) {
			t.Errorf("%s meanwhile: %d %s", path, status, body)
		}
	}
	startAs(t, binary, q.dir, nil, "status", "--master="+q.at[leader]).says(0, "Election +the election has been out of reach for .*; this master steps down in ")
	startAs(t, binary, q.dir, nil, "doctor", "--master="+q.testCluster.at).says(2, "election of "+q.at[leader]+" +the election has been out of reach for .*; this master steps down in ",
		"election of "+q.at[standby]+" +the election has been out of reach for [^;]*\n")
	q.masters[leader].sees(q.masters[leader].err, "it is tried again.*steps_down_in")

	q.masters[leader].ends(3).sees(q.masters[leader].err, "leadership is lost")
	for _, i := range q.others(leader) {
		if status, _, _ := q.get(i, "/health"); status != 200 {
			t.Errorf("a standby answers %d", status)
		}
	}
	select {
	case <-long.exited:
		t.Error("the task ended with the leader")
	default:
	}
	if err := q.consul.Continue(0); err != nil {
		t.Fatal(err)
	}
	q.works(q.leads(-1))
}

// hungry is a framework that wants to know when the first offer of each leader comes, and takes none.
type hungry struct {
	offered chan time.Time
	leader  string // whose offer came last
}

func (h *hungry) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	for _, o := range offers {
		if leader, _, _ := strings.Cut(o.GetId().GetValue(), "-O"); leader != h.leader {
			h.leader = leader
			h.offered <- time.Now()
		}
		d.Accept(scheduler.NewPlan(o))
	}
}

func (h *hungry) Update(*scheduler.Driver, *mesospb.TaskStatus) {}

// BenchmarkMasterFailover is the time from the end of a leader until a framework has an offer of the next one, with
// defaults everywhere: an agent that had to come back first, and a framework that had to find the new leader.
func BenchmarkMasterFailover(b *testing.B) {
	for _, c := range []struct {
		name, parameters string
		end              syscall.Signal
	}{
		{"SIGTERM", "", syscall.SIGTERM},
		{"kill with check", "?check=tcp", syscall.SIGKILL},
		{"kill", "", syscall.SIGKILL},
	} {
		b.Run(c.name, func(b *testing.B) {
			q := newQuorumWith(b, consuls.Options{}, c.parameters, "--registration_backoff_factor=1secs")
			leader := q.leads(-1)
			told := slog.Default() // of the framework's detector; it would stand in the middle of a result
			slog.SetDefault(slog.New(slog.DiscardHandler))
			b.Cleanup(func() { slog.SetDefault(told) })
			h := &hungry{offered: make(chan time.Time, 10)}
			ctx, stop := context.WithCancel(context.Background())
			ended := make(chan error, 1)
			go func() {
				ended <- scheduler.Run(ctx, h, scheduler.Config{Masters: q.at, Framework: &mesospb.FrameworkInfo{
					Name: proto.String("hungry"), User: proto.String("root"), FailoverTimeout: proto.Float64(3600)}})
			}()
			b.Cleanup(func() {
				stop()
				<-ended
			})
			<-h.offered
			var longest time.Duration
			for b.Loop() {
				began := time.Now()
				q.masters[leader].signal(c.end)
				took := (<-h.offered).Sub(began)
				longest = max(longest, took)
				b.StopTimer()
				next := q.leads(leader)
				<-q.masters[leader].exited
				q.startMaster(leader)
				leader = next
				b.StartTimer()
			}
			b.ReportMetric(float64(longest.Milliseconds()), "longest-ms")
		})
	}
}
