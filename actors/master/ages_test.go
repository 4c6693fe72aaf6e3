package master_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

// Where there is nothing yet the old endpoints show empty lists.
func TestOldEndpointsOfAnEmptyCluster(t *testing.T) {
	d := newStage(t, nil).doors(t)
	for path, want := range map[string]string{
		"/slaves": `{"slaves":[],"recovered_slaves":[]}`, "/frameworks": `{"frameworks":[],"completed_frameworks":[],"unregistered_frameworks":[]}`,
		"/tasks": `{"tasks":[]}`,
	} {
		equal(t, path, string(d.get("", path)), want)
	}
}

// An agent that is there, one whose connection broke, and one that is just being given up: all are shown, and as they are.
func TestOldEndpointsOfAgents(t *testing.T) {
	s := newStage(t, nil)
	a, b := s.agent("a1", "cpus:4;mem:4096"), s.agent("a2", "cpus:2;mem:1024")
	d := s.doors(t)
	both := d.get("", "/slaves")
	equal(t, "agents", len(strings.Fields(each(t, at(t, both, "slaves"), "id"))), 2)
	active := func(x *fakeAgent) string {
		s.Settle()
		d.Helper()
		return string(at(t, d.get("", "/slaves?slave_id="+x.id()), "slaves", 0, "active"))
	}
	equal(t, "the one", active(a), "true")
	equal(t, "its cpus", string(at(t, d.get("", "/slaves?slave_id="+a.id()), "slaves", 0, "resources", "cpus")), "4.0")
	equal(t, "what it can", string(at(t, d.get("", "/state"), "slaves", 0, "capabilities", 0)), `"MULTI_ROLE"`)
	s.Reset(s.node, b.node)
	s.Advance(time.Second)
	equal(t, "the other, away", active(b), "false")
	equal(t, "active agents", string(at(t, d.get("", "/state"), "activated_slaves")), "1.0")
	b.reregister()
	equal(t, "the other, back", active(b), "true")
	a.deaf = true
	s.Advance(74 * time.Second)
	s.fail(make([]fault, 100)...) // the registry takes ten seconds to write that it is missed
	s.Advance(20 * time.Second)
	equal(t, "shown while it is being given up", len(strings.Fields(each(t, at(t, d.get("", "/slaves"), "slaves"), "id"))), 2)
	equal(t, "in the state, too", count(t, d.get("", "/state"), "slaves"), 2)
	s.Advance(20 * time.Second)
	equal(t, "and then", count(t, d.get("", "/state"), "slaves"), 1)
	equal(t, "lost agents", string(at(t, d.get("", "/state"), "unreachable_slaves")), "1.0")
}

// Fault domains are shown, and what is in another region is offered to those who ask for it.
func TestRegions(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.Domain = domain("eu", "a") })
	near, far, nowhere := s.stranger("near", "cpus:1;mem:64"), s.stranger("far", "cpus:2;mem:64"), s.stranger("nowhere", "cpus:4;mem:64")
	near.info.Domain, far.info.Domain = domain("eu", "b"), domain("us", "c")
	for _, a := range []*fakeAgent{near, far, nowhere} {
		a.register()
	}
	offered := func(f *fakeScheduler, n int) string {
		hosts := map[string]bool{}
		for _, o := range f.offers(n) {
			hosts[o.GetHostname()] = true
			f.accept([]*mesospb.Offer{o}, 1e6)
		}
		f.ExpectNone(5*time.Second, event(schedulerpb.Event_OFFERS))
		var list []string
		for _, name := range []string{"near", "far", "nowhere"} {
			if hosts[name] {
				list = append(list, name)
			}
		}
		f.call(&schedulerpb.Call{Type: schedulerpb.Call_SUPPRESS.Enum(), Suppress: &schedulerpb.Call_Suppress{}})
		return strings.Join(list, " ")
	}
	equal(t, "offered to most", offered(s.framework("f1"), 2), "near nowhere")
	equal(t, "offered to those who know regions", offered(s.framework("f2", capable(mesospb.FrameworkInfo_Capability_REGION_AWARE)), 3), "near far nowhere")
	d := s.doors(t)
	const eu = `{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"a"}}}`
	equal(t, "the master's", string(at(t, d.get("", "/state"), "domain")), eu)
	for _, path := range []string{"/state", "/slaves"} {
		if n := strings.Count(string(d.get("", path)), `"zone":{"name":"c"}`); n != 1 {
			t.Errorf("%s shows the agent's domain %d times", path, n)
		}
	}
}

// Frameworks from before reservation refinement reserve, make volumes, use and return them as newer ones do; each hears
// and says it in its own way.
func TestOldAndNewReservations(t *testing.T) {
	old := func(rs []*mesospb.Resource) []*mesospb.Resource {
		for _, r := range rs {
			r.Role, r.Reservation = proto.String("web"), &mesospb.Resource_ReservationInfo{Principal: proto.String("ops")}
			r.Reservations = nil
		}
		return rs
	}
	for _, c := range []struct {
		name  string
		shape shape
		form  func([]*mesospb.Resource) []*mesospb.Resource
	}{
		{"with refinement", inRole("web"), func(rs []*mesospb.Resource) []*mesospb.Resource { return rs }},
		{"without refinement", func(i *mesospb.FrameworkInfo) { i.Role, i.Principal = proto.String("web"), proto.String("ops") }, old},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, nil)
			a := s.agent("a1", "cpus:4;mem:4096;disk:1024")
			f := s.framework("f1", c.shape)
			share := func() []*mesospb.Resource { return c.form(reserved("cpus:2;disk:128", "web")) }
			disk := func() *mesospb.Resource { return c.form([]*mesospb.Resource{volume("64", "web", "v")})[0] }
			o := f.offer()
			task := command("t1", o, "cpus:1;mem:64")
			task.Resources = append(c.form(reserved("cpus:1", "web")), disk())
			f.operate(o, reserveOp(share()...), createOp(disk()), launchOp(task))
			for range 2 {
				op := a.applied()
				for _, r := range append(op.GetOperation().GetReserve().GetResources(), op.GetOperation().GetCreate().GetVolumes()...) {
					if len(r.GetReservations()) != 1 || r.Reservation != nil {
						t.Errorf("the agent is told in the old form: %v", r)
					}
				}
				a.finished(op, "")
			}
			run := a.run("t1")
			equal(t, "what runs", amounts(t, run.GetTask().GetResources()), "cpus(reservations: [(DYNAMIC,web,ops)]):1; disk(reservations: [(DYNAMIC,web,ops)])[v:data]:64")
			a.update(f.id, "t1", mesospb.TaskState_TASK_FINISHED, "u1")
			f.updated("t1", mesospb.TaskState_TASK_FINISHED)
			f.Forget()
			f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()})
			o = f.offer()
			for _, r := range o.GetResources() {
				if is := len(r.GetReservations()) > 0; r.GetDisk() != nil && is != (c.name == "with refinement") {
					t.Errorf("it is offered %v", r)
				}
			}
			f.operate(o, destroyOp(disk()), unreserveOp(share()...))
			for range 2 {
				a.finished(a.applied(), "")
			}
			equal(t, "what the agent has", s.total(t, a), "cpus:4; mem:4096; disk:1024")
		})
	}
}

// What becomes of an operation between two masters is kept by the agent until the framework is there to hear it.
func TestOperationsBetweenTwoMasters(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", inRole("web"), patient(time.Hour))
	f.operate(f.offer(), withID("x", reserveOp(reserved("cpus:1", "web")...)))
	op := a.applied()
	s.failover()
	r := a.report()
	r.CheckpointedResources = reserved("cpus:1", "web")
	r.Operations = []*mesospb.Operation{{FrameworkId: op.FrameworkId, AgentId: a.info.Id, Info: op.Operation, Uuid: &mesospb.UUID{Value: op.Uuid},
		LatestStatus: a.operationStatus(op, mesospb.OperationState_OPERATION_FINISHED, "u").Status}}
	a.Send(s.master(), r)
	a.Expect(testkit.Of[*controlpb.AgentReregistered]())
	a.finished(op, "u")
	a.ExpectNone(time.Minute, testkit.Of[*controlpb.AcknowledgeOperation]())
	f.subscribe()
	a.finished(op, "u") // the agent says it until somebody listens
	f.acknowledgeOperation(f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED))
	a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
	equal(t, "operations", s.operations(), 0)
}

// An agent comes back with an older program that gives no feedback: what had ended and is not listed any more is forgotten,
// what it still tells is acknowledged, and new operations that want feedback are refused.
func TestOperationsAfterADowngrade(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	f := s.framework("f1", inRole("web"))
	f.operate(f.offer(), withID("x", reserveOp(reserved("cpus:1", "web")...)), withID("y", reserveOp(reserved("mem:64", "web")...)))
	x, y := a.applied(), a.applied()
	a.finished(x, "ux")
	status := f.operation(t, "x", mesospb.OperationState_OPERATION_FINISHED)
	r := a.report()
	r.Capabilities, r.CheckpointedResources = agentCapabilities[:1], append(reserved("cpus:1", "web"), reserved("mem:64", "web")...)
	a.Send(s.master(), r)
	again := a.Expect(testkit.Of[*controlpb.AgentReregistered]())[0].Msg.(*controlpb.AgentReregistered)
	equal(t, "asked about", len(again.GetOperations()), 1)
	equal(t, "operations", s.operations(), 1)
	f.acknowledgeOperation(status) // nobody needs it any more
	a.finished(y, "uy")
	f.acknowledgeOperation(f.operation(t, "y", mesospb.OperationState_OPERATION_FINISHED))
	a.Expect(testkit.Of[*controlpb.AcknowledgeOperation]())
	equal(t, "operations", s.operations(), 0)
	f.operate(f.offer(), withID("z", reserveOp(reserved("cpus:1", "web")...)))
	f.operation(t, "z", mesospb.OperationState_OPERATION_ERROR)
}
