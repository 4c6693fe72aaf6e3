package agent

import "time"

// countEvery is how late the numbers in the runtime's metrics may be. Adding everything up for each batch of mail
// would cost an agent with a thousand containers more than it is worth.
const countEvery = time.Second

// show hears of a new view.
func (d *desk) show() {
	if d.counting || d.config.ID != Default().ID {
		return
	}
	d.counting = true
	d.b.Delay(countEvery, func() {
		d.counting = false
		d.count()
	})
}

// count brings the runtime's metrics, which /metrics/snapshot shows, up to date. Of agents that share a runtime only
// the first is there, because the names have no room for more.
func (d *desk) count() {
	if d.config.ID != Default().ID {
		return
	}
	for _, m := range d.latest.Load().metrics(d.b.Now()) {
		d.b.Metrics().Gauge(m.GetName()).Set(m.GetValue())
	}
}
