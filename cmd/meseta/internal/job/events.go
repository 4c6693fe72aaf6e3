package job

import (
	"net"
	"strconv"
	"sync"
)

// Events carries what an actor tells to a goroutine that may be slow. The actor never waits: what is not fetched
// yet is kept.
type Events struct {
	mu      sync.Mutex
	waiting []Event
	ready   chan struct{}
}

// NewEvents makes one.
func NewEvents() *Events { return &Events{ready: make(chan struct{}, 1)} }

// Tell adds an event.
func (e *Events) Tell(event Event) {
	e.mu.Lock()
	e.waiting = append(e.waiting, event)
	e.mu.Unlock()
	select {
	case e.ready <- struct{}{}:
	default:
	}
}

// Ready has something in it when there may be events.
func (e *Events) Ready() <-chan struct{} { return e.ready }

// Fetch takes what is there.
func (e *Events) Fetch() []Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	events := e.waiting
	e.waiting = nil
	return events
}

func joinHostPort(host string, port int32) string {
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
