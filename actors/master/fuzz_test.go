package master_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// FuzzWords says anything at all to a master that has an agent, a framework, a task and an offer. Whatever it
// is, the master lives and still serves.
func FuzzWords(f *testing.F) {
	seed := func(kind byte, m proto.Message) {
		b, err := proto.MarshalOptions{AllowPartial: true, Deterministic: true}.Marshal(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(kind, b)
	}
	seed(0, &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{
		FrameworkInfo: &mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("n")}}})
	seed(0, &schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{Operations: []*mesospb.Offer_Operation{
		{Type: mesospb.Offer_Operation_LAUNCH.Enum(), Launch: &mesospb.Offer_Operation_Launch{TaskInfos: []*mesospb.TaskInfo{{TaskId: tid("t"), Executor: &mesospb.ExecutorInfo{}}}}}}}})
	seed(0, &schedulerpb.Call{Type: schedulerpb.Call_KILL.Enum(), Kill: &schedulerpb.Call_Kill{TaskId: tid("t1")}})
	seed(0, &schedulerpb.Call{Type: schedulerpb.Call_UPDATE_FRAMEWORK.Enum(), UpdateFramework: &schedulerpb.Call_UpdateFramework{FrameworkInfo: &mesospb.FrameworkInfo{}}})
	seed(1, &controlpb.RegisterAgent{Agent: &mesospb.AgentInfo{Hostname: proto.String("h")}, Version: proto.String("0.1.0")})
	seed(2, &controlpb.ReregisterAgent{Agent: &mesospb.AgentInfo{Hostname: proto.String("h")}, Tasks: []*mesospb.Task{{TaskId: tid("t1")}}})
	seed(3, &controlpb.StatusUpdate{Status: &mesospb.TaskStatus{TaskId: tid("t1"), State: mesospb.TaskState_TASK_LOST.Enum()}})
	seed(4, &masterpb.Call{Type: masterpb.Call_MARK_AGENT_GONE.Enum(), MarkAgentGone: &masterpb.Call_MarkAgentGone{AgentId: aid("x")}})
	f.Fuzz(func(t *testing.T, kind byte, data []byte) {
		words := []proto.Message{&schedulerpb.Call{}, &controlpb.RegisterAgent{}, &controlpb.ReregisterAgent{}, &controlpb.StatusUpdate{}, &masterpb.Call{}}
		m := words[int(kind)%len(words)]
		if proto.Unmarshal(data, m) != nil {
			return // the transport would have dropped it
		}
		s := newStage(t, nil)
		a := s.agent("a1", "cpus:4;mem:4096")
		fw := s.framework("f1", patient(time.Hour))
		s.running(fw, a, "t1")
		// The sender is as believable as can be: whoever it would have to be, with the ids that are known here.
		switch m := m.(type) {
		case *schedulerpb.Call:
			if m.GetType() != schedulerpb.Call_SUBSCRIBE {
				m.FrameworkId = fid(fw.id)
			}
			fw.Send(s.master(), m)
		case *masterpb.Call:
			s.desk.Send(s.node.UPID("operator"), m)
		case *controlpb.ReregisterAgent:
			m.Agent.Id = a.info.Id
			a.Send(s.master(), m)
		case *controlpb.StatusUpdate:
			m.FrameworkId, m.AgentId = fid(fw.id), a.info.Id
			a.Send(s.master(), m)
		default:
			a.Send(s.master(), m)
		}
		s.Advance(time.Second)
		if len(s.deaths) > 0 {
			t.Fatalf("the master ended: %v", s.deaths)
		}
		s.scheduler("after").subscribe()
	})
}
