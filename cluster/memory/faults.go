package memory

// Fault is what one future call meets.
type Fault struct {
	// Err is what the caller gets; cluster.ErrUnknownOutcome for a timeout.
	Err error
	// Written makes the write happen in spite of the error, as when only the answer was lost.
	Written bool
}

// FailLoads makes the next calls of Load fail, one fault each, in order.
func (c *Cluster) FailLoads(faults ...Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loads = append(c.loads, faults...)
}

// FailApplies makes the next calls of Apply fail, one fault each, in order.
func (c *Cluster) FailApplies(faults ...Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applies = append(c.applies, faults...)
}

// Forget loses records, as a store must not.
func (c *Cluster) Forget(keys ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.applied++
	for _, key := range keys {
		delete(c.records, key)
	}
}

func shift(faults *[]Fault) (Fault, bool) {
	if len(*faults) == 0 {
		return Fault{}, false
	}
	f := (*faults)[0]
	*faults = (*faults)[1:]
	return f, true
}
