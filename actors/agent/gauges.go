package agent

import "time"

// countEvery is how late the numbers in the runtime's metrics may be. Adding everything up for each batch of mail
// would cost an agent with a thousand containers more than it is worth.
const countEvery = time.Second

// show takes a new view.
func (d *desk) show(v *view) {
	d.view = v
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
	for _, m := range d.view.metrics(seconds(d.b.Now()) - d.began) {
		d.b.Metrics().Gauge(m.GetName()).Set(m.GetValue())
	}
}
