package process

import "github.com/asynkron/protoactor-go/actor"

// Deliver puts a message into the mailbox of a process here as if e.From had sent it just now, past all taps: for
// a tap that holds messages back and lets them go later.
func (r *Runtime) Deliver(e Envelope) {
	from := e.From
	if b := r.registry.get(e.To.ID); b == nil || e.To.Addr != r.addr || !b.box.post(mail{from: &from, body: e.Msg}) {
		r.stats.undeliverable.Add(1)
	}
}

// Abandon ends every process at once, without Finalize and without a word to anybody, as kill -9 ends an
// operating-system process. It is for a Stage that simulates such an end: nothing of the runtime runs after it,
// and what it held can be collected.
func (r *Runtime) Abandon() {
	r.closed.Store(true)
	for _, b := range r.registry.all() {
		b.broken, b.gone = true, true
		theatre().ProcessRegistry.Remove(&actor.PID{Id: r.cast.prefix + b.self.ID})
		r.registry.remove(b)
	}
}

// StopYoungest begins to end the youngest process that has not ended, and reports whether there is one. Called until there is
// none it is a Shutdown that does not wait, for a Stage that simulates a polite end.
func (r *Runtime) StopYoungest() bool {
	r.closed.Store(true)
	all := r.registry.all()
	if len(all) == 0 {
		return false
	}
	all[len(all)-1].box.stop()
	return true
}
