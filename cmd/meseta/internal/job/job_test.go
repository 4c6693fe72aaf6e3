package job_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cmd/meseta/internal/job"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit/cast"
)

// play is a job in a simulated cluster.
type play struct {
	*cast.World
	t      *testing.T
	master *cast.Master
	job    *job.Job
	driver process.Ref[*scheduler.Driver]
	told   []string
	places map[string]string
}

func newPlay(t *testing.T, perOffer int, lines ...string) *play {
	p := &play{World: cast.New(t), t: t, places: map[string]string{}}
	p.master = p.Master("m")
	p.job = &job.Job{Tell: p.tell, PerOffer: perOffer}
	needs, err := resources.Parse("cpus:1;mem:32")
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		p.job.Tasks = append(p.job.Tasks, scheduler.Shell(fmt.Sprint("t", i), line, needs))
	}
	p.driver, err = scheduler.Spawn(p.Node("f").Runtime(), "job", p.job, scheduler.Config{
		Master: p.master.UPID(),
		Framework: &mesospb.FrameworkInfo{
			Name: proto.String("job"), FailoverTimeout: proto.Float64(1000), Checkpoint: proto.Bool(true),
			Capabilities: []*mesospb.FrameworkInfo_Capability{{Type: mesospb.FrameworkInfo_Capability_PARTITION_AWARE.Enum()}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *play) tell(e job.Event) {
	id := e.Task.GetTaskId().GetValue()
	switch {
	case e.Placed:
		p.told = append(p.told, id+" placed")
		p.places[id] = e.Place.Host
	case e.Status != nil:
		p.told = append(p.told, id+" "+e.Status.GetState().String())
	case e.Failed != "":
		p.told = append(p.told, "failed")
	case e.Disconnected:
		p.told = append(p.told, "disconnected")
	case e.AgentLost != "":
		p.told = append(p.told, "agent lost")
	}
}

func (p *play) expect(want ...string) {
	p.t.Helper()
	p.Until(fmt.Sprint("it was told ", want), 5*time.Minute, func() bool {
		for _, w := range want {
			if !slices.Contains(p.told, w) {
				return false
			}
		}
		return true
	})
}

func TestEveryTaskRunsOnce(t *testing.T) {
	p := newPlay(t, 0, "sleep 1", "exit 3", "sleep 2", "sleep 1", "sleep 1")
	p.Agent("a", "cpus:2;mem:1024") // room for two at a time
	p.expect("t0 TASK_FINISHED", "t1 TASK_FAILED", "t2 TASK_FINISHED", "t3 TASK_FINISHED", "t4 TASK_FINISHED")
	p.Advance(time.Minute)
	for i := range 5 {
		placed := 0
		for _, e := range p.told {
			if e == fmt.Sprint("t", i, " placed") {
				placed++
			}
		}
		if placed != 1 {
			t.Errorf("t%d was placed %d times", i, placed)
		}
	}
}

func TestTasksAreSpreadIfAskedFor(t *testing.T) {
	p := newPlay(t, 1, "sleep 5", "sleep 5")
	p.Agent("a", "cpus:4;mem:1024")
	p.Agent("b", "cpus:4;mem:1024")
	p.expect("t0 TASK_FINISHED", "t1 TASK_FINISHED")
	if p.places["t0"] == p.places["t1"] {
		t.Errorf("both ran on %s", p.places["t0"])
	}
}

func TestKillingATaskThatWaitsAndOneThatRuns(t *testing.T) {
	p := newPlay(t, 0, "sleep 1000", "sleep 1000")
	p.Agent("a", "cpus:1;mem:1024")
	p.expect("t0 TASK_RUNNING")
	process.Dispatch(p.driver, func(d *scheduler.Driver) {
		if w := p.job.Waiting(); len(w) != 1 || w[0].GetTaskId().GetValue() != "t1" {
			t.Errorf("%v wait", w)
		}
		p.job.Kill(d, "t1", nil)
		p.job.Kill(d, "t0", nil)
		p.job.Kill(d, "nobody", nil)
	})
	p.expect("t0 TASK_KILLED", "t1 TASK_KILLED")
	if slices.Contains(p.told, "t1 placed") {
		t.Error("a task that was killed was launched")
	}
}

func TestATaskIsReplaced(t *testing.T) {
	p := newPlay(t, 0, "exit 3", "sleep 1000")
	a := p.Agent("a", "cpus:1;mem:1024")
	p.expect("t0 TASK_FAILED", "t1 TASK_RUNNING")
	p.Cut(p.master, a)
	p.expect("t1 TASK_UNREACHABLE")
	p.Agent("b", "cpus:4;mem:1024")
	replace := func(old, id, line string) {
		process.Dispatch(p.driver, func(d *scheduler.Driver) {
			p.job.Replace(d, old, scheduler.Shell(id, line, resources.FromValid(p.job.Tasks[0].GetResources())))
		})
	}
	replace("t0", "t0.retry1", "sleep 1")
	replace("t1", "t1.retry1", "sleep 1000")
	p.expect("t0.retry1 TASK_FINISHED", "t1.retry1 TASK_RUNNING")
	// The one that was given up does not come back beside the one in its place.
	p.Heal(p.master, a)
	p.Advance(10 * time.Minute)
	if i := slices.Index(p.told, "t1 TASK_UNREACHABLE"); slices.Contains(p.told[i+1:], "t1 TASK_RUNNING") {
		t.Errorf("it was told of the one that it had given up: %v", p.told)
	}
}

// A group waits for an offer that holds all of it.
func TestAGroupIsLaunchedAsAWhole(t *testing.T) {
	p := newPlay(t, 0, "sleep 1", "sleep 1")
	p.job.Executor = &mesospb.ExecutorInfo{Type: mesospb.ExecutorInfo_DEFAULT.Enum(), ExecutorId: &mesospb.ExecutorID{Value: proto.String("group")},
		Resources: p.job.Tasks[0].GetResources()}
	p.Agent("small", "cpus:2;mem:1024") // room for its tasks, but not for its executor
	p.Advance(time.Minute)
	if slices.Contains(p.told, "t0 placed") || slices.Contains(p.told, "t1 placed") {
		t.Fatalf("%v", p.told)
	}
	p.Agent("large", "cpus:3;mem:1024")
	p.expect("t0 placed", "t1 placed")
	if p.places["t0"] != p.places["t1"] {
		t.Errorf("its tasks were placed at %v", p.places)
	}
}

// The answer to a reconciliation ends the wait for an update that was lost with the master.
func TestAJobOutlivesItsMaster(t *testing.T) {
	p := newPlay(t, 0, "sleep 30")
	p.Agent("a", "cpus:1;mem:1024")
	p.expect("t0 TASK_RUNNING")
	p.master.Crash()
	p.expect("disconnected")
	p.master.Restart()
	p.expect("t0 TASK_FINISHED")
}

func TestALostAgentIsTold(t *testing.T) {
	p := newPlay(t, 0, "sleep 1000")
	a := p.Agent("a", "cpus:1;mem:1024")
	p.expect("t0 TASK_RUNNING")
	p.Cut(p.master, a)
	p.expect("agent lost", "t0 TASK_UNREACHABLE")
}

func TestAJobThatIsRefusedSaysSo(t *testing.T) {
	p := newPlay(t, 0, "sleep 1000")
	p.Agent("a", "cpus:1;mem:1024")
	p.expect("t0 TASK_RUNNING")
	process.Dispatch(p.driver, func(d *scheduler.Driver) {
		second, err := scheduler.New(&job.Job{Tell: func(job.Event) {}}, scheduler.Config{Framework: d.Framework(), Master: p.master.UPID()})
		if err != nil {
			t.Error(err)
		}
		if _, err := process.Spawn(d.Runtime(), "second", second); err != nil {
			t.Error(err)
		}
	})
	p.expect("failed")
}

func TestEventsAreKeptForASlowReader(t *testing.T) {
	e := job.NewEvents()
	for range 1000 {
		e.Tell(job.Event{Subscribed: true})
	}
	<-e.Ready()
	if got := len(e.Fetch()); got != 1000 {
		t.Errorf("%d events were kept", got)
	}
	if len(e.Fetch()) != 0 {
		t.Error("they came twice")
	}
}
