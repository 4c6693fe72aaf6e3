package agent_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/testkit"
)

func TestDeskShowsTheState(t *testing.T) {
	w := withPuppet(t)
	w.update("t1", running, func(s *mesospb.TaskStatus) {
		s.Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("k"), Value: proto.String("v")}}}
	})
	w.status("t1", running)
	w.run(custom("t2", "e2", "mute", func(t *mesospb.TaskInfo) {
		t.Labels = &mesospb.Labels{Labels: []*mesospb.Label{{Key: proto.String("a"), Value: proto.String("b")}}}
		t.Discovery = &mesospb.DiscoveryInfo{Visibility: mesospb.DiscoveryInfo_CLUSTER.Enum(), Name: proto.String("n"),
			Ports: &mesospb.Ports{Ports: []*mesospb.Port{{Number: proto.Uint32(80)}}}}
		t.Executor.Labels = t.Labels
	}))
	w.run(command("t3", "exit 0"))
	w.status("t3", finished)
	w.Advance(time.Second)
	s := w.get(agentpb.Call_GET_STATE).GetGetState()
	tasks := s.GetGetTasks()
	if len(tasks.GetLaunchedTasks()) != 1 || len(tasks.GetQueuedTasks()) != 1 || len(tasks.GetCompletedTasks()) != 1 {
		t.Fatalf("tasks %v", tasks)
	}
	t1, t2 := tasks.GetLaunchedTasks()[0], tasks.GetQueuedTasks()[0]
	if t1.GetState() != running || t1.GetStatuses()[0].GetLabels().GetLabels()[0].GetValue() != "v" {
		t.Errorf("t1: %v", t1)
	}
	if t2.GetState() != staging || t2.GetLabels().GetLabels()[0].GetValue() != "b" || t2.GetDiscovery().GetPorts().GetPorts()[0].GetNumber() != 80 {
		t.Errorf("t2: %v", t2)
	}
	if e := s.GetGetExecutors(); len(e.GetExecutors()) != 2 || len(e.GetCompletedExecutors()) != 1 ||
		e.GetExecutors()[1].GetExecutorInfo().GetLabels().GetLabels()[0].GetKey() != "a" {
		t.Errorf("executors %v", e)
	}
	if f := s.GetGetFrameworks(); len(f.GetFrameworks()) != 1 {
		t.Errorf("frameworks %v", f)
	}
}

// A task whose executor ends without a word about it is shown to have ended, in one list at a time: among those whose end
// nobody has acknowledged, then among those that are over. None that is over is shown as if it ran.
func TestTasksOfExecutorsThatSaidNothingAreOver(t *testing.T) {
	for name, end := range map[string]func(w *town){
		"the executor stops":         func(w *town) { w.puppet.d.Base().Dispatch(func() { w.puppet.d.Stop() }) },
		"the framework is torn down": func(w *town) { w.send(&controlpb.ShutdownFramework{FrameworkId: framework().Id, Epoch: &w.epoch}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := withPuppet(t)
			w.update("t1", running)
			w.status("t1", running)
			w.silent = true
			end(w)
			w.Advance(time.Minute)
			tasks := w.get(agentpb.Call_GET_STATE).GetGetState().GetGetTasks()
			if ended := append(tasks.GetTerminatedTasks(), tasks.GetCompletedTasks()...); len(tasks.GetLaunchedTasks()) != 0 || len(ended) != 1 || !taskstate.Terminal(ended[0].GetState()) {
				t.Errorf("before its end is acknowledged: %v", tasks)
			}
			w.silent = false
			w.Advance(time.Hour)
			s := w.get(agentpb.Call_GET_STATE).GetGetState()
			tasks = s.GetGetTasks()
			if over := tasks.GetCompletedTasks(); len(tasks.GetLaunchedTasks()) != 0 || len(tasks.GetTerminatedTasks()) != 0 || len(over) != 1 || !taskstate.Terminal(over[0].GetState()) {
				t.Errorf("after it: %v", tasks)
			}
			if f := s.GetGetFrameworks(); len(f.GetFrameworks()) != 0 || len(f.GetCompletedFrameworks()) != 1 {
				t.Errorf("frameworks %v", f)
			}
			if e := s.GetGetExecutors(); len(e.GetExecutors()) != 0 || len(e.GetCompletedExecutors()) != 1 {
				t.Errorf("executors %v", e)
			}
		})
	}
}

// What Mesos makes up for a command task.
func TestTheExecutorOfACommandTask(t *testing.T) {
	w := joined(t)
	w.run(command("t1", "sleep 1000000", func(t *mesospb.TaskInfo) {
		t.Container = &mesospb.ContainerInfo{Type: mesospb.ContainerInfo_MESOS.Enum()}
		t.Command.User = proto.String("nobody")
	}))
	w.status("t1", running)
	e := w.get(agentpb.Call_GET_EXECUTORS).GetGetExecutors().GetExecutors()[0].GetExecutorInfo()
	switch {
	case e.GetExecutorId().GetValue() != "t1", e.GetFrameworkId().GetValue() != "F1", e.GetSource() != "t1":
		t.Errorf("ids: %v", e)
	case e.GetName() != "Command Executor (Task: t1) (Command: sh -c 'sleep 1000000')":
		t.Errorf("name: %q", e.GetName())
	case e.GetContainer().GetType() != mesospb.ContainerInfo_MESOS, e.GetCommand().GetShell(), e.GetCommand().GetUser() != "nobody":
		t.Errorf("container, command: %v", e)
	case len(e.GetResources()) != 2 || e.GetResources()[0].GetScalar().GetValue() != 0.1 || e.GetResources()[1].GetScalar().GetValue() != 32:
		t.Errorf("resources: %v", e.GetResources())
	}
}

func TestDeskMeasuresContainers(t *testing.T) {
	w := joined(t)
	if none := w.get(agentpb.Call_GET_CONTAINERS).GetGetContainers().GetContainers(); len(none) != 0 {
		t.Errorf("containers %v", none)
	}
	w.run(custom("t1", "e1", "puppet", func(t *mesospb.TaskInfo) {
		t.Resources = []*mesospb.Resource{
			{Name: proto.String("cpus"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(2)}},
			{Name: proto.String("mem"), Type: mesospb.Value_SCALAR.Enum(), Scalar: &mesospb.Value_Scalar{Value: proto.Float64(64)}}}
	}))
	w.Advance(10 * time.Second)
	all := w.get(agentpb.Call_GET_CONTAINERS).GetGetContainers().GetContainers()
	if len(all) != 1 {
		t.Fatalf("containers %v", all)
	}
	c, u := all[0], all[0].GetResourceStatistics()
	if c.GetFrameworkId().GetValue() != "F1" || c.GetExecutorId().GetValue() != "e1" || c.GetContainerId().GetValue() == "" || c.GetContainerStatus().GetExecutorPid() == 0 {
		t.Errorf("container %v", c)
	}
	if u.GetCpusSoftLimit() != 2 || u.GetMemLimitBytes() != 64<<20 || u.GetMemRssBytes() == 0 || u.GetCpusUserTimeSecs() == 0 {
		t.Errorf("statistics %v", u)
	}
}

func TestDeskServesSandboxes(t *testing.T) {
	w := withPuppet(t)
	w.Advance(time.Second)
	box := w.a.Machine.Running()[0].Spec.Dir
	rel := box[strings.Index(box, "slaves/"):]
	if err := w.a.Disk().Put(rel+"/stdout", []byte("0123456789")); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{box + "/stdout", "/framework/F1/executor/e1/latest/stdout"} {
		r := ask[*agentpb.Response](w, &agentpb.Call{Type: agentpb.Call_READ_FILE.Enum(), ReadFile: &agentpb.Call_ReadFile{
			Path: proto.String(path), Offset: proto.Uint64(2), Length: proto.Uint64(3)}}).GetReadFile()
		if string(r.GetData()) != "234" || r.GetSize() != 10 {
			t.Errorf("%s: %v", path, r)
		}
	}
	list := ask[*agentpb.Response](w, &agentpb.Call{Type: agentpb.Call_LIST_FILES.Enum(), ListFiles: &agentpb.Call_ListFiles{
		Path: proto.String("/framework/F1/executor/e1/latest")}}).GetListFiles().GetFileInfos()
	found := false
	for _, f := range list {
		found = found || f.GetPath() == "/framework/F1/executor/e1/latest/stdout" && f.GetSize() == 10
	}
	if !found {
		t.Errorf("files %v", list)
	}
	for _, path := range []string{"/etc/passwd", "/framework/F1/executor/e1/latest/../../../../../../../../meta", "/framework/F9/executor/e1/latest",
		box + "x/stdout", "meta/slaves/A1/slave.info", box + "/nothing"} {
		no := ask[*controlpb.Refused](w, &agentpb.Call{Type: agentpb.Call_READ_FILE.Enum(), ReadFile: &agentpb.Call_ReadFile{
			Path: proto.String(path), Offset: proto.Uint64(0)}})
		if no.GetClass() != controlpb.Refused_NOT_FOUND {
			t.Errorf("%s: %v", path, no)
		}
	}
}

func TestDeskAnswersForTheAgent(t *testing.T) {
	w := joined(t)
	w.send(&agentpb.Call{Type: agentpb.Call_GET_VERSION.Enum()}) // to the agent itself
	w.master.Expect(testkit.Of(func(r *agentpb.Response) bool { return r.GetGetVersion().GetVersionInfo().GetVersion() != "" }))
	if v := w.get(agentpb.Call_GET_FLAGS).GetGetFlags().GetFlags(); len(v) < 15 {
		t.Errorf("flags %v", v)
	}
	if a := w.get(agentpb.Call_GET_AGENT).GetGetAgent().GetAgentInfo(); a.GetId().GetValue() != "A1" {
		t.Errorf("agent %v", a)
	}
	no := ask[*controlpb.Refused](w, &agentpb.Call{Type: agentpb.Call_MARK_RESOURCE_PROVIDER_GONE.Enum(), MarkResourceProviderGone: &agentpb.Call_MarkResourceProviderGone{
		ResourceProviderId: &mesospb.ResourceProviderID{Value: proto.String("p")}}})
	if no.GetClass() != controlpb.Refused_UNSUPPORTED {
		t.Errorf("refused with %v", no)
	}
}

func TestMetrics(t *testing.T) {
	w := withPuppet(t)
	w.run(command("t2", "exit 1"))
	w.status("t2", failed)
	w.Advance(time.Second)
	for name, want := range map[string]float64{
		"slave/registered": 1, "slave/frameworks_active": 1, "slave/tasks_failed": 1, "slave/tasks_staging": 1,
		"slave/executors_running": 1, "slave/cpus_total": 4, "slave/executors_terminated": 1,
	} {
		if got := w.metric(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	shown := w.a.Runtime().Metrics().Snapshot()
	for _, name := range []string{"slave/cpus_revocable_total", "slave/mem_revocable_used", "slave/disk_revocable_percent", "slave/gpus_revocable_total",
		"slave/recovery_errors", "slave/executors_preempted", "containerizer/mesos/container_destroy_errors", "gc/path_removals_pending"} {
		if got, there := shown[name]; !there || got != 0 && name != "gc/path_removals_pending" {
			t.Errorf("%s is %v (%v), want 0", name, got, there)
		}
	}
	if kept := shown["slave/executor_directory_max_allowed_age_secs"]; kept <= 0 || kept > w.a.Config.GCDelay.Seconds() {
		t.Errorf("sandboxes may be kept for %v s", kept)
	}
	if took := shown["slave/recovery_time_secs"]; took <= 0 {
		t.Errorf("it recovered in %v s", took)
	}
	age := func() float64 { return w.a.Runtime().Metrics().Snapshot()["slave/uptime_secs"] }
	before := age()
	w.Advance(900 * time.Millisecond) // in which nothing changes
	if got := age(); before <= 0 || got < before+0.9 {
		t.Errorf("it works for %v s, and before for %v", got, before)
	}
}
