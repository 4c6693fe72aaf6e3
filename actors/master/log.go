package master

import (
	"context"
	"log/slog"

	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
)

// Every decision of the master is one line of its log; docs/logs.md lists them. What happens for each offer and each task
// is said with detail, because a master that launches ten thousand tasks in a second must not drown in it.

// detail says what happens all the time, to those who want to hear it.
func (m *Master) detail(text string, args ...any) {
	if m.log.Enabled(context.Background(), slog.LevelDebug) {
		m.log.Debug(text, args...)
	}
}

// orderDone says what became of an operator's order, and in whose name it was given.
func (m *Master) orderDone(who authorization.Subject, c *masterpb.Call, err error) {
	if err != nil {
		m.Log().Info("order refused", "call", c.GetType(), "by", who.Principal, "because", err)
		return
	}
	m.Log().Info("order carried out", "call", c.GetType(), "by", who.Principal)
}
