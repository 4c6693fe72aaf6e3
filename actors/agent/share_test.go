package agent_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit/cast"
)

// using gives a task resources, and limits: "cpus:1;mem:32" and "cpus" to amounts.
func using(text string, limits map[string]float64) func(*mesospb.TaskInfo) {
	return func(t *mesospb.TaskInfo) {
		r, err := resources.Parse(text)
		if err != nil {
			panic(err)
		}
		t.Resources = r.Allocate("*").Proto()
		for name, limit := range limits {
			if t.Limits == nil {
				t.Limits = map[string]*mesospb.Value_Scalar{}
			}
			t.Limits[name] = &mesospb.Value_Scalar{Value: proto.Float64(limit)}
		}
	}
}

func (w *town) top() *cast.Process {
	w.t.Helper()
	for _, p := range w.a.Machine.Running() {
		if p.Parent == 0 {
			return p
		}
	}
	w.t.Fatal("no container runs")
	return nil
}

func (w *town) allotted(cpus, mem float64, limits map[string]float64) {
	w.t.Helper()
	spec := w.top().Spec
	r := resources.FromValid(spec.Resources)
	if r.CPUs().Float64() != cpus || r.Mem().Float64() != mem || !maps.Equal(spec.Limits, limits) {
		w.t.Errorf("the container may use %v, limited to %v", r, spec.Limits)
	}
}

func TestACommandTaskAndItsExecutorShareAContainer(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "sleep 100", using("cpus:1;mem:64", map[string]float64{"cpus": 2, "mem": math.Inf(1)})))
	w.status("t1", running)
	w.allotted(1.1, 96, map[string]float64{"cpus": 2.1, "mem": math.Inf(1)})
}

func TestAContainerGrowsAndShrinksWithItsTasks(t *testing.T) {
	w := joined(t)
	var during []string
	w.a.Machine.OnUpdate = func(*cast.Process, []*mesospb.Resource, map[string]float64) error {
		during = append(during, fmt.Sprint(w.puppet.launched))
		return nil
	}
	w.run(custom("t1", "e", "puppet", using("cpus:1;mem:64", nil)))
	w.Advance(time.Second)
	w.allotted(1, 64, nil)
	w.run(custom("t2", "e", "puppet", using("cpus:0.5;mem:32", map[string]float64{"mem": 100})))
	w.Advance(time.Second)
	w.allotted(1.5, 96, map[string]float64{"mem": 164})
	if len(during) != 1 || during[0] != "[t1]" || len(w.puppet.launched) != 2 {
		t.Errorf("the second task was handed over before there was room for it: %v", during)
	}
	w.update("t1", finished)
	w.status("t1", finished)
	w.Advance(time.Second)
	w.allotted(0.5, 32, map[string]float64{"mem": 100})
}

func TestAContainerThatCannotGrowEnds(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e", "puppet", using("cpus:1;mem:64", nil)))
	w.Advance(time.Second)
	w.update("t1", running)
	w.status("t1", running)
	w.a.Machine.OnUpdate = func(*cast.Process, []*mesospb.Resource, map[string]float64) error {
		return errors.New("the kernel says no")
	}
	w.run(custom("t2", "e", "puppet", using("cpus:1;mem:64", nil)))
	for _, id := range []string{"t1", "t2"} {
		w.status(id, failed, because(mesospb.TaskStatus_REASON_CONTAINER_UPDATE_FAILED), func(u *controlpb.StatusUpdate) error {
			if !strings.HasSuffix(u.GetStatus().GetMessage(), "the kernel says no") {
				return errors.New(u.GetStatus().GetMessage())
			}
			return nil
		})
	}
}

// After a restart nobody knows whether the last change reached the container.
func TestARecoveredContainerIsGivenItsShareAgain(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e", "puppet", using("cpus:1;mem:64", nil)))
	w.Advance(time.Second)
	w.update("t1", running)
	w.status("t1", running)
	w.a.Crash()
	w.top().Spec.Resources = nil
	w.a.Restart()
	w.Advance(5 * time.Second)
	w.allotted(1, 64, nil)
}

var tooMuch = isolators.Limitation{Reason: mesospb.TaskStatus_REASON_CONTAINER_LIMITATION_MEMORY,
	Message: "Memory limit exceeded: 96MB", Resources: []*mesospb.Resource{{Name: proto.String("mem"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(96)}}}}

// broke checks that a task ended for what its container has done.
func broke(u *controlpb.StatusUpdate) error {
	s := u.GetStatus()
	if s.GetMessage() != tooMuch.Message || s.GetLimitation().GetResources()[0].GetScalar().GetValue() != 96 {
		return fmt.Errorf("the update is %v", s)
	}
	return because(tooMuch.Reason)(u)
}

// The executor sees that the command was killed and says so before the launcher has noticed why.
func TestAnExecutorIsNotBelievedAboutMemory(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "sleep 100"))
	w.status("t1", starting)
	w.status("t1", running)
	executor := w.top()
	for _, p := range w.a.Machine.Running() {
		if p.Parent == executor.PID {
			executor.Break(p, tooMuch)
		}
	}
	w.status("t1", failed, broke)
	w.quiet(time.Minute)
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestALimitEndsAllTasksOfAnExecutor(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e", "puppet"))
	w.run(custom("t2", "e", "puppet"))
	w.Advance(time.Second)
	p := w.top()
	p.Break(p, tooMuch)
	w.status("t1", failed, broke)
	w.status("t2", failed, broke)
}

// A task that failed by itself goes on failing with its own words.
func TestAFailureThatNoLimitCaused(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e", "puppet"))
	w.Advance(time.Second)
	w.update("t1", failed, func(s *mesospb.TaskStatus) { s.Message = proto.String("my own fault") })
	w.status("t1", failed, func(u *controlpb.StatusUpdate) error {
		if u.GetStatus().GetMessage() != "my own fault" || u.GetStatus().Limitation != nil {
			return fmt.Errorf("the update is %v", u)
		}
		return nil
	})
}

// What happened while the agent was away is judged when the executor is back and tells it.
func TestALimitIsBrokenWhileTheAgentIsAway(t *testing.T) {
	w := joined(t)
	w.run(custom("t1", "e", "puppet"))
	w.run(custom("t2", "e", "puppet"))
	w.Advance(time.Second)
	w.update("t1", running)
	w.update("t2", running)
	w.status("t1", running)
	w.status("t2", running)
	w.a.Crash()
	w.Advance(time.Millisecond)
	w.update("t1", finished)
	w.update("t2", failed)
	p := w.top()
	w.Advance(time.Millisecond)
	w.a.Restart()
	p.Noticed(tooMuch)
	w.status("t1", finished)
	w.status("t2", failed, broke)
}

func TestWhatTheLauncherKnowsOfAContainer(t *testing.T) {
	w := joined(t)
	address := []*mesospb.NetworkInfo{{Name: proto.String("net"), IpAddresses: []*mesospb.NetworkInfo_IPAddress{{IpAddress: proto.String("10.0.0.7")}}}}
	w.a.Machine.OnStart = func(p *cast.Process) { p.Tell(&mesospb.ContainerStatus{NetworkInfos: address}) }
	w.run(command("t1", "sleep 100"))
	seen := func(where string, s *mesospb.ContainerStatus) {
		t.Helper()
		if len(s.GetNetworkInfos()) != 1 || s.GetNetworkInfos()[0].GetIpAddresses()[0].GetIpAddress() != "10.0.0.7" || s.GetExecutorPid() == 0 {
			t.Errorf("%s: %v", where, s)
		}
	}
	seen("the update", w.status("t1", running).GetStatus().GetContainerStatus())
	seen("the list", w.get(agentpb.Call_GET_CONTAINERS).GetGetContainers().GetContainers()[0].GetContainerStatus())
	w.a.Crash()
	w.a.Restart()
	w.Advance(5 * time.Second)
	seen("the list of a restarted agent", w.get(agentpb.Call_GET_CONTAINERS).GetGetContainers().GetContainers()[0].GetContainerStatus())
}
