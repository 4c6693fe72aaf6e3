package consul_test

import (
	"net"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/consul"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// severed is the wire of a process that can die: nothing more is sent, and nothing more is heard.
type severed struct {
	consul.Wire
	dead chan struct{}
}

func (s severed) Do(server string, r consul.Request, timeout time.Duration, done func(consul.Reply, error)) func() {
	select {
	case <-s.dead:
		return func() {}
	default:
	}
	return s.Wire.Do(server, r, timeout, func(reply consul.Reply, err error) {
		select {
		case <-s.dead:
		default:
			done(reply, err)
		}
	})
}

// BenchmarkFailover is how long nobody leads: after the death of the leader, with default settings and with the health
// check, and after it resigned, as it does on SIGTERM.
func BenchmarkFailover(b *testing.B) {
	quiet := func(c consul.Config, dead chan struct{}) *consul.Cluster {
		wire, err := consul.Dial(c)
		if err != nil {
			b.Fatal(err)
		}
		cl := consul.New(c, severed{wire, dead}, consul.BootClock(), log(b))
		b.Cleanup(func() { _ = cl.Close() })
		return cl
	}
	run := func(name string, check bool, end func(term cluster.Term, door net.Listener, dead chan struct{})) {
		b.Run(name, func(b *testing.B) {
			total := time.Duration(0)
			n := 0
			for b.Loop() {
				c := at(one(b))
				c.Check = check
				terms := make(chan won, 2)
				stand := func() (net.Listener, chan struct{}) {
					door, err := net.Listen("tcp", "127.0.0.1:0")
					if err != nil {
						b.Fatal(err)
					}
					dead := make(chan struct{})
					info := &mesospb.MasterInfo{Id: proto.String("m"), Pid: proto.String("master@" + door.Addr().String())}
					quiet(c, dead).Contend(info, func(term cluster.Term, err error) { terms <- won{term, err} })
					return door, dead
				}
				door, dead := stand()
				first := within(b, terms, "the first term")
				if first.err != nil {
					b.Fatal(first.err)
				}
				other, _ := stand()
				<-time.After(3 * time.Second) // both have renewed, and the check has run
				begun := time.Now()
				end(first.term, door, dead)
				second := within(b, terms, "the second term")
				total += time.Since(begun)
				n++
				if second.err != nil {
					b.Fatal(second.err)
				}
				door.Close()
				other.Close()
			}
			b.ReportMetric(total.Seconds()/float64(n), "s-without-leader")
		})
	}
	kill := func(_ cluster.Term, door net.Listener, dead chan struct{}) { close(dead); door.Close() }
	run("killed", false, kill)
	run("killed-with-check", true, kill)
	run("resigned", false, func(term cluster.Term, _ net.Listener, _ chan struct{}) {
		if err := term.Resign(b.Context()); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkValid is what a master pays for each message.
func BenchmarkValid(b *testing.B) {
	term := lead(b, open(b, at(one(b))), "1")
	for b.Loop() {
		if !term.Valid() {
			b.Fatal("it ended")
		}
	}
}
