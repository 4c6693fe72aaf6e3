package consul_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/meseta-io/meseta/cluster/clustertest"
	"github.com/meseta-io/meseta/cluster/consul"
	model "github.com/meseta-io/meseta/testkit/consul"
)

// The exam of every implementation, on the model: what simulations are built on keeps the promises too.
func TestConformanceOnTheModel(t *testing.T) {
	clustertest.Run(t, func(t *testing.T) clustertest.Subject {
		l := &local{}
		l.store = model.NewStore(guarded{&l.mu})
		c := consul.Default()
		c.Servers = []string{"model:8500"}
		return l.subject(t, c)
	})
}

// local is the model as a wire in real time, without servers or a network in between.
type local struct {
	mu    sync.Mutex
	store *model.Store
}

func (l *local) subject(t *testing.T, c consul.Config) clustertest.Subject {
	cl := consul.New(c, l, consul.BootClock(), log(t))
	t.Cleanup(func() { _ = cl.Close() })
	return clustertest.Subject{Contender: cl, Detector: cl, Registry: cl, Restart: func(t *testing.T) clustertest.Subject {
		if err := cl.Close(); err != nil {
			t.Fatal(err)
		}
		return l.subject(t, c)
	}}
}

func (l *local) Do(_ string, r consul.Request, _ time.Duration, done func(consul.Reply, error)) func() {
	var once sync.Once
	end := func(r consul.Reply, err error) { once.Do(func() { go done(r, err) }) }
	l.mu.Lock()
	defer l.mu.Unlock()
	l.store.Serve(r, end)
	return func() { end(consul.Reply{}, context.Canceled) }
}

func (l *local) Wait(ctx context.Context, server string, r consul.Request, timeout time.Duration) (consul.Reply, error) {
	if err := ctx.Err(); err != nil {
		return consul.Reply{}, err
	}
	heard := make(chan result, 1)
	cancel := l.Do(server, r, timeout, func(r consul.Reply, err error) { heard <- result{r, err} })
	defer cancel()
	select {
	case got := <-heard:
		return got.reply, got.err
	case <-ctx.Done():
		return consul.Reply{}, ctx.Err()
	}
}

// guarded is the real clock for a Store, which one at a time may use.
type guarded struct{ mu *sync.Mutex }

func (guarded) Now() time.Time { return time.Now() }

func (g guarded) AfterFunc(d time.Duration, f func()) func() bool {
	return time.AfterFunc(d, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		f()
	}).Stop
}
