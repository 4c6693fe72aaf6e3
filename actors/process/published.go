package process

import "sync/atomic"

// Published is a value that one process publishes and that anybody reads, without a lock and without waiting for
// the process. What was stored must not be changed afterwards. The zero value has nothing yet.
type Published[T any] struct{ latest atomic.Pointer[T] }

// Store publishes v in place of what was there.
func (p *Published[T]) Store(v *T) { p.latest.Store(v) }

// Load is what was published last, nil before the first time.
func (p *Published[T]) Load() *T { return p.latest.Load() }
