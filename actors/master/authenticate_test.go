package master_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/testkit"
	"github.com/meseta-io/meseta/testkit/cast"
)

// fort is a cluster whose agents and frameworks prove who they are: masters, agents and drivers are the real ones.
type fort struct {
	*cast.World
	t      *testing.T
	master *cast.Master
	desk   *testkit.Probe
}

const knownHere = `{"credentials": [{"principal": "bob", "secret": "hunter2"}, {"principal": "eve", "secret": "apple"}]}`

func guarded(c *master.Config) {
	c.AuthenticateAgents, c.AuthenticateFrameworks, c.Credentials = true, true, "known"
}

func open(c *master.Config) { c.Credentials = "known" }

func newFort(t *testing.T, change func(*master.Config)) *fort {
	f := &fort{World: cast.New(t), t: t}
	f.Files["known"] = knownHere
	f.Files["bob.json"] = `{"principal": "bob", "secret": "hunter2"}`
	f.Files["bob.txt"] = "bob hunter2\n"
	f.Files["false"] = "bob hunter3"
	f.master = f.Master("m", change)
	return f
}

func with(file string) func(*agent.Config) { return func(c *agent.Config) { c.Credential = file } }

func bob(secret string) *mesospb.Credential {
	return &mesospb.Credential{Principal: proto.String("bob"), Secret: proto.String(secret)}
}

// player is a framework that only listens.
type player struct {
	subscribed int
	cutOff     int
	failed     string
}

func (p *player) Offers(*scheduler.Driver, []*mesospb.Offer)           {}
func (p *player) Update(*scheduler.Driver, *mesospb.TaskStatus)        {}
func (p *player) Subscribed(*scheduler.Driver, scheduler.Subscription) { p.subscribed++ }
func (p *player) Disconnected(*scheduler.Driver)                       { p.cutOff++ }
func (p *player) Failed(_ *scheduler.Driver, reason string)            { p.failed = reason }

// named describes a framework with a credential and, if not "", a principal.
func named(c *mesospb.Credential, principal string) (s scheduler.Config) {
	s.Credential = c
	s.Framework = &mesospb.FrameworkInfo{Name: proto.String("f"), User: proto.String("nobody"), FailoverTimeout: proto.Float64(3600)}
	if principal != "" {
		s.Framework.Principal = proto.String(principal)
	}
	return s
}

// player starts a framework at the fort's master.
func (f *fort) player(name string, c scheduler.Config) *player {
	f.t.Helper()
	p := &player{}
	c.Master = f.master.UPID()
	if _, err := scheduler.Spawn(f.Node(name).Runtime(), "scheduler", p, c); err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *fort) joins(a *cast.Agent) {
	f.t.Helper()
	f.Until(a.Name()+" is a member", time.Minute, func() bool { return a.ID() != "" })
}

func (f *fort) subscribes(p *player, times int) {
	f.t.Helper()
	f.Until("the framework is subscribed", time.Minute, func() bool { return p.subscribed == times })
}

// never lets two minutes pass in which nothing of the kind may happen.
func (f *fort) never(what string, happened func() bool) {
	f.t.Helper()
	f.Advance(2 * time.Minute)
	if happened() {
		f.t.Error(what)
	}
}

func TestAgentAuthentication(t *testing.T) {
	for name, file := range map[string]string{"with a credential as JSON": "bob.json", "with one as text": "bob.txt"} {
		t.Run(name, func(t *testing.T) {
			f := newFort(t, guarded)
			f.joins(f.Agent("a", "cpus:4;mem:4096", with(file)))
		})
	}
	t.Run("without a credential it is refused, and not ended", func(t *testing.T) {
		f := newFort(t, guarded)
		told := f.Watch(testkit.Of[*controlpb.Refused]())
		a := f.Agent("a", "cpus:4;mem:4096")
		f.never("it is a member", func() bool { return a.ID() != "" || len(a.Endings) != 0 })
		if told.Count() == 0 || !strings.Contains(told.Messages()[0].Msg.(*controlpb.Refused).GetMessage(), "not authenticated") {
			t.Errorf("it was told %v", told.Messages())
		}
	})
	t.Run("with a wrong one it ends and says why", func(t *testing.T) {
		f := newFort(t, guarded)
		a := f.Agent("a", "cpus:4;mem:4096", with("false"))
		f.Until("it ends", time.Minute, func() bool { return len(a.Endings) == 1 })
		if why := a.Endings[0].Error(); !strings.Contains(why, "--credential") || strings.Contains(why, "hunter") {
			t.Errorf("it says %q", why)
		}
	})
	t.Run("not asked for, nobody needs a credential", func(t *testing.T) {
		f := newFort(t, func(*master.Config) {})
		f.joins(f.Agent("a", "cpus:4;mem:4096"))
	})
	t.Run("not asked for, a credential is still welcome", func(t *testing.T) {
		f := newFort(t, open)
		f.joins(f.Agent("a", "cpus:4;mem:4096", with("bob.json")))
	})
	t.Run("coming back without its credential it is refused too", func(t *testing.T) {
		f := newFort(t, guarded)
		a := f.Agent("a", "cpus:4;mem:4096", with("bob.json"))
		f.joins(a)
		f.Advance(time.Second)
		a.Crash()
		a.Config.Credential = ""
		back := f.Watch(testkit.Of[*controlpb.AgentReregistered]())
		a.Restart()
		f.never("it is back", func() bool { return back.Count() > 0 })
	})
	t.Run("it returns after it was restarted", func(t *testing.T) {
		f := newFort(t, guarded)
		a := f.Agent("a", "cpus:4;mem:4096", with("bob.json"))
		f.joins(a)
		f.Advance(time.Second)
		back := f.Watch(testkit.Of[*controlpb.AgentReregistered]())
		a.Crash()
		a.Restart()
		f.Until("it is back", time.Minute, func() bool { return back.Count() > 0 })
	})
}

// The secret is never on the wire, and no two nonces are alike.
func TestAuthenticationTellsNoSecret(t *testing.T) {
	f := newFort(t, guarded)
	all := f.Watch(testkit.Any())
	challenges := f.Watch(testkit.Of[*controlpb.Challenge]())
	f.joins(f.Agent("a", "cpus:4;mem:4096", with("bob.json")))
	f.joins(f.Agent("b", "cpus:4;mem:4096", with("bob.txt")))
	for _, m := range all.Messages() {
		if raw, _ := proto.Marshal(m.Msg); strings.Contains(string(raw), "hunter2") {
			t.Errorf("%v tells the secret", m.Msg)
		}
	}
	first, second := challenges.Messages()[0].Msg.(*controlpb.Challenge), challenges.Messages()[1].Msg.(*controlpb.Challenge)
	if len(first.Nonce) != credentials.NonceSize || string(first.Nonce) == string(second.Nonce) {
		t.Errorf("nonces are %x, %x", first.Nonce, second.Nonce)
	}
}

// Whatever of the conversation is lost, it is tried again.
func TestAuthenticationIsRetried(t *testing.T) {
	for name, lost := range map[string]testkit.Pattern{
		"the first word":  testkit.Of[*controlpb.Authenticate](),
		"the challenge":   testkit.Of[*controlpb.Challenge](),
		"the proof":       testkit.Of[*controlpb.Proof](),
		"the last answer": testkit.Of[*controlpb.Authenticated](),
	} {
		t.Run("an agent loses "+name, func(t *testing.T) {
			f := newFort(t, guarded)
			dropped := f.Drop(lost).Times(2)
			f.joins(f.Agent("a", "cpus:4;mem:4096", with("bob.json")))
			equal(t, "how many were lost", dropped.Count(), 2)
		})
		t.Run("a framework loses "+name, func(t *testing.T) {
			f := newFort(t, guarded)
			dropped := f.Drop(lost).Times(2)
			f.subscribes(f.player("f", named(bob("hunter2"), "bob")), 1)
			equal(t, "how many were lost", dropped.Count(), 2)
		})
	}
	t.Run("an agent waits longer each time, up to a limit", func(t *testing.T) {
		f := newFort(t, guarded)
		var at []time.Duration
		f.Drop(testkit.Of(func(*controlpb.Authenticate) bool { at = append(at, f.Elapsed()); return true }))
		f.Agent("a", "cpus:4;mem:4096", with("bob.json"), func(c *agent.Config) {
			c.AuthenticationTimeoutMin, c.AuthenticationTimeoutMax, c.AuthenticationBackoffFactor = 5*time.Second, 20*time.Second, 4*time.Second
		})
		f.Advance(10 * time.Minute)
		longest := time.Duration(0)
		for i := 1; i < len(at); i++ {
			gap := at[i] - at[i-1]
			longest = max(longest, gap)
			if limit := min(5*time.Second+4*time.Second<<min(i-1, 4), 20*time.Second); gap < 5*time.Second || gap > limit {
				t.Errorf("attempt %d comes after %v, want 5s to %v", i, gap, limit)
			}
		}
		if len(at) < 30 || longest < 15*time.Second {
			t.Errorf("%d attempts, the longest wait %v", len(at), longest)
		}
	})
}

func TestFrameworkAuthentication(t *testing.T) {
	for _, c := range []struct {
		name   string
		master func(*master.Config)
		config scheduler.Config
		failed string // "": it is subscribed
	}{
		{"with a credential", guarded, named(bob("hunter2"), "bob"), ""},
		{"without a credential", guarded, named(nil, ""), "is not authenticated"},
		{"with a wrong one", guarded, named(bob("hunter3"), "bob"), "Master refused authentication"},
		{"with another's principal in its description", guarded, named(bob("hunter2"), "eve"), `"eve"`},
		{"with no principal in its description", guarded, named(bob("hunter2"), ""), ""},
		{"not asked for, nobody needs a credential", open, named(nil, "eve"), ""},
		{"not asked for, a credential is still welcome", open, named(bob("hunter2"), "bob"), ""},
		{"not asked for, another's principal is refused to who proved his own", open, named(bob("hunter2"), "eve"), `"eve"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := newFort(t, c.master)
			f.Agent("a", "cpus:4;mem:4096", with("bob.json"))
			p := f.player("f", c.config)
			f.Advance(10 * time.Second)
			if (c.failed == "") != (p.subscribed == 1) || (c.failed == "") != (p.failed == "") || !strings.Contains(p.failed, c.failed) {
				t.Errorf("subscribed %d times, failed %q", p.subscribed, p.failed)
			}
		})
	}
	t.Run("a master without credentials cannot tell, and is asked again", func(t *testing.T) {
		f := newFort(t, func(*master.Config) {})
		p := f.player("f", named(bob("hunter2"), "bob"))
		f.never("it is subscribed, or gave up", func() bool { return p.subscribed != 0 || p.failed != "" })
	})
}

// The scheduler of a framework is replaced by one that proves to be of the framework's, and by no other.
func TestAuthenticatedFailover(t *testing.T) {
	f := newFort(t, guarded)
	first := f.player("f1", named(bob("hunter2"), "bob"))
	f.subscribes(first, 1)
	config := func(c *mesospb.Credential) scheduler.Config {
		again := named(c, "bob")
		again.Framework.Id = f.frameworks()[0].GetFrameworkInfo().GetId()
		return again
	}
	stranger := f.player("f2", config(nil))
	f.Advance(10 * time.Second)
	if !strings.Contains(stranger.failed, "not authenticated") || first.failed != "" || first.cutOff != 0 {
		t.Errorf("the stranger failed with %q, the first with %q", stranger.failed, first.failed)
	}
	second := f.player("f3", config(bob("hunter2")))
	f.subscribes(second, 1)
	f.Advance(time.Second)
	equal(t, "what the first hears", first.failed, "Framework failed over")
	equal(t, "frameworks", len(f.frameworks()), 1)
}

func (f *fort) frameworks() []*masterpb.Response_GetFrameworks_Framework {
	if f.desk == nil {
		f.desk = f.Probe("desk")
	}
	f.desk.Send(f.master.Operator(), &masterpb.Call{Type: masterpb.Call_GET_FRAMEWORKS.Enum()})
	return f.desk.Expect(testkit.Of[*masterpb.Response]())[0].Msg.(*masterpb.Response).GetGetFrameworks().GetFrameworks()
}

// A new master has to be shown everything anew.
func TestAuthenticationAfterFailover(t *testing.T) {
	f := newFort(t, guarded)
	f.joins(f.Agent("a", "cpus:4;mem:4096", with("bob.json")))
	p := f.player("f", named(bob("hunter2"), "bob"))
	f.subscribes(p, 1)
	f.Advance(time.Second)
	back := f.Watch(testkit.Of[*controlpb.AgentReregistered]())
	proofs := f.Watch(testkit.Of[*controlpb.Proof]())
	f.master.Crash()
	f.Advance(time.Second)
	f.master.Restart()
	f.subscribes(p, 2)
	f.Until("the agent is back", time.Minute, func() bool { return back.Count() > 0 })
	if proofs.Count() < 2 {
		t.Errorf("%d proofs", proofs.Count())
	}
}

// An election in the middle of the conversation leaves nothing of it.
func TestAuthenticationDuringElection(t *testing.T) {
	f := newFort(t, guarded)
	held := f.Hold(testkit.Of[*controlpb.Challenge]()).Times(2)
	f.Agent("a", "cpus:4;mem:4096", with("bob.json"))
	p := f.player("f", named(bob("hunter2"), "bob"))
	f.Until("two challenges are under way", 10*time.Second, func() bool { return held.Count() == 2 })
	admitted := f.Watch(testkit.Of[*controlpb.AgentRegistered]())
	f.master.Crash()
	f.Advance(time.Second)
	f.master.Restart()
	f.Advance(time.Second)
	held.Release()
	f.subscribes(p, 1)
	f.Until("the agent is a member", time.Minute, func() bool { return admitted.Count() > 0 })
	equal(t, "how the framework failed", p.failed, "")
}

// What strangers say to a master's gate, word by word.
func TestAuthenticationWordByWord(t *testing.T) {
	var s *stage
	var node *testkit.Node
	var who *testkit.Probe
	begin := func(attempt uint64) *controlpb.Challenge {
		who.Send(s.master(), &controlpb.Authenticate{Attempt: &attempt, Principal: proto.String("bob")})
		return who.Expect(testkit.Of[*controlpb.Challenge]())[0].Msg.(*controlpb.Challenge)
	}
	answer := func(c *controlpb.Challenge, secret string) {
		to := credentials.Challenge{Nonce: c.GetNonce(), Client: who.UPID().String(), Master: s.master().String()}
		who.Send(s.master(), &controlpb.Proof{Attempt: c.Attempt, Proof: credentials.Prove(bob(secret), to)})
	}
	subscribe := func() *schedulerpb.Event {
		who.Send(s.master(), &schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{
			FrameworkInfo: &mesospb.FrameworkInfo{Name: proto.String("f"), User: proto.String("nobody")}}})
		return who.Expect(testkit.Of[*schedulerpb.Event]())[0].Msg.(*schedulerpb.Event)
	}
	ok := testkit.Of[*controlpb.Authenticated]()
	for _, c := range []struct {
		name  string
		story func(*testing.T)
	}{
		{"only the last attempt counts", func(t *testing.T) {
			old, last := begin(1), begin(2)
			answer(old, "hunter2")
			who.ExpectNone(time.Second, testkit.Any())
			answer(last, "hunter2")
			equal(t, "the attempt", who.Expect(ok)[0].Msg.(*controlpb.Authenticated).GetAttempt(), 2)
		}},
		{"a proof is good for one try", func(t *testing.T) {
			c := begin(1)
			answer(c, "hunter3")
			equal(t, "refused", who.Expect(testkit.Of[*controlpb.AuthenticationFailed]())[0].Msg.(*controlpb.AuthenticationFailed).GetRefused(), true)
			answer(c, "hunter2")
			who.ExpectNone(time.Second, testkit.Any())
		}},
		{"a challenge is not open for ever", func(t *testing.T) {
			c := begin(1)
			s.Advance(16 * time.Second)
			answer(c, "hunter2")
			who.ExpectNone(time.Second, testkit.Any())
		}},
		{"who begins anew is nobody until the end", func(t *testing.T) {
			answer(begin(1), "hunter2")
			who.Expect(ok)
			begin(2)
			equal(t, "the event", subscribe().GetType(), schedulerpb.Event_ERROR)
		}},
		{"what is proven ends with the connection", func(t *testing.T) {
			answer(begin(1), "hunter2")
			who.Expect(ok)
			node.Crash()
			s.Settle()
			node.Restart()
			s.Advance(time.Second)
			who = node.Probe("stranger")
			equal(t, "the event", subscribe().GetType(), schedulerpb.Event_ERROR)
		}},
		{"what is proven ends with the framework", func(t *testing.T) {
			answer(begin(1), "hunter2")
			who.Expect(ok)
			id := subscribe().GetSubscribed().GetFrameworkId()
			who.Send(s.master(), &schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum(), FrameworkId: id})
			who.Expect(event(schedulerpb.Event_HEARTBEAT))
			equal(t, "the event", subscribe().GetType(), schedulerpb.Event_ERROR)
		}},
		{"a name without end is refused", func(t *testing.T) {
			who.Send(s.master(), &controlpb.Authenticate{Attempt: proto.Uint64(1), Principal: proto.String(strings.Repeat("b", 2000))})
			who.Expect(testkit.Of[*controlpb.AuthenticationFailed]())
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s = newStage(t, guarded)
			node = s.World.Node("n")
			who = node.Probe("stranger")
			c.story(t)
		})
	}
}
