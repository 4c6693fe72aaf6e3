package master_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// herd is an agent that does nothing but return with its tasks.
type herd struct {
	master process.UPID
	report *controlpb.ReregisterAgent
	back   chan<- struct{}
}

func (h *herd) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *controlpb.AgentReregistered) { h.back <- struct{}{} })
	process.Install(b, func(from process.UPID, _ *controlpb.Ping) { b.Send(from, &controlpb.Pong{}) })
	b.Send(h.master, h.report)
}

// failedOver starts a master that has all agents in its registry.
func failedOver(b *testing.B, agents int) (*process.Runtime, process.UPID) {
	b.Helper()
	store := memory.New()
	store.Contend(&mesospb.MasterInfo{Pid: proto.String("master@before")}, func(term cluster.Term, err error) {
		if err != nil {
			b.Fatal(err)
		}
		for i := range agents {
			value, err := proto.Marshal(&controlpb.RegistryRecord{Version: proto.Uint32(1),
				Record: &controlpb.RegistryRecord_Admitted{Admitted: &controlpb.AdmittedAgent{Agent: herdInfo(i)}}})
			if err != nil {
				b.Fatal(err)
			}
			if err := store.Apply(context.Background(), term, []cluster.Change{{Key: "agents/" + herdInfo(i).GetId().GetValue(), Value: value}}); err != nil {
				b.Fatal(err)
			}
		}
	})
	store.Depose(nil)
	rt, err := process.New(process.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	m, err := master.Spawn(rt, master.Default(), master.Parts{Contender: store, Registry: store})
	if err != nil {
		b.Fatal(err)
	}
	// The desk answers once the master serves.
	for deadline := time.Now().Add(time.Minute); ; {
		if m.View().Serving {
			return rt, m.UPID()
		}
		if time.Now().After(deadline) {
			b.Fatal("the master does not serve")
		}
	}
}

func herdInfo(i int) *mesospb.AgentInfo {
	rs, err := resources.Parse("cpus:32;mem:65536;disk:100000;ports:[31000-32000]")
	if err != nil {
		panic(err)
	}
	return &mesospb.AgentInfo{Hostname: proto.String(fmt.Sprintf("agent-%05d", i)), Id: aid(fmt.Sprintf("before-S%05d", i)), Resources: rs.Proto()}
}

// asker asks the desk one question.
type asker struct {
	to     process.UPID
	call   masterpb.Call_Type
	answer chan<- proto.Message
}

func (a *asker) Initialize(b *process.Base) {
	process.Install(b, func(_ process.UPID, r *masterpb.Response) { a.answer <- r; b.Terminate() })
	process.Install(b, func(_ process.UPID, r *controlpb.Refused) { a.answer <- r; b.Terminate() })
	b.Send(a.to, &masterpb.Call{Type: a.call.Enum()})
}

var askers int

// desk asks and returns nil for a refusal.
func desk(b *testing.B, rt *process.Runtime, call masterpb.Call_Type) *masterpb.Response {
	b.Helper()
	answer := make(chan proto.Message, 1)
	askers++
	if _, err := process.Spawn(rt, fmt.Sprint("asker", askers), &asker{rt.UPID(master.OperatorID), call, answer}); err != nil {
		b.Fatal(err)
	}
	r, _ := (<-answer).(*masterpb.Response)
	return r
}

// cpu is how long this process has computed, on all processors: what a loaded machine cannot change.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkReregister is a failover as the master sees it: every agent returns with its tasks, at once.
func BenchmarkReregister(b *testing.B) {
	const agents, tasksEach, frameworks = 20_000, 5, 20
	allocation := &mesospb.Resource_AllocationInfo{Role: proto.String("*")}
	for b.Loop() {
		b.StopTimer()
		rt, m := failedOver(b, agents)
		back := make(chan struct{}, agents)
		reports := make([]*controlpb.ReregisterAgent, agents)
		for i := range reports {
			info := herdInfo(i)
			r := &controlpb.ReregisterAgent{Agent: info, Version: proto.String("0.1.0"), Capabilities: agentCapabilities}
			id := fid(fmt.Sprintf("before-%04d", i%frameworks))
			r.Frameworks = []*mesospb.FrameworkInfo{{Id: id, User: proto.String("u"), Name: proto.String("f"), Checkpoint: proto.Bool(true)}}
			for n := range tasksEach {
				t := &mesospb.Task{Name: proto.String("t"), TaskId: tid(fmt.Sprintf("t-%d-%d", i, n)), FrameworkId: id, AgentId: info.Id,
					State: mesospb.TaskState_TASK_RUNNING.Enum(), Resources: command("", &mesospb.Offer{}, "cpus:1;mem:1024").Resources}
				for _, rs := range t.Resources {
					rs.AllocationInfo = allocation
				}
				r.Tasks = append(r.Tasks, t)
			}
			reports[i] = r
		}
		b.StartTimer()
		start, used := time.Now(), cpu(b)
		for i, r := range reports {
			if _, err := process.Spawn(rt, fmt.Sprintf("slave(%d)", i), &herd{m, r, back}); err != nil {
				b.Fatal(err)
			}
		}
		for range agents {
			<-back
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "all-back-ms")
		b.ReportMetric(float64((cpu(b) - used).Milliseconds()), "all-back-cpu-ms")
		b.StopTimer()
		for len(desk(b, rt, masterpb.Call_GET_TASKS).GetGetTasks().GetTasks()) < agents*tasksEach {
			// The newest view is on its way.
		}
		start = time.Now()
		state := desk(b, rt, masterpb.Call_GET_STATE)
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "get-state-ms")
		start = time.Now()
		if _, err := proto.Marshal(state); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(start).Milliseconds()), "marshal-state-ms")
		if err := rt.Shutdown(context.Background()); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
