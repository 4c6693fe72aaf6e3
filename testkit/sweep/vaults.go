package sweep

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/operations"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Vaults has an operator reserve disk and make volumes for a role that no framework has. What an agent has said to be
// done stays on it, whatever happens to anybody; the master knows it in the end, and nobody else is offered it.
var Vaults = Checker{"I9: reservations and volumes never vanish and never reach another role", vaults}

const (
	vaultKeeps = "reservations and volumes never vanish and never reach another role"
	vaultRole  = "vault"
	// vaultsOfEach is how often an agent is asked to reserve, and to make a volume of half of that.
	vaultsOfEach = 6
)

type vaultChecker struct {
	r        *Run
	operator *testkit.Probe
	asked    map[*cast.Agent]int
	orders   map[string]*mesospb.Offer_Operation
	told     map[string]bool
	kept     map[*cast.Agent]resources.Resources // what the agents have said to have
}

func vaults(r *Run) {
	v := &vaultChecker{r: r, operator: r.Probe("custodian"), asked: map[*cast.Agent]int{}, orders: map[string]*mesospb.Offer_Operation{},
		told: map[string]bool{}, kept: map[*cast.Agent]resources.Resources{}}
	r.Observe(v.sent)
	r.replaced = append(r.replaced, func(a *cast.Agent) { delete(v.kept, a) }) // with its disk
	r.At(5*time.Second, v.ask)
	r.atEnd("every reservation and volume is known to the master", v.known)
}

// ask has one agent reserve, or make a volume of what it has reserved, and so on until the storm is over.
func (v *vaultChecker) ask() {
	if v.r.over {
		return
	}
	v.r.At(time.Second+time.Duration(v.r.Choose(20))*100*time.Millisecond, v.ask)
	a := v.r.someAgent()
	if n := v.asked[a]; a.ID() != "" && n < 2*vaultsOfEach && v.r.ask(v.operator, vaultCall(a.ID(), n)) {
		v.asked[a]++
	}
}

func vaultCall(agent string, n int) *masterpb.Call {
	disk := mustParse(fmt.Sprintf("disk:%d", 10/(1+n%2))).Proto()
	disk[0].Reservations = []*mesospb.Resource_ReservationInfo{{Type: mesospb.Resource_ReservationInfo_DYNAMIC.Enum(), Role: proto.String(vaultRole)}}
	id := &mesospb.AgentID{Value: proto.String(agent)}
	if n%2 == 0 {
		return &masterpb.Call{Type: masterpb.Call_RESERVE_RESOURCES.Enum(), ReserveResources: &masterpb.Call_ReserveResources{AgentId: id, Resources: disk}}
	}
	disk[0].Disk = &mesospb.Resource_DiskInfo{Persistence: &mesospb.Resource_DiskInfo_Persistence{Id: proto.String(fmt.Sprint("v", n))},
		Volume: &mesospb.Volume{ContainerPath: proto.String("data"), Mode: mesospb.Volume_RW.Enum()}}
	return &masterpb.Call{Type: masterpb.Call_CREATE_VOLUMES.Enum(), CreateVolumes: &masterpb.Call_CreateVolumes{AgentId: id, Volumes: disk}}
}

func (v *vaultChecker) sent(m testkit.Message) {
	switch say := m.Msg.(type) {
	case *controlpb.ApplyOperation:
		op := proto.CloneOf(say.GetOperation())
		operations.Unallocate(op)
		v.orders[string(say.GetUuid())] = op
	case *controlpb.UpdateOperationStatus:
		v.done(v.r.agentAt(m.From.Addr), say)
	case *controlpb.ReregisterAgent:
		v.reported(v.r.agentAt(m.From.Addr), say)
	case *schedulerpb.Event:
		for _, o := range say.GetOffers().GetOffers() {
			if rs := resources.FromValid(o.GetResources()).Reserved(); !rs.IsEmpty() {
				v.r.violated(vaultKeeps, "%s of %s is offered to a framework of another role", rs, o.GetHostname())
			}
		}
	}
}

// done adds what an agent has carried out to what it has to keep.
func (v *vaultChecker) done(a *cast.Agent, u *controlpb.UpdateOperationStatus) {
	uuid := string(u.GetOperationUuid())
	if a == nil || v.told[uuid] || u.GetStatus().GetState() != mesospb.OperationState_OPERATION_FINISHED {
		return
	}
	v.told[uuid] = true
	made := v.orders[uuid].GetReserve().GetResources()
	if volumes := v.orders[uuid].GetCreate().GetVolumes(); len(volumes) > 0 {
		made = volumes
		for x := range resources.FromValid(volumes).All() {
			v.kept[a] = v.kept[a].Subtract(resources.Of(x.WithoutVolume()))
		}
	}
	v.kept[a] = v.kept[a].Add(resources.FromValid(made))
}

// reported compares what a returning agent says with what it said before, and with its disk.
func (v *vaultChecker) reported(a *cast.Agent, say *controlpb.ReregisterAgent) {
	if err := v.has(a, resources.FromValid(say.GetCheckpointedResources())); err != nil {
		v.r.violated(vaultKeeps, "%s comes back: %v", a.Name(), err)
	}
}

// has says what is missing of what an agent has to keep. A volume that was made and not told of yet is made of a
// reservation that was.
func (v *vaultChecker) has(a *cast.Agent, rs resources.Resources) error {
	flat := func(rs resources.Resources) (sum resources.Resources) {
		for x := range rs.All() {
			sum = sum.Add(resources.Of(x.WithoutVolume()))
		}
		return sum
	}
	kept := v.kept[a]
	if !rs.Contains(kept.PersistentVolumes()) || !flat(rs).Contains(flat(kept)) {
		return fmt.Errorf("it has %s, but had %s", rs, kept)
	}
	for x := range kept.PersistentVolumes().All() {
		dir := "volumes/roles/" + vaultRole + "/" + x.Disk().GetPersistence().GetId()
		if f := a.Disk().Lookup(dir); f == nil || !f.Dir {
			return fmt.Errorf("%s is gone", dir)
		}
	}
	return nil
}

// known asks the master what its agents have, and looks at the last answer.
func (v *vaultChecker) known() error {
	var last *masterpb.Response_GetAgents
	for _, m := range v.operator.Messages() {
		if r, ok := m.Msg.(*masterpb.Response); ok && r.GetGetAgents() != nil {
			last = r.GetGetAgents()
		}
	}
	v.operator.Forget()
	v.r.ask(v.operator, &masterpb.Call{Type: masterpb.Call_GET_AGENTS.Enum()})
	if last == nil {
		return errors.New("the master does not answer")
	}
	total := map[string]resources.Resources{}
	for _, a := range last.GetAgents() {
		total[a.GetAgentInfo().GetHostname()] = resources.FromValid(a.GetTotalResources())
	}
	var wrong []error
	for _, a := range v.r.Agents {
		if v.r.excused(a) {
			continue
		}
		if err := v.has(a, total[a.Name()]); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", a.Name(), err))
		}
	}
	return errors.Join(wrong...)
}
