package legacy

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// registry is /registrar(1)/registry: what the store holds, in the form of Mesos' registry. It is for people who look after
// a cluster, so it is asked of the registrar itself and not of a view.
func (s *reads) registry(w *web.Writer, r *web.Request) {
	known, err := s.Master.Registry().Get(r.Context())
	if err != nil {
		w.Error(err)
		return
	}
	w.JSON(r, func(b *web.Buffer) { b.B = registry(b.B, known) })
}

func registry(b []byte, r *registrar.Registry) []byte {
	b = append(b, '{')
	b = records(b, `"gone":{"gone":`, "}", r.Gone, func(b []byte, id string) []byte {
		return append(msg(msg(b, `{"id":`, r.Gone[id].GetAgentId()), `,"timestamp":`, r.Gone[id].GetSince()), '}')
	})
	b = records(b, `"machines":{"machines":`, "}", r.Machines, func(b []byte, id string) []byte {
		return append(msg(b, `{"info":`, r.Machines[id]), '}')
	})
	if r.Cluster.GetMaster() != nil {
		b = append(msg(b, `"master":{"info":`, r.Cluster.GetMaster()), "},"...)
	}
	b = records(b, `"quota_configs":`, "", r.Quota, func(b []byte, role string) []byte { return wire.AppendJSON(b, r.Quota[role]) })
	if r.Schedule != nil {
		b = append(msg(b, `"schedules":[`, r.Schedule), "],"...)
	}
	b = records(b, `"slaves":{"slaves":`, "}", r.Admitted, func(b []byte, id string) []byte {
		a := r.Admitted[id]
		b = drain(yes(b, `{"deactivated":`, a.GetDeactivated()), a.GetDrainInfo())
		return append(msg(b, `,"info":`, recorded(a.GetAgent())), '}')
	})
	b = records(b, `"unreachable":{"slaves":`, "}", r.Unreachable, func(b []byte, id string) []byte {
		a := r.Unreachable[id]
		b = drain(yes(b, `{"deactivated":`, a.GetDeactivated()), a.GetDrainInfo())
		return append(msg(msg(b, `,"id":`, a.GetAgentId()), `,"timestamp":`, a.GetSince()), '}')
	})
	b = records(b, `"weights":`, "", r.Weights, func(b []byte, role string) []byte {
		return append(msg(b, `{"info":`, r.Weights[role]), '}')
	})
	return append(bare(b), '}')
}

// records are a list, sorted by its keys; an empty one is not there at all.
func records[V any](b []byte, begin, end string, all map[string]V, one func(b []byte, key string) []byte) []byte {
	if len(all) == 0 {
		return b
	}
	b = append(append(b, begin...), '[')
	for _, key := range slices.Sorted(maps.Keys(all)) {
		b = append(one(b, key), ',')
	}
	return append(append(append(bare(b), ']'), end...), ',')
}

func drain(b []byte, d *mesospb.DrainInfo) []byte {
	if d == nil {
		return b
	}
	return msg(b, `,"drain_info":`, d)
}

// recorded is an agent in the form of Mesos' registry: what is not reserved has the role that says so.
func recorded(a *mesospb.AgentInfo) *mesospb.AgentInfo {
	a = proto.CloneOf(a)
	for _, r := range a.GetResources() {
		if len(r.GetReservations()) == 0 && r.Role == nil {
			r.Role = proto.String("*")
		}
	}
	return a
}
