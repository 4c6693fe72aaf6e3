package registrar

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/quotapb"
)

// The largest amounts that a quota may name, as in Mesos: an exabyte of memory or disk, which are counted in
// megabytes, and a trillion of anything else. They keep sums of thousandths inside 64 bits.
const (
	maxQuotaMegabytes = 1 << 40
	maxQuotaAmount    = 1e12
)

// UpdateQuota replaces the quota of each role, all or none. A quota that demands nothing is not kept.
func UpdateQuota(configs []*quotapb.QuotaConfig) Operation {
	return func(e *Edit) error {
		for _, q := range configs {
			if err := checkQuota(q); err != nil {
				return err
			}
		}
		for _, q := range configs {
			if len(q.GetGuarantees()) == 0 && len(q.GetLimits()) == 0 {
				e.dropQuota(q.GetRole())
				e.cut()
				continue
			}
			e.setQuota(q)
			e.cut()
		}
		e.requireCapabilities()
		return nil
	}
}

func checkQuota(q *quotapb.QuotaConfig) error {
	if q.GetRole() == "" {
		return fmt.Errorf("a quota names no role: %w", fault.ErrInvalid)
	}
	for _, amounts := range []map[string]*mesospb.Value_Scalar{q.GetGuarantees(), q.GetLimits()} {
		for name, scalar := range amounts {
			most := maxQuotaAmount
			if name == "mem" || name == "disk" {
				most = maxQuotaMegabytes
			}
			// Written so that a NaN is refused too.
			if v := scalar.GetValue(); !(v >= 0 && v <= most) {
				return fmt.Errorf("quota of role %s: %s is %g, from 0 to %g is possible: %w", q.GetRole(), name, v, most, fault.ErrInvalid)
			}
		}
	}
	return nil
}

// UpdateWeights sets the weight of each role; the others keep theirs.
func UpdateWeights(weights []*mesospb.WeightInfo) Operation {
	return func(e *Edit) error {
		for _, w := range weights {
			if w.GetRole() == "" || !(w.GetWeight() > 0) {
				return fmt.Errorf("weight %g of role %q: a role and a weight above 0 are needed: %w", w.GetWeight(), w.GetRole(), fault.ErrInvalid)
			}
		}
		for _, w := range weights {
			if !proto.Equal(e.Weights[w.GetRole()], w) {
				e.setWeight(w)
				e.cut()
			}
		}
		return nil
	}
}
