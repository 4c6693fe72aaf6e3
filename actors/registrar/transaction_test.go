package registrar_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// What no store would take is refused and leaves nothing behind; it does not end the master.
func TestRecordsThatNoStoreTakes(t *testing.T) {
	l := newLives(t)
	l.recover()
	l.do(registrar.Admit(agent("1")))
	big := agent("big")
	big.Hostname = proto.String(strings.Repeat("x", cluster.MaxValue))
	weight := []*mesospb.WeightInfo{{Role: proto.String("small"), Weight: proto.Float64(2)}, {Role: proto.String(strings.Repeat("r", cluster.MaxKey)), Weight: proto.Float64(2)}}
	larger := agent("1")
	larger.Hostname = big.Hostname
	for name, op := range map[string]registrar.Operation{
		"an agent too large":   registrar.Admit(big),
		"a change too large":   registrar.Update(larger),
		"a role too long":      registrar.UpdateWeights(weight),
		"a machine too long":   registrar.UpdateSchedule(plan(ids{machine1, {Hostname: proto.String(strings.Repeat("m", cluster.MaxKey))}})),
		"an id too long":       registrar.Admit(agent(strings.Repeat("i", cluster.MaxKey))),
		"a schedule too large": registrar.UpdateSchedule(plan(many(10000))),
	} {
		t.Run(name, func(t *testing.T) { l.refuses(op, fault.ErrInvalid) })
	}
	l.do(registrar.Admit(agent("2")))
	now, err := get(l, l.client.Registry())
	if err != nil {
		t.Fatal(err)
	}
	r := l.again()
	for _, r := range []*registrar.Registry{now, r} {
		if len(r.Admitted) != 2 || r.Admitted["1"].GetAgent().GetHostname() != "localhost" || len(r.Weights) != 0 || len(r.Machines) != 0 || r.Schedule != nil {
			t.Errorf("something is left of what was refused: %v", r)
		}
	}
}

func many(n int) (all ids) {
	for i := range n {
		all = append(all, &mesospb.MachineID{Hostname: proto.String(fmt.Sprintf("machine-%05d.%s", i, strings.Repeat("d", 20)))})
	}
	return all
}

// An operation that one transaction does not hold is made in several, and answered after the last.
func TestLargeOperations(t *testing.T) {
	const n = 1000
	l := newLives(t)
	l.recover()
	before := l.store.Writes()
	l.do(registrar.UpdateSchedule(plan(many(n))))
	if writes := l.store.Writes() - before; writes != (n+1+cluster.MaxChanges-1)/cluster.MaxChanges {
		t.Errorf("%d writes", writes)
	}
	l.do(registrar.StartMaintenance(many(n)))
	if r := l.again(); len(r.Machines) != n || len(r.Schedule.GetWindows()[0].GetMachineIds()) != n {
		t.Fatalf("%d machines", len(r.Machines))
	}
	// Each of these writes may have been made or not when its answer is lost.
	for i := range 5 {
		l.store.FailApplies(memory.Fault{Err: cluster.ErrUnknownOutcome, Written: i%2 == 0}, memory.Fault{Err: cluster.ErrUnknownOutcome, Written: i%2 == 1})
	}
	l.do(registrar.StopMaintenance(many(n)))
	if r := l.again(); len(r.Machines) != 0 || r.Schedule != nil {
		t.Fatalf("%d machines are left", len(r.Machines))
	}
}

// A large operation that ends in the middle is not answered as done, and can be asked for again.
func TestLargeOperationThatEndsInTheMiddle(t *testing.T) {
	const n = 500
	l := newLives(t)
	l.recover()
	l.store.FailApplies(memory.Fault{Err: cluster.ErrUnknownOutcome, Written: true})
	l.store.FailApplies(memory.Fault{Err: errors.New("the disk is full")})
	l.refuses(registrar.UpdateSchedule(plan(many(n))), registrar.ErrStore)
	r := l.again()
	if len(r.Machines) == 0 || len(r.Machines) >= n || r.Schedule != nil {
		t.Errorf("%d machines, schedule %v", len(r.Machines), r.Schedule != nil)
	}
	l.do(registrar.UpdateSchedule(plan(many(n))))
	if r := l.again(); len(r.Machines) != n || r.Schedule == nil {
		t.Errorf("%d machines", len(r.Machines))
	}
}
