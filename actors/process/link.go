package process

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process/processpb"
)

// Link asks to be told, through Exiter, when the other process ends, or is not there, or its node cannot be
// reached any more. Linking again while a link stands changes nothing; each link is answered by exactly one
// Exited, which comes after everything that the other process sent before it ended. The address must be the one
// that the other runtime gives itself: by an alias only the loss of its node is noticed.
func (b *Base) Link(to UPID) {
	if _, ok := b.links[to]; ok || to.IsZero() {
		return
	}
	if b.links == nil {
		b.links = map[UPID]uint64{}
	}
	b.links[to] = b.rt.links.link(b, to)
}

// Unlink ends a link. No Exited follows, also if the other process has ended already.
func (b *Base) Unlink(to UPID) {
	if seq, ok := b.links[to]; ok {
		delete(b.links, to)
		b.rt.links.unlink(b.self, to, seq)
	}
}

const (
	// Handshakes are sent again after a second, then with doubled patience up to half a minute. On a
	// connection that keeps its promises the answer comes first and nothing is sent twice.
	firstRetry = time.Second
	lastRetry  = 30 * time.Second
	// exitTries bounds how long an Exited is repeated to a node that is neither lost nor answers.
	exitTries = 8
	// maxForeignLinks is how many links one other node may have into this one.
	maxForeignLinks = 100_000
)

// links is who must be told of whose end, for one runtime. Transport and mailboxes are called with the lock
// held, so that what one goroutine decides first also happens first.
type links struct {
	rt   *Runtime
	addr string

	mu       sync.Mutex
	seq      uint64              // of the last link made here
	order    uint64              // of the last watch
	watchers map[string]watchers // by the id of the process here
	peers    map[string]*peer    // other nodes with links in either direction
	pending  map[handshake]*retry
	timer    Timer
}

// watchers is who linked to one of our processes, from here or elsewhere.
type watchers map[UPID]watch

// watch is a link from the linked side: the number that its maker gave it, and when it came.
type watch struct{ seq, order uint64 }

// inOrder lists watchers as they came.
func (ws watchers) inOrder() []UPID {
	all := make([]UPID, 0, len(ws))
	for who := range ws {
		all = append(all, who)
	}
	slices.SortFunc(all, func(a, b UPID) int { return cmp.Compare(ws[a].order, ws[b].order) })
	return all
}

// peer is what binds us to another node. The transport's connection is kept as long as anything does.
type peer struct {
	out map[pair]uint64 // our links to its processes
	in  map[pair]uint64 // its links to ours
}

// pair is the ids of the linking and of the linked process.
type pair struct{ from, to string }

// handshake is a message that wants an answer.
type handshake struct {
	from, to UPID
	exited   bool // Exited, else Link
}

type retry struct {
	msg   proto.Message
	seq   uint64
	tries int
	due   time.Time
	wait  time.Duration
}

func (l *links) init(r *Runtime) {
	l.rt = r
	// A restarted node must not repeat the numbers of the one before it, or its links could be taken for theirs.
	l.seq = r.seed >> 1
	l.watchers = map[string]watchers{}
	l.peers = map[string]*peer{}
	l.pending = map[handshake]*retry{}
}

func (l *links) link(b *Base, to UPID) (seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seq++
	seq = l.seq
	switch {
	case to.Addr == l.addr && l.rt.registry.get(to.ID) != nil:
		l.watch(to.ID, b.self, seq)
	case to.Addr == l.addr || l.rt.transport == nil:
		b.box.post(mail{kind: kindExited, body: &exited{to, seq}})
	default:
		p := l.peer(to.Addr)
		p.out[pair{b.self.ID, to.ID}] = seq
		l.shake(handshake{from: b.self, to: to}, seq, &processpb.Link{Seq: seq})
	}
	return seq
}

func (l *links) unlink(from, to UPID, seq uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if to.Addr == l.addr {
		l.unwatch(to.ID, from)
		return
	}
	p := l.peers[to.Addr]
	if p == nil || p.out[pair{from.ID, to.ID}] != seq {
		return // lost already; the Exited that is on its way will find no link
	}
	delete(p.out, pair{from.ID, to.ID})
	delete(l.pending, handshake{from: from, to: to})
	l.tell(from, to, &processpb.Unlink{Seq: seq})
	l.release(to.Addr, p)
}

// ended takes a process out of the registry and tells everybody who linked to it. Both under the lock, so that
// a link made by then is told, and one made later finds nobody there.
func (l *links) ended(b *Base) {
	for _, to := range b.sortedLinks() {
		l.unlink(b.self, to, b.links[to])
	}
	b.links = nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rt.registry.remove(b)
	told := l.watchers[b.self.ID]
	delete(l.watchers, b.self.ID)
	for _, who := range told.inOrder() {
		seq := told[who].seq
		if who.Addr == l.addr {
			l.notify(who.ID, b.self, seq)
		} else {
			l.shake(handshake{from: b.self, to: who, exited: true}, seq, &processpb.Exited{Seq: seq})
		}
	}
}

// notify queues Exited at a process here.
func (l *links) notify(id string, who UPID, seq uint64) {
	if b := l.rt.registry.get(id); b != nil {
		b.box.post(mail{kind: kindExited, body: &exited{who, seq}})
	}
}

// receive takes what another runtime says about links.
func (l *links) receive(from, to UPID, m proto.Message) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch m := m.(type) {
	case *processpb.Link:
		if m.Seq != 0 {
			l.linked(from, to, m.Seq)
		}
	case *processpb.Linked:
		l.answered(handshake{from: to, to: from}, m.Seq)
	case *processpb.Unlink:
		l.answered(handshake{from: to, to: from, exited: true}, m.Seq)
		if p := l.peers[from.Addr]; p != nil && p.in[pair{from.ID, to.ID}] == m.Seq {
			delete(p.in, pair{from.ID, to.ID})
			l.unwatch(to.ID, from)
			l.release(from.Addr, p)
		}
	case *processpb.Exited:
		l.answered(handshake{from: to, to: from}, m.Seq)
		l.tell(to, from, &processpb.Unlink{Seq: m.Seq})
		if p := l.peers[from.Addr]; p != nil && p.out[pair{to.ID, from.ID}] == m.Seq {
			delete(p.out, pair{to.ID, from.ID})
			l.notify(to.ID, from, m.Seq)
			l.release(from.Addr, p)
		}
	}
}

// linked registers a link from another node.
func (l *links) linked(from, to UPID, seq uint64) {
	if l.rt.registry.get(to.ID) == nil {
		l.tell(to, from, &processpb.Exited{Seq: seq})
		return
	}
	key := pair{from.ID, to.ID}
	if p := l.peers[from.Addr]; p != nil && len(p.in) >= maxForeignLinks && p.in[key] == 0 {
		l.rt.stats.refused.Add(1)
		return
	}
	p := l.peer(from.Addr)
	if p.in[key] != seq {
		p.in[key] = seq // perhaps in place of an older one, whose Unlink was lost
		l.watch(to.ID, from, seq)
	}
	l.tell(to, from, &processpb.Linked{Seq: seq})
}

// peerLost breaks every link from and to a node.
func (l *links) peerLost(addr string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.peers[addr]
	if p == nil {
		return
	}
	delete(l.peers, addr)
	for h := range l.pending {
		if h.to.Addr == addr {
			delete(l.pending, h)
		}
	}
	for _, broken := range inOrder(p.out) {
		l.notify(broken.from, UPID{ID: broken.to, Addr: addr}, p.out[broken])
	}
	for _, broken := range inOrder(p.in) {
		who := UPID{ID: broken.from, Addr: addr}
		l.unwatch(broken.to, who)
		// If only our way to it broke, it still believes in its link; one word, should it get through, ends that.
		l.tell(l.rt.UPID(broken.to), who, &processpb.Exited{Seq: p.in[broken]})
	}
}

// inOrder lists links in the order in which they were made.
func inOrder(m map[pair]uint64) []pair {
	all := make([]pair, 0, len(m))
	for p := range m {
		all = append(all, p)
	}
	slices.SortFunc(all, func(a, b pair) int {
		return cmp.Or(cmp.Compare(m[a], m[b]), cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	return all
}

func (l *links) watch(id string, who UPID, seq uint64) {
	ws := l.watchers[id]
	if ws == nil {
		ws = watchers{}
		l.watchers[id] = ws
	}
	l.order++
	ws[who] = watch{seq, l.order}
}

func (l *links) unwatch(id string, who UPID) {
	ws := l.watchers[id]
	delete(ws, who)
	if len(ws) == 0 {
		delete(l.watchers, id)
	}
}

// peer finds a node, and connects to it if nothing has bound us to it so far.
func (l *links) peer(addr string) *peer {
	p := l.peers[addr]
	if p == nil {
		p = &peer{out: map[pair]uint64{}, in: map[pair]uint64{}}
		l.peers[addr] = p
		l.rt.transport.Connect(addr)
	}
	return p
}

func (l *links) release(addr string, p *peer) {
	if len(p.out) == 0 && len(p.in) == 0 {
		delete(l.peers, addr)
		l.rt.transport.Release(addr)
	}
}

// tell sends a message between runtimes, once.
func (l *links) tell(from, to UPID, m proto.Message) {
	l.rt.transport.Send(Envelope{From: from, To: to, Msg: m})
}

// shake sends a message until it is answered.
func (l *links) shake(h handshake, seq uint64, m proto.Message) {
	l.pending[h] = &retry{msg: m, seq: seq, wait: firstRetry, due: l.rt.clock.Now().Add(firstRetry)}
	l.tell(h.from, h.to, m)
	if l.timer == nil {
		l.timer = l.rt.clock.AfterFunc(firstRetry, l.again)
	}
}

func (l *links) answered(h handshake, seq uint64) {
	if r := l.pending[h]; r != nil && r.seq == seq {
		delete(l.pending, h)
	}
}

// again repeats what has not been answered in time.
func (l *links) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.timer = nil
	if len(l.pending) == 0 {
		return
	}
	now := l.rt.clock.Now()
	for _, h := range l.unanswered() {
		r := l.pending[h]
		if now.Before(r.due) {
			continue
		}
		if r.tries++; h.exited && r.tries > exitTries {
			l.forget(h)
			continue
		}
		r.wait = min(2*r.wait, lastRetry)
		r.due = now.Add(r.wait)
		l.tell(h.from, h.to, r.msg)
	}
	l.timer = l.rt.clock.AfterFunc(firstRetry, l.again)
}

// forget gives up on an Exited that nobody answers.
func (l *links) forget(h handshake) {
	delete(l.pending, h)
	if p := l.peers[h.to.Addr]; p != nil {
		delete(p.in, pair{h.to.ID, h.from.ID})
		l.release(h.to.Addr, p)
	}
}

// unanswered lists the pending handshakes in a fixed order.
func (l *links) unanswered() []handshake {
	all := make([]handshake, 0, len(l.pending))
	for h := range l.pending {
		all = append(all, h)
	}
	slices.SortFunc(all, func(a, b handshake) int {
		x, y := l.pending[a], l.pending[b]
		return cmp.Or(cmp.Compare(x.seq, y.seq), cmp.Compare(a.to.String(), b.to.String()), cmp.Compare(a.from.String(), b.from.String()))
	})
	return all
}

func (l *links) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.pending)
	if l.timer != nil {
		l.timer.Stop()
	}
}
