package master

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/validation"
)

// subscribe connects a framework: a new one, one that returns, or one whose new scheduler replaces an old
// one. The last to subscribe with an id always wins.
func (m *Master) subscribe(from process.UPID, who authorization.Subject, s *schedulerpb.Call_Subscribe) error {
	info := proto.CloneOf(s.GetFrameworkInfo())
	id := info.GetId().GetValue()
	here := m.frameworks.at(from)
	if err := m.checkSubscription(info, s.GetSuppressedRoles(), s.GetOfferConstraints()); err != nil {
		return m.refuseSubscription(from, err)
	}
	known := m.frameworks.registered[id]
	if known != nil && known.info.Principal == nil && known.proven.Principal != "" && known.proven.Principal != who.Principal {
		return m.refuseSubscription(from, fmt.Errorf("framework %s is another principal's: %w", id, fault.ErrDenied))
	}
	if known == nil {
		claim(info, who, nil)
	} else {
		claim(info, who, known.info)
	}
	if err := m.mayRegister(info, who); err != nil {
		return m.refuseSubscription(from, err)
	}
	switch {
	case m.frameworks.completed(id):
		return m.refuseSubscription(from, errors.New("Framework has been removed"))
	case id == "" && here != nil:
		// The answer was lost, so the framework asks again.
		m.subscribed(here)
	case id == "":
		m.subscribeNew(from, who, info, s)
	case here != nil && here.id != id:
		return m.refuseSubscription(from, fmt.Errorf("this scheduler is already subscribed as framework %s", here.id))
	case m.frameworks.registered[id] == nil:
		// It was subscribed with a master that led before, and no agent has told of it yet.
		f := m.newFramework(id, info)
		f.recovered = true
		m.addToAllocator(f)
		m.desk.frameworkAdded(f)
		return m.resubscribe(f, from, who, info, s)
	default:
		return m.resubscribe(m.frameworks.registered[id], from, who, info, s)
	}
	return nil
}

// refuseSubscription tells a scheduler to give up.
func (m *Master) refuseSubscription(to process.UPID, why error) error {
	m.Log().Info("framework refused", "at", to, "because", why)
	m.tellError(to, why.Error())
	return why
}

// checkSubscription says what is wrong with a framework that wants to subscribe, apart from its past.
func (m *Master) checkSubscription(info *mesospb.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) error {
	if err := validation.Framework(info); err != nil {
		return err
	}
	if err := validation.SuppressedRoles(info, suppressed); err != nil {
		return err
	}
	if err := allocator.ValidateConstraints(constraints); err != nil {
		return err
	}
	for _, role := range slices.Sorted(maps.Keys(constraints.GetRoleConstraints())) {
		if !slices.Contains(validation.Roles(info), role) {
			return fmt.Errorf("offer constraints are for the role %q, which is not one of the framework's: %w", role, fault.ErrInvalid)
		}
	}
	if !m.config.RootSubmissions && info.GetUser() == "root" {
		return fmt.Errorf("user \"root\" is not allowed without --root_submissions: %w", fault.ErrDenied)
	}
	return checkRoles(validation.Roles(info), m.config.Roles)
}

// checkRoles refuses roles that the whitelist does not have; an empty whitelist has all.
func checkRoles(roles, whitelist []string) error {
	if len(whitelist) == 0 {
		return nil
	}
	for _, role := range roles {
		if !slices.Contains(whitelist, role) {
			return fmt.Errorf("unknown role %q: this master knows only %q: %w", role, whitelist, fault.ErrInvalid)
		}
	}
	return nil
}

func (m *Master) subscribeNew(from process.UPID, who authorization.Subject, info *mesospb.FrameworkInfo, s *schedulerpb.Call_Subscribe) {
	id := fmt.Sprintf("%s-%04d", m.id, m.frameworks.next)
	m.frameworks.next++
	info.Id = frameworkID(id)
	f := m.newFramework(id, info)
	f.suppressed, f.constraints = s.GetSuppressedRoles(), s.GetOfferConstraints()
	f.registered = m.Now()
	f.reregistered = f.registered // as Mesos shows it
	m.addToAllocator(f)
	m.Log().Info("framework subscribed", "framework", id, "name", info.GetName(), "at", from)
	m.connect(f, from, who)
	m.desk.frameworkAdded(f)
}

// resubscribe connects a framework that has an id to its present scheduler.
func (m *Master) resubscribe(f *framework, from process.UPID, who authorization.Subject, info *mesospb.FrameworkInfo, s *schedulerpb.Call_Subscribe) error {
	// What cannot change is kept silently, as in Mesos, but for the principal.
	info.User, info.Checkpoint = f.info.User, f.info.Checkpoint
	if err := validation.FrameworkUpdate(f.info, info); err != nil {
		return m.refuseSubscription(from, err)
	}
	if f.connected && f.pid != from {
		m.Log().Info("framework failed over", "framework", f.id, "from", f.pid, "to", from)
		m.tellError(f.pid, "Framework failed over")
	}
	// The new scheduler knows none of the old offers; one that is the same as before may have answered
	// them while nobody listened.
	sameScheduler := f.connected && f.pid == from
	for _, o := range f.sortedOffers() {
		m.endOffer(o, nil, sameScheduler)
	}
	m.dropInverse(f)
	f.reregistered = m.Now()
	if f.registered.IsZero() {
		f.registered = f.reregistered
	}
	f.recovered = false
	m.change(f, info, s.GetSuppressedRoles(), s.GetOfferConstraints())
	m.connect(f, from, who)
	m.desk.frameworkUpdated(f)
	m.tellAgents(f)
	m.Log().Info("framework returned", "framework", f.id, "at", from)
	return nil
}

// connect binds a framework to its scheduler and tells it who it is.
func (m *Master) connect(f *framework, from process.UPID, who authorization.Subject) {
	if f.pid != from && !f.pid.IsZero() && m.frameworks.pids[f.pid] == f.id {
		delete(m.frameworks.pids, f.pid)
		m.part(f.pid)
	}
	if f.failover != nil {
		f.failover.Stop()
		f.failover = nil
	}
	f.pid, f.connected, f.guest, f.proven = from, true, false, who
	m.attend(f, f.subject().Principal)
	f.tally.subscribed.Set(1)
	f.rest()
	m.frameworks.pids[from] = f.id
	m.Link(from)
	m.allocator.ActivateFramework(f.id)
	m.subscribed(f)
	m.desk.touchFramework(f.id)
}

// subscribed greets, and begins to send heartbeats: one at once, as clients expect.
func (m *Master) subscribed(f *framework) {
	f.tally.call(schedulerpb.Call_SUBSCRIBE)
	m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_SUBSCRIBED.Enum(), Subscribed: &schedulerpb.Event_Subscribed{
		FrameworkId: f.info.Id, HeartbeatIntervalSeconds: seconds(heartbeatInterval), MasterInfo: m.info}})
	beat := func() { m.tell(f, &schedulerpb.Event{Type: schedulerpb.Event_HEARTBEAT.Enum()}) }
	beat()
	if f.heartbeat != nil {
		f.heartbeat.Stop()
	}
	f.heartbeat = m.Every(heartbeatInterval, beat)
}

func (m *Master) addToAllocator(f *framework) {
	m.allocator.AddFramework(f.id, allocator.Framework{Info: f.info, Active: false, Suppressed: f.suppressed, Constraints: f.constraints})
}

// change gives a framework new attributes; they were checked before.
func (m *Master) change(f *framework, info *mesospb.FrameworkInfo, suppressed []string, constraints *schedulerpb.OfferConstraints) {
	old := validation.Roles(f.info)
	info.Id = f.info.Id
	f.info, f.can = info, abilitiesOf(info)
	f.constraints = constraints
	for _, o := range f.sortedOffers() {
		if !f.hasRole(o.role) {
			m.endOffer(o, nil, true)
		}
	}
	m.allocator.UpdateFramework(f.id, allocator.Framework{Info: f.info, Suppressed: suppressed, Constraints: constraints})
	m.changeSuppressed(f, old, suppressed)
	m.desk.touchFramework(f.id)
}

// changeSuppressed wakes the roles that rested and rest no longer, so that offers come at once.
func (m *Master) changeSuppressed(f *framework, oldRoles, suppressed []string) {
	var wake []string
	for _, role := range f.suppressed {
		if slices.Contains(oldRoles, role) && f.hasRole(role) && !slices.Contains(suppressed, role) {
			wake = append(wake, role)
		}
	}
	f.suppressed = suppressed
	f.rest()
	if len(wake) > 0 {
		m.allocator.Revive(f.id, wake)
	}
}

// updateFramework is UPDATE_FRAMEWORK: all of it or nothing.
func (m *Master) updateFramework(f *framework, u *schedulerpb.Call_UpdateFramework) error {
	info := proto.CloneOf(u.GetFrameworkInfo())
	claim(info, f.proven, f.info)
	if err := m.checkSubscription(info, u.GetSuppressedRoles(), u.GetOfferConstraints()); err != nil {
		return err
	}
	if err := validation.FrameworkUpdate(f.info, info); err != nil {
		return err
	}
	if err := m.mayRegister(info, f.proven); err != nil {
		return err
	}
	changed := !proto.Equal(f.info, info)
	m.change(f, info, u.GetSuppressedRoles(), u.GetOfferConstraints())
	if changed {
		m.Log().Info("framework updated", "framework", f.id)
		m.desk.frameworkUpdated(f)
		m.tellAgents(f)
	}
	return nil
}

// tellAgents lets the agents that work for a framework know what it is now.
func (m *Master) tellAgents(f *framework) {
	for _, a := range m.agents.sorted() {
		if len(a.tasks[f.id])+len(a.executors[f.id]) > 0 && a.connected {
			m.Send(a.pid, &controlpb.UpdateFramework{Framework: f.info, Epoch: m.stamp()})
		}
	}
}
