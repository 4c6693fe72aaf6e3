package master_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	faults "github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// settled runs the world until a future has its result, and not one step further.
func settled[R any](s *stage, f process.Future[R]) (R, error) {
	s.Until("a future has its result", time.Minute, func() bool {
		select {
		case <-f.Done():
			return true
		default:
			return false
		}
	})
	return f.Get(context.Background())
}

func subscribe(principal string) *schedulerpb.Call {
	info := &mesospb.FrameworkInfo{User: proto.String("nobody"), Name: proto.String("f")}
	if principal != "" {
		info.Principal = proto.String(principal)
	}
	return &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{FrameworkInfo: info}}
}

// What somebody changed is in the view in the very moment in which they hear that it is done.
func TestOwnWritesAreRead(t *testing.T) {
	s := newStage(t, nil)
	a := s.agent("a1", "cpus:4;mem:4096")
	p := s.Probe("connection")
	if _, err := settled(s, s.client.Say(p.UPID(), authorization.Subject{}, subscribe(""))); err != nil {
		t.Fatal(err)
	}
	var id *mesospb.FrameworkID
	for _, f := range s.client.View().Frameworks.All() {
		id = f.GetFrameworkInfo().GetId()
	}
	if id == nil {
		t.Fatal("the subscription is answered and cannot be seen")
	}
	if _, err := settled(s, s.client.Ask(authorization.Subject{}, &masterpb.Call{Type: masterpb.Call_TEARDOWN.Enum(),
		Teardown: &masterpb.Call_Teardown{FrameworkId: id}})); err != nil {
		t.Fatal(err)
	}
	equal(t, "frameworks after TEARDOWN", s.client.View().Frameworks.Len(), 0)
	equal(t, "completed frameworks", s.client.View().Past.Len(), 1)
	if _, err := settled(s, s.client.Ask(authorization.Subject{}, &masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(),
		MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: a.info.Id}})); err != nil {
		t.Fatal(err)
	}
	equal(t, "agents after MARK_AGENT_GONE", s.client.View().Agents.Len(), 0)
}

// A storm of changes does not keep views back for ever, and the last change is seen when the storm is over.
func TestViewsInAStorm(t *testing.T) {
	s := newStage(t, nil)
	s.agent("a1", "cpus:4;mem:4096")
	before := s.client.View()
	const many = 100
	var last process.Future[struct{}]
	for i := range many {
		p := s.Probe(fmt.Sprint("connection-", i))
		last = s.client.Say(p.UPID(), authorization.Subject{}, subscribe(""))
	}
	if s.client.View() != before {
		t.Error("a view changed although the master did nothing")
	}
	if _, err := settled(s, last); err != nil {
		t.Fatal(err)
	}
	equal(t, "frameworks", s.client.View().Frameworks.Len(), many)
	equal(t, "frameworks in the view from before", before.Frameworks.Len(), 0)
}

// What a scheduler may not say is refused with the class and the sentence.
func TestSayIsRefused(t *testing.T) {
	s := newStage(t, func(c *master.Config) { c.AuthenticateFrameworks, c.Credentials = true, "known" })
	p := s.Probe("connection")
	for name, c := range map[string]struct {
		who  string
		call *schedulerpb.Call
		want error
	}{
		"a stranger":             {"", &schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum(), FrameworkId: fid("nobody")}, faults.ErrNotFound},
		"nothing at all":         {"", &schedulerpb.Call{}, faults.ErrUnsupported},
		"as somebody else":       {"eve", subscribe("bob"), nil},
		"a call without its own": {"", &schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), FrameworkId: fid("nobody")}, faults.ErrInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := settled(s, s.client.Say(p.UPID(), authorization.Subject{Principal: c.who}, c.call))
			if err == nil || c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("the refusal is %v, want %v", err, c.want)
			}
		})
	}
	if _, err := settled(s, s.client.Say(p.UPID(), authorization.Subject{Principal: "bob"}, subscribe("bob"))); err != nil {
		t.Errorf("who came in by the front door, proven, is refused: %v", err)
	}
}
