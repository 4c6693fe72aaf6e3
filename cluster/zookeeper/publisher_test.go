package zookeeper

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/go-zookeeper/zk"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestPublish(t *testing.T) {
	c := at(server(t).Addr)
	w := watch(t, c)
	p, _ := publisher(t, c)
	publish(t, p, 5050, 1)
	name := w.sees("5050")[0]
	if r, ok := parseName(name); !ok || len(name) != len("json.info_0000000000") || r.label != inJSON {
		t.Errorf("the record is called %s", name)
	}
	if _, stat, err := w.conn.Get(c.Path + "/" + name); err != nil || stat.EphemeralOwner == 0 {
		t.Errorf("the record outlives its master: %+v, %v", stat, err)
	}
	// The same again changes nothing; other words are a record of their own, because readers read one only once.
	publish(t, p, 5050, 1)
	publish(t, p, 5051, 1)
	if again := w.sees("5051")[0]; again == name {
		t.Errorf("record %s was changed under its readers", name)
	}
	if err := p.Withdraw(); err != nil {
		t.Fatal(err)
	}
	if names, _ := w.records(); len(names) > 0 {
		t.Fatalf("withdrawn, and there is %v", names)
	}
	publish(t, p, 5050, 2)
	w.sees("5050")
	if err := errors.Join(p.Close(), p.Close()); err != nil {
		t.Fatal(err)
	}
	if names, _ := w.records(); len(names) > 0 {
		t.Fatalf("closed, and there is %v", names)
	}
	if err := p.Publish(&mesospb.MasterInfo{}, 3); !errors.Is(err, fault.ErrInvalid) {
		t.Fatalf("nobody in particular leads: %v", err)
	}
}

// TestPublishOnlyTheLast: the predecessor lives on and holds its session, as one that was stopped and goes on does. From
// the instant of the new record the old one is gone, and it never comes back.
func TestPublishOnlyTheLast(t *testing.T) {
	c := at(server(t).Addr)
	w := watch(t, c)
	old, said := publisher(t, c)
	publish(t, old, 5050, 7)
	w.sees("5050")
	leader, _ := publisher(t, c)
	publish(t, leader, 5051, 8)
	w.sees("5051")
	publish(t, old, 5052, 7)
	eventually(t, func() bool { return said.has("of epoch 8 where ours is 7") }, said.String)
	w.sees("5051")
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	w.sees("5051")
	// The same master leads again later.
	again, _ := publisher(t, c)
	publish(t, again, 5050, 9)
	w.sees("5050")
}

// TestPublishBothAtOnce: whatever the order in which two masters come, the later term stays alone.
func TestPublishBothAtOnce(t *testing.T) {
	c := at(server(t).Addr)
	w := watch(t, c)
	for round := range uint64(8) {
		a, _ := publisher(t, c)
		b, _ := publisher(t, c)
		publish(t, a, 5050, 2*round+1)
		publish(t, b, 5051, 2*round+2)
		w.sees("5051")
		if err := errors.Join(a.Close(), b.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPublishAfterSomebodyDeletedIt(t *testing.T) {
	c := at(server(t).Addr)
	w := watch(t, c)
	p, _ := publisher(t, c)
	publish(t, p, 5050, 1)
	name := w.sees("5050")[0]
	if err := w.conn.Delete(c.Path+"/"+name, -1); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { names, _ := w.records(); return len(names) == 1 && names[0] != name }, func() string { return "no record" })
}

// TestPublishThroughTrouble: the server dies, hangs, and forgets the session. What was withdrawn meanwhile is not there
// afterwards, and what is wanted is.
func TestPublishThroughTrouble(t *testing.T) {
	s := server(t)
	c := brief(at(s.Addr))
	p, log := publisher(t, c)
	publish(t, p, 5050, 1)
	watch(t, c).sees("5050")

	s.Kill()
	eventually(t, func() bool { return log.has("ZooKeeper is away") }, log.String)
	if err := s.Restart(); err != nil {
		t.Fatal(err)
	}
	watch(t, c).sees("5050")
	// The record is there before the publisher is: the session has outlived the server.
	eventually(t, func() bool { return strings.Count(log.String(), "there is a session") >= 2 }, log.String)

	s.Stop()
	eventually(t, func() bool { return strings.Count(log.String(), "ZooKeeper is away") >= 2 }, log.String)
	if err := p.Withdraw(); !errors.Is(err, fault.ErrUnavailable) {
		t.Errorf("a server that hangs confirms: %v", err)
	}
	s.Continue()
	watch(t, c).sees()
	publish(t, p, 5051, 2)
	watch(t, c).sees("5051")
}

// TestPublishAfterExpiry cuts the cable until the server has given the session up; so the record goes, and comes back
// with the next session.
func TestPublishAfterExpiry(t *testing.T) {
	s := server(t)
	w := watch(t, at(s.Addr))
	wire := lay(t, s.Addr)
	p, log := publisher(t, brief(at(wire.addr)))
	publish(t, p, 5050, 1)
	first := w.sees("5050")[0]
	wire.sever()
	w.sees()
	wire.mend()
	if second := w.sees("5050")[0]; second == first {
		t.Fatalf("%s was never gone", first)
	}
	eventually(t, func() bool { return log.has("the session with ZooKeeper has expired") }, log.String)

	// The other one is elected meanwhile: whoever comes back keeps away.
	wire.sever()
	w.sees()
	other, _ := publisher(t, at(s.Addr))
	publish(t, other, 5051, 2)
	w.sees("5051")
	wire.mend()
	eventually(t, func() bool { return log.has("a master of a later term is published") }, log.String)
	w.sees("5051")
}

func TestPublishOnTheServerThatAnswers(t *testing.T) {
	s := server(t)
	hangs, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer hangs.Close()
	p, log := publisher(t, brief(at("127.0.0.1:1", hangs.Addr().String(), "no-such-host.invalid:2181", s.Addr)))
	publish(t, p, 5050, 1)
	watch(t, at(s.Addr)).sees("5050")
	if !log.has("there is a session with ZooKeeper") {
		t.Errorf("the log says %s", log)
	}
}

// TestPublishAtSomethingElse: what is behind an address may be anything, and a master that asks it lives on.
func TestPublishAtSomethingElse(t *testing.T) {
	for name, says := range map[string]string{
		"a web server":         "HTTP/1.1 400 Bad Request\r\n\r\n",
		"frames of two GiB":    "\x7f\xff\xff\xff",
		"a frame too short":    "\x00\x00\x00\x04abcd",
		"a frame that is none": "\x00\x00\x00\x10" + strings.Repeat("\xff", 16),
		"a broken session":     "\x00\x00\x00\x25" + strings.Repeat("\x01", 37) + "\x00\x00\x00\x10" + strings.Repeat("\xff", 16),
		"nothing":              "",
	} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			met := make(chan struct{}, 100)
			go func() {
				for {
					conn, err := l.Accept()
					if err != nil {
						return
					}
					_, _ = conn.Read(make([]byte, 256))
					_, _ = conn.Write([]byte(says))
					conn.Close()
					met <- struct{}{}
				}
			}()
			p, log := publisher(t, brief(at(l.Addr().String())))
			publish(t, p, 5050, 1)
			<-met
			<-met
			eventually(t, func() bool { return log.has("ZooKeeper is away") }, log.String)
		})
	}
}

func TestPublishForThoseWhoMay(t *testing.T) {
	s := server(t)
	c := at(s.Addr)
	c.User, c.Password = "jake", "secret"
	p, _ := publisher(t, c)
	publish(t, p, 5050, 1)
	w := watch(t, c)
	name := w.sees("5050")[0]
	if err := w.conn.Delete(c.Path+"/"+name, -1); !errors.Is(err, zk.ErrNoAuth) {
		t.Errorf("anybody may delete it: %v", err)
	}
	// Only who may do all is shown who else may.
	if err := w.conn.AddAuth("digest", []byte("jake:secret")); err != nil {
		t.Fatal(err)
	}
	acl, _, err := w.conn.GetACL(c.Path + "/" + name)
	if err != nil || len(acl) != 2 || !slices.Contains(acl, zk.ACL{Perms: zk.PermRead, Scheme: "world", ID: "anyone"}) ||
		!slices.Contains(acl, zk.DigestACL(zk.PermAll, "jake", "secret")[0]) {
		t.Errorf("the record may be used by %+v, %v", acl, err)
	}
	// Anybody may read who leads, also without a name.
	d, _ := detector(t, at(s.Addr))
	if l := next(t, d, nil); l.UPID != "master@10.0.0.1:5050" {
		t.Errorf("%+v leads", l)
	}
	for user, says := range map[string]string{"": "is not open to everybody", "eve": "user eve may not do this"} {
		c := at(s.Addr)
		c.User, c.Password = user, map[string]string{"eve": "guessed"}[user]
		other, log := publisher(t, c)
		publish(t, other, 5051, 2)
		eventually(t, func() bool { return log.has(says) }, log.String)
		if log.has("guessed") {
			t.Errorf("the password is told: %s", log)
		}
		other.Close()
	}
	w.sees("5050")
}

// TestPublishBesideMesos: a Mesos cluster that has the same path keeps it, and whoever set that up is told.
func TestPublishBesideMesos(t *testing.T) {
	c := at(server(t).Addr)
	w := watch(t, c)
	for _, p := range []string{"/mesos", c.Path} {
		if _, err := w.conn.Create(p, nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
	}
	mesos := strings.ReplaceAll(mesosRecord, "5050", "5052")
	if _, err := w.conn.Create(c.Path+"/json.info_", []byte(mesos), zk.FlagEphemeral|zk.FlagSequence, zk.WorldACL(zk.PermAll)); err != nil {
		t.Fatal(err)
	}
	p, log := publisher(t, c)
	publish(t, p, 5050, 1)
	w.sees("5052", "5050")
	eventually(t, func() bool { return log.has("clients that ask ZooKeeper follow another master") }, log.String)
}

// TestPublishWhereSomethingElseIs: a node that Meseta did not write stays as it is.
func TestPublishWhereSomethingElseIs(t *testing.T) {
	c := at(server(t).Addr)
	w := watch(t, c)
	for _, p := range []string{"/mesos", c.Path, c.Path + "/" + fenceName} {
		if _, err := w.conn.Create(p, []byte("mine"), 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
	}
	p, log := publisher(t, c)
	publish(t, p, 5050, 1)
	eventually(t, func() bool { return log.has("delete it if nobody else needs it") }, log.String)
	if names, _ := w.records(); len(names) > 0 {
		t.Fatalf("published all the same: %v", names)
	}
}
