package cluster

import "github.com/meseta-io/meseta/messages/mesos/mesospb"

// Leader is the master that leads, as a Detector sees it.
type Leader struct {
	// UPID is where the leader listens, "master@127.0.0.1:5050".
	UPID string
	// Info is what the leader says of itself. It is nil where only the address is known.
	Info *mesospb.MasterInfo
	// Epoch is the leader's term, and 0 where it is not known: the leader's own messages carry it.
	Epoch uint64
	// Agents is how many agents the leader knows of, all of which may be about to return to it, and 0 where that is not
	// known.
	Agents int
}

// Name is the leader's UPID, or "nobody".
func (l *Leader) Name() string {
	if l == nil {
		return "nobody"
	}
	return l.UPID
}

// Term is the leader's epoch, and 0 for nobody.
func (l *Leader) Term() uint64 {
	if l == nil {
		return 0
	}
	return l.Epoch
}

// Same reports whether two leaders are the same master in the same term; nil is the same as nil.
func (l *Leader) Same(other *Leader) bool {
	if l == nil || other == nil {
		return l == nil && other == nil
	}
	return l.UPID == other.UPID && l.Epoch == other.Epoch
}
