package consul_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	faults "github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/tools/consuls"
)

// A term lasts through the loss of Consul's leader, by death and by a stop, and its writes go on.
func TestThreeServers(t *testing.T) {
	s := own(t, 3, consuls.Options{})
	cl := open(t, at(s))
	term := lead(t, cl, "1")
	write := func(key string) {
		t.Helper()
		for {
			err := cl.Apply(t.Context(), term, set(key, "1"))
			if err == nil {
				return
			}
			if !errors.Is(err, faults.ErrUnavailable) {
				t.Fatal(err)
			}
		}
	}
	write("a")
	first := s.Leader()
	if err := s.Kill(first); err != nil {
		t.Fatal(err)
	}
	write("b")
	if err := s.Restart(first); err != nil {
		t.Fatal(err)
	}
	if err := s.Ready(); err != nil {
		t.Fatal(err)
	}
	second := s.Leader()
	if err := s.Stop(second); err != nil {
		t.Fatal(err)
	}
	write("c")
	if err := s.Continue(second); err != nil {
		t.Fatal(err)
	}
	write("d")
	if !term.Valid() {
		t.Fatal("the term did not survive")
	}
	holds(t, cl, term, "a=1 b=1 c=1 d=1")
}

// Over TLS with a certificate on both sides, and with a token from a file that is replaced.
func TestTokenAndTLS(t *testing.T) {
	const token = "11111111-2222-3333-4444-555555555555"
	s := own(t, 1, consuls.Options{Token: token, TLS: true})
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte("99999999-2222-3333-4444-555555555555\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := at(s)
	c.TLS, c.CAFile, c.CertFile, c.KeyFile, c.TokenFile = true, s.Certificates.CA, s.Certificates.Cert, s.Certificates.Key, path
	c.ServerName = consuls.ServerName
	cl := open(t, c)
	elected := contend(cl, "1")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := within(t, elected, "a term with the new token")
	if w.err != nil {
		t.Fatal(w.err)
	}
	if err := cl.Apply(t.Context(), w.term, set("a", "1")); err != nil {
		t.Fatal(err)
	}
	holds(t, cl, w.term, "a=1")

	t.Run("a token that stays wrong is told", func(t *testing.T) {
		c.TokenFile = filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(c.TokenFile, []byte("99999999-2222-3333-4444-555555555555\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if w := within(t, contend(open(t, c), "2"), "the refusal"); !errors.Is(w.err, faults.ErrDenied) {
			t.Fatalf("got %v", w.err)
		}
	})
	t.Run("no certificate is no connection", func(t *testing.T) {
		bare := c
		bare.TokenFile, bare.CertFile, bare.KeyFile = path, "", ""
		wire, err := consul.Dial(bare)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := wire.Wait(t.Context(), bare.Servers[0], consul.Keys{}, 5*time.Second); err == nil {
			t.Fatal("it was let in")
		}
	})
}

// With a check the session ends when the master's port refuses connections.
func TestHealthCheck(t *testing.T) {
	c := at(one(t))
	c.Check, c.CheckInterval, c.CheckFailures = true, 100*time.Millisecond, 2
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	terms := make(chan won, 2)
	stand := func(l net.Listener) *consul.Cluster {
		cl := open(t, c)
		info := &mesospb.MasterInfo{Id: proto.String("m"), Pid: proto.String("master@" + l.Addr().String())}
		cl.Contend(info, func(term cluster.Term, err error) { terms <- won{term, err} })
		return cl
	}
	stand(door)
	first := within(t, terms, "the first term")
	if first.err != nil {
		t.Fatal(first.err)
	}
	stand(other)
	lost := make(chan error, 1)
	first.term.Lost(func(err error) { lost <- err })
	began := time.Now()
	door.Close()
	if err := within(t, lost, "the end"); !errors.Is(err, faults.ErrNotLeader) {
		t.Errorf("it ended with %v", err)
	}
	second := within(t, terms, "the second term")
	if second.err != nil || second.term.Epoch() <= first.term.Epoch() {
		t.Fatalf("got %+v", second)
	}
	t.Logf("another led %s after the port was closed", time.Since(began))
	if err := second.term.Resign(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A process that died is succeeded at once by the next one at its address.
func TestComesBack(t *testing.T) {
	c := at(one(t))
	c.Place = consul.Place()
	if c.Place == "" {
		t.Fatal("this process does not know where it is")
	}
	wire, err := consul.Dial(c)
	if err != nil {
		t.Fatal(err)
	}
	before := consul.New(c, &cut{Wire: wire}, consul.BootClock(), log(t))
	first := lead(t, before, "1")
	began := time.Now()
	next := lead(t, open(t, c), "1")
	if next.Epoch() <= first.Epoch() {
		t.Errorf("epoch %d after %d", next.Epoch(), first.Epoch())
	}
	t.Logf("it leads again after %s", time.Since(began))
}

// cut is a wire on which nothing is renewed, as that of a dead process.
type cut struct{ consul.Wire }

func (c *cut) Do(server string, r consul.Request, timeout time.Duration, done func(consul.Reply, error)) func() {
	if _, renewal := r.(consul.RenewSession); renewal {
		return func() {}
	}
	return c.Wire.Do(server, r, timeout, done)
}
