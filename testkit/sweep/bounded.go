package sweep

import (
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/testkit/cast"
)

// Bounded looks at what a master keeps of the past of each framework whenever it shows something new. (That inboxes and event
// streams are bounded is shown in their own rooms: here mail is handled at the moment when it comes.)
var Bounded = Checker{"I12: no client can make a process grow without bound", bounded}

// mostPast is how many completed tasks masters of a sweep keep of a framework: so few that there are always more.
const mostPast = 3

func bounded(r *Run) {
	r.watch(func(m *cast.Master) master.Watcher { return &bounds{r, m} })
}

type bounds struct {
	r *Run
	m *cast.Master
}

// Published implements master.Watcher.
func (b *bounds) Published(v *master.View, _ []*master.Event) {
	const promise = "no client can make a process grow without bound"
	for id := range v.Frameworks.All() {
		if _, _, completed := v.TasksOf(id); completed.Len() > mostPast {
			b.r.violated(promise, "%s keeps %d completed tasks of %s, at most %d are allowed", b.m.Name(), completed.Len(), id, mostPast)
		}
	}
}
