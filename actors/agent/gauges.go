package agent

import "time"

// countEvery is how late the numbers in the runtime's metrics may be. Adding everything up for each batch of mail
// would cost an agent with a thousand containers more than it is worth.
const countEvery = time.Second

// uptime grows although nothing changes, so it is found out when somebody asks.
const uptime = "slave/uptime_secs"

// age shows it.
func (d *desk) age() {
	if d.config.ID == Default().ID {
		d.b.Metrics().Pull(uptime, func() (float64, error) { return d.latest.Load().uptime(d.b.Now()), nil })
	}
}

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
		if m.GetName() == uptime {
			continue
		}
		d.b.Metrics().Gauge(m.GetName()).Set(m.GetValue())
	}
}
