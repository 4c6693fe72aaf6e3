package detector

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
)

const (
	// refresh is about how long one who follows waits before asking again the herald that it follows. A leader that hangs,
	// and whose connections do not break, is left after that and the patience; ten thousand ask it 2,000 times a second.
	refresh = 6 * time.Second
	// patience is how long an answer may take before somebody else is asked.
	patience = 2 * time.Second
	// firstHunt and lastHunt bound the wait between two attempts to find the leader.
	firstHunt = 50 * time.Millisecond
	lastHunt  = 5 * time.Second
	// stay is how many of these attempts ask the same guide, as long as it answers: thousands who change their guide all
	// the time would do nothing but connect.
	stay = 4
	// maxMasters bounds how many masters are remembered beside those that were named at the start.
	maxMasters = 16
)

// Detector is the actor that asks.
//
//	guide: a herald that says who leads, as far as it knows      chief: the leader's own herald
//	hunting (guide, now and then chief) ─→ settled (chief only) ─→ hunting, when the chief is lost or leads no more
type Detector struct {
	*process.Base
	heralds []process.UPID
	named   int // how many of them are from the start
	next    int // whom to ask next
	tried   int // in this round

	guide, chief source
	settled      bool
	wait         time.Duration
	steps        int // of this hunt
	hunt         process.Timer

	epoch   uint64 // the newest heard of from a leader
	known   *cluster.Leader
	waiters []*waiter
}

// source is a herald that is being asked.
type source struct {
	at       process.UPID
	attempt  uint64 // 0: nobody is asked
	answered bool
	timer    process.Timer
}

// waiter is one who wants to know.
type waiter struct {
	previous *cluster.Leader
	done     func(*cluster.Leader, error)
}

// New makes a detector that begins with the masters at these addresses, host:port.
func newDetector(masters []string) (*Detector, error) {
	d := &Detector{}
	for _, m := range masters {
		at := process.UPID{ID: HeraldID, Addr: m}
		if _, err := process.ParseUPID(at.String()); err != nil || strings.ContainsAny(m, " \t\r\n/@,") {
			return nil, fmt.Errorf("master address %q: HOST:PORT expected, as in 127.0.0.1:5050: %w", m, fault.ErrInvalid)
		}
		if !slices.Contains(d.heralds, at) {
			d.heralds = append(d.heralds, at)
		}
	}
	if len(d.heralds) == 0 {
		return nil, fmt.Errorf("no master is named to begin with: %w", fault.ErrInvalid)
	}
	d.named = len(d.heralds)
	return d, nil
}

// Initialize implements process.Process.
func (d *Detector) Initialize(b *process.Base) {
	d.Base = b
	process.Install(b, d.leads)
	// In a random order, so that those who follow spread over the masters.
	b.Rand().Shuffle(len(d.heralds), func(i, j int) { d.heralds[i], d.heralds[j] = d.heralds[j], d.heralds[i] })
	d.seek()
}

// Exited hears that a herald is gone, or its whole machine.
func (d *Detector) Exited(who process.UPID) {
	if who == d.chief.at && d.chief.attempt != 0 {
		d.chiefLost("the connection to it is lost")
	}
	if who == d.guide.at && d.guide.attempt != 0 {
		d.guideLost()
	}
}

// seek begins a hunt for the leader.
func (d *Detector) seek() {
	d.settled, d.wait, d.steps, d.tried = false, firstHunt, 0, 0
	d.step()
}

// step asks once more: the guide, as long as it is worth it, or the next master.
func (d *Detector) step() {
	if d.hunt != nil {
		d.hunt.Stop()
	}
	d.steps++
	if d.guide.attempt != 0 && d.guide.answered && d.steps%stay != 0 {
		d.repeat(&d.guide)
	} else {
		d.askNext()
	}
	d.hunt = d.Delay(d.jitter(d.wait), d.step)
	d.wait = min(2*d.wait, lastHunt)
}

// jitter is between half of a time and all of it, so that those who lost the same leader do not ask in step.
func (d *Detector) jitter(t time.Duration) time.Duration {
	return t/2 + time.Duration(d.Rand().Int64N(int64(t/2)+1))
}

func (d *Detector) askNext() {
	at := d.heralds[d.next%len(d.heralds)]
	d.next++
	if at == d.chief.at && d.chief.attempt != 0 && len(d.heralds) > 1 {
		at = d.heralds[d.next%len(d.heralds)] // that one is being asked as the chief
		d.next++
	}
	d.ask(&d.guide, at)
}

// ask turns to a herald.
func (d *Detector) ask(s *source, at process.UPID) {
	d.drop(s)
	s.at, s.attempt = at, max(d.Rand().Uint64(), 1)
	d.Link(at)
	d.repeat(s)
}

// repeat asks the same herald again, or for the first time.
func (d *Detector) repeat(s *source) {
	if s.timer != nil {
		s.timer.Stop()
	}
	d.Send(s.at, &controlpb.Follow{Attempt: proto.Uint64(s.attempt)})
	s.timer = d.Delay(patience, func() { d.silent(s) })
}

// drop stops asking.
func (d *Detector) drop(s *source) {
	if s.attempt == 0 {
		return
	}
	if s.timer != nil {
		s.timer.Stop()
	}
	other := &d.guide
	if s == other {
		other = &d.chief
	}
	if other.attempt == 0 || other.at != s.at {
		d.Unlink(s.at)
	}
	*s = source{}
}

// silent is a herald that does not answer in time.
func (d *Detector) silent(s *source) {
	if s == &d.chief {
		d.chiefLost("it does not answer")
		return
	}
	d.guideLost()
}

// chiefLost begins to look for another leader. Who led stays known until somebody says otherwise: it may be back in a
// moment, and mostly nobody else is there yet.
func (d *Detector) chiefLost(why string) {
	at := d.chief.at
	d.drop(&d.chief)
	if !d.settled {
		return // the hunt goes on
	}
	d.Log().Info("lost the leading master; asking the others", "master", at.Addr, "because", why)
	d.seek()
}

// guideLost tries the others at once, and then again from time to time.
func (d *Detector) guideLost() {
	d.drop(&d.guide)
	if d.tried++; d.tried < len(d.heralds) {
		d.askNext()
	}
}
