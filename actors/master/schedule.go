package master

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/registrar"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/maintenancepb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// updateSchedule replaces the maintenance schedule.
func (m *Master) updateSchedule(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	schedule := c.GetUpdateMaintenanceSchedule().GetSchedule()
	if err := m.checkSchedule(schedule); err != nil {
		return process.Failed[struct{}](err)
	}
	if !m.approves(who, authorization.UpdateMaintenanceSchedule, authorization.Object{}) {
		return denied(who, authorization.UpdateMaintenanceSchedule)
	}
	return m.durable(registrar.UpdateSchedule(schedule), func() error {
		m.reschedule(schedule)
		return nil
	})
}

// checkSchedule says what is wrong with a schedule: each machine is in it once at most, and those that are down have
// to stay.
func (m *Master) checkSchedule(s *maintenancepb.Schedule) error {
	seen := map[string]bool{}
	for _, w := range s.GetWindows() {
		if len(w.GetMachineIds()) == 0 {
			return fmt.Errorf("List of machines in the maintenance window is empty: %w", fault.ErrInvalid)
		}
		if w.GetUnavailability().GetDuration().GetNanoseconds() < 0 {
			return fmt.Errorf("Unavailability 'duration' is negative: %w", fault.ErrInvalid)
		}
		if err := checkMachines(w.GetMachineIds(), seen); err != nil {
			return err
		}
	}
	for _, name := range m.maintenance.sorted() {
		if info := m.maintenance.machines[name]; info.GetMode() == mesospb.MachineInfo_DOWN && !seen[name] {
			return fmt.Errorf("Machine '%s' is deactivated and cannot be removed from the schedule: %w", wordMachine(info.GetId()), fault.ErrInvalid)
		}
	}
	return nil
}

// reschedule applies a schedule that is written. What is out for machines whose time changes is taken back: offers
// come again and say when the machine goes, and everybody who is on it is asked anew.
func (m *Master) reschedule(s *maintenancepb.Schedule) {
	before := m.maintenance.machines
	after := map[string]*mesospb.MachineInfo{}
	for _, w := range s.GetWindows() {
		for _, id := range w.GetMachineIds() {
			name, mode := registrar.MachineName(id), mesospb.MachineInfo_DRAINING
			if old := before[name]; old != nil {
				mode = old.GetMode()
			}
			after[name] = &mesospb.MachineInfo{Id: id, Mode: mode.Enum(), Unavailability: w.GetUnavailability()}
		}
	}
	changed := map[string]bool{}
	for _, machines := range []map[string]*mesospb.MachineInfo{before, after} {
		for name := range machines {
			if !proto.Equal(before[name].GetUnavailability(), after[name].GetUnavailability()) {
				changed[name] = true
			}
		}
	}
	m.maintenance.schedule, m.maintenance.machines = s, after
	m.desk.touchMachines()
	for _, a := range m.agentsOn(changed) {
		m.rescindAll(a)
		m.rescindInverse(a)
		clear(a.answers)
	}
	m.askOn()
}

// status is what the machines of the schedule are doing, and what frameworks have answered.
func (m *Master) maintenanceStatus() *maintenancepb.ClusterStatus {
	answers := map[string][]*agent{}
	for _, a := range m.agents.sorted() {
		if len(a.answers) > 0 {
			name := registrar.MachineName(machineOf(a.info, a.pid))
			answers[name] = append(answers[name], a)
		}
	}
	status := &maintenancepb.ClusterStatus{}
	for _, name := range m.maintenance.sorted() {
		info := m.maintenance.machines[name]
		if info.GetMode() == mesospb.MachineInfo_DOWN {
			status.DownMachines = append(status.DownMachines, info.GetId())
			continue
		}
		machine := &maintenancepb.ClusterStatus_DrainingMachine{Id: info.GetId()}
		for _, a := range answers[name] {
			for _, f := range slices.Sorted(maps.Keys(a.answers)) {
				machine.Statuses = append(machine.Statuses, a.answers[f].status)
			}
		}
		status.DrainingMachines = append(status.DrainingMachines, machine)
	}
	return status
}

func (d *desk) touchMachines() { d.machines, d.changed = true, true }

// refreshMachines writes the maintenance part of the view anew.
func (m *Master) refreshMachines() {
	if d := &m.desk; d.machines || d.view.Schedule == nil {
		d.machines = false
		d.view.Schedule, d.view.Maintenance = m.maintenance.schedule, m.maintenanceStatus()
	}
}

// scheduleOf and maintenanceOf are what the view has, for those who may see it.
func scheduleOf(v *View, may authorization.Approver) *maintenancepb.Schedule {
	if v.Schedule == nil || !may(authorization.Object{}) {
		return &maintenancepb.Schedule{}
	}
	return v.Schedule
}

func maintenanceOf(v *View, may authorization.Approver) *maintenancepb.ClusterStatus {
	if v.Maintenance == nil || !may(authorization.Object{}) {
		return &maintenancepb.ClusterStatus{}
	}
	return v.Maintenance
}
