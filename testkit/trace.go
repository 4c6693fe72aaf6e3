package testkit

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/meseta-io/meseta/actors/process"
)

// TraceVariable is the environment variable that makes every World write its whole trace to standard error.
const TraceVariable = "MESETA_TRACE"

// trace remembers the latest steps for people and condenses all of them into a hash for machines.
type trace struct {
	sum   digest
	ring  []line
	n     int // written so far
	out   io.Writer
	types map[protoreflect.MessageDescriptor]uint64
}

// line is one entry. It is put into words only when somebody reads it.
type line struct {
	at       time.Duration
	step     int
	odd      bool // the choice before it was not the dull one
	what     string
	from, to process.UPID
	msg      proto.Message
	note     string
}

const traceLines = 4096

// The kinds of entries in the hash.
const (
	markTurn uint64 = iota + 1
	markEvent
	markSend
	markDelivery
	markFate
	markNote
)

func (w *World) stamp(kind uint64) { w.trace.sum.word(kind<<56 ^ uint64(w.now)) }

func (w *World) write(l line) {
	t := &w.trace
	l.at, l.step = w.now, w.steps
	l.odd = w.oddChoice
	if t.ring == nil {
		t.ring = make([]line, traceLines)
	}
	t.ring[t.n%traceLines] = l
	t.n++
	if t.out != nil {
		fmt.Fprintln(t.out, l)
	}
}

// markOdd marks the entry of a message that takes its time.
func (t *trace) markOdd() {
	if t.n > 0 {
		t.ring[(t.n-1)%traceLines].odd = true
	}
}

// traceTurn notes that a process handles a message.
func (w *World) traceTurn(t *turn) {
	w.stamp(markTurn)
	w.trace.sum.word(t.mark)
}

// traceEvent notes that a timer, an arrival or some work had its time.
func (w *World) traceEvent(e *event) {
	w.stamp(markEvent)
	w.trace.sum.word(uint64(len(e.label)))
	if e.of != nil {
		w.trace.sum.word(e.of.mark)
	}
}

// traceSend notes a message at the moment of sending; data is nil within a node.
func (w *World) traceSend(e process.Envelope, data []byte) {
	w.stamp(markSend)
	w.trace.sum.text(e.From.ID)
	w.trace.sum.text(e.To.ID)
	w.trace.sum.text(e.To.Addr)
	w.trace.sum.word(w.typeMark(e.Msg))
	if data != nil {
		w.trace.sum.bytes(data)
	}
	w.write(line{what: "send", from: e.From, to: e.To, msg: e.Msg})
}

// traceDelivery notes that a message came from the network.
func (w *World) traceDelivery(e process.Envelope) {
	w.stamp(markDelivery)
	w.trace.sum.text(e.To.ID)
	w.trace.sum.text(e.To.Addr)
	w.trace.sum.word(w.typeMark(e.Msg))
	w.write(line{what: "arrive", from: e.From, to: e.To, msg: e.Msg})
}

// traceFate notes what became of a message instead of arriving.
func (w *World) traceFate(what string, e process.Envelope, why string) {
	w.stamp(markFate)
	w.trace.sum.text(what)
	w.write(line{what: what, from: e.From, to: e.To, msg: e.Msg, note: why})
}

// note writes an entry in words; of may be nil.
func (w *World) note(what string, of *life, format string, args ...any) {
	w.stamp(markNote)
	w.trace.sum.text(what)
	l := line{what: what, note: fmt.Sprintf(format, args...)}
	if of != nil {
		l.from.Addr = of.node.addr
	}
	w.write(l)
}

// typeMark is a number for a message type that is the same in every process.
func (w *World) typeMark(m proto.Message) uint64 {
	d := m.ProtoReflect().Descriptor()
	mark, ok := w.trace.types[d]
	if !ok {
		var sum digest
		sum.text(string(d.FullName()))
		mark = uint64(sum)
		w.trace.types[d] = mark
	}
	return mark
}

// TraceHash condenses everything that happened so far. Two runs with the same choices have the same hash, on any
// machine; two that differ anywhere have different ones.
func (w *World) TraceHash() uint64 {
	sum := w.trace.sum
	sum.word(uint64(w.now))
	sum.word(uint64(w.steps))
	return uint64(sum)
}

// Trace is the latest n entries of the trace, oldest first.
func (w *World) Trace(n int) []string {
	n = min(n, w.trace.n, traceLines)
	lines := make([]string, 0, n)
	for i := w.trace.n - n; i < w.trace.n; i++ {
		lines = append(lines, w.trace.ring[i%traceLines].String())
	}
	return lines
}

// String is the entry in words: when, what, who, which message. An asterisk marks a step that was chosen against
// the dull order, or a message that is slower than it could be; in a shrunk run those are what matters.
func (l line) String() string {
	var b strings.Builder
	star := " "
	if l.odd {
		star = "*"
	}
	fmt.Fprintf(&b, "%12s %s %-8s ", "+"+l.at.String(), star, l.what)
	switch {
	case l.msg != nil:
		from := "nobody"
		if !l.from.IsZero() {
			from = l.from.String()
		}
		fmt.Fprintf(&b, "%s → %s  %s", from, l.to, describe(l.msg))
	case l.from.ID != "":
		fmt.Fprintf(&b, "%s ", l.from)
	case l.from.Addr != "":
		fmt.Fprintf(&b, "%s ", l.from.Addr)
	}
	if l.note != "" {
		if l.msg != nil {
			b.WriteString("  ")
		}
		b.WriteString(l.note)
	}
	return strings.TrimRight(b.String(), " ")
}

// logger writes what actors log into the trace.
func (w *World) logger(l *life) *slog.Logger { return slog.New(&logHandler{of: l}) }

type logHandler struct {
	of    *life
	attrs string
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.of.node.world.logLevel
}

func (h *logHandler) Handle(_ context.Context, r slog.Record) error {
	if h.of.dead {
		return nil
	}
	text := r.Message + h.attrs
	r.Attrs(func(a slog.Attr) bool {
		text += " " + a.String()
		return true
	})
	w := h.of.node.world
	w.write(line{what: strings.ToLower(r.Level.String()), from: process.UPID{Addr: h.of.node.addr}, note: text})
	return nil
}

func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	more := *h
	for _, a := range attrs {
		more.attrs += " " + a.String()
	}
	return &more
}

func (h *logHandler) WithGroup(string) slog.Handler { return h }
