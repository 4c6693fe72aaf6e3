package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// bounded is a listener that lets in only so many connections: all together, and of each address, so that one client
// cannot keep the others out. Who is one too many is told so.
type bounded struct {
	net.Listener
	all, each int

	mu   sync.Mutex
	open int
	from map[string]int
}

func newBounded(l net.Listener, all, each int) *bounded {
	return &bounded{Listener: l, all: all, each: each, from: map[string]int{}}
}

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		c, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
		if b.enter(host) {
			return &conn{Conn: c, left: sync.OnceFunc(func() { b.leave(host) })}, nil
		}
		go turnAway(c)
	}
}

func (b *bounded) enter(host string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open >= b.all || b.from[host] >= b.each {
		return false
	}
	b.open++
	b.from[host]++
	return true
}

func (b *bounded) leave(host string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	if b.from[host]--; b.from[host] == 0 {
		delete(b.from, host)
	}
}

const (
	answerFull = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 21\r\n\r\nToo many connections."
	answerLate = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)

func turnAway(c net.Conn) {
	say(c, answerFull)
	_ = c.Close()
}

// conn is one client's connection. It knows whether a request has begun and is not there yet, because then a client that
// is too slow deserves a word; net/http just hangs up.
type conn struct {
	net.Conn
	left  func()
	phase atomic.Int32
}

// The phases of a connection. Between requests nothing has come; a client may go without a word then.
const (
	between int32 = iota
	heading       // a part of a request's head has come
	serving       // a handler is at work
)

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.phase.CompareAndSwap(between, heading)
	}
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && c.phase.CompareAndSwap(heading, between) {
		say(c.Conn, answerLate)
	}
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.left()
	return c.Conn.Close()
}

// CloseWrite ends what we send. net/http does so before it closes a connection whose client may still be sending, because
// the answer would be lost otherwise.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

type connKey struct{}

// remember puts the connection where its requests find it.
func remember(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}

// phases follows a connection through its requests, and says what its handshake has shown.
func phases(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connKey{}).(*conn)
		if ok {
			c.phase.Store(serving)
			if secure, ok := c.Conn.(*tls.Conn); ok {
				state := secure.ConnectionState()
				r.TLS = &state
			}
		}
		h.ServeHTTP(w, r)
	})
}

// idle hears that a connection waits for its next request.
func idle(c net.Conn, state http.ConnState) {
	if ours, ok := c.(*conn); ok && state == http.StateIdle {
		ours.phase.Store(between)
	}
}

// say writes a last word to somebody who may not be listening.
func say(c net.Conn, text string) {
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte(text))
}
