package zookeeper

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/meseta-io/meseta/cluster"
)

// Detector is a cluster.Detector that follows the records below a path, Meseta's or Mesos'. While ZooKeeper cannot be
// asked, the leader that was seen last stays: who leads is not decided there, so its silence says nothing about him.
type Detector struct {
	place *place
	log   *slog.Logger
	wake  chan struct{}
	quit  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	known   bool
	leader  *cluster.Leader
	waiting []*waiter
	closed  bool
}

type waiter struct {
	previous *cluster.Leader
	done     func(*cluster.Leader, error)
}

// NewDetector makes a detector, which goes on trying to reach ZooKeeper until Close.
func NewDetector(c Config, log *slog.Logger) (*Detector, error) {
	d := &Detector{log: log.With("zookeeper", c.String()), wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	conn, err := connect(c, d.log, func(s zk.State) {
		if s == zk.StateHasSession {
			select {
			case d.wake <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	d.place = &place{conn: conn, config: c}
	go d.run()
	return d, nil
}

// Detect implements cluster.Detector. Whether nobody leads is known only after ZooKeeper was asked once.
func (d *Detector) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) func() {
	w := &waiter{previous, done}
	d.mu.Lock()
	closed, known, leader := d.closed, d.known, d.leader
	answered := closed || known && differs(leader, previous)
	if !answered {
		d.waiting = append(d.waiting, w)
	}
	d.mu.Unlock()
	switch {
	case closed:
		done(nil, cluster.ErrClosed)
	case answered:
		done(leader, nil)
	}
	return func() {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.waiting = slices.DeleteFunc(slices.Clone(d.waiting), func(other *waiter) bool { return other == w })
	}
}

// differs also tells a master from the one that was started after it at the same address: where the term is not
// known, its id does.
func differs(now, before *cluster.Leader) bool {
	return !now.Same(before) || now != nil && before.Info != nil && now.Info.GetId() != before.Info.GetId()
}

// Close ends the session and refuses everybody who waits.
func (d *Detector) Close() error {
	d.mu.Lock()
	first := !d.closed
	d.closed = true
	waiting := d.waiting
	d.waiting = nil
	d.mu.Unlock()
	if first {
		close(d.quit)
		d.place.conn.Close()
		for _, w := range waiting {
			w.done(nil, cluster.ErrClosed)
		}
	}
	<-d.done
	return nil
}

// run reads the records whenever they may have changed.
func (d *Detector) run() {
	defer close(d.done)
	var said string
	var changed <-chan zk.Event // from the watch that is set, else nil
	for {
		if changed != nil {
			select {
			case <-changed:
				changed = nil
			default:
			}
		}
		leader, watch, err := d.place.leader(changed == nil)
		if watch != nil {
			changed = watch
		}
		var retry <-chan time.Time
		switch {
		case err == nil:
			said = ""
			d.found(leader)
		default:
			retry = time.After(again)
			if !away(err) && !errors.Is(err, errMeanwhile) && !errors.Is(err, zk.ErrNoNode) && said != err.Error() {
				said = err.Error()
				d.log.Error("the leader cannot be read from ZooKeeper", "reason", err)
			}
		}
		select {
		case <-d.wake:
		case <-changed:
			changed = nil
		case <-retry:
		case <-d.quit:
			return
		}
	}
}

// found remembers who leads and tells those whom it is news to.
func (d *Detector) found(leader *cluster.Leader) {
	d.mu.Lock()
	if !d.known || differs(leader, d.leader) {
		if leader == nil {
			d.log.Info("nobody leads, says ZooKeeper")
		} else {
			d.log.Info("a leader is found in ZooKeeper", "master", leader.UPID, "epoch", leader.Epoch)
		}
	}
	d.known, d.leader = true, leader
	var told, patient []*waiter
	for _, w := range d.waiting {
		if differs(leader, w.previous) {
			told = append(told, w)
		} else {
			patient = append(patient, w)
		}
	}
	d.waiting = patient
	d.mu.Unlock()
	for _, w := range told {
		w.done(leader, nil)
	}
}

// leader reads who leads: the record with the smallest number. With watch it also returns what has something when
// that may have changed.
func (p *place) leader(watch bool) (leader *cluster.Leader, changed <-chan zk.Event, err error) {
	if err := p.authenticate(); err != nil {
		return nil, nil, err
	}
	var names []string
	if watch {
		names, _, changed, err = p.conn.ChildrenW(p.config.Path)
	} else {
		names, _, err = p.conn.Children(p.config.Path)
	}
	if errors.Is(err, zk.ErrNoNode) {
		if !watch {
			return nil, nil, nil
		}
		there, _, changed, err := p.conn.ExistsW(p.config.Path)
		if there && err == nil {
			// What watches the path itself has nothing to say of records, so it must not be waited for.
			return nil, nil, errMeanwhile
		}
		return nil, changed, err
	}
	if err != nil {
		return nil, changed, p.explain(err)
	}
	r, ok := first(names)
	if !ok {
		return nil, changed, nil
	}
	data, stat, err := p.conn.Get(p.at(r.name))
	if err != nil {
		// Gone in this moment: the watch has something, or soon will.
		return nil, changed, p.explain(err)
	}
	if leader, err = decode(r.label, data); err != nil {
		return nil, changed, fmt.Errorf("the record %s: %w", p.at(r.name), err)
	}
	leader.Epoch, err = p.epoch(stat.EphemeralOwner)
	return leader, changed, err
}

// errMeanwhile says that the path was made while it was looked for.
var errMeanwhile = errors.New("the path came into being a moment ago")

// epoch is the term of the master whose session that is, or 0 where it is none of Meseta's.
func (p *place) epoch(session int64) (uint64, error) {
	data, _, err := p.conn.Get(p.at(fenceName))
	if errors.Is(err, zk.ErrNoNode) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	f, err := decodeFence(data)
	if err != nil || f.Session != sessionName(session) {
		return 0, nil
	}
	return f.Epoch, nil
}
