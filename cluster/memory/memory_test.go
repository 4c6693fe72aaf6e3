package memory_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/cluster/clustertest"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestConformance(t *testing.T) {
	clustertest.Run(t, func(*testing.T) clustertest.Subject { return subject(memory.New()) })
}

// subject calls the end of a process what it is to this cluster: the end of a term.
func subject(c *memory.Cluster) clustertest.Subject {
	return clustertest.Subject{Contender: c, Detector: c, Registry: c, Restart: func(*testing.T) clustertest.Subject {
		c.Depose(errors.New("the process ended"))
		return subject(c)
	}}
}

func TestFaults(t *testing.T) {
	c := memory.New()
	var term cluster.Term
	c.Contend(&mesospb.MasterInfo{Pid: proto.String("master@a:1")}, func(t cluster.Term, _ error) { term = t })
	change := func(key string) error {
		return c.Apply(t.Context(), term, []cluster.Change{{Key: key, Value: []byte("1")}})
	}

	boom := errors.New("boom")
	c.FailApplies(memory.Fault{Err: boom}, memory.Fault{Err: cluster.ErrUnknownOutcome, Written: true})
	if err := change("a"); !errors.Is(err, boom) {
		t.Errorf("the first write: %v", err)
	}
	if err := change("b"); !errors.Is(err, cluster.ErrUnknownOutcome) {
		t.Errorf("the second write: %v", err)
	}
	if err := change("c"); err != nil {
		t.Errorf("the third write: %v", err)
	}
	if got := c.Records(); len(got) != 2 || got[0].Key != "b" || got[1].Key != "c" || c.Writes() != 2 {
		t.Errorf("records %v after %d writes", got, c.Writes())
	}

	c.FailLoads(memory.Fault{Err: boom})
	if _, err := c.Load(t.Context(), term); !errors.Is(err, boom) {
		t.Errorf("the first read: %v", err)
	}

	var why error
	term.Lost(func(err error) { why = err })
	c.Depose(boom)
	if !errors.Is(why, boom) || c.Holds(term) {
		t.Errorf("deposed for %v, still holds: %v", why, c.Holds(term))
	}
}
