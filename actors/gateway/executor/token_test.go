package executor_test

import (
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/executor"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
	"github.com/meseta-io/meseta/testkit/lodge"
)

var key = []byte("a key that nobody guesses")

// guarded is an agent whose executors have to prove who they are.
func guarded(t *testing.T) *lodge.Lodge {
	l := started(t, lodge.Options{
		Parts: func(p *agent.Parts) { p.SecretKey = credentials.NewSecret(key) },
		Gate: func(p *gateway.Parts) {
			p.Authenticator = func(realm string) process.Authenticator {
				if realm != executor.Realm {
					return nil
				}
				return authn.Bearer(realm, key, time.Now)
			}
		},
	})
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t2", "e2"))
	l.Until("both containers run", func() bool { return len(l.Launcher.Specs()) == 2 })
	return l
}

// token is what the agent gave an executor.
func token(l *lodge.Lodge, id string) string {
	for _, spec := range l.Launcher.Specs() {
		env := strings.Join(spec.Env, "\n")
		if strings.Contains(env, "MESOS_EXECUTOR_ID="+id+"\n") {
			_, rest, _ := strings.Cut(env, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN=")
			token, _, _ := strings.Cut(rest, "\n")
			return token
		}
	}
	return ""
}

// An executor speaks for itself and for nobody else, with the token that its agent gave it.
func TestTokens(t *testing.T) {
	l := guarded(t)
	own, other := token(l, "e1"), token(l, "e2")
	claims, err := authn.Verify(own, key, time.Now())
	container := l.Agent.View().Frameworks[0].Executors[0].Container
	if err != nil || claims["fid"] != "F1" || claims["eid"] != "e1" || claims["cid"] != container {
		t.Fatalf("the token says %v, %v; the container is %s", claims, err, container)
	}
	hello := says("F1", "e1", executorpb.Call_SUBSCRIBE)
	if got := post(l, hello); got.Status != 401 || !strings.HasPrefix(got.Header.Get("Www-Authenticate"), "Bearer") {
		t.Errorf("without a token: %d %v", got.Status, got.Header)
	}
	if got := post(l, hello, "Authorization", "Bearer "+other); got.Status != 403 {
		t.Errorf("with the token of another executor: %d %q", got.Status, got.Body)
	}
	for _, wrong := range []authn.Claims{
		{"fid": "F1", "eid": "e1"}, {"fid": "F1", "eid": "e1", "cid": "an older container"}, {"fid": "F2", "eid": "e1", "cid": container}, {"sub": "ops"},
	} {
		forged, err := authn.Sign(wrong, key)
		l.Must(err)
		if got := post(l, hello, "Authorization", "Bearer "+forged); got.Status != 403 {
			t.Errorf("with the claims %v: %d %q", wrong, got.Status, got.Body)
		}
	}
	if got := post(l, hello, "Authorization", "Bearer "+own[:len(own)-2]+"xx"); got.Status != 401 {
		t.Errorf("with a broken signature: %d", got.Status)
	}
	if got := post(l, says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, 1)), "Authorization", "Bearer "+own); got.Status != 403 {
		t.Errorf("an update before it has subscribed: %d %q", got.Status, got.Body)
	}
}

// With the token of another executor nothing can be said for this one: each call is refused, and none has an effect.
func TestNoCallWithTheTokenOfAnother(t *testing.T) {
	l := guarded(t)
	own, other := token(l, "e1"), token(l, "e2")
	s := &stream{l.Dial(), wire.JSON}
	s.Send("POST", path, lodge.Headers{"Content-Type", wire.MediaJSON, "Accept", wire.MediaJSON, "Authorization", "Bearer " + own},
		wire.AppendJSON(nil, says("F1", "e1", executorpb.Call_SUBSCRIBE)))
	s.begins()
	s.wants(executorpb.Event_SUBSCRIBED)
	s.wants(executorpb.Event_LAUNCH)
	update := says("F1", "e1", executorpb.Call_UPDATE, update("t1", mesospb.TaskState_TASK_RUNNING, 1))
	message := says("F1", "e1", executorpb.Call_MESSAGE, func(c *executorpb.Call) { c.Message = &executorpb.Call_Message{Data: []byte("x")} })
	for _, c := range []*executorpb.Call{says("F1", "e1", executorpb.Call_SUBSCRIBE), update, message} {
		if got := post(l, c, "Authorization", "Bearer "+other); got.Status != 403 {
			t.Errorf("%s with the token of another executor: %d %q", c.GetType(), got.Status, got.Body)
		}
		if got := post(l, c); got.Status != 401 {
			t.Errorf("%s without a token: %d %q", c.GetType(), got.Status, got.Body)
		}
	}
	if got := l.Agent.View().Frameworks[0].Executors[0].Launched[0].GetState(); got != mesospb.TaskState_TASK_STAGING {
		t.Errorf("what was refused made the task %s", got)
	}
	wants(t, post(l, update, "Authorization", "Bearer "+own), 202, "")
	wants(t, post(l, message, "Authorization", "Bearer "+own), 202, "")
}
