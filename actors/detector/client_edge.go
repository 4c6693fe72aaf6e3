package detector

import (
	"slices"
	"sync/atomic"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
)

// Client is a cluster.Detector for the actors of one runtime.
type Client struct{ ref process.Ref[*Detector] }

var _ cluster.Detector = Client{}

// Spawn starts a detector as process id of a runtime. masters are addresses of masters, host:port: any of the cluster's,
// at least one.
func Spawn(rt *process.Runtime, id string, masters []string) (Client, error) {
	d, err := newDetector(masters)
	if err != nil {
		return Client{}, err
	}
	ref, err := process.Spawn(rt, id, d)
	return Client{ref}, err
}

// Validate says what is wrong with addresses of masters.
func Validate(masters []string) error {
	_, err := newDetector(masters)
	return err
}

// Detect implements cluster.Detector. It is an edge because cancel may be called from anywhere, at any time.
func (c Client) Detect(previous *cluster.Leader, done func(*cluster.Leader, error)) (cancel func()) {
	var over atomic.Bool
	w := &waiter{previous: previous, done: func(l *cluster.Leader, err error) {
		if over.CompareAndSwap(false, true) {
			done(l, err)
		}
	}}
	process.Dispatch(c.ref, func(d *Detector) { d.await(w) })
	return func() {
		if over.CompareAndSwap(false, true) {
			process.Dispatch(c.ref, func(d *Detector) {
				d.waiters = slices.DeleteFunc(d.waiters, func(other *waiter) bool { return other == w })
			})
		}
	}
}

// Close ends the detector. Those who wait hear nothing more. The zero Client has nothing to end.
func (c Client) Close() { process.Terminate(c.ref, false) }
