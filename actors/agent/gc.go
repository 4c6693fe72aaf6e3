package agent

// collectLater removes a sandbox when it has been kept long enough. One whose agent is restarted meanwhile is
// kept until it is collected by hand: only the agent that saw it end counts its time.
func (a *Agent) collectLater(dir string) {
	a.b.Delay(a.config.GCDelay, func() {
		a.b.Log().Info("removing a sandbox", "directory", dir, "after", a.config.GCDelay)
		a.counters.collected++
		a.write([]Change{{Kind: Remove, Path: dir}}, nil)
	})
}
