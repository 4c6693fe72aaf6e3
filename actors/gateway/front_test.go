package gateway_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/web"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// quiet is a log for what strangers do wrong.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// ears hear what other runtimes say.
type ears struct{ heard chan string }

func (e *ears) Initialize(b *process.Base) {
	process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) { e.heard <- m.Value })
}

// front is a node with one port: an actor that listens, and a few routes.
type front struct {
	testing.TB
	addr   string
	ears   process.UPID
	heard  chan string
	asked  chan string // paths of requests that reached a route
	stuck  chan struct{}
	config gateway.Config
}

func newFront(t testing.TB, edit func(*gateway.Config), more ...func(*remote.Config)) *front {
	t.Helper()
	f := &front{TB: t, heard: make(chan string, 10), asked: make(chan string, 100), stuck: make(chan struct{}), config: gateway.Default()}
	if edit != nil {
		edit(&f.config)
	}
	rc := remote.Config{HTTP: true, Log: quiet, GreetTime: 300 * time.Millisecond}
	for _, m := range more {
		m(&rc)
	}
	transport, err := remote.New(rc)
	f.must(err)
	rt, err := process.New(process.Config{Transport: transport, Log: quiet})
	f.must(err)
	ref, err := process.Spawn(rt, "ears", &ears{f.heard})
	f.must(err)
	g, err := gateway.New(f.config, gateway.Parts{Runtime: rt, Delegate: "node", Log: quiet, Routes: []web.Route{
		{Process: "node", Pattern: "echo", Serve: func(w *web.Writer, r *web.Request) {
			f.asked <- r.Path
			w.Text(200, fmt.Sprintf("%s %d", r.Path, len(r.Body)))
		}},
		{Process: "node", Pattern: "large", Serve: func(w *web.Writer, r *web.Request) {
			w.Bytes(200, "text/plain", bytes.Repeat([]byte("large"), 1000))
		}},
	}})
	f.must(err)
	served := make(chan error, 1)
	go func() { served <- g.Serve(transport.HTTP()) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = g.Close(ctx)
		<-served
		_ = rt.Shutdown(ctx)
	})
	f.addr, f.ears = rt.Addr(), ref.UPID
	return f
}

func (f *front) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// dial opens a connection that gives up when nothing comes for far too long.
func (f *front) dial() net.Conn {
	f.Helper()
	c, err := net.Dial("tcp", f.addr)
	f.must(err)
	f.Cleanup(func() { c.Close() })
	f.must(c.SetDeadline(time.Now().Add(30 * time.Second)))
	return c
}

// answer sends text and reads one answer.
func (f *front) answer(text string) (status int, body string) {
	f.Helper()
	c := f.dial()
	_, err := io.WriteString(c, text)
	f.must(err)
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	f.must(err)
	all, err := io.ReadAll(resp.Body)
	f.must(err)
	return resp.StatusCode, string(all)
}

// untouched says that no request reached a route.
func (f *front) untouched() {
	f.Helper()
	select {
	case path := <-f.asked:
		f.Errorf("%s was served", path)
	default:
	}
}

func TestOnePortServesActorsAndHTTP(t *testing.T) {
	f := newFront(t, nil)
	transport, err := remote.New(remote.Config{Log: quiet})
	f.must(err)
	other, err := process.New(process.Config{Transport: transport, Log: quiet})
	f.must(err)
	defer other.Shutdown(context.Background())
	mouth, err := process.Spawn(other, "mouth", &ears{make(chan string)})
	f.must(err)
	process.Dispatch(mouth, func(*ears) {})
	say, err := process.Spawn(other, "say", &speaker{to: f.ears})
	f.must(err)
	_ = say
	if got := <-f.heard; got != "hello" {
		t.Errorf("heard %q", got)
	}
	if code, body := f.answer("GET /echo HTTP/1.1\r\nHost: x\r\n\r\n"); code != 200 || body != "/node/echo 0" {
		t.Errorf("%d %q", code, body)
	}
}

type speaker struct{ to process.UPID }

func (s *speaker) Initialize(b *process.Base) { b.Send(s.to, wrapperspb.String("hello")) }

// Several requests that were sent at once are answered in their order.
func TestPipelining(t *testing.T) {
	f := newFront(t, nil)
	c := f.dial()
	var all strings.Builder
	for i := range 5 {
		fmt.Fprintf(&all, "GET /echo/%d HTTP/1.1\r\nHost: x\r\n\r\n", i)
	}
	_, err := io.WriteString(c, all.String())
	f.must(err)
	r := bufio.NewReader(c)
	for i := range 5 {
		resp, err := http.ReadResponse(r, nil)
		f.must(err)
		body, err := io.ReadAll(resp.Body)
		f.must(err)
		if want := fmt.Sprintf("/node/echo/%d 0", i); string(body) != want {
			t.Errorf("answer %d is %q", i, body)
		}
	}
}

func zip(body []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(body)
	_ = z.Close()
	return b.Bytes()
}

// What is too slow, too large or too much gets an answer that says so, and reaches nobody.
func TestBounds(t *testing.T) {
	small := func(c *gateway.Config) {
		c.MaxBody, c.MaxBodies, c.MaxHeader = 64<<10, 128<<10, 4<<10
		c.HeaderTime, c.BodyTime = 200*time.Millisecond, 200*time.Millisecond
	}
	bomb := zip(make([]byte, 10<<20))
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"a head that stops in its first line", "GE", 408},
		{"a head that stops later", "GET /echo HTTP/1.1\r\nHost: ", 408},
		{"a head that is too long", "GET /echo HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", 431},
		{"a body that stops", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc", 408},
		{"a body that is announced as too large", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", 413},
		{"a body that becomes too large", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n11170\r\n" + strings.Repeat("x", 70000) + "\r\n0\r\n\r\n", 413},
		{"a bomb", fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(bomb), bomb), 413},
		{"a body that is not packed", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc", 500},
		{"a packed body that is cut", fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", 20, zip([]byte("a longer text than this"))[:20]), 500},
		{"two lengths", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
		{"a query that is too long", "GET /echo?a=" + strings.Repeat("x", 40<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", 431},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFront(t, small)
			if got, body := f.answer(c.text); got != c.want {
				t.Errorf("%d %q, want %d", got, body, c.want)
			}
			f.untouched()
		})
	}
	t.Run("a body at the limit, packed or not, is served", func(t *testing.T) {
		f := newFront(t, small)
		body := make([]byte, 64<<10)
		packed := zip(body)
		for _, text := range []string{
			fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body),
			fmt.Sprintf("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Encoding: GZIP\r\nContent-Length: %d\r\n\r\n%s", len(packed), packed),
		} {
			if code, got := f.answer(text); code != 200 || got != "/node/echo 65536" {
				t.Errorf("%d %q", code, got)
			}
		}
	})
}

// A connection that never says anything, and one that is idle between two requests, end without a word.
func TestSilence(t *testing.T) {
	f := newFront(t, func(c *gateway.Config) { c.IdleTime = 200 * time.Millisecond })
	if all, err := io.ReadAll(f.dial()); err != nil || len(all) != 0 {
		t.Errorf("%q, %v", all, err)
	}
	c := f.dial()
	_, err := io.WriteString(c, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
	f.must(err)
	all, err := io.ReadAll(c)
	if err != nil || strings.Count(string(all), "HTTP/1.1") != 1 {
		t.Errorf("%q, %v", all, err)
	}
}

// Whoever has all connections that one address may have is told so, and there is room again when they end.
func TestConnectionsOfOneAddress(t *testing.T) {
	f := newFront(t, func(c *gateway.Config) { c.MaxConnectionsPerPeer = 3 })
	hold := func() (net.Conn, int) {
		c := f.dial()
		_, err := io.WriteString(c, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n")
		f.must(err)
		resp, err := http.ReadResponse(bufio.NewReader(c), nil)
		f.must(err)
		return c, resp.StatusCode
	}
	var held []net.Conn
	for range 3 {
		c, code := hold()
		if code != 200 {
			t.Fatalf("%d", code)
		}
		held = append(held, c)
	}
	if _, code := hold(); code != 503 {
		t.Errorf("one too many got %d", code)
	}
	_ = held[0].Close()
	for { // until the node has noticed
		if _, code := hold(); code == 200 {
			return
		}
	}
}

// Answers are packed when they are long and the client wants it.
func TestPacking(t *testing.T) {
	f := newFront(t, nil)
	for accept, packed := range map[string]bool{"": false, "gzip": true, "GZIP": true, "deflate, gzip;q=0.5": true, "gzip;q=0": false, "*": true, "identity": false, "*;q=0": false} {
		header := ""
		if accept != "" {
			header = "Accept-Encoding: " + accept + "\r\n"
		}
		_, body := f.answer("GET /large HTTP/1.1\r\nHost: x\r\n" + header + "\r\n")
		if got := strings.HasPrefix(body, "\x1f\x8b"); got != packed {
			t.Errorf("%q: packed %v", accept, got)
		}
		if _, body := f.answer("GET /echo HTTP/1.1\r\nHost: x\r\n" + header + "\r\n"); body != "/node/echo 0" {
			t.Errorf("%q: a short answer is %q", accept, body)
		}
	}
}

// The node's own endpoints and its processes are found beside each other.
func TestProcessesWithoutRoutes(t *testing.T) {
	f := newFront(t, nil)
	for path, want := range map[string]int{"/ears/x": 404, "/ears": 404, "/nobody/x": 404, "/echo": 200} {
		if code, _ := f.answer("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"); code != want {
			t.Errorf("%s: %d", path, code)
		}
	}
}
