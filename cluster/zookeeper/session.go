package zookeeper

import (
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
)

// dialing is how long one server may take to accept a connection.
const dialing = time.Second

// connect makes a connection that finds and keeps a session by itself: it tries all servers in turn, until it
// is closed. What it meets goes to the log, once for each change; told hears of every change of the session.
func connect(c Config, log *slog.Logger, told func(zk.State)) (*zk.Conn, error) {
	quiet := &changes{log: log}
	conn, events, err := zk.Connect(c.Servers, c.timeout(),
		zk.WithHostProvider(&rotation{}),
		zk.WithMaxBufferSize(mostFrame),
		zk.WithLogger(quiet), zk.WithLogInfo(false),
		zk.WithDialer(func(network, address string, _ time.Duration) (net.Conn, error) {
			conn, err := net.DialTimeout(network, address, dialing)
			if err != nil {
				return nil, err
			}
			// Two thirds of a session: what is silent for so long is given up while the session may yet be saved
			// through another server.
			return &guarded{Conn: conn, patience: c.timeout() * 2 / 3}, nil
		}),
		zk.WithEventCallback(func(e zk.Event) {
			if e.Type != zk.EventSession {
				return
			}
			switch e.State {
			case zk.StateHasSession:
				quiet.well(e.Server)
			case zk.StateExpired:
				log.Warn("the session with ZooKeeper has expired", "server", e.Server)
			}
			told(e.State)
		}))
	if err != nil {
		return nil, err
	}
	go func() {
		for range events {
			// The callback has heard of them; the channel wants to be drained.
		}
	}()
	return conn, nil
}

// rotation hands out the servers in the order of the address. Names are looked up at each dialling, because the
// library's own rotation looks them up once and fails for good where that fails.
type rotation struct {
	mu      sync.Mutex
	servers []string
	next    int
	failed  int // servers in a row that could not be reached
}

// Init implements zk.HostProvider.
func (r *rotation) Init(servers []string) error {
	r.servers = servers
	return nil
}

// Len implements zk.HostProvider.
func (r *rotation) Len() int { return len(r.servers) }

// Next implements zk.HostProvider. After all servers it asks for a pause.
func (r *rotation) Next() (server string, pause bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	server = r.servers[r.next]
	r.next = (r.next + 1) % len(r.servers)
	r.failed++
	return server, r.failed > len(r.servers)
}

// Connected implements zk.HostProvider.
func (r *rotation) Connected() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = 0
}

// changes is the library's log. It repeats itself every second while a server is away; ours says it once.
type changes struct {
	log *slog.Logger

	mu   sync.Mutex
	last string
	lost bool
}

// Printf implements zk.Logger.
func (c *changes) Printf(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	c.mu.Lock()
	defer c.mu.Unlock()
	if text == c.last {
		return
	}
	c.last = text
	if !c.lost {
		c.log.Warn("ZooKeeper is away; trying its servers in turn", "reason", text)
	} else {
		c.log.Debug("ZooKeeper is still away", "reason", text)
	}
	c.lost = true
}

func (c *changes) well(server string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lost || c.last == "" {
		c.log.Info("there is a session with ZooKeeper", "server", server)
	}
	c.last, c.lost = "there is a session", false
}
