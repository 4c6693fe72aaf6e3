package consul

import (
	"time"

	"github.com/meseta-io/meseta/cluster"
)

// watch is the detector: one read that waits for the lock to change, for everybody in this process who asks.
// It begins with the first of them and goes on until Close, so that the next question finds an answer.
type watch struct {
	reads   ring
	running bool
	index   uint64
	known   bool            // one read has succeeded
	leader  *cluster.Leader // the last that a good read found; errors do not change it
	failing bool
	old     bool // it was said in the log that who leads is not obeyed
	waiting []*watcher

	asking *asking
	alarm  *alarm
}

type watcher struct {
	previous *cluster.Leader
	done     func(*cluster.Leader, error)
}

// Detect implements cluster.Detector. While Consul does not answer, the last known leader is kept: nobody is to
// turn away from a master that may well lead.
func (c *Cluster) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	w := &watcher{previous: previous, done: done}
	c.turn(func() {
		if c.closed {
			c.later(func() { done(nil, cluster.ErrClosed) })
			return
		}
		c.watch.waiting = append(c.watch.waiting, w)
		c.tell()
		if !c.watch.running {
			c.watch.running = true
			c.read()
		}
	})
	return func() {
		c.turn(func() { c.watch.waiting = without(c.watch.waiting, w) })
	}
}

// tell answers those whose leader is another than the known one.
func (c *Cluster) tell() {
	if !c.watch.known {
		return
	}
	leader := c.watch.leader
	var patient []*watcher
	for _, w := range c.watch.waiting {
		if leader.Same(w.previous) {
			patient = append(patient, w)
			continue
		}
		c.later(func() { w.done(leader, nil) })
	}
	c.watch.waiting = patient
}

func (c *Cluster) endWatch(why error) {
	c.quiet(c.watch.asking, c.watch.alarm)
	for _, w := range c.watch.waiting {
		c.later(func() { w.done(nil, why) })
	}
	c.watch.waiting = nil
}

func (c *Cluster) read() {
	get := Get{Key: c.leaderKey(), Index: c.watch.index, Wait: waitTime}
	c.watch.asking = c.ask(c.watch.reads.server(), get, get.timeout(), c.readDone)
}

func (c *Cluster) readAgain(d time.Duration) {
	if d == 0 {
		c.read()
		return
	}
	c.watch.alarm = c.after(d, c.read)
}

func (c *Cluster) readDone(r Reply, err error) {
	w := &c.watch
	var leader *cluster.Leader
	if err == nil {
		leader, err = c.leading(r.Pairs)
	}
	if err != nil {
		if !w.failing {
			w.failing = true
			c.log.Warn("Consul does not say who leads; it is asked again", "error", err)
		}
		w.index = 0
		c.readAgain(w.reads.next())
		return
	}
	if w.failing {
		w.failing = false
		c.log.Info("Consul says again who leads")
	}
	w.reads.fine()
	w.known, w.leader, w.index = true, leader, follow(w.index, r.Index)
	c.tell()
	if w.index == 0 {
		c.readAgain(retryPause)
		return
	}
	c.read()
}

// leading reads who holds the lock. One whose term is older than what was seen is nobody: it leads a cluster that
// Consul brought back from the past.
func (c *Cluster) leading(pairs []Pair) (*cluster.Leader, error) {
	if len(pairs) == 0 || pairs[0].Session == "" {
		return nil, nil
	}
	record, err := decodeLeader(pairs[0].Value)
	if err != nil {
		return nil, err
	}
	found := Mark{Cluster: record.Cluster, Epoch: record.Epoch, Sequence: c.mark.Sequence}
	if err := c.foreign(found, c.mark); err != nil {
		if !c.watch.old {
			c.watch.old = true
			c.log.Error("who leads is not obeyed", "leader", record.UPID, "error", err)
		}
		return nil, nil
	}
	c.watch.old = false
	c.see(Mark{Cluster: record.Cluster, Epoch: record.Epoch})
	return record.leader(), nil
}
