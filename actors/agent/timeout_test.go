package agent_test

import (
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
)

// Executors do not wait for ever for an agent that is gone.
func TestRecoveryTimeout(t *testing.T) {
	w := newTown(t, func(c *agent.Config) { c.RecoveryTimeout = time.Minute })
	w.Advance(2 * time.Second)
	w.run(custom("t1", "e1", "puppet"))
	w.run(command("t2", "sleep 100000"))
	w.Until("both run", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 && len(w.a.Machine.Running()) == 3 })
	w.a.Crash()
	w.Advance(50 * time.Second)
	if n := len(w.a.Machine.Running()); n != 3 {
		t.Errorf("%d processes are left after 50 s", n)
	}
	w.Until("they end", time.Minute, func() bool { return len(w.a.Machine.Running()) == 0 })
}
