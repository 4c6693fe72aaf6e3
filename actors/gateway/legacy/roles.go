package legacy

import (
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/validation"
	"github.com/meseta-io/meseta/messages/wire"
)

// role is one as /roles shows it, with what all below it has.
type role struct {
	allocated, offered, reserved quantities
	loose                        quantities // allocated and not reserved
	frameworks                   []string
}

// rolesOf are all roles that anybody uses or that were given something, with their parents.
func rolesOf(v *master.View, whitelist []string) map[string]*role {
	all := map[string]*role{}
	find := func(name string) *role {
		if all[name] == nil {
			all[name] = &role{quantities{}, quantities{}, quantities{}, quantities{}, nil}
		}
		return all[name]
	}
	// each visits a role and those above it.
	each := func(name string, f func(*role)) {
		for {
			f(find(name))
			i := strings.LastIndexByte(name, '/')
			if i < 0 {
				return
			}
			name = name[:i]
		}
	}
	for _, name := range whitelist {
		find(name)
	}
	for name := range v.Roles.All() {
		each(name, func(*role) {})
	}
	for name := range v.Quotas.All() {
		each(name, func(*role) {})
	}
	for id, f := range v.Frameworks.All() {
		for _, name := range validation.Roles(f.GetFrameworkInfo()) {
			each(name, func(*role) {})
			find(name).frameworks = append(find(name).frameworks, id)
		}
		for _, r := range f.GetAllocatedResources() {
			each(r.GetAllocationInfo().GetRole(), func(x *role) {
				x.allocated.add(r)
				if len(r.GetReservations()) == 0 {
					x.loose.add(r)
				}
			})
		}
		for _, r := range f.GetOfferedResources() {
			each(r.GetAllocationInfo().GetRole(), func(x *role) { x.offered.add(r) })
		}
	}
	for _, a := range v.Agents.All() {
		for _, r := range a.GetTotalResources() {
			if n := len(r.GetReservations()); n > 0 {
				each(r.GetReservations()[n-1].GetRole(), func(x *role) { x.reserved.add(r) })
			}
		}
	}
	if len(whitelist) > 0 {
		for name := range all {
			if !slices.Contains(whitelist, name) {
				delete(all, name)
			}
		}
	}
	return all
}

func sumOf(lists ...quantities) quantities {
	sum := quantities{}
	for _, q := range lists {
		for name, n := range q {
			sum[name] += n
		}
	}
	return sum
}

// roles is /roles.
func (s *reads) roles(w *web.Writer, r *web.Request) {
	v := s.Master.ViewFor(r.Subject())
	all := rolesOf(v, s.Master.Config().Roles)
	d := newDocument(v)
	d.add(func(b []byte) []byte {
		b = append(b, `{"roles":[`...)
		for _, name := range sortedKeys(all) {
			if v.ShowsRole(name) {
				b = append(s.role(b, v, name, all[name]), ',')
			}
		}
		return append(bare(b), "]}"...)
	})
	d.send(w, r)
}

func (s *reads) role(b []byte, v *master.View, name string, x *role) []byte {
	weight, ok := v.Roles.Get(name)
	if !ok {
		weight = 1
	}
	quota, _ := v.Quotas.Get(name)
	b = str(b, `{"name":`, name)
	b = num(b, `,"weight":`, weight)
	b = str(b, `,"quota":{"role":`, name)
	b = scalars(append(b, `,"guarantee":`...), quota.GetGuarantees())
	b = scalars(append(b, `,"limit":`...), quota.GetLimits())
	b = sumOf(x.reserved, x.loose).append(append(b, `,"consumed":`...))
	b = sumOf(x.allocated, x.offered).append(append(b, `},"resources":`...))
	b = x.allocated.append(append(b, `,"allocated":`...))
	b = x.offered.append(append(b, `,"offered":`...))
	b = x.reserved.append(append(b, `,"reserved":`...))
	return append(strs(b, `,"frameworks":`, x.frameworks), '}')
}

// scalars are the amounts of a quota, also those that are nothing: a limit of nothing says more than no limit.
func scalars(b []byte, all map[string]*mesospb.Value_Scalar) []byte {
	b = append(b, '{')
	for _, name := range sortedKeys(all) {
		b = append(wire.AppendDouble(append(wire.AppendString(b, name), ':'), all[name].GetValue()), ',')
	}
	return append(bare(b), '}')
}
