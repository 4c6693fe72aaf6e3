package master

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// quotas are what roles are promised and what they may not exceed.
type quotas struct {
	// byRole has every role whose quota was set since this master leads, or that has one; set back to nothing it stays
	// listed, as in Mesos, with an empty config.
	byRole map[string]*quotapb.QuotaConfig
	// limits are those of roles that have any.
	limits map[string]resources.Limits
}

func (q *quotas) init() {
	q.byRole, q.limits = map[string]*quotapb.QuotaConfig{}, map[string]resources.Limits{}
}

// given reports whether a quota demands or forbids anything.
func given(q *quotapb.QuotaConfig) bool { return len(q.GetGuarantees())+len(q.GetLimits()) > 0 }

// updateQuota replaces the quota of the roles that are named, of all of them or of none.
func (m *Master) updateQuota(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	u := c.GetUpdateQuota()
	for _, q := range u.GetQuotaConfigs() {
		if strings.Contains(q.GetRole(), "/") {
			return refusedOrder(fault.ErrInvalid, "Updating quota on nested role '%s' is not supported yet", q.GetRole())
		}
		if err := validation.Quota(q); err != nil {
			return refusedOrder(fault.ErrInvalid, "Invalid QuotaConfig: %v", err)
		}
	}
	for _, q := range u.GetQuotaConfigs() {
		if !m.approves(who, authorization.UpdateQuotaWithConfig, authorization.Role(q.GetRole())) {
			return denied(who, authorization.UpdateQuotaWithConfig)
		}
	}
	if !u.GetForce() {
		if err := m.overcommits(u.GetQuotaConfigs()); err != nil {
			return refusedOrder(fault.ErrInvalid, "Invalid QuotaConfig: total quota guarantees %v (use 'force' flag to bypass this check)", err)
		}
		if err := m.undercuts(u.GetQuotaConfigs()); err != nil {
			return refusedOrder(fault.ErrInvalid, "Invalid QuotaConfig: %v (use 'force' flag to bypass this check)", err)
		}
	}
	return m.putQuota(u.GetQuotaConfigs())
}

func (m *Master) putQuota(configs []*quotapb.QuotaConfig) process.Future[struct{}] {
	fresh := map[string]bool{}
	for _, q := range configs {
		if m.quota.byRole[q.GetRole()] == nil {
			fresh[q.GetRole()] = true
		}
	}
	if len(m.quota.byRole)+len(fresh) > maxNamed {
		return refusedOrder(fault.ErrInvalid, "At most %d roles can have a quota", maxNamed)
	}
	return m.durable(registrar.UpdateQuota(configs), func() error {
		for _, q := range configs {
			m.setQuota(q)
		}
		m.enforceQuota(configs)
		return nil
	})
}

// setQuota applies a quota that is written.
func (m *Master) setQuota(q *quotapb.QuotaConfig) {
	role := q.GetRole()
	m.quota.byRole[role] = q
	delete(m.quota.limits, role)
	if limits, err := resources.LimitsFromProto(q.GetLimits()); err == nil && len(q.GetLimits()) > 0 {
		m.quota.limits[role] = limits
	}
	m.shareQuota(role)
	m.desk.setQuota(q)
}

// shareQuota tells the allocator of a role's quota. Until all agents are back that were there before a failover,
// nobody knows what the role has on them: so long nothing is offered to it of what is limited, because a limit that
// is sometimes exceeded is none.
func (m *Master) shareQuota(role string) {
	q := m.quota.byRole[role]
	told := allocator.Quota{Guarantees: scalars(q.GetGuarantees()), Limits: scalars(q.GetLimits())}
	if len(m.agents.recovered) > 0 {
		for name := range told.Limits {
			told.Limits[name] = 0
		}
	}
	m.allocator.UpdateQuota(role, told)
}

func scalars(m map[string]*mesospb.Value_Scalar) map[string]float64 {
	out := make(map[string]float64, len(m))
	for name, v := range m {
		out[name] = v.GetValue()
	}
	return out
}

// overcommits says that the cluster is too small for all guarantees, were the configs in force.
func (m *Master) overcommits(configs []*quotapb.QuotaConfig) error {
	after := maps.Clone(m.quota.byRole)
	for _, q := range configs {
		after[q.GetRole()] = q
	}
	var total, capacity resources.Quantities
	for _, q := range after {
		if guarantees, err := resources.QuantitiesFromProto(q.GetGuarantees()); err == nil {
			total = total.Add(guarantees)
		}
	}
	for _, a := range m.agents.registered {
		capacity = capacity.Add(a.total.NonRevocable().ScalarQuantities())
	}
	if capacity.Contains(total) {
		return nil
	}
	return fmt.Errorf("'%s' exceed cluster capacity '%s'", compact(total), compact(capacity))
}

func compact(q resources.Quantities) string { return strings.ReplaceAll(q.String(), "; ", ";") }

// undercuts says that a role uses more already than it may, were the configs in force.
func (m *Master) undercuts(configs []*quotapb.QuotaConfig) error {
	for _, q := range configs {
		limits, err := resources.LimitsFromProto(q.GetLimits())
		if err != nil {
			return err
		}
		if has := m.consumed(q.GetRole()); !limits.ContainsQuantities(has) {
			return fmt.Errorf("role '%s' is already consuming '%s'; this exceeds the requested limits '%s'", q.GetRole(), has, limits)
		}
	}
	return nil
}

// consumed is what counts against the quota of a role: what is used by it and the roles below it, and what is reserved
// to them, used or not.
func (m *Master) consumed(role string) resources.Quantities {
	var sum resources.Quantities
	for _, f := range m.frameworks.registered {
		sum = sum.Add(counted(f.used.AllocatedWithin(role)))
	}
	for _, a := range m.agents.registered {
		if reserved := a.total.ReservedWithin(role); !reserved.IsEmpty() {
			sum = sum.Add(reserved.NonRevocable().ScalarQuantities())
		}
	}
	return sum
}

// counted is the part of something held that counts by itself; what is reserved counts whether it is held or not.
func counted(rs resources.Resources) resources.Quantities {
	return rs.Unreserved().NonRevocable().ScalarQuantities()
}

// offeredTo is what is out for a role and those below it and would count.
func (m *Master) offeredTo(role string) resources.Quantities {
	var sum resources.Quantities
	for _, f := range m.frameworks.registered {
		sum = sum.Add(counted(f.offered.AllocatedWithin(role)))
	}
	return sum
}

func (d *desk) setQuota(q *quotapb.QuotaConfig) {
	d.drafts.Quotas.Set(q.GetRole(), q)
	d.changed = true
}

func (d *desk) dropQuota(role string) {
	d.drafts.Quotas.Delete(role)
	d.changed = true
}

// quotaOf is the state of all quotas, in the present form and in the one that had guarantees only.
func quotaOf(v *View, may authorization.Approver) *quotapb.QuotaStatus {
	status := &quotapb.QuotaStatus{}
	for role, q := range v.Quotas.All() {
		if !may(authorization.Role(role)) {
			continue
		}
		info := &quotapb.QuotaInfo{Role: proto.String(role)}
		for _, name := range slices.Sorted(maps.Keys(q.GetGuarantees())) {
			info.Guarantee = append(info.Guarantee, &mesospb.Resource{Name: proto.String(name), Type: mesospb.Value_SCALAR.Enum(),
				Scalar: &mesospb.Value_Scalar{Value: proto.Float64(q.GetGuarantees()[name].GetValue())}})
		}
		//lint:ignore SA1019 it is deprecated, and read by clients
		status.Infos = append(status.Infos, info)
		status.Configs = append(status.Configs, q)
	}
	return status
}
