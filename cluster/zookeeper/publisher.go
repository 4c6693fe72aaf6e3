package zookeeper

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

const (
	// again is how soon a publisher tries again what ZooKeeper did not do.
	again = 500 * time.Millisecond
	// farewell is how long Withdraw and Close wait for ZooKeeper.
	farewell = 2 * time.Second
)

// Publisher keeps a leader's record in ZooKeeper for as long as it leads: also when a server is lost, when the
// session expires, and when somebody deletes the record. It never makes a master wait: what it meets, it logs.
type Publisher struct {
	place *place
	log   *slog.Logger
	wake  chan struct{}
	quit  chan struct{}
	done  chan struct{}

	mu      sync.Mutex
	want    *wish
	asked   int // how often want was changed
	settled int // the change up to which ZooKeeper is as it was wanted
	waiting []chan struct{}
	closed  bool
}

// wish is what is to be published.
type wish struct {
	data  []byte
	epoch uint64
	pid   string
}

// NewPublisher makes a publisher that publishes nothing yet. It goes on trying to reach ZooKeeper until Close.
func NewPublisher(c Config, log *slog.Logger) (*Publisher, error) {
	p := &Publisher{log: log.With("zookeeper", c.String()), wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
	conn, err := connect(c, p.log, func(s zk.State) {
		// A session that came back still has its record; a new one has none, and the loop looks.
		if s == zk.StateHasSession {
			p.nudge()
		}
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c, err)
	}
	p.place = &place{conn: conn, config: c}
	go p.run()
	return p, nil
}

// Publish says that info leads in a term. From now on its record is kept, until Withdraw, Close, or the record of a
// later epoch. Errors belong to fault.ErrInvalid: what info lacks.
func (p *Publisher) Publish(info *mesospb.MasterInfo, epoch uint64) error {
	data, err := encode(info)
	if err != nil {
		return err
	}
	p.ask(&wish{data, epoch, info.GetPid()})
	return nil
}

// Withdraw takes the record away and waits a moment until ZooKeeper has done so. An error says that nobody knows, and
// that the record goes with the session then; until that is so, it is tried again.
func (p *Publisher) Withdraw() error {
	settled := p.ask(nil)
	select {
	case <-settled:
		return nil
	case <-p.done:
		return nil // the session is over, and the record with it
	case <-time.After(farewell):
		return fmt.Errorf("ZooKeeper has not confirmed within %v that the record of this master is gone; it goes with the session, after %v: %w",
			farewell, p.place.config.timeout(), fault.ErrUnavailable)
	}
}

// Close withdraws the record and ends the session.
func (p *Publisher) Close() error {
	err := p.Withdraw()
	p.mu.Lock()
	first := !p.closed
	p.closed = true
	p.mu.Unlock()
	if first {
		close(p.quit)
		p.place.conn.Close()
	}
	<-p.done
	return err
}

// ask changes what is wanted, and returns what is closed when ZooKeeper is so.
func (p *Publisher) ask(w *wish) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	settled := make(chan struct{})
	p.want = w
	p.asked++
	p.waiting = append(p.waiting, settled)
	p.nudge()
	return settled
}

func (p *Publisher) nudge() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// run makes ZooKeeper as it is wanted, whenever either changes.
func (p *Publisher) run() {
	defer close(p.done)
	var said string
	for {
		p.mu.Lock()
		want, asked := p.want, p.asked
		p.mu.Unlock()
		gone, err := p.settle(want)
		var retry <-chan time.Time
		switch {
		case err == nil:
			said = ""
			p.reached(asked)
		case errors.Is(err, cluster.ErrFenced):
			// Nothing to try again: this master is not the last one that was elected, and soon hears of it.
		default:
			retry = time.After(again)
		}
		// The connection itself reports what is wrong with it.
		if err != nil && !away(err) && said != err.Error() {
			said = err.Error()
			p.log.Error("the leader is not published in ZooKeeper", "reason", err)
		}
		select {
		case <-p.wake:
		case <-gone:
		case <-retry:
		case <-p.quit:
			return
		}
	}
}

// reached tells those who wait for a change or one before it.
func (p *Publisher) reached(asked int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.waiting) - (p.asked - asked)
	for _, settled := range p.waiting[:n] {
		close(settled)
	}
	p.waiting = p.waiting[n:]
	p.settled = asked
}

// settle makes ZooKeeper as it is wanted. gone is closed, or has something, when the record may have gone since.
func (p *Publisher) settle(want *wish) (gone <-chan zk.Event, err error) {
	if want == nil {
		n, err := p.place.withdraw()
		if n > 0 {
			p.log.Info("the record of this master is gone from ZooKeeper")
		}
		return nil, err
	}
	done, err := p.place.publish(want)
	if err != nil {
		return nil, err
	}
	if done.fresh {
		p.log.Info("this master is published as the leader in ZooKeeper", "record", done.name, "epoch", want.epoch)
		if done.ahead != "" {
			p.log.Error("clients that ask ZooKeeper follow another master, which no master of this cluster published: "+
				"stop it, or give this cluster a path of its own", "record", done.ahead)
		}
	}
	return done.gone, nil
}
