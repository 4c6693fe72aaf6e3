package master

import (
	"slices"
	"strings"

	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/taskstate"
	"github.com/meseta-io/meseta/messages/validation"
)

// tally is what is counted of one framework, below "master/frameworks/<name>/<id>/". What is counted by type or
// by state is there once it has happened: a framework uses a few of them, and there may be many frameworks.
type tally struct {
	registry *metrics.Registry
	prefix   string
	names    []string // all that are in the registry, to take them out again

	calls, events, operations           *metrics.Counter
	sent, accepted, declined, rescinded *metrics.Counter
	subscribed                          *metrics.Gauge
	byCall                              map[schedulerpb.Call_Type]*metrics.Counter
	byEvent                             map[schedulerpb.Event_Type]*metrics.Counter
	byOperation                         map[mesospb.Offer_Operation_Type]*metrics.Counter
	ended                               map[mesospb.TaskState]*metrics.Counter
	active                              map[mesospb.TaskState]*metrics.Gauge
	suppressed                          map[string]*metrics.Gauge // by role
}

// published is where what is counted of frameworks is shown. Clusters with many short-lived frameworks want it nowhere: then
// each is counted for itself, and thrown away with it.
func (m *Master) published() *metrics.Registry {
	if m.config.PublishPerFrameworkMetrics {
		return m.Metrics()
	}
	return metrics.New(m.Now)
}

func newTally(registry *metrics.Registry, name, id string) *tally {
	t := &tally{
		registry: registry, prefix: "master/frameworks/" + encode(name) + "/" + id + "/",
		byCall: map[schedulerpb.Call_Type]*metrics.Counter{}, byEvent: map[schedulerpb.Event_Type]*metrics.Counter{},
		byOperation: map[mesospb.Offer_Operation_Type]*metrics.Counter{}, ended: map[mesospb.TaskState]*metrics.Counter{},
		active: map[mesospb.TaskState]*metrics.Gauge{}, suppressed: map[string]*metrics.Gauge{},
	}
	t.calls, t.events, t.operations = t.counter("calls"), t.counter("events"), t.counter("operations")
	t.sent, t.accepted = t.counter("offers/sent"), t.counter("offers/accepted")
	t.declined, t.rescinded = t.counter("offers/declined"), t.counter("offers/rescinded")
	t.subscribed = t.gauge("subscribed")
	return t
}

func (t *tally) counter(name string) *metrics.Counter {
	t.names = append(t.names, t.prefix+name)
	return t.registry.Counter(t.prefix + name)
}

func (t *tally) gauge(name string) *metrics.Gauge {
	t.names = append(t.names, t.prefix+name)
	return t.registry.Gauge(t.prefix + name)
}

// forget takes everything out of the registry.
func (t *tally) forget() { t.registry.Remove(t.names...) }

// tick counts one of a kind, and all of them in total if that is not nil.
func tick[K interface {
	comparable
	String() string
}](t *tally, total *metrics.Counter, by map[K]*metrics.Counter, kind K, folder string) {
	if total != nil {
		total.Inc()
	}
	c := by[kind]
	if c == nil {
		c = t.counter(folder + strings.ToLower(kind.String()))
		by[kind] = c
	}
	c.Inc()
}

func (t *tally) call(kind schedulerpb.Call_Type)   { tick(t, t.calls, t.byCall, kind, "calls/") }
func (t *tally) event(kind schedulerpb.Event_Type) { tick(t, t.events, t.byEvent, kind, "events/") }
func (t *tally) operation(kind mesospb.Offer_Operation_Type) {
	tick(t, t.operations, t.byOperation, kind, "operations/")
}

// end counts a task that is over.
func (t *tally) end(s mesospb.TaskState) {
	if taskstate.Terminal(s) {
		tick(t, nil, t.ended, s, "tasks/terminal/")
	}
}

// tasks changes the number of tasks in a state that is not the last one.
func (t *tally) tasks(s mesospb.TaskState, by float64) {
	if taskstate.Terminal(s) {
		return
	}
	g := t.active[s]
	if g == nil {
		g = t.gauge("tasks/active/" + strings.ToLower(s.String()))
		t.active[s] = g
	}
	g.Add(by)
}

// rest shows which of a framework's roles are suppressed, and no longer those that it has left.
func (f *framework) rest() {
	t, roles := f.tally, validation.Roles(f.info)
	for role := range t.suppressed {
		if !slices.Contains(roles, role) {
			delete(t.suppressed, role)
			name := t.prefix + "roles/" + role + "/suppressed"
			t.registry.Remove(name)
			t.names = slices.DeleteFunc(t.names, func(n string) bool { return n == name })
		}
	}
	for _, role := range roles {
		if t.suppressed[role] == nil {
			t.suppressed[role] = t.gauge("roles/" + role + "/suppressed")
		}
		t.suppressed[role].Set(yes(slices.Contains(f.suppressed, role)))
	}
}

// encode writes a name so that it is one part of a path, as libprocess does in URLs.
func encode(name string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(name) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("$&+,/:;=?@\"<>#%{}|\\^~[]`", c) >= 0 {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}
