package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/roles"
)

// maxCount is the most of anything but memory and disk that quota can speak of.
const maxCount = 1_000_000_000_000 * resources.Milli(1000)

// Quota checks a quota on its own: for each resource that has both, the guarantee is within the limit.
func Quota(q *quotapb.QuotaConfig) error {
	if q.Role == nil {
		return refuse("quota has no role")
	}
	if err := roles.Validate(q.GetRole()); err != nil {
		return refuse("quota: %w", err)
	}
	guarantees, err := resources.QuantitiesFromProto(q.GetGuarantees())
	if err != nil {
		return in(err, "quota of role %q: guarantees", q.GetRole())
	}
	// A task may be limited to infinity, a role not: leaving the limit out says it.
	for name, limit := range q.GetLimits() {
		if err := Amount(limit.GetValue()); err != nil {
			return in(err, "quota of role %q: limit of %q", q.GetRole(), name)
		}
	}
	limits, err := resources.LimitsFromProto(q.GetLimits())
	if err != nil {
		return in(err, "quota of role %q: limits", q.GetRole())
	}
	for _, all := range []func(func(string, resources.Milli) bool){guarantees.All(), limits.All()} {
		for name, amount := range all {
			if name != "mem" && name != "disk" && amount > maxCount {
				return refuse("quota of role %q: %s of %s: at most %s", q.GetRole(), amount, name, maxCount)
			}
		}
	}
	if !limits.ContainsQuantities(guarantees) {
		return refuse("quota of role %q: guarantees %s exceed limits %s", q.GetRole(), guarantees, limits)
	}
	return nil
}
