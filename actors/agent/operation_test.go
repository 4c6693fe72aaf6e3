package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
)

func roomy(c *agent.Config) { c.Resources = "cpus:4;mem:4096;disk:1024" }

// reserved are resources that somebody has reserved for roles, each below the one before.
func reserved(text string, roles ...string) []*mesospb.Resource {
	all, err := resources.Messages(text, "*")
	if err != nil {
		panic(err)
	}
	for _, r := range all {
		for _, role := range roles {
			r.Reservations = append(r.Reservations, &mesospb.Resource_ReservationInfo{Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String(role)})
		}
	}
	return all
}

// volume is a persistent volume that appears at "data".
func volume(size, role, id string, change ...func(*mesospb.Resource)) *mesospb.Resource {
	r := reserved("disk:"+size, role)[0]
	r.Disk = &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String(id)},
		Volume: &mesospb.Volume{ContainerPath: proto.String("data"), Mode: mesospb.Volume_RW.Enum()}}
	for _, c := range change {
		c(r)
	}
	return r
}

func appears(at string) func(*mesospb.Resource) {
	return func(r *mesospb.Resource) { r.Disk.Volume.ContainerPath = proto.String(at) }
}

func reserving(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_RESERVE.Enum(), Reserve: &mesospb.Offer_Operation_Reserve{Resources: rs}}
}

func creating(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_CREATE.Enum(), Create: &mesospb.Offer_Operation_Create{Volumes: rs}}
}

func destroying(rs ...*mesospb.Resource) *mesospb.Offer_Operation {
	return &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_DESTROY.Enum(), Destroy: &mesospb.Offer_Operation_Destroy{Volumes: rs}}
}

func named(id string, op *mesospb.Offer_Operation) *mesospb.Offer_Operation {
	op.Id = &mesospb.OperationID{Value: proto.String(id)}
	return op
}

// order has the agent carry out an operation.
func (w *town) order(uuid string, op *mesospb.Offer_Operation) {
	w.send(&controlpb.ApplyOperation{FrameworkId: framework().Id, Operation: op, Uuid: []byte(uuid), Epoch: &w.epoch})
}

// told expects what became of an operation.
func (w *town) told(uuid string, state mesospb.OperationState) *controlpb.UpdateOperationStatus {
	w.t.Helper()
	return w.master.Expect(testkit.That(uuid+" is "+state.String(), func(u *controlpb.UpdateOperationStatus) error {
		if string(u.GetOperationUuid()) != uuid || u.GetStatus().GetState() != state {
			return fmt.Errorf("%s is %v: %s", u.GetOperationUuid(), u.GetStatus().GetState(), u.GetStatus().GetMessage())
		}
		return nil
	}))[0].Msg.(*controlpb.UpdateOperationStatus)
}

// done has the agent carry out an operation, and lets it forget that.
func (w *town) done(uuid string, op *mesospb.Offer_Operation) {
	w.t.Helper()
	w.order(uuid, op)
	w.told(uuid, mesospb.OperationState_OPERATION_FINISHED)
	w.send(&controlpb.AcknowledgeOperation{OperationUuid: []byte(uuid), Epoch: &w.epoch})
	w.Advance(time.Second)
}

// ready is a town whose agent has a volume "v" of the role web, on 128 reserved MB.
func ready(t *testing.T) *town {
	t.Helper()
	w := joined(t, roomy)
	w.done("r", reserving(reserved("cpus:2;disk:128", "web")...))
	w.done("c", creating(volume("64", "web", "v")))
	return w
}

func written(rs []*mesospb.Resource) string { return resources.FromValid(rs).String() }

const volumeDir = "volumes/roles/web/v"

func (w *town) isDir(path string) bool {
	f := w.a.Disk().Lookup(path)
	return f != nil && f.Dir
}

// A role whose path is that of another role's volume has its own place on the disk: neither's volume lies in the other's, and
// none goes with the other.
func TestVolumesOfOverlappingRoles(t *testing.T) {
	w := joined(t, roomy)
	above, below := volume("64", "web", "db"), volume("64", "web/db", "db")
	w.done("r", reserving(append(reserved("disk:128", "web"), reserved("disk:128", "web/db")...)...))
	w.done("c", creating(above, below))
	var places []string
	var walk func(dir string)
	walk = func(dir string) {
		for _, f := range w.a.Disk().List(dir) {
			if f.Dir {
				places = append(places, f.Path)
				walk(f.Path)
			}
		}
	}
	walk("volumes")
	var held []string
	for _, p := range places {
		if strings.HasSuffix(p, "/db") {
			held = append(held, p)
		}
	}
	if len(held) != 2 || strings.HasPrefix(held[0], held[1]+"/") || strings.HasPrefix(held[1], held[0]+"/") {
		t.Fatalf("the volumes are at %q", held)
	}
	w.done("d", destroying(above))
	if w.isDir("volumes/roles/web/db") || !w.isDir("volumes/roles/web db/db") {
		t.Errorf("one was destroyed, and left are %v", w.a.Disk().List("volumes/roles"))
	}
}

func TestOperationsAreToldUntilAcknowledged(t *testing.T) {
	w := joined(t, roomy)
	w.order("u", named("x", reserving(reserved("cpus:1", "web")...)))
	first := w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	if s := first.GetStatus(); s.GetOperationId().GetValue() != "x" || len(s.GetUuid().GetValue()) != 16 || s.GetAgentId().GetValue() != "A1" || len(s.GetConvertedResources()) > 0 {
		t.Errorf("told %v", first)
	}
	any := testkit.Of[*controlpb.UpdateOperationStatus]()
	w.master.ExpectNone(9*time.Second, any)
	w.Advance(2 * time.Second)
	again := w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	if !proto.Equal(first, again) {
		t.Errorf("told %v, then %v", first, again)
	}
	w.order("u", named("x", reserving(reserved("cpus:1", "web")...))) // comes twice: is done once
	w.master.ExpectNone(18*time.Second, any)
	w.Advance(2 * time.Second)
	w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	if n := len(w.get(agentpb.Call_GET_OPERATIONS).GetGetOperations().GetOperations()); n != 1 {
		t.Errorf("%d operations are shown", n)
	}
	w.send(&controlpb.AcknowledgeOperation{StatusUuid: []byte("another status  "), Epoch: &w.epoch})
	w.restart()
	back := w.returned()
	if len(back.GetOperations()) != 1 || written(back.GetCheckpointedResources()) != "cpus(reservations: [(DYNAMIC,web)]):1" {
		t.Errorf("it came back with %v", back)
	}
	w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	w.send(&controlpb.AcknowledgeOperation{StatusUuid: first.GetStatus().GetUuid().GetValue(), Epoch: &w.epoch})
	w.send(&controlpb.AcknowledgeOperation{StatusUuid: first.GetStatus().GetUuid().GetValue(), Epoch: &w.epoch})
	w.master.ExpectNone(30*time.Minute, any)
	if n := len(w.get(agentpb.Call_GET_OPERATIONS).GetGetOperations().GetOperations()); n != 0 {
		t.Errorf("%d operations are shown", n)
	}
	w.restart()
	if back := w.returned(); len(back.GetOperations()) != 0 || len(back.GetCheckpointedResources()) != 1 {
		t.Errorf("it came back with %v", back)
	}
	w.order("u", named("x", reserving(reserved("cpus:1", "web")...)))
	w.master.ExpectNone(0, any)
}

func TestOperationsThatDoNotFit(t *testing.T) {
	w := ready(t)
	const have = "cpus(reservations: [(DYNAMIC,web)]):2; disk(reservations: [(DYNAMIC,web)]):64; disk(reservations: [(DYNAMIC,web)])[v:data]:64"
	for i, op := range []*mesospb.Offer_Operation{
		reserving(reserved("cpus:3", "web")...),
		destroying(volume("63", "web", "v")),
		creating(volume("16", "web", "../../x")),
		{Type: mesospb.Offer_Operation_LAUNCH.Enum()},
		{},
	} {
		uuid := fmt.Sprint("bad", i)
		w.order(uuid, op)
		u := w.told(uuid, mesospb.OperationState_OPERATION_DROPPED)
		if u.GetStatus().GetMessage() == "" || written(u.GetCheckpointed().GetResources()) != have {
			t.Errorf("operation %d: %v", i, u)
		}
		w.send(&controlpb.AcknowledgeOperation{OperationUuid: []byte(uuid), Epoch: &w.epoch})
	}
	w.restart()
	if back := w.returned(); written(back.GetCheckpointedResources()) != have {
		t.Errorf("it came back with %s", written(back.GetCheckpointedResources()))
	}
}

func TestOperationsThatTheMasterAsksFor(t *testing.T) {
	w := joined(t, roomy)
	w.order("known", reserving(reserved("cpus:1", "web")...))
	w.told("known", mesospb.OperationState_OPERATION_FINISHED)
	w.send(&controlpb.AgentReregistered{AgentId: agentID, Epoch: &w.epoch, Operations: [][]byte{[]byte("known"), []byte("lost")}})
	u := w.told("lost", mesospb.OperationState_OPERATION_DROPPED)
	if u.GetStatus().Uuid != nil || written(u.GetCheckpointed().GetResources()) != "cpus(reservations: [(DYNAMIC,web)]):1" {
		t.Errorf("the answer is %v", u)
	}
}

func TestOperationsOfADeposedMaster(t *testing.T) {
	w := joined(t, roomy)
	old := w.epoch - 1
	w.send(&controlpb.ApplyOperation{Operation: reserving(reserved("cpus:1", "web")...), Uuid: []byte("u"), Epoch: &old})
	w.master.ExpectNone(time.Minute, testkit.Of[*controlpb.UpdateOperationStatus]())
}

// What was ordered by one master, and is written down only when the agent has told the next one what it has, was in no report: the
// next one would take it for something that was acknowledged long ago.
func TestOperationsThatAMasterHasNeverHeardOf(t *testing.T) {
	w := joined(t, roomy)
	w.a.Disk().Intercept = func(c testkit.Write) (int, error) {
		if c.Frees {
			return 0, nil
		}
		return 0, testkit.ErrFull
	}
	w.order("u", named("x", reserving(reserved("cpus:1", "web")...)))
	w.Advance(time.Second)
	w.epoch++ // its successor is at the same address
	w.Reset(w.master, w.a)
	if back := w.returned(); len(back.GetOperations()) != 0 || len(back.GetCheckpointedResources()) != 0 {
		t.Errorf("it tells of what is not written: %v", back)
	}
	w.Advance(5 * time.Second)
	w.a.Disk().Intercept = nil
	if back := w.returned(); len(back.GetOperations()) != 1 || written(back.GetCheckpointedResources()) != "cpus(reservations: [(DYNAMIC,web)]):1" {
		t.Errorf("it came back with %v", back)
	}
	w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	w.order("v", reserving(reserved("cpus:1", "web")...))
	w.told("v", mesospb.OperationState_OPERATION_FINISHED)
	w.master.ExpectNone(30*time.Second, testkit.Of[*controlpb.ReregisterAgent]())
}

// Whenever the agent is killed, what it had said it still has, a volume that it has is there, and one that it has not
// is not.
func TestOperationsKilledAtEveryPoint(t *testing.T) {
	for step := range 60 {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			w := joined(t, roomy)
			finished := map[string]bool{}
			w.Observe(func(m testkit.Message) {
				if u, ok := m.Msg.(*controlpb.UpdateOperationStatus); ok && u.GetStatus().GetState() == mesospb.OperationState_OPERATION_FINISHED {
					finished[string(u.GetOperationUuid())] = true
				}
			})
			steps := []string{"{}", "cpus(reservations: [(DYNAMIC,web)]):2; disk(reservations: [(DYNAMIC,web)]):128",
				"cpus(reservations: [(DYNAMIC,web)]):2; disk(reservations: [(DYNAMIC,web)]):64; disk(reservations: [(DYNAMIC,web)])[v:data]:64",
				"cpus(reservations: [(DYNAMIC,web)]):2; disk(reservations: [(DYNAMIC,web)]):128"}
			w.order("1", reserving(reserved("cpus:2;disk:128", "web")...))
			w.order("2", creating(volume("64", "web", "v")))
			if step%2 == 1 {
				w.order("3", destroying(volume("64", "web", "v")))
			}
			w.Advance(time.Duration(step/2) * 100 * time.Microsecond)
			w.a.Crash()
			said := len(finished)
			w.a.Restart()
			w.master.Forget()
			back := w.returned()
			n := len(back.GetOperations())
			if n < said {
				t.Fatalf("it had told of %d operations, and came back with %d", said, n)
			}
			if got := written(back.GetCheckpointedResources()); got != steps[n] {
				t.Errorf("after %d operations it has %s", n, got)
			}
			if w.isDir(volumeDir) != (n == 2) {
				t.Errorf("after %d operations there is a directory: %v", n, w.isDir(volumeDir))
			}
		})
	}
}

// A loss of power may take the directory of a volume that was made just before. It is there again before anybody hears that the
// agent has the volume, however long the disk takes.
func TestVolumesAreThereBeforeTheAgent(t *testing.T) {
	w := ready(t)
	w.a.Config.RegistrationBackoffFactor = time.Millisecond
	for range 20 {
		w.Advance(time.Second) // until nothing of the last life is on its way
		w.a.Crash()
		if err := w.a.Disk().Remove(volumeDir); err != nil {
			t.Fatal(err)
		}
		w.master.Forget()
		w.a.Restart()
		if back := w.returned(); !strings.Contains(written(back.GetCheckpointedResources()), "[v:data]:64") || !w.isDir(volumeDir) {
			t.Fatalf("it has %s, and the directory: %v", written(back.GetCheckpointedResources()), w.isDir(volumeDir))
		}
	}
	// A disk without room keeps nobody from coming back.
	w.a.Crash()
	if err := w.a.Disk().Remove(volumeDir); err != nil {
		t.Fatal(err)
	}
	w.a.Disk().Intercept = func(c testkit.Write) (int, error) {
		if c.Frees {
			return 0, nil
		}
		return 0, testkit.ErrFull
	}
	w.master.Forget()
	w.a.Restart()
	w.returned()
	w.a.Disk().Intercept = nil
	w.Until("the volume is back", 5*time.Second, func() bool { return w.isDir(volumeDir) })
}

func TestVolumes(t *testing.T) {
	grown := &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_GROW_VOLUME.Enum(),
		GrowVolume: &mesospb.Offer_Operation_GrowVolume{Volume: volume("64", "web", "v"), Addition: reserved("disk:16", "web")[0]}}
	shrunk := &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_SHRINK_VOLUME.Enum(),
		ShrinkVolume: &mesospb.Offer_Operation_ShrinkVolume{Volume: volume("80", "web", "v"), Subtract: &mesospb.Value_Scalar{Value: proto.Float64(40)}}}
	t.Run("are there until they are destroyed", func(t *testing.T) {
		w := ready(t)
		if err := w.a.Disk().Put(volumeDir+"/file", []byte("precious")); err != nil {
			t.Fatal(err)
		}
		w.done("g", grown)
		w.done("s", shrunk)
		w.restart()
		w.returned()
		w.Advance(time.Second)
		if w.a.Disk().Lookup(volumeDir+"/file") == nil {
			t.Error("what was in the volume is gone")
		}
		w.done("d", destroying(volume("40", "web", "v")))
		if w.isDir(volumeDir) {
			t.Error("the volume is there still")
		}
	})
	t.Run("of nested roles", func(t *testing.T) {
		w := joined(t, roomy)
		w.done("r", reserving(reserved("disk:128", "web/front")...))
		w.done("c", creating(volume("64", "web/front", "v")))
		if !w.isDir("volumes/roles/web front/v") {
			t.Error("the volume is not where Mesos has it")
		}
	})
	t.Run("move with their reservation", func(t *testing.T) {
		w := ready(t)
		if err := w.a.Disk().Put(volumeDir+"/file", []byte("precious")); err != nil {
			t.Fatal(err)
		}
		w.done("m", &mesospb.Offer_Operation{Type: mesospb.Offer_Operation_RESERVE.Enum(), Reserve: &mesospb.Offer_Operation_Reserve{
			Source: []*mesospb.Resource{volume("64", "web", "v")}, Resources: []*mesospb.Resource{volume("64", "db", "v")}}})
		if w.isDir(volumeDir) || w.a.Disk().Lookup("volumes/roles/db/v/file") == nil {
			t.Error("the volume did not move")
		}
	})
	t.Run("hold nothing of those before them", func(t *testing.T) {
		w := joined(t, roomy)
		if err := w.a.Disk().Put(volumeDir+"/secret", []byte("of another")); err != nil {
			t.Fatal(err)
		}
		w.done("r", reserving(reserved("disk:128", "web")...))
		w.done("c", creating(volume("64", "web", "v")))
		if !w.isDir(volumeDir) || w.a.Disk().Lookup(volumeDir+"/secret") != nil {
			t.Error("a new volume is not empty")
		}
	})
	t.Run("outlive the agent's id", func(t *testing.T) {
		w := ready(t)
		w.order("x", named("x", reserving(reserved("cpus:1", "web")...)))
		w.told("x", mesospb.OperationState_OPERATION_FINISHED)
		w.a.Crash()
		if err := w.a.Disk().Remove("meta/slaves/latest"); err != nil {
			t.Fatal(err)
		}
		w.master.Forget()
		w.a.Restart()
		r := w.master.Expect(testkit.Of[*controlpb.RegisterAgent]())[0].Msg.(*controlpb.RegisterAgent)
		if !strings.Contains(written(r.GetCheckpointedResources()), "[v:data]:64") {
			t.Errorf("the new agent has %s", written(r.GetCheckpointedResources()))
		}
		w.master.ExpectNone(time.Minute, testkit.Of[*controlpb.UpdateOperationStatus]())
		if !w.isDir(volumeDir) {
			t.Error("the volume is gone")
		}
	})
	t.Run("that the flags have no room for any more", func(t *testing.T) {
		w := ready(t)
		w.a.Crash()
		w.a.Config.Resources = "cpus:4;mem:4096;disk:32"
		w.a.Config.ReconfigurationPolicy = "additive"
		w.a.Restart()
		w.Advance(time.Minute)
		if len(w.a.Endings) != 1 || w.a.Endings[0] == nil {
			t.Fatalf("it ended with %v", w.a.Endings)
		}
	})
	t.Run("of a record that is damaged", func(t *testing.T) {
		w := ready(t)
		w.a.Crash()
		if err := w.a.Disk().Put("meta/resources/resources_and_operations.state", []byte{0xff}); err != nil {
			t.Fatal(err)
		}
		w.a.Config.Strict = false
		w.a.Restart()
		w.Advance(time.Minute)
		if len(w.a.Endings) != 1 || w.a.Endings[0] == nil {
			t.Fatalf("it ended with %v", w.a.Endings)
		}
	})
	t.Run("survive the cleaning up", func(t *testing.T) {
		w := ready(t)
		w.a.Crash()
		w.a.Config.Recover = "cleanup"
		w.a.Restart()
		w.Advance(time.Minute)
		w.a.Config.Recover = agent.Default().Recover
		w.master.Forget()
		w.a.Restart()
		r := w.master.Expect(testkit.Of[*controlpb.RegisterAgent]())[0].Msg.(*controlpb.RegisterAgent)
		if !strings.Contains(written(r.GetCheckpointedResources()), "[v:data]:64") {
			t.Errorf("the new agent has %s", written(r.GetCheckpointedResources()))
		}
	})
}

func TestTasksWithVolumes(t *testing.T) {
	with := func(rs ...*mesospb.Resource) func(*mesospb.TaskInfo) {
		return func(t *mesospb.TaskInfo) { t.Resources = rs }
	}
	link := func(w *town, at string) string {
		for _, path := range w.a.Disk().Paths() {
			if f := w.a.Disk().Lookup(path); strings.HasSuffix(path, "/"+at) && f.Link != "" && strings.HasPrefix(path, "slaves/") {
				return f.Link
			}
		}
		return ""
	}
	t.Run("find them in their sandbox", func(t *testing.T) {
		w := ready(t)
		w.run(command("t1", "sleep 100", with(volume("64", "web", "v"))))
		w.status("t1", running)
		if got := link(w, "data"); got != "/work_dir/"+volumeDir {
			t.Errorf("in the sandbox is %q", got)
		}
		w.order("d", destroying(volume("64", "web", "v")))
		w.told("d", mesospb.OperationState_OPERATION_DROPPED)
		if !w.isDir(volumeDir) {
			t.Error("the volume was destroyed under a task")
		}
		w.kill("t1")
		w.status("t1", killed)
		w.Advance(time.Second)
		w.done("d2", destroying(volume("64", "web", "v")))
	})
	t.Run("find them though they come later", func(t *testing.T) {
		w := ready(t)
		w.run(custom("t1", "e1", "puppet"))
		w.Until("t1 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
		w.run(custom("t2", "e1", "puppet", with(volume("64", "web", "v", appears("deep/down")))))
		w.Until("t2 is launched", time.Minute, func() bool { return len(w.puppet.launched) == 2 })
		if got := link(w, "deep/down"); got != "/work_dir/"+volumeDir {
			t.Errorf("in the sandbox is %q", got)
		}
	})
	t.Run("fail where something else is", func(t *testing.T) {
		w := ready(t)
		w.run(custom("t1", "e1", "puppet"))
		w.Until("t1 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
		box := ""
		for _, path := range w.a.Disk().Paths() {
			if strings.HasPrefix(path, "slaves/") && strings.Contains(path, "/e1/runs/") && w.isDir(path) {
				box = path
			}
		}
		if err := w.a.Disk().Put(box+"/data", []byte("mine")); err != nil {
			t.Fatal(err)
		}
		w.run(custom("t2", "e1", "puppet", with(volume("64", "web", "v"))))
		w.status("t2", failed, because(mesospb.TaskStatus_REASON_CONTAINER_UPDATE_FAILED))
	})
	t.Run("that are not there", func(t *testing.T) {
		w := ready(t)
		w.run(command("t1", "sleep 100", with(volume("64", "web", "other"))))
		w.status("t1", dropped, because(mesospb.TaskStatus_REASON_RESOURCES_UNKNOWN))
		w.run(command("t2", "sleep 100", with(reserved("cpus:3", "web")...)))
		w.status("t2", dropped, because(mesospb.TaskStatus_REASON_RESOURCES_UNKNOWN))
	})
	for _, at := range []string{"", "/etc", "..", "../x", "a/../../x", ".", "a/..", "x\x00"} {
		t.Run(fmt.Sprintf("refused at %q", at), func(t *testing.T) {
			w := ready(t)
			w.run(command("t1", "sleep 100", with(volume("64", "web", "v", appears(at)))))
			w.status("t1", wrong, because(mesospb.TaskStatus_REASON_TASK_INVALID))
		})
	}
}
