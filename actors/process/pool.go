package process

import (
	"context"
	"runtime"
	"sync"
)

// batchSize is how many messages a process may handle before others get their turn.
const batchSize = 256

// pool is the Stage of production: a worker for each CPU and one queue of processes with mail. The queue has
// no bound, because each process is in it at most once. Workers must not block, hence Go.
type pool struct {
	mu       sync.Mutex
	wake     sync.Cond
	queue    []Runnable
	head     int
	idle     int // asleep
	seeking  int // awake and looking for work
	closed   bool
	workers  sync.WaitGroup
	blocking sync.WaitGroup

	ctx    context.Context
	cancel context.CancelFunc
}

func newPool() *pool {
	p := &pool{}
	p.wake.L = &p.mu
	p.ctx, p.cancel = context.WithCancel(context.Background())
	for range runtime.GOMAXPROCS(0) {
		p.workers.Go(p.work)
	}
	return p
}

// Ready queues a process. A sleeper is woken only if nobody is looking already: waking costs more than most
// messages, and whoever finds work wakes the next.
func (p *pool) Ready(r Runnable) {
	p.mu.Lock()
	p.push(r)
	p.rouse()
	p.mu.Unlock()
}

func (p *pool) rouse() {
	if p.idle > 0 && p.seeking == 0 {
		p.idle--
		p.seeking++
		p.wake.Signal()
	}
}

func (p *pool) push(r Runnable) {
	if p.head > len(p.queue)/2 && len(p.queue) == cap(p.queue) {
		n := copy(p.queue, p.queue[p.head:])
		clear(p.queue[n:])
		p.queue, p.head = p.queue[:n], 0
	}
	p.queue = append(p.queue, r)
}

func (p *pool) pop() Runnable {
	if p.head == len(p.queue) {
		return nil
	}
	r := p.queue[p.head]
	p.queue[p.head] = nil
	p.head++
	if p.head == len(p.queue) {
		p.queue, p.head = p.queue[:0], 0
	}
	return r
}

func (p *pool) work() {
	for {
		r := p.next()
		if r == nil {
			return
		}
		for r.Run(batchSize) {
			if other := p.swap(r); other != nil {
				r = other
			}
		}
	}
}

// swap queues a process that has more to do and takes the next in its place; nil if there is no other.
func (p *pool) swap(r Runnable) Runnable {
	p.mu.Lock()
	defer p.mu.Unlock()
	other := p.pop()
	if other != nil {
		p.push(r)
	}
	return other
}

// spins is how often a worker looks again before it sleeps: about as long as waking it would take.
const spins = 8

// pause is how many turns a worker waits between two looks, so that one who is about to end its turn gets what it
// has just sent to: two processes that play ping-pong are faster on one processor than across two.
const pause = 4

// next waits for a process with mail; nil when the pool is closed.
func (p *pool) next() Runnable {
	p.mu.Lock()
	defer p.mu.Unlock()
	seeking := false
	for spin := 0; ; {
		if r := p.pop(); r != nil {
			if seeking {
				p.seeking--
			}
			if p.head < len(p.queue) {
				p.rouse()
			}
			return r
		}
		if p.closed {
			return nil
		}
		if !seeking {
			seeking = true
			p.seeking++
		}
		if spin++; spin < spins {
			p.mu.Unlock()
			for range pause {
				runtime.Gosched()
			}
			p.mu.Lock()
			continue
		}
		p.seeking--
		p.idle++
		p.wake.Wait() // whoever signals moves us from idle to seeking
		spin = 0
	}
}

// Go gives blocking work a goroutine of its own.
func (p *pool) Go(work func(context.Context)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		go work(p.ctx) // Close does not wait for latecomers; their context is cancelled already
		return
	}
	p.blocking.Go(func() { work(p.ctx) })
}

// Close lets the workers finish what is queued, cancels blocking work and waits for both.
func (p *pool) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.seeking += p.idle
	p.idle = 0
	p.wake.Broadcast()
	p.mu.Unlock()
	p.cancel()
	done := make(chan struct{})
	go func() { p.workers.Wait(); p.blocking.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
