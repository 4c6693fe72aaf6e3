package master

import (
	"encoding/json"
	"fmt"
	"maps"
	"net"
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

// maintenance is which machines go out of service, and when.
//
//	up ─→ draining (scheduled) ─→ down ─→ up again, and out of the schedule
//
// Nothing of it happens by itself: the time in the schedule is for frameworks to read.
type maintenance struct {
	schedule *maintenancepb.Schedule // never nil
	machines map[string]*mesospb.MachineInfo
	asking   process.Timer // runs while there is anybody to ask
}

func (mt *maintenance) init() {
	mt.schedule, mt.machines = &maintenancepb.Schedule{}, map[string]*mesospb.MachineInfo{}
}

// machineOf is the machine that an agent is on, as schedules name it.
func machineOf(info *mesospb.AgentInfo, pid process.UPID) *mesospb.MachineID {
	host, _ := hostPort(pid.Addr)
	return &mesospb.MachineID{Hostname: proto.String(info.GetHostname()), Ip: proto.String(host)}
}

// planned is what is scheduled for an agent's machine; nil for one that stays up.
func (m *Master) planned(info *mesospb.AgentInfo, pid process.UPID) *mesospb.MachineInfo {
	return m.maintenance.machines[registrar.MachineName(machineOf(info, pid))]
}

// isDown reports whether an agent is on a machine that is out of service.
func (m *Master) isDown(info *mesospb.AgentInfo, pid process.UPID) bool {
	return m.planned(info, pid).GetMode() == mesospb.MachineInfo_DOWN
}

// machineIsDown is what agents are told that come while their machine is out of service.
const machineIsDown = "Machine is `DOWN`: an operator has taken it out of service; bring it up again first"

// agentsOn are the registered agents of machines.
func (m *Master) agentsOn(names map[string]bool) (list []*agent) {
	for _, a := range m.agents.sorted() {
		if names[registrar.MachineName(machineOf(a.info, a.pid))] {
			list = append(list, a)
		}
	}
	return list
}

// maxMachines bounds a schedule.
const maxMachines = 100_000

// checkMachines says what is wrong with a list of machines.
func checkMachines(ids []*mesospb.MachineID, seen map[string]bool) error {
	for _, id := range ids {
		if id.GetHostname() == "" && id.GetIp() == "" {
			return fmt.Errorf("Both 'hostname' and 'ip' for a machine are empty: %w", fault.ErrInvalid)
		}
		if len(id.GetHostname()) > maxHostname {
			return fmt.Errorf("Machine name of %d bytes: at most %d: %w", len(id.GetHostname()), maxHostname, fault.ErrInvalid)
		}
		if id.GetIp() != "" && net.ParseIP(id.GetIp()) == nil {
			return fmt.Errorf("Failed to parse 'ip' of machine '%s': %w", wordMachine(id), fault.ErrInvalid)
		}
		if name := registrar.MachineName(id); seen[name] {
			return fmt.Errorf("Machine '%s' appears more than once in the schedule: %w", wordMachine(id), fault.ErrInvalid)
		} else if len(seen) >= maxMachines {
			return fmt.Errorf("At most %d machines can be named: %w", maxMachines, fault.ErrInvalid)
		} else {
			seen[name] = true
		}
	}
	return nil
}

// wordMachine names a machine as messages do.
func wordMachine(id *mesospb.MachineID) string {
	text, _ := json.Marshal(struct {
		Hostname *string `json:"hostname,omitempty"`
		IP       *string `json:"ip,omitempty"`
	}{id.Hostname, id.Ip})
	return string(text)
}

// inMode checks that all machines are scheduled and in one mode; refusal is what those are told that are not.
func (m *Master) inMode(ids []*mesospb.MachineID, mode mesospb.MachineInfo_Mode, refusal string) error {
	if len(ids) == 0 {
		return fmt.Errorf("List of machines is empty: %w", fault.ErrInvalid)
	}
	if err := checkMachines(ids, map[string]bool{}); err != nil {
		return err
	}
	for _, id := range ids {
		switch known := m.maintenance.machines[registrar.MachineName(id)]; {
		case known == nil:
			return fmt.Errorf("Machine '%s' is not part of a maintenance schedule: %w", wordMachine(id), fault.ErrInvalid)
		case known.GetMode() != mode:
			return fmt.Errorf("Machine '%s' is not in %s mode and cannot be brought %s: %w", wordMachine(id), mode, refusal, fault.ErrInvalid)
		}
	}
	return nil
}

// startMaintenance takes machines down: their agents end, with their tasks, and are refused from then on.
func (m *Master) startMaintenance(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	ids := c.GetStartMaintenance().GetMachines()
	if err := m.inMode(ids, mesospb.MachineInfo_DRAINING, "down"); err != nil {
		return process.Failed[struct{}](err)
	}
	if !m.approves(who, authorization.StartMaintenance, authorization.Object{}) {
		return denied(who, authorization.StartMaintenance)
	}
	return m.durable(registrar.StartMaintenance(ids), func() error {
		down := map[string]bool{}
		for _, id := range ids {
			name := registrar.MachineName(id)
			if known := m.maintenance.machines[name]; known != nil {
				down[name] = true
				m.maintenance.machines[name] = moded(known, mesospb.MachineInfo_DOWN)
			}
		}
		m.desk.touchMachines()
		for _, a := range m.agentsOn(down) {
			const why = "Operator initiated 'Machine DOWN'"
			m.shutdownAgent(a.pid, why)
			m.removeAgent(a, why, m.counts.removedUnregistered)
		}
		return nil
	})
}

func moded(info *mesospb.MachineInfo, mode mesospb.MachineInfo_Mode) *mesospb.MachineInfo {
	next := proto.CloneOf(info)
	next.Mode = mode.Enum()
	return next
}

// stopMaintenance brings machines up again and takes them out of the schedule.
func (m *Master) stopMaintenance(who authorization.Subject, c *masterpb.Call) process.Future[struct{}] {
	ids := c.GetStopMaintenance().GetMachines()
	if err := m.inMode(ids, mesospb.MachineInfo_DOWN, "up"); err != nil {
		return process.Failed[struct{}](err)
	}
	if !m.approves(who, authorization.StopMaintenance, authorization.Object{}) {
		return denied(who, authorization.StopMaintenance)
	}
	return m.durable(registrar.StopMaintenance(ids), func() error {
		up := map[string]bool{}
		for _, id := range ids {
			up[registrar.MachineName(id)] = true
			delete(m.maintenance.machines, registrar.MachineName(id))
		}
		if m.maintenance.schedule = registrar.Without(m.maintenance.schedule, up); m.maintenance.schedule == nil {
			m.maintenance.schedule = &maintenancepb.Schedule{}
		}
		m.desk.touchMachines()
		return nil
	})
}

// recoverMaintenance takes what an earlier master wrote.
func (m *Master) recoverMaintenance(r *registrar.Registry) {
	if r.Schedule != nil {
		m.maintenance.schedule = r.Schedule
	}
	m.maintenance.machines = maps.Clone(r.Machines)
	m.desk.touchMachines()
	m.askOn()
}

func (mt *maintenance) sorted() []string { return slices.Sorted(maps.Keys(mt.machines)) }
