package node

import (
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/durations"
	"github.com/meseta-io/meseta/messages/fault"
)

// Logging is how much a node logs: what it was started with, and for a while more, if somebody asks for that. Levels are
// Mesos': 0 is what the flags say, everything above is more, which here is all there is.
type Logging struct {
	level *slog.LevelVar
	usual slog.Level
	after func(time.Duration, func()) (stop func() bool)

	mu     sync.Mutex
	now    uint32
	turn   int // which change this is
	cancel func() bool
}

// NewLogging governs a level. after is a clock's AfterFunc; nil: the machine's.
func NewLogging(level *slog.LevelVar, after func(time.Duration, func()) (stop func() bool)) *Logging {
	if after == nil {
		after = func(d time.Duration, f func()) func() bool { return time.AfterFunc(d, f).Stop }
	}
	return &Logging{level: level, usual: level.Level(), after: after}
}

// Level is the present level.
func (l *Logging) Level() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// Set changes the level for d; then it is again what it was at the start. The last one who sets it wins.
func (l *Logging) Set(level uint32, d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("a level for %v: more than zero expected: %w", d, fault.ErrInvalid)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cancel != nil {
		l.cancel()
		l.cancel = nil
	}
	l.turn++
	l.change(level)
	if level > 0 {
		turn := l.turn
		l.cancel = l.after(d, func() { l.over(turn) })
	}
	return nil
}

// over is the end of a change, unless another one has overtaken it.
func (l *Logging) over(turn int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if turn == l.turn {
		l.change(0)
	}
}

func (l *Logging) change(level uint32) {
	l.now = level
	if level == 0 {
		l.level.Set(l.usual)
		return
	}
	l.level.Set(slog.LevelDebug)
}

// toggle is /logging/toggle.
func (p Parts) toggle(w *web.Writer, r *web.Request) {
	if !p.may(w, r, authorization.GetEndpointWithPath, "/logging/toggle") {
		return
	}
	level, hasLevel := r.Query("level")
	duration, hasDuration := r.Query("duration")
	switch {
	case !hasLevel && !hasDuration:
		w.Text(http.StatusOK, strconv.FormatUint(uint64(p.Logging.Level()), 10)+"\n")
		return
	case !hasLevel:
		w.Text(http.StatusBadRequest, "Expecting 'level=value' in query.\n")
		return
	case !hasDuration:
		w.Text(http.StatusBadRequest, "Expecting 'duration=value' in query.\n")
		return
	}
	n, err := strconv.ParseInt(level, 10, 32)
	if err != nil {
		w.Text(http.StatusBadRequest, "Failed to convert '"+level+"' to number.\n")
		return
	}
	if n < 0 {
		w.Text(http.StatusBadRequest, "Invalid level '"+level+"'.\n")
		return
	}
	d, err := durations.Parse(duration)
	if err != nil {
		w.Text(http.StatusBadRequest, "Invalid duration '"+duration+"': "+web.Reason(err)+".\n")
		return
	}
	if !p.may(w, r, authorization.SetLogLevel, "") {
		return
	}
	if err := p.Logging.Set(uint32(n), d); err != nil {
		w.Error(err)
		return
	}
	w.Empty(http.StatusOK)
}
