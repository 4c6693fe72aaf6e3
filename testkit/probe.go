package testkit

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/process"
)

// Probe is a process that a test speaks and hears through. It keeps every message that it gets until an
// expectation takes it.
type Probe struct {
	node    *Node
	id      string
	ref     process.Ref[*probe]
	inbox   []Message
	exits   []process.UPID
	replies []reply
	split   func(proto.Message) []proto.Message
	expects time.Duration // when the last expectation was met
	seen    []Message     // taken since then, for failures
}

type reply struct {
	to   Pattern
	with func(Message) proto.Message
}

// probe is the actor side of a Probe; the rest must not be offered to the runtime.
type probe struct {
	*Probe
	base *process.Base
}

// Probe makes a probe on a node of its own, both of the given name.
func (w *World) Probe(name string) *Probe { return w.Node(name).Probe(name) }

// Probe makes a probe on this node.
func (n *Node) Probe(id string) *Probe {
	p := &Probe{node: n, id: id}
	ref, err := process.Spawn(n.Runtime(), id, &probe{Probe: p})
	if err != nil {
		n.world.fail("probe %s on %s: %v", id, n.name, err)
		n.world.report()
	}
	p.ref = ref
	return p
}

func (p *probe) Initialize(b *process.Base) {
	p.base = b
	process.InstallAny(b, func(from process.UPID, m proto.Message) {
		got := Message{At: p.node.world.now, From: from, To: b.Self(), Msg: m}
		p.take(got)
		for _, r := range p.replies {
			if r.to.against(got) != "" {
				continue
			}
			if answer := r.with(got); answer != nil {
				b.Send(from, answer)
			}
			return
		}
	})
}

func (p *Probe) take(m Message) {
	if p.split == nil {
		p.inbox = append(p.inbox, m)
		return
	}
	for _, part := range p.split(m.Msg) {
		m.Msg = part
		p.inbox = append(p.inbox, m)
	}
}

func (p *probe) Exited(who process.UPID) { p.exits = append(p.exits, who) }

// UPID is the probe's name.
func (p *Probe) UPID() process.UPID { return p.node.UPID(p.id) }

// String is the probe's UPID.
func (p *Probe) String() string { return p.UPID().String() }

// Node is where the probe is.
func (p *Probe) Node() *Node { return p.node }

// Send sends from the probe. Like everything it happens when the world takes steps.
func (p *Probe) Send(to fmt.Stringer, m proto.Message) {
	who := upidOf(to)
	process.Dispatch(p.ref, func(p *probe) { p.base.Send(who, m) })
}

// Link links the probe to a process; see ExpectExit.
func (p *Probe) Link(to fmt.Stringer) {
	who := upidOf(to)
	process.Dispatch(p.ref, func(p *probe) { p.base.Link(who) })
}

func upidOf(who fmt.Stringer) process.UPID {
	switch who := who.(type) {
	case process.UPID:
		return who
	case interface{ UPID() process.UPID }:
		return who.UPID()
	}
	u, err := process.ParseUPID(who.String())
	if err != nil {
		panic(fmt.Sprintf("testkit: %q is no process", who))
	}
	return u
}

// Reply answers every message that fits, from now on; a nil answer is none. The messages stay for expectations.
func (p *Probe) Reply(to Pattern, with func(Message) proto.Message) {
	p.replies = append(p.replies, reply{to, with})
}

// Split has messages kept in parts, so that each can be expected alone; none to leave a message out. Replies see
// the whole.
func (p *Probe) Split(parts func(proto.Message) []proto.Message) { p.split = parts }

// Messages are those that no expectation took, oldest first.
func (p *Probe) Messages() []Message { return p.inbox }

// Forget throws away what came so far.
func (p *Probe) Forget() { p.inbox, p.seen = nil, nil }

// Expect runs the world until a message for each pattern has come, in any order, and takes these messages; others
// stay. It returns them in the order of the patterns. If they do not come within the world's patience the test
// fails.
func (p *Probe) Expect(patterns ...Pattern) []Message {
	p.node.world.t.Helper()
	return p.ExpectWithin(p.node.world.patience, patterns...)
}

// ExpectWithin is Expect with another patience. With 0 the messages have to come without time moving on.
func (p *Probe) ExpectWithin(within time.Duration, patterns ...Pattern) []Message {
	w := p.node.world
	w.t.Helper()
	w.outside("Expect")
	var chosen []int
	if !w.tryUntil(within, func() bool {
		chosen = p.assign(patterns)
		return !slices.Contains(chosen, -1)
	}) {
		w.fail("%s", p.missing(within, patterns, chosen))
	}
	w.report()
	return p.takeAll(chosen)
}

// ExpectNext runs the world until the next message comes, which has to fit the pattern, and takes it.
func (p *Probe) ExpectNext(pattern Pattern) Message {
	w := p.node.world
	w.t.Helper()
	w.outside("Expect")
	came := w.tryUntil(w.patience, func() bool { return len(p.inbox) > 0 })
	if w.failure == nil && (!came || pattern.against(p.inbox[0]) != "") {
		w.fail("%s", p.missing(w.patience, []Pattern{pattern}, []int{-1}))
	}
	w.report()
	return p.takeAll([]int{0})[0]
}

// ExpectNone lets time pass and fails if a message came, or was there already, that fits one of the patterns;
// without patterns, any message.
func (p *Probe) ExpectNone(during time.Duration, patterns ...Pattern) {
	w := p.node.world
	w.t.Helper()
	if len(patterns) == 0 {
		patterns = []Pattern{Any()}
	}
	unwanted := func() bool { return p.firstUnwanted(patterns) >= 0 }
	if w.tryUntil(during, unwanted) && w.failure == nil {
		m := p.inbox[p.firstUnwanted(patterns)]
		w.fail("%s got what it must not, at +%v from %v:\n    %s", p.id, m.At, m.From, m)
	}
	w.report()
}

func (p *Probe) firstUnwanted(patterns []Pattern) int {
	return slices.IndexFunc(p.inbox, func(m Message) bool {
		return slices.ContainsFunc(patterns, func(q Pattern) bool { return q.against(m) == "" })
	})
}

// ExpectExit runs the world until the probe has been told that a process it linked to is gone.
func (p *Probe) ExpectExit(who fmt.Stringer) {
	w, u := p.node.world, upidOf(who)
	w.t.Helper()
	if !w.tryUntil(w.patience, func() bool { return slices.Contains(p.exits, u) }) {
		w.fail("%s was not told within %v that %v exited", p.id, w.patience, u)
	}
	w.report()
	p.exits = slices.DeleteFunc(p.exits, func(e process.UPID) bool { return e == u })
}

// Exits are the processes whose end the probe was told, as far as ExpectExit did not take them.
func (p *Probe) Exits() []process.UPID { return p.exits }

// assign finds a message of the inbox for each pattern, -1 where there is none: a matching, so that a narrow
// pattern is not robbed by a wide one before it.
func (p *Probe) assign(patterns []Pattern) []int {
	chosen := make([]int, len(patterns))
	owner := map[int]int{}
	for i := range patterns {
		chosen[i] = -1
	}
	for i := range patterns {
		p.augment(patterns, i, chosen, owner, map[int]bool{})
	}
	return chosen
}

func (p *Probe) augment(patterns []Pattern, i int, chosen []int, owner map[int]int, tried map[int]bool) bool {
	for j := range p.inbox {
		if tried[j] || patterns[i].against(p.inbox[j]) != "" {
			continue
		}
		tried[j] = true
		if other, taken := owner[j]; !taken || p.augment(patterns, other, chosen, owner, tried) {
			owner[j], chosen[i] = i, j
			return true
		}
	}
	return false
}

func (p *Probe) takeAll(chosen []int) []Message {
	taken := make([]Message, len(chosen))
	for i, j := range chosen {
		if j >= 0 && j < len(p.inbox) {
			taken[i] = p.inbox[j]
		}
	}
	var rest []Message
	for j, m := range p.inbox {
		if !slices.Contains(chosen, j) {
			rest = append(rest, m)
		}
	}
	p.inbox = rest
	p.seen = append(p.seen[:0:0], taken...)
	p.expects = p.node.world.now
	return taken
}

// missing says what was expected and what is there instead, each with the reason why it is not it.
func (p *Probe) missing(within time.Duration, patterns []Pattern, chosen []int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s expected, within %v:\n", p.id, within)
	var open []Pattern
	for i, q := range patterns {
		if chosen[i] >= 0 {
			fmt.Fprintf(&b, "    ✓ %s\n", q)
		} else {
			fmt.Fprintf(&b, "    ✗ %s\n", q)
			open = append(open, q)
		}
	}
	const most = 12
	b.WriteString("and has instead:")
	shown := 0
	for j := len(p.inbox) - 1; j >= 0 && shown < most; j-- {
		if m := p.inbox[j]; !slices.Contains(chosen, j) {
			shown++
			fmt.Fprintf(&b, "\n    +%v from %v: %s\n        %s", m.At, m.From, m, closest(m, open))
		}
	}
	if shown == 0 {
		b.WriteString(" nothing")
	}
	if rest := len(p.inbox) - shown; shown == most && rest > 0 {
		fmt.Fprintf(&b, "\n    and %d older ones", rest)
	}
	if len(p.seen) > 0 {
		fmt.Fprintf(&b, "\nits last expectation was met at +%v", p.expects)
	}
	return b.String()
}

func closest(m Message, open []Pattern) string {
	for _, q := range open {
		if why := q.against(m); !strings.HasPrefix(why, "it is ") {
			return "not it: " + why
		}
	}
	if len(open) > 0 {
		return "not it: " + open[0].against(m)
	}
	return ""
}
