package main_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// keeper is a framework that makes a volume of each disk of its agent, writes into all of them, reads them with another
// task, and destroys them.
type keeper struct {
	mu          sync.Mutex
	write, read string // lines of the tasks
	step        int
	states      map[string]mesospb.TaskState
	operations  map[string]mesospb.OperationState
	errs        []error
}

// Of the steps, those of odd numbers wait for a task to end.
const (
	toWrite = 2 * iota
	toRead
	toDestroy
	finished
)

func (k *keeper) Offers(d *scheduler.Driver, offers []*mesospb.Offer) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, o := range offers {
		plan := scheduler.NewPlan(o).Refuse(10 * time.Millisecond)
		var err error
		switch k.step {
		case toWrite:
			err = k.make(plan)
		case toRead:
			err = k.run(plan, "read", k.read, plan.Left().PersistentVolumes())
		case toDestroy:
			err = k.destroy(plan)
		}
		if err != nil {
			k.errs = append(k.errs, err)
			plan = scheduler.NewPlan(o)
		}
		d.Accept(plan)
	}
}

// make reserves every disk that is offered, makes volumes of them and starts the writer.
func (k *keeper) make(plan *scheduler.Plan) error {
	var volumes resources.Resources
	disks := plan.Left().Filter(func(x resources.Resource) bool { return x.Name() == "disk" })
	i := 0
	for x := range disks.All() {
		disk := resources.Of(x)
		if x.Disk() == nil {
			disk, _ = resources.Parse("disk:100") // the others are taken as a whole
		}
		reserved, err := plan.Reserve(fmt.Sprint("reserve", i), disk, "")
		if err != nil {
			return err
		}
		volume, err := plan.Create(fmt.Sprint("create", i), reserved, scheduler.Volume{ID: fmt.Sprint("v", i), Path: fmt.Sprint("d", i)})
		if err != nil {
			return err
		}
		volumes = volumes.Add(volume)
		i++
	}
	return k.run(plan, "write", k.write, volumes)
}

func (k *keeper) run(plan *scheduler.Plan, id, line string, volumes resources.Resources) error {
	needs, err := resources.Parse("cpus:0.1;mem:32")
	if err != nil {
		return err
	}
	if volumes.Len() != 3 || !plan.Launch(scheduler.Shell(id, line, needs.Add(volumes))) {
		return fmt.Errorf("%s cannot have %v of %v", id, volumes, plan.Left())
	}
	k.step++
	return nil
}

func (k *keeper) destroy(plan *scheduler.Plan) error {
	disks, err := plan.Destroy("destroy", plan.Left().PersistentVolumes())
	if err != nil {
		return err
	}
	if _, err := plan.Unreserve("unreserve", disks); err != nil {
		return err
	}
	k.step = finished
	return nil
}

func (k *keeper) Update(_ *scheduler.Driver, s *mesospb.TaskStatus) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.states[s.GetTaskId().GetValue()] = s.GetState()
	switch {
	case s.GetState() == mesospb.TaskState_TASK_FINISHED:
		k.step++
	case scheduler.Terminal(s.GetState()):
		k.errs = append(k.errs, fmt.Errorf("%s is %s: %s", s.GetTaskId().GetValue(), s.GetState(), s.GetMessage()))
	}
}

func (k *keeper) OperationUpdated(_ *scheduler.Driver, s *mesospb.OperationStatus) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.operations[s.GetOperationId().GetValue()] = s.GetState()
}

// await waits until something holds of the framework, which has not failed.
func (k *keeper) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	await(t, what, func() bool {
		k.mu.Lock()
		defer k.mu.Unlock()
		if len(k.errs) > 0 {
			t.Fatal(k.errs)
		}
		return holds()
	})
}

// diskOf is a disk of a type with a directory of its own.
func diskOf(kind, root string) string {
	return fmt.Sprintf(`{"name":"disk","type":"SCALAR","scalar":{"value":1000},"disk":{"source":{"type":%q,%q:{"root":%q}}}}`,
		strings.ToUpper(kind), kind, root)
}

// Data in volumes, of the agent's own disk and of disks of type PATH and MOUNT, outlives tasks and agents, can be looked
// at through the sandboxes that hold them, and is gone when the volumes are destroyed.
func TestVolumesKeepWhatTasksWrite(t *testing.T) {
	t.Parallel()
	c := &testCluster{t: t, dir: t.TempDir(), ip: loopback()}
	t.Cleanup(c.clean)
	c.startMaster("0")
	fast, whole := filepath.Join(c.dir, "fast"), filepath.Join(c.dir, "whole")
	for _, dir := range []string{fast, whole} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	c.resources = `[{"name":"cpus","type":"SCALAR","scalar":{"value":2}},{"name":"mem","type":"SCALAR","scalar":{"value":1024}},` +
		`{"name":"disk","type":"SCALAR","scalar":{"value":1000}},` + diskOf("path", fast) + "," + diskOf("mount", whole) + "]"
	c.startAgent("0")
	gate, result := filepath.Join(c.dir, "gate"), filepath.Join(c.dir, "result")
	k := &keeper{states: map[string]mesospb.TaskState{}, operations: map[string]mesospb.OperationState{},
		write: fmt.Sprintf("for d in d0 d1 d2; do echo $d >> $d/kept; done; touch %s/written; while [ ! -e %s ]; do sleep 0.01; done", whole, gate),
		read:  fmt.Sprintf("cat d0/kept d1/kept d2/kept > %s", result)}
	subscribe(t, c.at, k, &mesospb.FrameworkInfo{Name: proto.String("keeper"), Checkpoint: proto.Bool(true), FailoverTimeout: proto.Float64(60),
		Roles: []string{"stores"}, Capabilities: []*mesospb.FrameworkInfo_Capability{
			{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()}, {Type: mesospb.FrameworkInfo_Capability_RESERVATION_REFINEMENT.Enum()}}})
	k.await(t, "the writer has written", func() bool {
		return k.states["write"] == mesospb.TaskState_TASK_RUNNING && len(filesNamed(t, whole, "written")) == 1
	})
	c.showsVolumes()

	port := portOf(t, c.agentAt)
	c.agent.signal(syscall.SIGKILL)
	<-c.agent.exited
	c.startAgent(port)
	c.agent.sees(c.agent.err, "a member of the cluster")
	c.showsVolumes()
	open(t, gate)
	k.await(t, "the volumes are destroyed", func() bool { return k.operations["unreserve"] == mesospb.OperationState_OPERATION_FINISHED })

	if got, err := os.ReadFile(result); err != nil || string(got) != "d0\nd1\nd2\n" {
		t.Errorf("the second task read %q, %v", got, err)
	}
	for i := range 3 {
		for _, name := range []string{fmt.Sprint("reserve", i), fmt.Sprint("create", i), "destroy"} {
			if state := k.operations[name]; state != mesospb.OperationState_OPERATION_FINISHED {
				t.Errorf("%s is %s", name, state)
			}
		}
	}
	for _, root := range []string{filepath.Join(c.dir, "A/volumes"), fast, whole} {
		if kept := filesNamed(t, root, "kept"); len(kept) > 0 {
			t.Errorf("left behind: %q", kept)
		}
	}
	if _, err := os.Stat(whole); err != nil {
		t.Errorf("the disk itself went: %v", err)
	}
}

// showsVolumes looks into the volumes through the sandbox of the writer.
func (c *testCluster) showsVolumes() {
	c.t.Helper()
	for i := range 3 {
		dir := fmt.Sprint("d", i)
		ls := start(c.t, c.dir, "ls", "--master="+c.at, "write")
		ls.ends(0)
		if !strings.Contains(ls.out.String(), dir+"/") {
			c.t.Errorf("the sandbox lists %s", ls.out)
		}
		cat := start(c.t, c.dir, "cat", "--master="+c.at, "write", dir+"/kept")
		cat.ends(0)
		if got := cat.out.String(); got != dir+"\n" {
			c.t.Errorf("%s holds %q", dir, got)
		}
	}
}

func filesNamed(t *testing.T, root, name string) (found []string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Name() == name {
			found = append(found, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
