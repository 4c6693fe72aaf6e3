package registrar

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// UpdateSchedule replaces the maintenance schedule. A machine that is new in it starts to drain, one that
// stays keeps its mode, one that is left out is up again.
func UpdateSchedule(schedule *maintenancepb.Schedule) Operation {
	return func(e *Edit) error {
		planned := map[string]bool{}
		for _, w := range schedule.GetWindows() {
			for _, id := range w.GetMachineIds() {
				planned[MachineName(id)] = true
				e.plan(id, w.GetUnavailability())
				e.cut()
			}
		}
		for _, name := range slices.Sorted(maps.Keys(e.Machines)) {
			if !planned[name] {
				e.dropMachine(name)
				e.cut()
			}
		}
		e.setSchedule(schedule)
		return nil
	}
}

func (e *Edit) plan(id *mesospb.MachineID, when *mesospb.Unavailability) {
	mode := mesospb.MachineInfo_DRAINING
	if old, ok := e.Machines[MachineName(id)]; ok {
		mode = old.GetMode()
	}
	e.setMachine(&mesospb.MachineInfo{Id: id, Mode: mode.Enum(), Unavailability: when})
}

// StartMaintenance takes scheduled machines down.
func StartMaintenance(ids []*mesospb.MachineID) Operation {
	return func(e *Edit) error {
		for _, id := range ids {
			if old, ok := e.Machines[MachineName(id)]; ok {
				m := proto.CloneOf(old)
				m.Mode = mesospb.MachineInfo_DOWN.Enum()
				e.setMachine(m)
				e.cut()
			}
		}
		return nil
	}
}

// StopMaintenance brings machines up again and takes them out of the schedule; windows and a schedule that
// end up empty vanish.
func StopMaintenance(ids []*mesospb.MachineID) Operation {
	return func(e *Edit) error {
		up := map[string]bool{}
		for _, id := range ids {
			name := MachineName(id)
			up[name] = true
			if _, ok := e.Machines[name]; ok {
				e.dropMachine(name)
				e.cut()
			}
		}
		if e.Schedule != nil {
			e.setSchedule(Without(e.Schedule, up))
		}
		return nil
	}
}

// Without is a schedule without the machines of these names; nil when nothing is left.
func Without(old *maintenancepb.Schedule, up map[string]bool) *maintenancepb.Schedule {
	next := &maintenancepb.Schedule{}
	for _, w := range old.GetWindows() {
		ids := slices.DeleteFunc(slices.Clone(w.GetMachineIds()), func(id *mesospb.MachineID) bool { return up[MachineName(id)] })
		if len(ids) > 0 {
			next.Windows = append(next.Windows, &maintenancepb.Window{MachineIds: ids, Unavailability: w.GetUnavailability()})
		}
	}
	if len(next.Windows) == 0 {
		return nil
	}
	return next
}
