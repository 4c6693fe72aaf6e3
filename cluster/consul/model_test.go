package consul_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/cluster/consul"
	model "github.com/meseta-io/meseta/testkit/consul"
)

// The model that simulations use says what a real Consul says: to the same requests, played to both, come the same
// replies, refusals and states. Names of sessions and numbers of writes differ; their order must not.
func TestModelAnswersAsConsulDoes(t *testing.T) {
	c := at(one(t))
	wire, err := consul.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	newExam(t, wire, c.Servers[0], 0).admitted()
	for seed := range uint64(30) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			e := newExam(t, wire, c.Servers[0], seed)
			e.play(50)
			e.end()
		})
	}
}

// A session that is not renewed ends in both, and leaves its lock alike: free, counted, and in its delay.
func TestModelForgetsSessionsAsConsulDoes(t *testing.T) {
	c := at(one(t))
	wire, err := consul.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	e := newExam(t, wire, c.Servers[0], 0)
	e.admitted()
	short := e.ask(consul.CreateSession{Name: "short", TTL: 2 * time.Second, LockDelay: time.Minute}).Session
	long := e.ask(consul.CreateSession{Name: "long", TTL: time.Hour, LockDelay: time.Minute}).Session
	key := e.prefix + "leader"
	lock := func(session string) {
		t.Helper()
		e.ask(consul.Txn{Ops: []consul.Op{{Verb: consul.Lock, Key: key, Value: []byte("v"), Session: session}}})
	}
	lock(short)
	e.ask(consul.RenewSession{ID: short})
	e.during(consul.Get{Key: key, Index: e.index(key), Wait: time.Minute}, func() { e.clock.advance(20 * time.Second) })
	e.ask(consul.RenewSession{ID: short})
	lock(short)
	lock(long)
	e.end()
}

// exam plays one sequence. Requests are made in the words of the real Consul and translated for the model, its answers
// are translated back.
type exam struct {
	t      *testing.T
	rand   *rand.Rand
	real   consul.Wire
	server string
	prefix string

	clock *hand
	model *model.Store

	sessions []pairing[string]
	indexes  []pairing[uint64] // sorted
	delays   map[string]time.Duration
	values   int
	played   []string
}

// pairing is what one thing is called by both.
type pairing[T comparable] struct{ real, model T }

func newExam(t *testing.T, wire consul.Wire, server string, seed uint64) *exam {
	clock := &hand{now: time.Unix(1e9, 0)}
	return &exam{t: t, rand: rand.New(rand.NewPCG(seed, 1)), real: wire, server: server, prefix: at(one(t)).Prefix + "/",
		clock: clock, model: model.NewStore(clock), delays: map[string]time.Duration{}}
}

// admitted waits until sessions can be made. A server that has just begun to lead has not yet entered itself, and makes none.
func (e *exam) admitted() {
	ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
	defer cancel()
	for {
		r, err := e.real.Wait(ctx, e.server, consul.CreateSession{Name: "first", TTL: ttl}, time.Minute)
		if err == nil {
			_, err = e.real.Wait(ctx, e.server, consul.DestroySession{ID: r.Session}, time.Minute)
		}
		if err == nil {
			return
		}
		if status(err) != "500" {
			e.t.Fatal(err)
		}
	}
}

func (e *exam) play(steps int) {
	e.create()
	for range steps {
		switch n := e.rand.IntN(20); {
		case n == 0:
			e.create()
		case n == 1:
			e.ask(consul.RenewSession{ID: e.anybody()})
		case n == 2:
			e.destroy(e.anybody())
		case n == 3:
			e.ask(consul.Keys{Prefix: e.prefix + pick(e, "", "b", "none")})
		case n == 4:
			e.ask(consul.Get{Key: e.key(), Consistent: true})
		case n == 5:
			e.late()
		case n == 6:
			e.patient()
		case n == 7:
			e.watch()
		case n == 8 && e.rand.IntN(5) == 0:
			e.tooMuch()
		default:
			e.ask(e.txn())
		}
	}
}

// end compares what is left, and leaves nothing.
func (e *exam) end() {
	e.ask(consul.Keys{Prefix: e.prefix})
	e.ask(consul.Txn{Ops: []consul.Op{{Verb: consul.GetTree, Key: e.prefix}}})
	for _, name := range names {
		e.ask(consul.Get{Key: e.prefix + name})
	}
	for _, s := range e.sessions {
		e.ask(consul.DestroySession{ID: s.real})
	}
}

func (e *exam) create() {
	r := consul.CreateSession{Name: "exam", TTL: pick(e, time.Hour, time.Hour, time.Hour, time.Hour, time.Millisecond, 25*time.Hour),
		LockDelay: pick(e, time.Millisecond, time.Millisecond, time.Minute, 0)}
	if reply := e.ask(r); reply.Session != "" {
		e.delays[reply.Session] = r.LockDelay
	}
}

// destroy ends a session and waits until its locks can be taken again, if that is soon.
func (e *exam) destroy(session string) {
	holds := e.held(session)
	e.ask(consul.DestroySession{ID: session})
	if e.delays[session] != time.Millisecond {
		return
	}
	e.clock.advance(2 * time.Millisecond)
	for _, key := range holds {
		// Nobody can lock it with a session that there never was; what is said tells whether the delay lasts.
		knock := consul.Txn{Ops: []consul.Op{{Verb: consul.Lock, Key: key, Session: nobody}}}
		ctx, cancel := context.WithTimeout(e.t.Context(), time.Minute)
		for {
			reply, err := e.real.Wait(ctx, e.server, knock, time.Minute)
			if err != nil {
				e.t.Fatal(err)
			}
			if !strings.Contains(reply.Refused[0].Text, "lock delay") {
				break
			}
		}
		cancel()
	}
}

// late reads with an index that is over, so nobody waits.
func (e *exam) late() {
	key := e.key()
	now := e.index(key)
	var over []uint64
	for _, p := range e.indexes {
		if p.real < now {
			over = append(over, p.real)
		}
	}
	if len(over) > 0 {
		e.ask(consul.Get{Key: key, Index: over[e.rand.IntN(len(over))], Wait: time.Minute})
	}
}

// patient waits in vain.
func (e *exam) patient() {
	key := e.key()
	e.ask(consul.Get{Key: key, Index: e.index(key), Wait: time.Millisecond})
}

// watch waits for a write that comes.
func (e *exam) watch() {
	key := e.key()
	get := consul.Get{Key: key, Index: e.index(key), Wait: time.Minute, Consistent: true}
	e.values++
	write := consul.Op{Verb: consul.Set, Key: key, Value: fmt.Appendf(nil, "heard %d", e.values)}
	e.during(get, func() { e.ask(consul.Txn{Ops: []consul.Op{write}}) })
}

// during plays a read that waits until something has happened.
func (e *exam) during(get consul.Get, happen func()) {
	heard := make(chan result, 1)
	e.real.Do(e.server, get, 2*time.Minute, func(r consul.Reply, err error) { heard <- result{r, err} })
	var modelled *result
	e.model.Serve(e.translated(get), func(r consul.Reply, err error) { modelled = &result{r, err} })
	if modelled != nil {
		e.fail(get, "the model does not wait")
	}
	happen()
	if modelled == nil {
		e.fail(get, "the model waits for ever")
	}
	e.compare(get, within(e.t, heard, "the write"), *modelled)
}

// tooMuch is refused as a whole.
func (e *exam) tooMuch() {
	if e.rand.IntN(2) == 0 {
		e.ask(consul.Txn{Ops: slices.Repeat([]consul.Op{{Verb: consul.Delete, Key: e.key()}}, 129)})
		return
	}
	e.ask(consul.Txn{Ops: []consul.Op{{Verb: consul.Set, Key: e.key(), Value: make([]byte, 600<<10)}}})
}

func (e *exam) txn() consul.Txn {
	var t consul.Txn
	for range 1 + e.rand.IntN(1+e.rand.IntN(4)) {
		t.Ops = append(t.Ops, e.op())
	}
	return t
}

func (e *exam) op() consul.Op {
	key := e.key()
	switch verb := pick(e, consul.Lock, consul.Lock, consul.Lock, consul.Unlock, consul.CheckSession, consul.Set, consul.CAS, consul.CAS, consul.Delete, consul.GetTree); verb {
	case consul.Lock:
		return consul.Op{Verb: verb, Key: key, Value: e.value(), Session: e.session()}
	case consul.Unlock:
		return consul.Op{Verb: verb, Key: key, Value: e.value(), Session: e.likely(key)}
	case consul.CheckSession:
		return consul.Op{Verb: verb, Key: key, Session: e.likely(key)}
	case consul.CAS:
		index := e.index(key)
		if _, ok := e.find(key); !ok {
			index = 0
		}
		if len(e.indexes) > 0 && e.rand.IntN(4) == 0 {
			index = e.indexes[e.rand.IntN(len(e.indexes))].real
		}
		return consul.Op{Verb: verb, Key: key, Value: e.value(), Index: index}
	case consul.Set:
		return consul.Op{Verb: verb, Key: key, Value: e.value()}
	default:
		return consul.Op{Verb: verb, Key: key}
	}
}

var names = []string{"leader", "a", "b", "b/c", "b/d"}

const nobody = "5e5510af-1111-4111-8111-000000000000"

func pick[T any](e *exam, from ...T) T { return from[e.rand.IntN(len(from))] }

func (e *exam) key() string { return e.prefix + pick(e, names...) }

// value is often the one of before, which is no change.
func (e *exam) value() []byte {
	if e.rand.IntN(3) > 0 {
		e.values++
	}
	if e.rand.IntN(10) == 0 {
		return nil
	}
	return fmt.Appendf(nil, "value %d", e.values)
}

func (e *exam) session() string {
	if len(e.sessions) == 0 || e.rand.IntN(12) == 0 {
		return pick(e, nobody, nobody, "")
	}
	return e.sessions[len(e.sessions)-1-e.rand.IntN(min(3, len(e.sessions)))].real
}

// anybody is a session, or one that there never was.
func (e *exam) anybody() string {
	if s := e.session(); s != "" {
		return s
	}
	return nobody
}

// likely is mostly who holds a key.
func (e *exam) likely(key string) string {
	if p, ok := e.find(key); ok && e.rand.IntN(4) > 0 {
		for _, s := range e.sessions {
			if s.model == p.Session {
				return s.real
			}
		}
		return ""
	}
	return e.session()
}

func (e *exam) find(key string) (consul.Pair, bool) {
	for _, p := range e.model.Pairs(key) {
		if p.Key == key {
			return p, true
		}
	}
	return consul.Pair{}, false
}

// held are the keys that a session holds.
func (e *exam) held(session string) (keys []string) {
	for _, s := range e.sessions {
		for _, p := range e.model.Pairs(e.prefix) {
			if s.real == session && p.Session == s.model {
				keys = append(keys, p.Key)
			}
		}
	}
	return keys
}

// index is that of a key now, in the real one's count.
func (e *exam) index(key string) uint64 { return e.ask(consul.Get{Key: key}).Index }

type result struct {
	reply consul.Reply
	err   error
}

// ask plays a request to both and returns the real answer.
func (e *exam) ask(r consul.Request) consul.Reply {
	e.t.Helper()
	e.played = append(e.played, fmt.Sprintf("%T%+v", r, r))
	var real, modelled result
	real.reply, real.err = e.real.Wait(e.t.Context(), e.server, r, time.Minute)
	answered := 0
	e.model.Serve(e.translated(r), func(r consul.Reply, err error) { modelled, answered = result{r, err}, answered+1 })
	if get, ok := r.(consul.Get); ok && get.Wait < time.Second {
		e.clock.advance(2 * get.Wait)
	}
	if answered != 1 {
		e.fail(r, "the model answers %d times", answered)
	}
	e.compare(r, real, modelled)
	return real.reply
}

func (e *exam) compare(r consul.Request, real, modelled result) {
	e.t.Helper()
	if status(real.err) != status(modelled.err) {
		e.fail(r, "Consul: %v\nthe model: %v", real.err, modelled.err)
	}
	if made, other := real.reply.Session, modelled.reply.Session; made != "" && other != "" {
		e.sessions = append(e.sessions, pairing[string]{made, other})
	}
	if want, got := e.told(real.reply, modelled.reply), modelled.reply; !reflect.DeepEqual(want, got) {
		e.fail(r, "Consul: %+v\nthe model: %+v", want, got)
	}
}

func (e *exam) fail(r consul.Request, format string, args ...any) {
	e.t.Helper()
	e.t.Fatalf("%T%+v\n%s\nafter %s", r, r, fmt.Sprintf(format, args...), strings.Join(e.played, "\n"))
}

// status is the class of an error.
func status(err error) string {
	var no *consul.StatusError
	switch {
	case err == nil:
		return "fine"
	case errors.As(err, &no):
		return fmt.Sprint(no.Code)
	}
	return "no answer"
}
