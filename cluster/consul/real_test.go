package consul_test

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meseta-io/meseta/cluster/clustertest"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/tools/consuls"
)

// shared is one Consul server for every test that does it no harm.
var shared struct {
	once    sync.Once
	dir     string
	servers *consuls.Servers
	err     error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.servers != nil {
		if err := shared.servers.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
		os.RemoveAll(shared.dir)
	}
	os.Exit(code)
}

func one(t testing.TB) *consuls.Servers {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "consul-test-"); shared.err == nil {
			shared.servers, shared.err = consuls.StartWith(shared.dir, 1, consuls.Options{SessionTTLMin: time.Second})
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return shared.servers
}

// own are servers that only this test uses.
func own(t testing.TB, n int, o consuls.Options) *consuls.Servers {
	t.Helper()
	s, err := consuls.StartWith(t.TempDir(), n, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

var prefixes atomic.Int64

// at is the configuration of a cluster of its own on some servers.
func at(s *consuls.Servers) consul.Config {
	c := consul.Default()
	c.Servers = s.Addresses
	c.Prefix = fmt.Sprint("test-", prefixes.Add(1))
	return c
}

func log(t testing.TB) *slog.Logger {
	return slog.New(slog.NewTextHandler(t.Output(), nil))
}

func open(t testing.TB, c consul.Config) *consul.Cluster {
	t.Helper()
	cluster, err := consul.Open(c, log(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// A test that took Consul away does not find it here.
		_ = cluster.Close()
	})
	return cluster
}

func subject(t *testing.T, c consul.Config) clustertest.Subject {
	cl := open(t, c)
	return clustertest.Subject{Contender: cl, Detector: cl, Registry: cl, Restart: func(t *testing.T) clustertest.Subject {
		if err := cl.Close(); err != nil {
			t.Fatal(err)
		}
		return subject(t, c)
	}}
}

func TestConformance(t *testing.T) {
	clustertest.Run(t, func(t *testing.T) clustertest.Subject { return subject(t, at(one(t))) })
}

// The same on three servers, of which each is the first that somebody asks.
func TestConformanceOnThreeServers(t *testing.T) {
	s := own(t, 3, consuls.Options{})
	turn := 0
	clustertest.Run(t, func(t *testing.T) clustertest.Subject {
		c := at(s)
		turn++
		c.Servers = append(slices.Clone(s.Addresses[turn%3:]), s.Addresses[:turn%3]...)
		return subject(t, c)
	})
}

func TestFileMemory(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mark")
	memory := consul.FileMemory(path)
	if m, err := memory.Load(); err != nil || m != (consul.Mark{}) {
		t.Fatalf("nothing is %v, %v", m, err)
	}
	for _, want := range []consul.Mark{{Cluster: "c", Epoch: 1, Sequence: 2}, {Cluster: "c", Epoch: 3, Sequence: 4}} {
		if err := memory.Save(want); err != nil {
			t.Fatal(err)
		}
		if m, err := memory.Load(); err != nil || m != want {
			t.Fatalf("loaded %v, %v", m, err)
		}
	}
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := memory.Load(); err == nil {
		t.Fatal("half a file was read")
	}
	if err := consul.FileMemory(filepath.Join(t.TempDir(), "none", "mark")).Save(consul.Mark{}); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("saved into nowhere: %v", err)
	}
}
