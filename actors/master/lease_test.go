package master_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/controlpb"
	faults "github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
)

// lessor gives out terms whose lease the test ends, without a word to anybody.
type lessor struct {
	cluster.Contender
	lasts *bool
}

func (l lessor) Contend(info *mesospb.MasterInfo, done func(cluster.Term, error)) func() {
	return l.Contender.Contend(info, func(t cluster.Term, err error) {
		if err == nil {
			t = lease{t, l.lasts}
		}
		done(t, err)
	})
}

type lease struct {
	cluster.Term
	lasts *bool
}

func (l lease) Valid() bool { return *l.lasts && l.Term.Valid() }

// leased is a registry that knows such terms.
type leased struct{ cluster.Registry }

func (r leased) Load(ctx context.Context, t cluster.Term) ([]cluster.Entry, error) {
	return r.Registry.Load(ctx, t.(lease).Term)
}

func (r leased) Apply(ctx context.Context, t cluster.Term, changes []cluster.Change) error {
	return r.Registry.Apply(ctx, t.(lease).Term, changes)
}

// A master that was stopped past its lease finds its mail when it goes on, before any news of its successor. It handles
// none of it.
func TestMailAfterTheLease(t *testing.T) {
	for name, mail := range map[string]func(*stage, *fakeAgent, *fakeScheduler){
		"of a framework": func(s *stage, _ *fakeAgent, f *fakeScheduler) {
			f.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
		},
		"of an agent": func(s *stage, a *fakeAgent, _ *fakeScheduler) {
			a.Send(s.master(), &controlpb.UnregisterAgent{AgentId: a.info.Id})
		},
		"its own alarms": func(s *stage, _ *fakeAgent, _ *fakeScheduler) {},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t, nil)
			lasts := true
			s.lease = &lasts
			s.failover()
			a := s.agent("a1", "cpus:4;mem:4096")
			f := s.framework("f1", patient(time.Hour))
			s.running(f, a, "t1")
			s.Advance(time.Second)
			a.Forget()
			f.Forget()
			writes := s.store.Writes()
			lasts = false
			mail(s, a, f)
			a.ExpectNone(time.Minute, testkit.Any())
			f.ExpectNone(0, testkit.Any())
			equal(t, "writes", s.store.Writes()-writes, 0)
			equal(t, "deaths", len(s.deaths), 1)
			if err, _ := s.deaths[0].(error); !errors.Is(err, faults.ErrNotLeader) {
				t.Errorf("it ended with %v", s.deaths[0])
			}
		})
	}
}
