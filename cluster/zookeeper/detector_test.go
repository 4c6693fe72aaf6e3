package zookeeper

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-zookeeper/zk"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
)

var _ cluster.Detector = (*Detector)(nil)

// A path that comes into being while a detector looks for it is not waited for as if it had been missing.
func TestDetectWhileThePathIsMade(t *testing.T) {
	c := at(server(t).Addr)
	for i := range 40 {
		c.Path = fmt.Sprintf("/made-%d", i)
		p, _ := publisher(t, c)
		d, _ := detector(t, c)
		publish(t, p, 5050, 1)
		until(t, d, nil, "master@10.0.0.1:5050")
	}
}

func TestDetect(t *testing.T) {
	c := at(server(t).Addr)
	d, _ := detector(t, c) // before there is a path
	heard := make(chan *cluster.Leader, 10)
	cancel := d.Detect(nil, func(l *cluster.Leader, _ error) { heard <- l })
	cancel()
	cancel()
	a, _ := publisher(t, c)
	publish(t, a, 5050, 3)
	first := next(t, d, nil)
	if first.UPID != "master@10.0.0.1:5050" || first.Epoch != 3 || first.Info.GetId() != "id-of-master@10.0.0.1:5050" {
		t.Fatalf("%+v leads", first)
	}
	b, _ := publisher(t, c)
	publish(t, b, 5051, 4)
	second := next(t, d, first)
	if second.UPID != "master@10.0.0.1:5051" || second.Epoch != 4 {
		t.Fatalf("%+v leads", second)
	}
	// The same master in a later term is news.
	publish(t, b, 5051, 5)
	third := until(t, d, second, "master@10.0.0.1:5051")
	if third.Epoch != 5 {
		t.Fatalf("%+v leads", third)
	}
	if err := b.Withdraw(); err != nil {
		t.Fatal(err)
	}
	if l := next(t, d, third); l != nil {
		t.Fatalf("%+v leads", l)
	}
	last := make(chan error, 1)
	d.Detect(nil, func(_ *cluster.Leader, err error) { last <- err })
	if err := errors.Join(d.Close(), d.Close()); err != nil {
		t.Fatal(err)
	}
	if err := <-last; !errors.Is(err, cluster.ErrClosed) {
		t.Fatalf("closed: %v", err)
	}
	d.Detect(nil, func(_ *cluster.Leader, err error) { last <- err })
	if err := <-last; !errors.Is(err, cluster.ErrClosed) {
		t.Fatalf("closed: %v", err)
	}
	select {
	case l := <-heard:
		t.Fatalf("cancelled, and told of %+v", l)
	default:
	}
}

// TestDetectMesos follows masters that are none of Meseta's, through all that they ever wrote.
func TestDetectMesos(t *testing.T) {
	c := at(server(t).Addr)
	w := watch(t, c)
	for _, p := range []string{"/mesos", c.Path, c.Path + "/log_replicas"} {
		if _, err := w.conn.Create(p, nil, 0, zk.WorldACL(zk.PermAll)); err != nil {
			t.Fatal(err)
		}
	}
	add := func(label, content string) string {
		t.Helper()
		name, err := w.conn.Create(c.Path+"/"+label, []byte(content), zk.FlagEphemeral|zk.FlagSequence, zk.WorldACL(zk.PermAll))
		if err != nil {
			t.Fatal(err)
		}
		return name
	}
	remove := func(name string) {
		t.Helper()
		if err := w.conn.Delete(name, -1); err != nil {
			t.Fatal(err)
		}
	}
	old, err := proto.Marshal(someMaster(5052))
	if err != nil {
		t.Fatal(err)
	}
	d, log := detector(t, c)
	one := add("json.info_", mesosRecord)
	two := add("info_", string(old))
	three := add("json.info_", `{"id": `) // which nobody can read
	four := add("", "master@10.0.0.9:5050")
	leader := next(t, d, nil)
	if leader.UPID != "master@10.0.0.1:5050" || leader.Epoch != 0 {
		t.Fatalf("%+v leads", leader)
	}
	remove(one)
	if leader = next(t, d, leader); leader.UPID != "master@10.0.0.1:5052" {
		t.Fatalf("%+v leads", leader)
	}
	remove(two)
	eventually(t, func() bool { return log.has("the leader cannot be read from ZooKeeper") }, log.String)
	remove(three)
	if leader = next(t, d, leader); leader.UPID != "master@10.0.0.9:5050" || leader.Info != nil {
		t.Fatalf("%+v leads", leader)
	}
	remove(four)
	if leader = next(t, d, leader); leader != nil {
		t.Fatalf("%+v leads", leader)
	}
	// A master that was started again at its address is another one, although nobody knows terms here.
	remove(add("json.info_", mesosRecord))
	five := add("json.info_", mesosRecord)
	leader = until(t, d, nil, "master@10.0.0.1:5050")
	restarted := *leader
	remove(five)
	add("json.info_", `{"id":"another","ip":16777226,"port":5050,"pid":"master@10.0.0.1:5050"}`)
	for leader.Info.GetId() != "another" {
		if leader = next(t, d, leader); leader == nil {
			leader = next(t, d, leader)
		}
	}
	if !restarted.Same(leader) {
		t.Fatalf("%+v and %+v", restarted, leader)
	}
}

// TestDetectThroughTrouble: while ZooKeeper is away, hangs or forgets sessions, the leader stays who it was. Afterwards
// news arrive again.
func TestDetectThroughTrouble(t *testing.T) {
	s := server(t)
	p, _ := publisher(t, at(s.Addr))
	publish(t, p, 5050, 1)
	wire := lay(t, s.Addr)
	d, log := detector(t, brief(at(wire.addr)))
	leader := next(t, d, nil)
	heard := make(chan *cluster.Leader, 1)
	d.Detect(leader, func(l *cluster.Leader, _ error) { heard <- l })

	wire.sever()
	eventually(t, func() bool { return log.has("ZooKeeper is away") }, log.String)
	// The server drops connections whose session it has given up.
	connections := func() string { text, _ := s.Ask("cons"); return text }
	session := sessionName(d.place.conn.SessionID())
	eventually(t, func() bool { return !strings.Contains(connections(), session) }, connections)
	wire.mend()
	eventually(t, func() bool { return log.has("the session with ZooKeeper has expired") }, log.String)
	select {
	case l := <-heard:
		t.Fatalf("%+v leads, while nothing changed", l)
	default:
	}
	other, _ := publisher(t, at(s.Addr))
	publish(t, other, 5051, 2)
	select {
	case l := <-heard:
		if l == nil || l.UPID != "master@10.0.0.1:5051" {
			t.Fatalf("%+v leads", l)
		}
	case <-time.After(patience):
		t.Fatal("the next leader is not noticed after the session was lost")
	}
}
