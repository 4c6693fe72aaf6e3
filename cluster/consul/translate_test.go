package consul_test

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/meseta-io/meseta/cluster/consul"
)

// told is a real reply in the model's words.
func (e *exam) told(r consul.Reply, modelled consul.Reply) consul.Reply {
	r.Index = e.count(r.Index, modelled.Index)
	r.Session = e.name(r.Session)
	r.Pairs = slices.Clone(r.Pairs)
	for i := range r.Pairs {
		var other uint64
		if i < len(modelled.Pairs) {
			other = modelled.Pairs[i].ModifyIndex
		}
		r.Pairs[i].ModifyIndex = e.count(r.Pairs[i].ModifyIndex, other)
		r.Pairs[i].Session = e.name(r.Pairs[i].Session)
	}
	r.Refused = slices.Clone(r.Refused)
	for i := range r.Refused {
		for _, s := range e.sessions {
			r.Refused[i].Text = strings.ReplaceAll(r.Refused[i].Text, s.real, s.model)
		}
	}
	return r
}

func (e *exam) name(real string) string {
	for _, s := range e.sessions {
		if s.real == real {
			return s.model
		}
	}
	return real
}

// count is what the model calls an index. A new one is the model's if that is in order, and else none.
func (e *exam) count(real, model uint64) uint64 {
	if real == 0 {
		return 0
	}
	i, known := slices.BinarySearchFunc(e.indexes, real, func(p pairing[uint64], real uint64) int { return cmp.Compare(p.real, real) })
	if known {
		return e.indexes[i].model
	}
	if i > 0 && e.indexes[i-1].model >= model || i < len(e.indexes) && e.indexes[i].model <= model {
		return 0
	}
	e.indexes = slices.Insert(e.indexes, i, pairing[uint64]{real, model})
	return model
}

// translated is a request in the model's words.
func (e *exam) translated(r consul.Request) consul.Request {
	switch r := r.(type) {
	case consul.CreateSession:
		if r.TTL == 2*time.Second {
			r.TTL = ttl // the shortest that the model makes; the real one is told to allow less
		}
		return r
	case consul.RenewSession:
		return consul.RenewSession{ID: e.name(r.ID)}
	case consul.DestroySession:
		return consul.DestroySession{ID: e.name(r.ID)}
	case consul.Get:
		r.Index = e.count(r.Index, 0)
		return r
	case consul.Txn:
		ops := slices.Clone(r.Ops)
		for i := range ops {
			ops[i].Session, ops[i].Index = e.name(ops[i].Session), e.count(ops[i].Index, 0)
		}
		return consul.Txn{Ops: ops}
	}
	return r
}

// hand is a clock that is moved by hand.
type hand struct {
	now    time.Time
	alarms []*handAlarm
}

type handAlarm struct {
	at time.Time
	f  func()
}

func (h *hand) Now() time.Time { return h.now }

func (h *hand) AfterFunc(d time.Duration, f func()) func() bool {
	a := &handAlarm{h.now.Add(d), f}
	h.alarms = append(h.alarms, a)
	return func() bool {
		i := slices.Index(h.alarms, a)
		if i >= 0 {
			h.alarms = slices.Delete(h.alarms, i, i+1)
		}
		return i >= 0
	}
}

func (h *hand) advance(d time.Duration) {
	h.now = h.now.Add(d)
	for _, a := range slices.Clone(h.alarms) {
		if !a.at.After(h.now) {
			h.alarms = slices.DeleteFunc(h.alarms, func(b *handAlarm) bool { return a == b })
			a.f()
		}
	}
}
