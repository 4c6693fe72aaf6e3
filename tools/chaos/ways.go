package main

import (
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Ways are the connections between the processes of a storm. Every process is known to the others by the address of a
// proxy, which knows who connects and can hold back what one says to the other.
type Ways struct {
	who func(client, proxy net.Addr) string // names the process at the other end of a connection

	mu        sync.Mutex
	listeners []net.Listener
	open      map[*way]struct{}
	rules     map[*Fault]struct{}
	changed   chan struct{} // closed when rules change
	closed    bool
	work      sync.WaitGroup
}

// NewWays makes ways that ask who connects.
func NewWays(who func(client, proxy net.Addr) string) *Ways {
	return &Ways{who: who, open: map[*way]struct{}{}, rules: map[*Fault]struct{}{}, changed: make(chan struct{})}
}

// way is a connection through a proxy.
type way struct {
	from, to string
	in, out  net.Conn // of who connected, and of who was connected to
	done     chan struct{}
	once     sync.Once
}

// Listen is the address at by which others know the process to, which is really at target.
func (w *Ways) Listen(at, to, target string) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.listeners = append(w.listeners, l)
	w.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			w.work.Go(func() { w.carry(c, to, target) })
		}
	})
	return nil
}

// Set begins a cut or a slowness, and Lift ends it.
func (w *Ways) Set(f *Fault)  { w.change(func() { w.rules[f] = struct{}{} }) }
func (w *Ways) Lift(f *Fault) { w.change(func() { delete(w.rules, f) }) }

func (w *Ways) change(how func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	how()
	close(w.changed)
	w.changed = make(chan struct{})
}

// Reset breaks every connection of a process, to the surprise of both ends.
func (w *Ways) Reset(name string) (broken int) {
	for c := range w.all() {
		if c.from == name || c.to == name {
			c.end(true)
			broken++
		}
	}
	return broken
}

func (w *Ways) all() map[*way]struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := map[*way]struct{}{}
	for c := range w.open {
		all[c] = struct{}{}
	}
	return all
}

// Close ends all ways.
func (w *Ways) Close() {
	w.mu.Lock()
	w.closed = true
	for _, l := range w.listeners {
		_ = l.Close()
	}
	w.mu.Unlock()
	w.change(func() {})
	for c := range w.all() {
		c.end(true)
	}
	w.work.Wait()
}

// effect is what holds now for what src says to dst.
func (w *Ways) effect(src, dst string) (cut bool, delay time.Duration, changed <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for f := range w.rules {
		if !f.holds(src, dst) {
			continue
		}
		if f.Kind == Cut {
			cut = true
		}
		delay = max(delay, f.Delay)
	}
	return cut && !w.closed, delay, w.changed
}

// holds says whether a fault of a way is one of what src says to dst.
func (f *Fault) holds(src, dst string) bool {
	is := func(other string) bool { return f.Other == other || f.Other == "" && other != executorsName }
	return f.Way != In && src == f.Target && is(dst) || f.Way != Out && dst == f.Target && is(src)
}

// executorsName is what every process is called that the storm did not start itself.
const executorsName = "executor"

func (w *Ways) carry(in net.Conn, to, target string) {
	c := &way{from: w.who(in.RemoteAddr(), in.LocalAddr()), to: to, in: in, done: make(chan struct{})}
	if !w.add(c) {
		c.end(true)
		return
	}
	defer w.drop(c)
	// While either direction is cut no connection is made. The one who tries has to try again then, because a real
	// network would have dropped his first packet too, and not delivered a year later what he said to nobody.
	held := false
	for {
		there, _, changed := w.effect(c.from, c.to)
		back, _, _ := w.effect(c.to, c.from)
		if !there && !back {
			break
		}
		held = true
		select {
		case <-changed:
		case <-c.done:
			return
		}
	}
	out, err := net.DialTimeout("tcp", target, 5*time.Second)
	if err != nil || held {
		if err == nil {
			_ = out.Close()
		}
		c.end(true)
		return
	}
	c.out = out
	both := sync.WaitGroup{}
	both.Go(func() { w.pump(c, c.out, c.in, c.from, c.to) })
	w.pump(c, c.in, c.out, c.to, c.from)
	both.Wait()
	c.end(false)
}

// pump carries what src says to dst, as late as the rules want it.
func (w *Ways) pump(c *way, dst, src net.Conn, from, to string) {
	buf := make([]byte, 16<<10)
	for {
		n, err := src.Read(buf)
		if !w.wait(c, from, to) {
			return
		}
		if _, werr := dst.Write(buf[:n]); werr != nil {
			c.end(true)
			return
		}
		switch {
		case errors.Is(err, io.EOF):
			_ = dst.(*net.TCPConn).CloseWrite()
			return
		case err != nil:
			c.end(true)
			return
		}
	}
}

// wait returns when what is said may pass; false: never.
func (w *Ways) wait(c *way, from, to string) bool {
	for {
		cut, delay, changed := w.effect(from, to)
		if !cut && delay == 0 {
			return true
		}
		var late <-chan time.Time
		if !cut {
			late = time.After(delay)
		}
		select {
		case <-late:
			return true
		case <-changed:
		case <-c.done:
			return false
		}
	}
}

func (w *Ways) add(c *way) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.open[c] = struct{}{}
	return true
}

func (w *Ways) drop(c *way) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.open, c)
	c.end(true)
}

// end closes both ends, at once and with a reset if it is abrupt.
func (c *way) end(abrupt bool) {
	c.once.Do(func() {
		close(c.done)
		for _, end := range []net.Conn{c.in, c.out} {
			if end == nil {
				continue
			}
			if abrupt {
				_ = end.(*net.TCPConn).SetLinger(0)
			}
			_ = end.Close()
		}
	})
}
