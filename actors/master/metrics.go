package master

import (
	"strings"

	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
)

// counts are the master's metrics under Mesos' names.
type counts struct {
	registry *metrics.Registry

	authenticate                                    *metrics.Counter
	registerAgent, reregisterAgent, unregisterAgent *metrics.Counter
	statusUpdate, exitedExecutor                    *metrics.Counter
	executorToFramework, resubscribe, dropped       *metrics.Counter
	calls                                           map[schedulerpb.Call_Type]*metrics.Counter

	registrations, reregistrations                                *metrics.Counter
	removedRegistered, removedUnregistered, removedUnhealthy      *metrics.Counter
	removals, recoveryRemovals                                    *metrics.Counter
	unreachableScheduled, unreachableCanceled                     *metrics.Counter
	unreachableCompleted                                          *metrics.Counter
	validUpdate, invalidUpdate, validAck, invalidAck              *metrics.Counter
	validToExecutor, invalidToExecutor                            *metrics.Counter
	validToFramework, invalidToFramework                          *metrics.Counter
	operationUpdate, validOperationUpdate, invalidOperationUpdate *metrics.Counter
	validOperationAck, invalidOperationAck                        *metrics.Counter
	offersSent, offersAccepted, offersDeclined, offersRescinded   *metrics.Counter

	tasks map[mesospb.TaskState]int // in the tables now
	now   map[string]*metrics.Gauge // by name, without the "master/": a view is published many times a second
	over  map[mesospb.TaskState]*metrics.Counter
}

// The names that Mesos counts calls under; calls without one are not counted by type.
var callNames = map[schedulerpb.Call_Type]string{
	schedulerpb.Call_SUBSCRIBE:                    "messages_register_framework", // of those without an id
	schedulerpb.Call_TEARDOWN:                     "messages_unregister_framework",
	schedulerpb.Call_ACCEPT:                       "messages_launch_tasks",
	schedulerpb.Call_DECLINE:                      "messages_decline_offers",
	schedulerpb.Call_REVIVE:                       "messages_revive_offers",
	schedulerpb.Call_SUPPRESS:                     "messages_suppress_offers",
	schedulerpb.Call_KILL:                         "messages_kill_task",
	schedulerpb.Call_ACKNOWLEDGE:                  "messages_status_update_acknowledgement",
	schedulerpb.Call_RECONCILE:                    "messages_reconcile_tasks",
	schedulerpb.Call_RECONCILE_OPERATIONS:         "messages_reconcile_operations",
	schedulerpb.Call_MESSAGE:                      "messages_framework_to_executor",
	schedulerpb.Call_REQUEST:                      "messages_resource_request",
	schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS: "messages_operation_status_update_acknowledgement",
}

// The states that have a gauge, because tasks leave them, and those that have a counter, because they do not.
var (
	activeStates = [...]mesospb.TaskState{mesospb.TaskState_TASK_STAGING, mesospb.TaskState_TASK_STARTING,
		mesospb.TaskState_TASK_RUNNING, mesospb.TaskState_TASK_KILLING}
	finalStates = []mesospb.TaskState{mesospb.TaskState_TASK_FINISHED, mesospb.TaskState_TASK_FAILED,
		mesospb.TaskState_TASK_KILLED, mesospb.TaskState_TASK_ERROR, mesospb.TaskState_TASK_LOST,
		mesospb.TaskState_TASK_DROPPED, mesospb.TaskState_TASK_GONE, mesospb.TaskState_TASK_GONE_BY_OPERATOR}
)

func (c *counts) init(registry *metrics.Registry) {
	c.registry = registry
	c.tasks = map[mesospb.TaskState]int{}
	c.now = map[string]*metrics.Gauge{}
	c.over = map[mesospb.TaskState]*metrics.Counter{}
	c.calls = map[schedulerpb.Call_Type]*metrics.Counter{}
	for t, name := range callNames {
		c.calls[t] = c.registry.Counter("master/" + name)
	}
	for _, s := range finalStates {
		c.over[s] = c.registry.Counter("master/" + metricName(s))
	}
	for name, counter := range map[string]**metrics.Counter{
		"messages_authenticate":                            &c.authenticate,
		"messages_register_slave":                          &c.registerAgent,
		"messages_reregister_slave":                        &c.reregisterAgent,
		"messages_unregister_slave":                        &c.unregisterAgent,
		"messages_status_update":                           &c.statusUpdate,
		"messages_operation_status_update":                 &c.operationUpdate,
		"valid_operation_status_updates":                   &c.validOperationUpdate,
		"invalid_operation_status_updates":                 &c.invalidOperationUpdate,
		"valid_operation_status_update_acknowledgements":   &c.validOperationAck,
		"invalid_operation_status_update_acknowledgements": &c.invalidOperationAck,
		"messages_exited_executor":                         &c.exitedExecutor,
		"messages_executor_to_framework":                   &c.executorToFramework,
		"messages_reregister_framework":                    &c.resubscribe,
		"dropped_messages":                                 &c.dropped,
		"slave_registrations":                              &c.registrations,
		"slave_reregistrations":                            &c.reregistrations,
		"slave_removals":                                   &c.removals,
		"slave_removals/reason_registered":                 &c.removedRegistered,
		"slave_removals/reason_unregistered":               &c.removedUnregistered,
		"slave_removals/reason_unhealthy":                  &c.removedUnhealthy,
		"recovery_slave_removals":                          &c.recoveryRemovals,
		"slave_unreachable_scheduled":                      &c.unreachableScheduled,
		"slave_unreachable_canceled":                       &c.unreachableCanceled,
		"slave_unreachable_completed":                      &c.unreachableCompleted,
		"valid_status_updates":                             &c.validUpdate,
		"invalid_status_updates":                           &c.invalidUpdate,
		"valid_status_update_acknowledgements":             &c.validAck,
		"invalid_status_update_acknowledgements":           &c.invalidAck,
		"valid_framework_to_executor_messages":             &c.validToExecutor,
		"invalid_framework_to_executor_messages":           &c.invalidToExecutor,
		"valid_executor_to_framework_messages":             &c.validToFramework,
		"invalid_executor_to_framework_messages":           &c.invalidToFramework,
		"offers_sent":                                      &c.offersSent,
		"offers_accepted":                                  &c.offersAccepted,
		"offers_declined":                                  &c.offersDeclined,
		"offers_rescinded":                                 &c.offersRescinded,
	} {
		*counter = c.registry.Counter("master/" + name)
	}
}

func metricName(s mesospb.TaskState) string {
	return "tasks_" + strings.ToLower(strings.TrimPrefix(s.String(), "TASK_"))
}

func (c *counts) call(call *schedulerpb.Call) {
	if call.GetType() == schedulerpb.Call_SUBSCRIBE && call.GetSubscribe().GetFrameworkInfo().GetId().GetValue() != "" {
		c.resubscribe.Inc()
		return
	}
	if counter := c.calls[call.GetType()]; counter != nil {
		counter.Inc()
	}
}

func (c *counts) added(s mesospb.TaskState)        { c.tasks[s]++ }
func (c *counts) removed(s mesospb.TaskState)      { c.tasks[s]-- }
func (c *counts) moved(from, to mesospb.TaskState) { c.tasks[from]--; c.tasks[to]++ }

// ended counts a task that is over, by state and, as Mesos does, by source and reason.
func (c *counts) ended(s *mesospb.TaskStatus) {
	counter := c.over[s.GetState()]
	if counter == nil {
		return
	}
	counter.Inc()
	if s.Reason != nil && s.Source != nil {
		name := strings.TrimPrefix(metricName(s.GetState()), "tasks_")
		c.registry.Counter("master/task_" + name + "/" + strings.ToLower(slaveName(s.GetSource().String())) + "/" +
			strings.ToLower(slaveName(s.GetReason().String()))).Inc()
	}
}

// slaveName spells a name as metrics do, which never learnt the word agent.
func slaveName(name string) string { return strings.ReplaceAll(name, "AGENT", "SLAVE") }

// gauge sets what is read from the state once for each batch.
func (c *counts) gauge(name string, v float64) {
	g := c.now[name]
	if g == nil {
		g = c.registry.Gauge("master/" + name)
		c.now[name] = g
	}
	g.Set(v)
}

// gauges sets everything that is a number of things now.
func (m *Master) gauges() {
	c := &m.counts
	c.gauge("elected", yes(m.term != nil))
	c.gauge("outstanding_offers", float64(len(m.offers.byID)))
	connected, active := m.desk.connected, m.desk.active
	c.gauge("slaves_connected", float64(connected))
	c.gauge("slaves_disconnected", float64(len(m.agents.registered)-connected))
	c.gauge("slaves_active", float64(active))
	c.gauge("slaves_inactive", float64(len(m.agents.registered)-active))
	c.gauge("slaves_unreachable", float64(len(m.agents.unreachable)))
	var listening int
	for _, f := range m.frameworks.registered {
		listening += count(f.connected)
	}
	c.gauge("frameworks_connected", float64(listening))
	c.gauge("frameworks_disconnected", float64(len(m.frameworks.registered)-listening))
	c.gauge("frameworks_active", float64(listening))
	c.gauge("frameworks_inactive", float64(len(m.frameworks.registered)-listening))
	for i, s := range activeStates {
		c.gauge(activeNames[i], float64(c.tasks[s]))
	}
	if m.desk.recount {
		m.desk.recount = false
		m.countOperations()
	}
	c.gauge("tasks_unreachable", float64(m.desk.view.Unreachable.Len()))
	for kind := range shareNames {
		for i := range totalled {
			c.share(&shareNames[kind][i], m.desk.sums[kind].total[i], m.desk.sums[kind].used[i])
		}
	}
}

// share shows how much there is of a resource and how much of that is used.
func (c *counts) share(names *shares, total, used resources.Milli) {
	c.gauge(names.total, total.Float64())
	c.gauge(names.used, used.Float64())
	part := 0.0
	if total > 0 {
		part = used.Float64() / total.Float64()
	}
	c.gauge(names.percent, part)
}

// shares are the names of what is shown of a resource.
type shares struct{ total, used, percent string }

// The names that are wanted at each publication.
var (
	activeNames = func() (names [len(activeStates)]string) {
		for i, s := range activeStates {
			names[i] = metricName(s)
		}
		return names
	}()
	shareNames = func() (names [2][len(totalled)]shares) {
		for kind, end := range []string{firm: "", revocable: "_revocable"} {
			for i, name := range totalled {
				names[kind][i] = shares{name + end + "_total", name + end + "_used", name + end + "_percent"}
			}
		}
		return names
	}()
)

// pulls are the metrics that are asked for when somebody looks, from any goroutine.
func (m *Master) pulls() {
	started := m.started
	ask := map[string]func() float64{
		"uptime_secs":            func() float64 { return m.Now().Sub(started).Seconds() },
		"event_queue_messages":   func() float64 { outside, _ := m.Queued(); return float64(outside) },
		"event_queue_dispatches": func() float64 { _, inside := m.Queued(); return float64(inside) },
	}
	if r := m.parts.Reacher; r != nil { // ours: a dashboard of Mesos does not know them
		ask["election_silence_secs"] = func() float64 { return r.Reach().Silence.Seconds() }
		ask["election_lease_secs"] = func() float64 { return r.Reach().Lease.Seconds() }
	}
	for name, ask := range ask {
		m.Metrics().Remove("master/" + name) // of a master that was here before
		m.Metrics().Pull("master/"+name, func() (float64, error) { return ask(), nil })
	}
}

func yes(b bool) float64 { return float64(count(b)) }

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
