package master

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/roles"
	"github.com/meseta-io/meseta/messages/validation"
)

// setQuotaOnce is the old way to give a quota to one role that has none: a guarantee that is its limit too.
func (m *Master) setQuotaOnce(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	//lint:ignore SA1019 it is deprecated, and used by clients
	request := c.GetSetQuota().GetQuotaRequest()
	role := request.GetRole()
	amounts, err := guaranteed(request)
	if err == nil && given(m.quota.byRole[role]) {
		err = fmt.Errorf("Cannot set quota for role '%s' which already has quota", role)
	}
	if err != nil {
		return refusedOrder(fault.ErrInvalid, "Failed to validate set quota request: %v", err)
	}
	if !m.approves(who, authorization.UpdateQuota, authorization.Role(role)) {
		return denied(who, authorization.UpdateQuota)
	}
	config := &quotapb.QuotaConfig{Role: proto.String(role), Guarantees: amounts, Limits: amounts}
	if err := m.overcommits([]*quotapb.QuotaConfig{config}); err != nil && !request.GetForce() {
		return refusedOrder(fault.ErrConflict,
			"Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees %v", err)
	}
	return m.putQuota([]*quotapb.QuotaConfig{config})
}

// guaranteed reads what is demanded, or says why it cannot be.
func guaranteed(q *quotapb.QuotaRequest) (map[string]*mesospb.Value_Scalar, error) {
	if err := roles.Validate(q.GetRole()); err != nil {
		return nil, fmt.Errorf("QuotaInfo with invalid role: %v", err)
	}
	if len(q.GetGuarantee()) == 0 {
		return nil, fmt.Errorf("QuotaInfo with empty 'guarantee'")
	}
	amounts := map[string]*mesospb.Value_Scalar{}
	for _, r := range q.GetGuarantee() {
		if err := demandable(r); err != nil {
			return nil, err
		}
		if amounts[r.GetName()] != nil {
			return nil, fmt.Errorf("QuotaInfo contains duplicate resource name '%s'", r.GetName())
		}
		amounts[r.GetName()] = &mesospb.Value_Scalar{Value: proto.Float64(r.GetScalar().GetValue())}
	}
	if parent, _, nested := strings.Cut(q.GetRole(), "/"); nested {
		wants, err := resources.QuantitiesFromProto(amounts)
		if err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("Invalid quota configuration. Parent role '%s' with guarantees ({}) does not contain the sum of its children's guarantees (%s)",
			parent, wants)
	}
	// The sums have to stay within what can be counted.
	return amounts, validation.Quota(&quotapb.QuotaConfig{Role: q.Role, Guarantees: amounts, Limits: amounts})
}

// demandable checks one resource of a guarantee: a bare scalar. Unlike elsewhere it may be 0.
func demandable(r *mesospb.Resource) error {
	//lint:ignore SA1019 old clients use them
	reserved := len(r.GetReservations()) > 0 || r.Reservation != nil || r.Role != nil && r.GetRole() != "*"
	switch {
	case r.GetName() == "":
		return fmt.Errorf("QuotaInfo with invalid resource: it has no name")
	case r.GetType() != mesospb.Value_SCALAR:
		return fmt.Errorf("QuotaInfo must not include non-scalar resources")
	case r.Scalar == nil:
		return fmt.Errorf("QuotaInfo with invalid resource: Resource '%s' is invalid: Invalid scalar resource", r.GetName())
	case !(r.GetScalar().GetValue() >= 0):
		return fmt.Errorf("QuotaInfo with invalid resource: Resource '%s:%g' is invalid: Invalid scalar resource: value <= 0",
			r.GetName(), r.GetScalar().GetValue())
	case reserved:
		return fmt.Errorf("QuotaInfo must not contain any ReservationInfo")
	case r.Disk != nil:
		return fmt.Errorf("QuotaInfo must not contain DiskInfo")
	case r.Revocable != nil:
		return fmt.Errorf("QuotaInfo must not contain RevocableInfo")
	}
	return nil
}

// removeQuota is the old way to take a quota away. Nothing of it stays listed.
func (m *Master) removeQuota(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	//lint:ignore SA1019 it is deprecated, and used by clients
	role := c.GetRemoveQuota().GetRole()
	if err := roles.Validate(role); err != nil {
		return refusedOrder(fault.ErrInvalid, "Failed to validate remove quota request: %v", err)
	}
	if !given(m.quota.byRole[role]) {
		return refusedOrder(fault.ErrInvalid, "Role '%s' has no quota set", role)
	}
	if !m.approves(who, authorization.UpdateQuota, authorization.Role(role)) {
		return denied(who, authorization.UpdateQuota)
	}
	nothing := &quotapb.QuotaConfig{Role: proto.String(role)}
	return m.durable(registrar.UpdateQuota([]*quotapb.QuotaConfig{nothing}), func() error {
		m.setQuota(nothing)
		delete(m.quota.byRole, role)
		m.desk.dropQuota(role)
		return nil
	})
}
