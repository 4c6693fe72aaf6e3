package process

import (
	"bytes"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"
)

// counters are the runtime's own numbers.
type counters struct {
	undeliverable atomic.Uint64
	refused       atomic.Uint64
	overflow      atomic.Uint64
	unhandled     atomic.Uint64
}

// Stats are the runtime's own numbers since its start.
type Stats struct {
	Undeliverable uint64 // messages to a process that is not here
	Refused       uint64 // envelopes and links that no honest peer would send
	Overflow      uint64 // messages from outside above a process's inbox
	Unhandled     uint64 // messages without a handler, or that AllowFrom refused
}

// Stats reads the runtime's numbers.
func (r *Runtime) Stats() Stats {
	return Stats{r.stats.undeliverable.Load(), r.stats.refused.Load(), r.stats.overflow.Load(), r.stats.unhandled.Load()}
}

// ProcessStats are the numbers of one process since its spawning.
type ProcessStats struct {
	UPID    UPID
	Handled uint64        // pieces of mail
	Queued  int           // pieces of mail that wait
	Dropped uint64        // messages from outside that found its inbox full
	Busy    time.Duration // in its handlers, estimated from every sixteenth batch by the runtime's clock
}

// Processes reads the numbers of every process, in the order of spawning. It asks nobody, so a process that is
// stuck is listed like any other.
func (r *Runtime) Processes() []ProcessStats {
	all := r.registry.all()
	stats := make([]ProcessStats, 0, len(all))
	for _, b := range all {
		m := &b.box
		stats = append(stats, ProcessStats{
			UPID: b.self, Handled: m.handled.Load(), Queued: m.queued(), Dropped: m.overflow.Load(),
			Busy: time.Duration(m.busy.Load()),
		})
	}
	return stats
}

// snapshot is the answer of /metrics/snapshot.
func (r *Runtime) snapshot() Response {
	var body bytes.Buffer
	if err := r.metrics.WriteJSON(&body); err != nil {
		return Response{Status: http.StatusInternalServerError}
	}
	return Response{Header: http.Header{"Content-Type": {"application/json"}}, Body: body.Bytes()}
}

// census is the answer of /__processes__.
func (r *Runtime) census() Response {
	type entry struct {
		ID      string  `json:"id"`
		Handled uint64  `json:"handled"`
		Queued  int     `json:"queued"`
		Dropped uint64  `json:"dropped"`
		Busy    float64 `json:"busy_secs"`
	}
	entries := []entry{}
	for _, p := range r.Processes() {
		entries = append(entries, entry{p.UPID.ID, p.Handled, p.Queued, p.Dropped, p.Busy.Seconds()})
	}
	body, err := json.Marshal(entries)
	if err != nil {
		return Response{Status: http.StatusInternalServerError}
	}
	return Response{Header: http.Header{"Content-Type": {"application/json"}}, Body: body}
}
