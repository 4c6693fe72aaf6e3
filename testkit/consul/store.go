package consul

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	api "github.com/meseta-io/meseta/cluster/consul"
)

// Store is the state of a Consul cluster. It is not safe for concurrent use.
type Store struct {
	clock    api.Clock
	index    uint64 // of the last write
	kvIndex  uint64 // of the last write of a key
	made     uint64 // sessions, ever
	keys     map[string]api.Pair
	sessions map[string]*session
	// delays are until when a key cannot be locked, because the session of its last holder ended.
	delays  map[string]time.Time
	watches []*watch // in the order of asking
	// OnWrite, if set, is called after each request that changed a key.
	OnWrite func()
	// OnCommit, if set, is called before a transaction changes something, while the Store is as it was. by is who asked: the
	// address of a node and which of its lives, or empty where the request came over no Wire.
	OnCommit func(by string, ops []api.Op)
	by       string
}

type session struct {
	id, by    string // by is who made it
	ttl       time.Duration
	lockDelay time.Duration
	stop      func() bool
}

// watch is a read that waits.
type watch struct {
	key  string
	done func(api.Reply, error)
	stop func() bool
}

// Limits of a real Consul.
const (
	maxOps      = 128
	maxBody     = 512 << 10
	maxValue    = 512 << 10
	minTTL      = 10 * time.Second
	maxTTL      = 24 * time.Hour
	usualDelay  = 15 * time.Second
	usualWait   = 5 * time.Minute
	ttlMultiple = 2
)

// NewStore is a Consul that nobody has used.
func NewStore(clock api.Clock) *Store {
	return &Store{clock: clock, index: 10, keys: map[string]api.Pair{}, sessions: map[string]*session{}, delays: map[string]time.Time{}}
}

// Serve answers a request: at once, or for a read that waits, later.
func (s *Store) Serve(r api.Request, done func(api.Reply, error)) {
	switch r := r.(type) {
	case api.CreateSession:
		done(s.create(r))
	case api.RenewSession:
		one := s.sessions[r.ID]
		if one != nil {
			s.wind(one)
		}
		done(api.Reply{Found: one != nil}, nil)
	case api.DestroySession:
		s.end(s.sessions[r.ID])
		done(api.Reply{}, nil)
	case api.Get:
		s.get(r, done)
	case api.Keys:
		done(api.Reply{Keys: s.below(r.Prefix)}, nil)
	case api.Txn:
		done(s.transact(r.Ops))
	default:
		done(api.Reply{}, &api.StatusError{Code: 404, Text: fmt.Sprintf("%T is not modelled", r)})
	}
}

func (s *Store) create(r api.CreateSession) (api.Reply, error) {
	if r.TTL != 0 && (r.TTL < minTTL || r.TTL > maxTTL) {
		return api.Reply{}, &api.StatusError{Code: 500, Text: fmt.Sprintf("Invalid Session TTL '%d', must be between [%v=%v]", r.TTL, minTTL, maxTTL)}
	}
	s.index++
	s.made++
	one := &session{id: fmt.Sprintf("5e5510af-0000-4000-8000-%012x", s.made), by: s.by, ttl: r.TTL, lockDelay: r.LockDelay}
	if one.lockDelay == 0 {
		one.lockDelay = usualDelay
	}
	s.sessions[one.id] = one
	s.wind(one)
	return api.Reply{Session: one.id}, nil
}

// wind starts a session's time again.
func (s *Store) wind(one *session) {
	if one.stop != nil {
		one.stop()
	}
	if one.ttl > 0 {
		one.stop = s.clock.AfterFunc(ttlMultiple*one.ttl, func() { s.end(one) })
	}
}

// WindAll starts every session's time again, as a server does that begins to lead.
func (s *Store) WindAll() {
	for _, id := range slices.Sorted(maps.Keys(s.sessions)) {
		s.wind(s.sessions[id])
	}
}

// end ends a session, frees its locks and keeps them free for its lock delay.
func (s *Store) end(one *session) {
	if one == nil || s.sessions[one.id] != one {
		return
	}
	if one.stop != nil {
		one.stop()
	}
	delete(s.sessions, one.id)
	s.index++
	changed := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		if p := s.keys[key]; p.Session == one.id {
			p.Session, p.ModifyIndex = "", s.index
			s.keys[key] = p
			s.delays[key] = s.clock.Now().Add(one.lockDelay)
			changed[key] = true
		}
	}
	s.wake(changed)
}

// Expire ends whatever session holds a key, as an operator may.
func (s *Store) Expire(key string) { s.end(s.sessions[s.keys[key].Session]) }

// Destroy ends a session, as an operator may.
func (s *Store) Destroy(session string) { s.end(s.sessions[session]) }

func (s *Store) get(r api.Get, done func(api.Reply, error)) {
	now := s.read(r.Key)
	if r.Index == 0 || now.Index > r.Index {
		done(now, nil)
		return
	}
	wait := r.Wait
	if wait == 0 {
		wait = usualWait
	}
	one := &watch{key: r.Key, done: done}
	one.stop = s.clock.AfterFunc(wait, func() { s.answer(one) })
	s.watches = append(s.watches, one)
}

func (s *Store) read(key string) api.Reply {
	if p, ok := s.keys[key]; ok {
		return api.Reply{Index: p.ModifyIndex, Pairs: []api.Pair{clone(p)}}
	}
	return api.Reply{Index: max(1, s.kvIndex)}
}

func (s *Store) answer(one *watch) {
	i := slices.Index(s.watches, one)
	if i < 0 {
		return
	}
	s.watches = slices.Delete(s.watches, i, i+1)
	one.stop()
	one.done(s.read(one.key), nil)
}

// wake answers who waits for keys that have changed.
func (s *Store) wake(changed map[string]bool) {
	if len(changed) == 0 {
		return
	}
	s.kvIndex = s.index
	for _, one := range slices.Clone(s.watches) {
		if changed[one.key] {
			s.answer(one)
		}
	}
	if s.OnWrite != nil {
		s.OnWrite()
	}
}

func (s *Store) below(prefix string) (names []string) {
	for _, key := range slices.Sorted(maps.Keys(s.keys)) {
		if strings.HasPrefix(key, prefix) {
			names = append(names, key)
		}
	}
	return names
}

// Pairs are all keys below a prefix, sorted.
func (s *Store) Pairs(prefix string) (pairs []api.Pair) {
	for _, key := range s.below(prefix) {
		pairs = append(pairs, s.keys[key])
	}
	return pairs
}

// Drop loses a key without a trace, as no store may.
func (s *Store) Drop(key string) { delete(s.keys, key) }

// Holder is the session that holds a key as a lock, and who made that, as OnCommit has it; both empty for nobody.
func (s *Store) Holder(key string) (session, by string) {
	one := s.sessions[s.keys[key].Session]
	if one == nil {
		return "", ""
	}
	return one.id, one.by
}

// Pair is one key, as it is now.
func (s *Store) Pair(key string) (api.Pair, bool) {
	p, ok := s.keys[key]
	return p, ok
}

// SessionIDs are the sessions that last, the oldest first.
func (s *Store) SessionIDs() []string { return slices.Sorted(maps.Keys(s.sessions)) }

// Sessions counts the sessions that last.
func (s *Store) Sessions() int { return len(s.sessions) }

// Index is that of the last write.
func (s *Store) Index() uint64 { return s.index }

func clone(p api.Pair) api.Pair {
	p.Value = slices.Clone(p.Value)
	return p
}

// transact does all operations or none. As in the real one every operation is tried, so that all that is wrong is said.
func (s *Store) transact(ops []api.Op) (api.Reply, error) {
	if len(ops) > maxOps {
		return api.Reply{}, &api.StatusError{Code: 413, Text: fmt.Sprintf("Transaction contains too many operations (%d > %d)", len(ops), maxOps)}
	}
	body := 0
	for _, op := range ops {
		body += (len(op.Value)*4+2)/3 + len(op.Key)
	}
	if body > maxBody {
		return api.Reply{}, &api.StatusError{Code: 413, Text: "Request body too large"}
	}
	var r api.Reply
	// The real one looks for lock delays before it begins.
	for i, op := range ops {
		if until, ok := s.delays[op.Key]; op.Verb == api.Lock && ok {
			if s.clock.Now().Before(until) {
				r.Refused = append(r.Refused, api.Refusal{Op: i, Text: fmt.Sprintf("failed to lock key %q due to lock delay", op.Key)})
			} else {
				delete(s.delays, op.Key)
			}
		}
	}
	if len(r.Refused) > 0 {
		return r, nil
	}
	t := &transaction{s: s, index: s.index + 1, draft: map[string]*api.Pair{}}
	for i, op := range ops {
		if why := t.do(op, &r); why != "" {
			r.Refused = append(r.Refused, api.Refusal{Op: i, Text: why})
		}
	}
	if len(r.Refused) > 0 {
		return api.Reply{Refused: r.Refused}, nil
	}
	if len(t.draft) > 0 && s.OnCommit != nil {
		s.OnCommit(s.by, ops)
	}
	t.commit()
	return r, nil
}

// transaction is what would change.
type transaction struct {
	s     *Store
	index uint64
	draft map[string]*api.Pair // nil: deleted
}

func (t *transaction) find(key string) (api.Pair, bool) {
	if p, ok := t.draft[key]; ok {
		if p == nil {
			return api.Pair{}, false
		}
		return *p, true
	}
	p, ok := t.s.keys[key]
	return p, ok
}

// put writes a key unless it is so already, which leaves its index as it is.
func (t *transaction) put(p api.Pair, r *api.Reply) {
	old, ok := t.find(p.Key)
	if ok && string(old.Value) == string(p.Value) && old.Session == p.Session && old.LockIndex == p.LockIndex {
		p.ModifyIndex = old.ModifyIndex
	} else {
		p.ModifyIndex = t.index
		p.Value = slices.Clone(p.Value)
		if len(p.Value) == 0 {
			p.Value = nil // which is what an empty value is read as
		}
		stored := p
		t.draft[p.Key] = &stored
	}
	p.Value = nil // the answer to a write leaves it out
	r.Pairs = append(r.Pairs, p)
}

// do tries one operation; it returns why it is impossible.
func (t *transaction) do(op api.Op, r *api.Reply) string {
	old, ok := t.find(op.Key)
	// Setting a key that is locked leaves it so, and forgets how often it was.
	next := api.Pair{Key: op.Key, Value: op.Value, Session: old.Session}
	switch op.Verb {
	case api.Set:
		t.put(next, r)
	case api.CAS:
		if old.ModifyIndex != op.Index { // which is 0 where there is none
			return fmt.Sprintf("failed to set key %q, index is stale", op.Key)
		}
		t.put(next, r)
	case api.Delete:
		if ok {
			t.draft[op.Key] = nil
		}
	case api.Lock:
		switch {
		case op.Session == "":
			return "missing session"
		case t.s.sessions[op.Session] == nil:
			return fmt.Sprintf("invalid session %q", op.Session)
		case old.Session == op.Session:
			next.LockIndex = old.LockIndex
		case old.Session != "":
			return fmt.Sprintf("failed to lock key %q, lock is already held", op.Key)
		default:
			next.LockIndex = old.LockIndex + 1
		}
		next.Session = op.Session
		t.put(next, r)
	case api.Unlock:
		if op.Session == "" {
			return "missing session"
		}
		if old.Session != op.Session {
			return fmt.Sprintf("failed to unlock key %q, lock isn't held, or is held by another session", op.Key)
		}
		next.Session, next.LockIndex = "", old.LockIndex
		t.put(next, r)
	case api.CheckSession:
		switch {
		case !ok:
			return fmt.Sprintf("failed to check session, key %q doesn't exist", op.Key)
		case old.Session != op.Session:
			return fmt.Sprintf("failed session check for key %q, current session %q != %q", op.Key, old.Session, op.Session)
		}
		old.Value = nil
		r.Pairs = append(r.Pairs, old)
	case api.GetTree:
		t.tree(op.Key, r)
	default:
		return fmt.Sprintf("unknown KV operation %q", op.Verb)
	}
	return ""
}

func (t *transaction) tree(prefix string, r *api.Reply) {
	var found []api.Pair
	for key, p := range t.s.keys {
		if _, drafted := t.draft[key]; !drafted && strings.HasPrefix(key, prefix) {
			found = append(found, clone(p))
		}
	}
	for key, p := range t.draft {
		if p != nil && strings.HasPrefix(key, prefix) {
			found = append(found, clone(*p))
		}
	}
	slices.SortFunc(found, func(a, b api.Pair) int { return cmp.Compare(a.Key, b.Key) })
	r.Pairs = append(r.Pairs, found...)
}

func (t *transaction) commit() {
	if len(t.draft) == 0 {
		return
	}
	t.s.index = t.index
	changed := map[string]bool{}
	for key, p := range t.draft {
		changed[key] = true
		if p == nil {
			delete(t.s.keys, key)
		} else {
			t.s.keys[key] = *p
		}
	}
	t.s.wake(changed)
}
