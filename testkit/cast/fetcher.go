package cast

import (
	"errors"
	"time"

	"github.com/meseta-io/meseta/actors/fetcher"
)

// courier is the fetcher of a simulated machine: it brings nothing, in virtual time.
type courier struct{ machine *Machine }

var _ fetcher.Fetcher = courier{}

func (c courier) Fetch(r fetcher.Request, done func(error)) (cancel func()) {
	takes, err := time.Millisecond, error(nil)
	if c.machine.OnFetch != nil {
		takes, err = c.machine.OnFetch(r)
	}
	w := c.machine.node.World()
	ended := false
	end := func(err error) {
		if !ended {
			ended = true
			done(err)
		}
	}
	w.At(takes, func() { end(err) })
	return func() { w.At(0, func() { end(errors.New("given up")) }) }
}
