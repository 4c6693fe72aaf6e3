package remote

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"time"
)

// One port serves actors and HTTP. Who begins with the preface of HTTP/2 is an actor runtime, everybody else a client of
// HTTP/1.x. With TLS the handshake says it: runtimes ask for h2 and nothing else, and everybody else is given http/1.1.
// After the first bytes neither pays anything.

// preface is as much of HTTP/2's preface as nobody else begins with: there is no method of that name.
const preface = "PRI "

// split sorts the connections of a listener.
type split struct {
	net.Listener
	t      *Transport
	actors *door
	http   *door

	mu        sync.Mutex
	strangers int
	from      map[string]int
	actor     int // connections at the actors' door
}

func newSplit(t *Transport, l net.Listener) *split {
	return &split{Listener: l, t: t, actors: newDoor(l.Addr()), http: t.http, from: map[string]int{}}
}

// run accepts until the listener is closed.
func (s *split) run() {
	for wait := time.Duration(0); ; {
		c, err := s.Accept()
		switch {
		case err == nil:
			wait = 0
			go s.sort(c)
		case errors.Is(err, net.ErrClosed) || s.t.ctx.Err() != nil:
			_ = s.actors.Close()
			_ = s.http.Close()
			return
		default:
			// Out of descriptors, most likely: somebody has to end first.
			wait = min(max(2*wait, 5*time.Millisecond), time.Second)
			s.t.config.Log.Warn("cannot accept connections", "why", err)
			select {
			case <-time.After(wait):
			case <-s.t.ctx.Done():
			}
		}
	}
}

// sort finds out what a connection is and brings it to its door.
func (s *split) sort(c net.Conn) {
	host, _, _ := net.SplitHostPort(c.RemoteAddr().String())
	if !s.enter(host) {
		s.t.stats.refused.Add(1)
		_ = c.Close()
		return
	}
	b := &begun{Conn: c}
	known, actor, err := s.recognize(b)
	s.leave(host)
	to := s.http
	if actor {
		to = s.actors
	}
	if err != nil || actor && !s.count(b) || !to.bring(s.t.ctx, known, s.t.config.ConnectTimeout) {
		s.t.stats.refused.Add(1)
		_ = b.Close()
	}
}

// count makes room for one more connection of actors, until it is closed.
func (s *split) count(b *begun) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.actor >= s.t.config.MaxConnections {
		return false
	}
	s.actor++
	b.closed = sync.OnceFunc(func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.actor--
	})
	return true
}

// enter counts a connection that nobody knows yet: all together, and for each host a part of that, so that one alone
// cannot keep others out.
func (s *split) enter(host string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.strangers >= s.t.config.MaxStrangers || s.from[host] >= max(1, s.t.config.MaxStrangers/4) {
		return false
	}
	s.strangers++
	s.from[host]++
	return true
}

func (s *split) leave(host string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.strangers--
	if s.from[host]--; s.from[host] == 0 {
		delete(s.from, host)
	}
}

// The answers to those who get nowhere. They speak HTTP, or can at least be read by a person.
const (
	answerLate  = "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
	answerPlain = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 48\r\n\r\n" +
		"Client sent an HTTP request to an HTTPS server.\n"
)

var (
	errPlain      = errors.New("a connection without TLS")
	errPlainActor = errors.New("an actor runtime without TLS")
)

// recognize reads no more than it must. The connection that it gives begins at its beginning.
func (s *split) recognize(c *begun) (known net.Conn, actor bool, err error) {
	if err := c.SetReadDeadline(time.Now().Add(s.t.config.GreetTime)); err != nil {
		return nil, false, err
	}
	id := s.t.tls.Load()
	head := make([]byte, 0, len(preface))
	for {
		n, err := c.Conn.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		if err != nil {
			if len(head) > 0 && !errors.Is(err, io.EOF) {
				say(c, answerLate)
			}
			return nil, false, err
		}
		if id != nil && head[0] == recordHandshake {
			c.head = head
			return s.handshake(c, id)
		}
		if string(head) != preface[:len(head)] {
			break
		}
		if actor = len(head) == len(preface); actor {
			break
		}
	}
	switch {
	case id != nil && actor:
		return nil, false, errPlainActor // nobody has proven anything
	case id != nil && !id.downgrade:
		say(c, answerPlain)
		return nil, false, errPlain
	}
	c.head = head
	return c, actor, c.SetReadDeadline(time.Time{})
}

// recordHandshake is the first byte of TLS, and of no HTTP.
const recordHandshake = 0x16

func (s *split) handshake(c net.Conn, id *identity) (net.Conn, bool, error) {
	ctx, cancel := context.WithTimeout(s.t.ctx, s.t.config.GreetTime)
	defer cancel()
	secure := tls.Server(c, id.server)
	if err := secure.HandshakeContext(ctx); err != nil {
		s.t.config.Log.Debug("a TLS handshake failed", "from", c.RemoteAddr().String(), "why", err)
		return nil, false, err
	}
	return secure, secure.ConnectionState().NegotiatedProtocol == protocolActors, c.SetReadDeadline(time.Time{})
}

// say writes a last word. There is room for it in a buffer that nothing was written to.
func say(c net.Conn, text string) {
	_ = c.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = c.Write([]byte(text))
}

// begun is a connection of which the first bytes were read already.
type begun struct {
	net.Conn
	head   []byte
	closed func() // nil, or to be told of the end
}

func (b *begun) Close() error {
	if b.closed != nil {
		b.closed()
	}
	return b.Conn.Close()
}

// CloseWrite ends what we send, and lets the rest still come.
func (b *begun) CloseWrite() error {
	if half, ok := b.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.head) == 0 {
		return b.Conn.Read(p)
	}
	n := copy(p, b.head)
	if b.head = b.head[n:]; len(b.head) == 0 {
		b.head = nil
	}
	return n, nil
}

// door is a listener whose connections are brought to it.
type door struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func newDoor(addr net.Addr) *door {
	return &door{addr: addr, conns: make(chan net.Conn), closed: make(chan struct{})}
}

// bring waits for somebody to accept c.
func (d *door) bring(ctx context.Context, c net.Conn, patience time.Duration) bool {
	late := time.NewTimer(patience)
	defer late.Stop()
	select {
	case d.conns <- c:
		return true
	case <-late.C:
	case <-d.closed:
	case <-ctx.Done():
	}
	return false
}

// Accept implements net.Listener.
func (d *door) Accept() (net.Conn, error) {
	select {
	case c := <-d.conns:
		return c, nil
	case <-d.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (d *door) Close() error {
	d.once.Do(func() { close(d.closed) })
	return nil
}

// Addr implements net.Listener.
func (d *door) Addr() net.Addr { return d.addr }

// asksForActors says whether a client of TLS can only be an actor runtime.
func asksForActors(hello *tls.ClientHelloInfo) bool {
	return slices.Contains(hello.SupportedProtos, protocolActors) && !slices.Contains(hello.SupportedProtos, protocolHTTP)
}
