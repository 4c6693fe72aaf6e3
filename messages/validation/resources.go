package validation

import (
	"slices"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/resources"
)

// Resources checks resources that are to be used, beyond what every resource must be: whole gpus, volumes that say
// all, reservations that cannot be revoked. It returns them added up.
func Resources(messages []*mesospb.Resource) (resources.Resources, error) {
	r, err := resources.FromProto(messages)
	if err != nil {
		return r, refuse("%w", err)
	}
	if gpus := r.GPUs(); gpus%1000 != 0 {
		return r, refuse("gpus are %s: only whole ones can be had", gpus)
	}
	for x := range r.All() {
		if err := first(disk(x), notRevocable(x)); err != nil {
			return r, in(err, "resource %s", x)
		}
	}
	return r, nil
}

func disk(x resources.Resource) error {
	d := x.Disk()
	switch {
	case d == nil:
		return nil
	case d.Persistence == nil && d.Volume != nil:
		return refuse("a volume without persistence is not supported")
	case d.Persistence == nil && d.Source == nil:
		return refuse("its DiskInfo is empty: leave it out")
	case d.Persistence == nil:
		return nil
	case x.IsRevocable():
		return refuse("a persistent volume cannot be made from what may be revoked")
	case !x.IsReserved():
		return refuse("a persistent volume cannot be made from what is not reserved: reserve it first")
	case d.Volume == nil:
		return refuse("a persistent volume needs volume to be set")
	case d.GetVolume().HostPath != nil:
		return refuse("a persistent volume has no host_path: leave it out")
	}
	return in(ID(d.GetPersistence().GetId()), "persistence id")
}

func notRevocable(x resources.Resource) error {
	if x.IsDynamicallyReserved() && x.IsRevocable() {
		return refuse("what may be revoked cannot be reserved")
	}
	return nil
}

// used checks the resources of one task or executor.
func used(messages []*mesospb.Resource, role string) (resources.Resources, error) {
	r, err := Resources(messages)
	if err != nil {
		return r, err
	}
	if role != "" {
		r = r.AllocateMissing(role)
	}
	return r, first(uniqueVolumes(r), oneAllocation(r), notMixed(r))
}

// uniqueVolumes refuses two volumes of one role with the same id: they would be the same directory.
func uniqueVolumes(r resources.Resources) error {
	type key struct{ role, id string }
	seen := make(map[key]bool)
	for x := range r.PersistentVolumes().All() {
		k := key{x.ReservationRole(), x.Disk().GetPersistence().GetId()}
		if seen[k] {
			return refuse("persistence id %q comes twice for role %q", k.id, k.role)
		}
		seen[k] = true
	}
	return nil
}

func oneAllocation(r resources.Resources) error {
	var role string
	for x := range r.All() {
		to, ok := x.AllocationRole()
		switch {
		case !ok:
			return refuse("resource %s is allocated to no role", x)
		case role != "" && to != role:
			return refuse("resources are allocated to roles %q and %q: only one is possible", role, to)
		}
		role = to
	}
	return nil
}

// notMixed refuses revocable next to other resources of one name: a container is throttled as a whole.
func notMixed(r resources.Resources) error {
	for _, name := range r.Names() {
		named := r.Named(name)
		if n := named.Revocable().Len(); n > 0 && n < named.Len() {
			return refuse("both revocable and other %s are used: only one kind is possible", name)
		}
	}
	return nil
}

// distinct refuses ports and sets that several parts of one launch want at once: adding them up hides it.
func distinct(parts ...resources.Resources) error {
	var sum resources.Builder
	var apart resources.Quantities
	for _, part := range parts {
		sum.Add(part)
		apart = apart.Add(part.Quantities())
	}
	if together := sum.Resources(); !together.Quantities().Equal(apart) {
		return refuse("resources overlap: %s are wanted, only %s are different", apart, together.Quantities())
	}
	return nil
}

// oneProvider refuses resources of several providers in one operation.
func oneProvider(r resources.Resources) error {
	var ids []string
	for x := range r.All() {
		id, _ := x.ProviderID()
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if len(ids) > 1 {
		return refuse("resources come from several providers %q: use one in an operation", ids)
	}
	return nil
}
