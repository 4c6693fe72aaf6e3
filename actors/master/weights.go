package master

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/roles"
	"github.com/meseta-io/meseta/messages/validation"
)

// updateWeights sets the weights of roles, all that are named or none; the others keep theirs.
func (m *Master) updateWeights(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	infos := c.GetUpdateWeights().GetWeightInfos()
	fresh := map[string]bool{}
	for _, w := range infos {
		if err := roles.Validate(w.GetRole()); err != nil {
			return refusedOrder(fault.ErrInvalid, "Failed to validate update weights request JSON: Invalid role '%s': %v", w.GetRole(), err)
		}
		// Written so that a NaN is refused too.
		if v := w.GetWeight(); !(v > 0) || v > maxWeight {
			return refusedOrder(fault.ErrInvalid,
				"Failed to validate update weights request JSON for role '%s': Invalid weight '%g': Weights must be positive", w.GetRole(), v)
		}
		if _, known := m.weights[w.GetRole()]; !known {
			fresh[w.GetRole()] = true
		}
	}
	if len(m.weights)+len(fresh) > maxNamed {
		return refusedOrder(fault.ErrInvalid, "At most %d roles can have a weight", maxNamed)
	}
	for _, w := range infos {
		if !m.approves(who, authorization.UpdateWeight, authorization.Role(w.GetRole())) {
			return denied(who, authorization.UpdateWeight)
		}
	}
	return m.durable(registrar.UpdateWeights(infos), func() error {
		m.weigh(infos)
		return nil
	})
}

// maxWeight keeps shares that are divided by weights apart from zero.
const maxWeight = 1e12

// weigh applies weights that are written. Offers that are out were made by the old ones: if anybody is subscribed to
// a role whose weight changes, all of them are taken back, so that the next ones are fair.
func (m *Master) weigh(infos []*mesospb.WeightInfo) {
	changed := map[string]float64{}
	for _, w := range infos {
		if old, ok := m.weights[w.GetRole()]; !ok || old != w.GetWeight() {
			changed[w.GetRole()] = w.GetWeight()
		}
		m.weights[w.GetRole()] = w.GetWeight()
		m.desk.setWeight(w.GetRole(), w.GetWeight())
	}
	if len(changed) == 0 {
		return
	}
	m.allocator.UpdateWeights(changed)
	if !m.anySubscribed(changed) {
		return
	}
	for _, id := range slices.Sorted(maps.Keys(m.offers.byID)) {
		m.endOffer(m.offers.byID[id], nil, true)
	}
}

// anySubscribed reports whether a framework that listens has one of the roles.
func (m *Master) anySubscribed(any map[string]float64) bool {
	for _, f := range m.frameworks.registered {
		for _, role := range validation.Roles(f.info) {
			if _, ok := any[role]; ok && f.active() {
				return true
			}
		}
	}
	return false
}

// recoverWeights takes what an earlier master wrote.
func (m *Master) recoverWeights(all map[string]*mesospb.WeightInfo) {
	byRole := map[string]float64{}
	for role, w := range all {
		byRole[role] = w.GetWeight()
		m.desk.setWeight(role, w.GetWeight())
	}
	m.weights = byRole
	m.allocator.UpdateWeights(maps.Clone(byRole))
}

func (d *desk) setWeight(role string, weight float64) {
	d.drafts.Roles.Set(role, weight)
	d.changed = true
}

// weightsOf lists the weights that somebody has set.
func weightsOf(v *View, may authorization.Approver) *masterpb.Response_GetWeights {
	var out *masterpb.Response_GetWeights
	for role, weight := range v.Roles.All() {
		if !may(authorization.Role(role)) {
			continue
		}
		if out == nil {
			// Without any the answer lacks even the message around the list.
			out = &masterpb.Response_GetWeights{}
		}
		out.WeightInfos = append(out.WeightInfos, &mesospb.WeightInfo{Role: proto.String(role), Weight: proto.Float64(weight)})
	}
	return out
}
