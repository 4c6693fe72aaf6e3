package consul

import "fmt"

// state is what Consul holds of the election at one instant.
type state struct {
	leader   Pair // zero if there is none
	record   leaderRecord
	revision Pair
	mark     revisionRecord
}

// look reads the lock and the revision together.
func (c *Cluster) look() Txn {
	return Txn{Ops: []Op{{Verb: GetTree, Key: c.leaderKey()}, {Verb: GetTree, Key: c.revisionKey()}}}
}

// state reads the answer to look.
func (c *Cluster) state(r Reply) (s state, err error) {
	if len(r.Refused) > 0 {
		return s, fmt.Errorf("reading the lock: %w", refusal(r.Refused[0]))
	}
	for _, p := range r.Pairs {
		switch p.Key {
		case c.leaderKey():
			s.leader = p
			if len(p.Value) > 0 {
				if s.record, err = decodeLeader(p.Value); err != nil {
					return s, err
				}
			}
		case c.revisionKey():
			s.revision = p
			if s.mark, err = decodeRevision(p.Value); err != nil {
				return s, err
			}
		}
	}
	return s, nil
}

// next is the mark of a term that begins now.
func (s state) next(known Mark, session string) Mark {
	m := s.mark.Mark
	// The one that was known stays the cluster's name also over a loss that was accepted, so that its other
	// masters recognize it.
	if known.Cluster != "" {
		m.Cluster = known.Cluster
	}
	if m.Cluster == "" {
		m.Cluster = session
	}
	// LockIndex counts acquisitions. It is in the sum in case somebody deleted the revision alone.
	m.Epoch = max(m.Epoch, known.Epoch, s.record.Epoch, s.leader.LockIndex) + 1
	m.Sequence = max(m.Sequence, known.Sequence)
	return m
}
