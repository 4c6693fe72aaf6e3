package detector

import (
	"slices"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
)

// leads is an answer, or the news of a change. Answers to what was asked before somebody else was, and to what was never
// asked, have another number.
func (d *Detector) leads(from process.UPID, a *controlpb.Leads) {
	var s *source
	switch {
	case a.GetAttempt() == 0:
		return
	case a.GetAttempt() == d.chief.attempt:
		s = &d.chief
	case a.GetAttempt() == d.guide.attempt:
		s = &d.guide
	default:
		return
	}
	leader, err := leaderOf(a)
	if err != nil {
		d.Log().Warn("a master's answer makes no sense", "master", from.Addr, "error", err)
		return // as if it had been silent
	}
	s.answered = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.timer = d.Delay(d.jitter(refresh), func() { d.repeat(s) })
	switch {
	case a.GetUnknown():
		// It has just started; the next attempt, or its next word, will tell.
	case leader == nil:
		d.nobody(s)
	case itself(from, leader):
		d.claims(s, leader, a.GetReady())
	default:
		d.hint(s, leader)
	}
}

// leaderOf reads an answer; nil: nobody leads.
func leaderOf(a *controlpb.Leads) (*cluster.Leader, error) {
	if a.Master == nil {
		return nil, nil
	}
	master, err := process.ParseUPID(a.GetMaster().GetPid())
	if err != nil {
		return nil, err
	}
	info := a.GetMaster()
	if info.GetId() == "" {
		info = nil // only its address is known
	}
	return &cluster.Leader{UPID: master.String(), Info: info, Epoch: a.GetEpoch(), Agents: int(a.GetAgents())}, nil
}

// addressOf is where the herald of a leader is.
func addressOf(l *cluster.Leader) process.UPID {
	master, _ := process.ParseUPID(l.UPID) // read before
	return process.UPID{ID: HeraldID, Addr: master.Addr}
}

// itself reports whether a herald speaks of its own master. The sender's address is the one that its runtime proved.
func itself(from process.UPID, l *cluster.Leader) bool { return addressOf(l) == from }

// claims is a leader's own word. A master of an older epoch does not know yet that it leads no more.
func (d *Detector) claims(s *source, l *cluster.Leader, ready bool) {
	if s == &d.guide {
		// The guide is the leader: it was named at the start, or has been elected meanwhile.
		d.drop(&d.chief)
		d.chief, d.guide = d.guide, source{}
		chief := &d.chief
		chief.timer.Stop()
		chief.timer = d.Delay(d.jitter(refresh), func() { d.repeat(chief) })
	}
	if l.Epoch < d.epoch {
		d.Log().Info("ignoring a leader of an older epoch", "leader", l.UPID, "epoch", l.Epoch, "newest", d.epoch)
		d.chiefLost("it is not the leader any more")
		return
	}
	if !ready {
		return // it says so when it has recovered; meanwhile the hunt goes on, should it never do
	}
	d.epoch = l.Epoch
	d.settle(l)
}

// settle is the end of a hunt.
func (d *Detector) settle(l *cluster.Leader) {
	d.settled = true
	d.drop(&d.guide)
	if d.hunt != nil {
		d.hunt.Stop()
		d.hunt = nil
	}
	if at := addressOf(l); !slices.Contains(d.heralds, at) {
		d.heralds = append(d.heralds, at)
		if len(d.heralds) > max(maxMasters, d.named) {
			d.heralds = slices.Delete(d.heralds, d.named, d.named+1) // the oldest of those that were learned
		}
	}
	d.publish(l)
}

// hint is what a herald knows of another's master. Only that one's own herald can confirm it.
func (d *Detector) hint(s *source, l *cluster.Leader) {
	at := addressOf(l)
	if s == &d.chief {
		wasSettled := d.settled
		d.drop(&d.chief)
		if wasSettled {
			d.seek()
		}
		if l.Epoch < d.epoch {
			return // two that name each other must not be asked in a tight circle
		}
	}
	if d.chief.attempt != 0 && d.chief.at == at {
		return // it is being asked
	}
	d.ask(&d.chief, at)
}

// nobody is the word that no master leads. It counts unless there is one that says itself that it does.
func (d *Detector) nobody(s *source) {
	if s == &d.chief {
		wasSettled := d.settled
		d.drop(&d.chief)
		if wasSettled {
			d.seek()
		}
	}
	if !d.settled && d.chief.attempt == 0 {
		d.publish(nil)
	}
}

// publish tells those who wait for a change.
func (d *Detector) publish(l *cluster.Leader) {
	if !l.Same(d.known) {
		d.Log().Info("the leader is another", "leader", l.Name(), "epoch", l.Term())
	}
	d.known = l
	waiters := d.waiters
	d.waiters = nil
	for _, w := range waiters {
		d.await(w)
	}
}

// await answers one who wants to know, now or later.
func (d *Detector) await(w *waiter) {
	if d.known.Same(w.previous) {
		d.waiters = append(d.waiters, w)
		return
	}
	w.done(d.known, nil)
}
