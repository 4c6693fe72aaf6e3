package testkit

import (
	"fmt"
	"time"
)

// Weather is how the network between hosts behaves; between two nodes of one host, which differ only in their ports,
// messages take their time but nothing is lost. Chances are in thousandths.
type Weather struct {
	// MinLatency and MaxLatency bound how long a message travels. Messages from one process to another stay in
	// order, whatever each one's latency.
	MinLatency, MaxLatency time.Duration
	// Loss is how many messages of a thousand vanish, and Duplicate how many arrive twice. The runtime's own
	// messages (links and exits) are not spared. Such a network is harsher than TCP: who waits for an answer and
	// never asks again waits for ever, though no link broke.
	Loss, Duplicate int
	// Reset is how many messages of a thousand meet a connection that breaks: they and all that is underway on it
	// are lost, and both sides notice. This is how TCP loses.
	Reset int
	// KeepAlive is how long it takes to notice a peer that has become silent, by a cut or a pulled plug. A
	// shorter cut only delays messages, as TCP sends them again.
	KeepAlive time.Duration
	// Refused is how long it takes to find out that nobody listens at an address.
	Refused time.Duration
}

// Calm is the weather of a new World: 0.1 to 1 ms on the way, no loss. KeepAlive and Refused are those of the
// production transport.
var Calm = Weather{
	MinLatency: 100 * time.Microsecond, MaxLatency: time.Millisecond,
	KeepAlive: 12 * time.Second, Refused: 2 * time.Second,
}

// SetWeather changes how the network behaves from now on. Messages that are underway keep their arrival.
func (w *World) SetWeather(to Weather) {
	w.net.weather = to
	w.note("weather", nil, "%s", to)
}

// Weather returns how the network behaves.
func (w *World) Weather() Weather { return w.net.weather }

// String says it in a line.
func (w Weather) String() string {
	return fmt.Sprintf("latency %v to %v, %d ‰ lost, %d ‰ twice, %d ‰ meet a reset", w.MinLatency, w.MaxLatency,
		w.Loss, w.Duplicate, w.Reset)
}
