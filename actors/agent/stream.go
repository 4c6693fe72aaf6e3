package agent

import (
	"time"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/taskstate"
)

// How long to wait for an acknowledgement before an update is sent again: Mesos' numbers. Each wait doubles.
const (
	firstRetry = 10 * time.Second
	lastRetry  = 10 * time.Minute
)

// stream is the status updates of one task: in order, one in flight, each sent until it is acknowledged. It
// decides only; the agent writes, sends and keeps the time.
//
//	received → stored → (at the head) sent, again and again → acknowledged → stored → gone, the next is sent
//
// An update is received once, however often it comes: by uuid. A terminal one ends the stream when it is
// acknowledged, and what is queued behind it is dropped.
type stream struct {
	updates []*update                 // not acknowledged, oldest first
	known   map[string]bool           // uuids: false received, true acknowledged
	order   [][]byte                  // the same, as they came
	ended   bool                      // the terminal update was acknowledged
	last    *controlpb.UpdateReceived // the newest that was acknowledged
	retry   time.Duration             // the wait before the head is sent again
}

// update is one entry of a stream.
type update struct {
	record *controlpb.UpdateReceived
	stored bool
	// releasing: its acknowledgement is on its way to the disk. Another one changes nothing.
	releasing bool
}

// verdict is what became of an update or an acknowledgement.
type verdict uint8

const (
	accepted  verdict = iota + 1
	duplicate         // had before; nothing to do but to say so again
	unwanted          // does not fit: the stream has ended, or another update is at its head
)

func newStream() *stream { return &stream{known: map[string]bool{}, retry: firstRetry} }

// receive takes an update. A duplicate is not stored again, but whoever sent it may be told that it is safe
// once everything before it is.
func (s *stream) receive(r *controlpb.UpdateReceived) verdict {
	uuid := string(r.Status.GetUuid())
	if _, known := s.known[uuid]; known {
		return duplicate
	}
	if s.ended {
		return unwanted
	}
	s.known[uuid] = false
	s.order = append(s.order, r.Status.GetUuid())
	s.updates = append(s.updates, &update{record: r})
	return accepted
}

// store notes that an update is on disk.
func (s *stream) store(uuid []byte) {
	for _, u := range s.updates {
		if string(u.record.Status.GetUuid()) == string(uuid) {
			u.stored = true
		}
	}
}

// head is the update in flight; nil when there is none, or it is not safe on disk yet.
func (s *stream) head() *controlpb.UpdateReceived {
	if len(s.updates) == 0 || !s.updates[0].stored {
		return nil
	}
	return s.updates[0].record
}

// release takes the acknowledgement of the head; anything else is a late duplicate or a mistake. The head stays
// in flight until released says that the acknowledgement is on disk.
func (s *stream) release(uuid []byte) verdict {
	if s.known[string(uuid)] {
		return duplicate
	}
	h := s.head()
	if h == nil || string(h.Status.GetUuid()) != string(uuid) {
		return unwanted
	}
	if s.updates[0].releasing {
		return duplicate
	}
	s.updates[0].releasing = true
	return accepted
}

// closing tells whether the acknowledgement of the terminal update is on its way to the disk.
func (s *stream) closing() bool {
	return len(s.updates) > 0 && s.updates[0].releasing && taskstate.Terminal(s.updates[0].record.GetStatus().GetState())
}

// released removes the head. It returns it.
func (s *stream) released() *controlpb.UpdateReceived {
	h := s.updates[0].record
	s.known[string(h.Status.GetUuid())] = true
	s.last = h
	s.updates = s.updates[1:]
	s.retry = firstRetry
	if taskstate.Terminal(h.Status.GetState()) {
		s.ended = true
		s.updates = nil
	}
	return h
}

// wait is how long to wait before the head is sent again, and doubles for the next time.
func (s *stream) wait() time.Duration {
	d := s.retry
	s.retry = min(2*d, lastRetry)
	return d
}

// replay rebuilds a stream from its journal. What is in a journal is stored.
func replay(records []*controlpb.UpdateRecord) *stream {
	s := newStream()
	for _, r := range records {
		switch r := r.Record.(type) {
		case *controlpb.UpdateRecord_Received:
			if s.receive(r.Received) == accepted {
				s.store(r.Received.GetStatus().GetUuid())
			}
		case *controlpb.UpdateRecord_Acknowledged:
			if s.release(r.Acknowledged.GetUuid()) == accepted {
				s.released()
			}
		}
	}
	return s
}

// receivedRecord and acknowledgedRecord are what goes into the journal.
func receivedRecord(r *controlpb.UpdateReceived) *controlpb.UpdateRecord {
	return &controlpb.UpdateRecord{Record: &controlpb.UpdateRecord_Received{Received: r}}
}

func acknowledgedRecord(uuid []byte) *controlpb.UpdateRecord {
	return &controlpb.UpdateRecord{Record: &controlpb.UpdateRecord_Acknowledged{
		Acknowledged: &controlpb.UpdateAcknowledged{Uuid: uuid}}}
}
