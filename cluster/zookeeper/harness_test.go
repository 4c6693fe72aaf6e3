package zookeeper

import (
	"bytes"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/tools/zookeepers"
)

// patience bounds the wait for something that must happen; only a failing test waits that long.
const patience = 40 * time.Second

// server starts a real ZooKeeper server for a test.
func server(t *testing.T) *zookeepers.Server {
	t.Helper()
	s, err := zookeepers.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// at is where a cluster's records are on servers.
func at(addresses ...string) Config {
	return Config{Servers: addresses, Path: "/mesos/one", SessionTimeout: 5 * time.Second}
}

// brief has sessions that soon expire.
func brief(c Config) Config {
	c.SessionTimeout = 2 * zookeepers.MinSession
	return c
}

// logged is a log that can be looked at.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *logged) has(words string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Contains(l.text.String(), words)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func publisher(t *testing.T, c Config) (*Publisher, *logged) {
	t.Helper()
	log := &logged{}
	p, err := NewPublisher(c, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Close()
		if t.Failed() {
			t.Logf("the publisher said:\n%s", log)
		}
	})
	return p, log
}

func publish(t *testing.T, p *Publisher, port uint32, epoch uint64) {
	t.Helper()
	if err := p.Publish(someMaster(port), epoch); err != nil {
		t.Fatal(err)
	}
}

func detector(t *testing.T, c Config) (*Detector, *logged) {
	t.Helper()
	log := &logged{}
	d, err := NewDetector(c, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = d.Close()
		if t.Failed() {
			t.Logf("the detector said:\n%s", log)
		}
	})
	return d, log
}

// next is the leader that differs from the previous one.
func next(t *testing.T, d *Detector, previous *cluster.Leader) *cluster.Leader {
	t.Helper()
	ch := make(chan *cluster.Leader, 1)
	d.Detect(previous, func(l *cluster.Leader, err error) {
		if err != nil {
			t.Errorf("detect: %v", err)
		}
		ch <- l
	})
	select {
	case l := <-ch:
		return l
	case <-time.After(patience):
		t.Fatalf("nobody but %+v leads", previous)
		return nil
	}
}

// until goes on detecting until the leader has an address; "" is none.
func until(t *testing.T, d *Detector, previous *cluster.Leader, upid string) *cluster.Leader {
	t.Helper()
	for {
		if previous = next(t, d, previous); previous == nil && upid == "" || previous != nil && previous.UPID == upid {
			return previous
		}
	}
}

// witness is a client of ZooKeeper's that has no part in it.
type witness struct {
	t    *testing.T
	conn *zk.Conn
	path string
}

func watch(t *testing.T, c Config) *witness {
	t.Helper()
	conn, events, err := zk.Connect(c.Servers, 30*time.Second, zk.WithLogger(quiet{}), zk.WithHostProvider(&rotation{}))
	if err != nil {
		t.Fatal(err)
	}
	for e := range events {
		if e.State == zk.StateHasSession {
			break
		}
	}
	go func() {
		for range events {
			// Nobody wants to know.
		}
	}()
	t.Cleanup(conn.Close)
	return &witness{t, conn, c.Path}
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}

// records are the names and contents of what looks like a master to old readers, the first first.
func (w *witness) records() (names, contents []string) {
	children, _, err := w.conn.Children(w.path)
	if err != nil {
		return nil, nil
	}
	slices.Sort(children)
	for _, name := range children {
		if !strings.HasPrefix(name, "json.info_") {
			continue
		}
		data, _, err := w.conn.Get(w.path + "/" + name)
		if err != nil {
			return nil, nil
		}
		names, contents = append(names, name), append(contents, string(data))
	}
	return names, contents
}

// sees waits until there are exactly the records of masters on these ports, in order, and returns their names.
func (w *witness) sees(ports ...string) (names []string) {
	w.t.Helper()
	var contents []string
	eventually(w.t, func() bool {
		names, contents = w.records()
		return len(contents) == len(ports) && !slices.ContainsFunc(ports, func(port string) bool {
			return !strings.Contains(contents[slices.Index(ports, port)], `"pid":"master@10.0.0.1:`+port+`"`)
		})
	}, func() string { return strings.Join(contents, "\n") })
	return names
}

func eventually(t *testing.T, holds func() bool, now func() string) {
	t.Helper()
	tick, end := time.NewTicker(10*time.Millisecond), time.After(patience)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("it does not come to be; now: %s", now())
		}
	}
}

// cable is a connection to a server that can be cut: nothing passes then, and nobody is told.
type cable struct {
	addr string

	mu    sync.Mutex
	cut   bool
	whole *sync.Cond
}

func lay(t *testing.T, to string) *cable {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	c := &cable{addr: l.Addr().String()}
	c.whole = sync.NewCond(&c.mu)
	t.Cleanup(c.mend)
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			go c.carry(near, far)
			go c.carry(far, near)
		}
	}()
	return c
}

func (c *cable) carry(to io.WriteCloser, from io.ReadCloser) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 4096)
	for {
		n, err := from.Read(buf)
		c.mu.Lock()
		for c.cut {
			c.whole.Wait()
		}
		c.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

func (c *cable) sever() {
	c.mu.Lock()
	c.cut = true
	c.mu.Unlock()
}

func (c *cable) mend() {
	c.mu.Lock()
	c.cut = false
	c.mu.Unlock()
	c.whole.Broadcast()
}
