package agent_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/executor"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/credentials"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit/cast"
)

var tokenKey = []byte("a key that nobody guesses")

// guarded is a town whose agent has executors prove who they are. What is in its parts else is up to the test.
func guarded(t *testing.T, more ...func(*agent.Parts)) *town {
	t.Helper()
	w := joined(t)
	w.a.Parts = func(p *agent.Parts) {
		p.SecretKey, p.AuthenticateExecutors = credentials.NewSecret(tokenKey), true
		for _, f := range more {
			f(p)
		}
	}
	w.restart()
	w.returned()
	w.Advance(time.Second)
	return w
}

// tokenOf takes the token out of an environment.
func tokenOf(env []string) (rest []string, token string) {
	for _, kv := range env {
		if value, is := strings.CutPrefix(kv, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN="); is {
			token = value
		} else {
			rest = append(rest, kv)
		}
	}
	return rest, token
}

// The command executor and whoever else speaks the native protocol prove themselves without anybody's doing.
func TestNativeExecutorsProveThemselves(t *testing.T) {
	w := guarded(t)
	w.run(command("t1", "exit 0"))
	w.status("t1", starting)
	w.status("t1", running)
	w.status("t1", finished)
	w.run(custom("t2", "e1", "puppet"))
	w.Until("t2 is launched", time.Minute, func() bool { return w.puppet != nil && len(w.puppet.launched) == 1 })
	_, token := tokenOf(w.puppet.d.Config().Environment)
	claims, err := authn.Verify(token, tokenKey, time.Now())
	if err != nil || claims["fid"] != "F1" || claims["eid"] != "e1" || claims["cid"] != w.puppet.d.ContainerID().GetValue() {
		t.Errorf("the token says %v, %v", claims, err)
	}
	// The token holds for the next agent process, too.
	w.update("t2", running)
	w.status("t2", running)
	w.restart()
	w.returned()
	w.update("t2", finished)
	w.status("t2", finished)
}

// Who has no token, or another's, is nobody's executor, whatever he says of himself.
func TestImpostors(t *testing.T) {
	forge := func(c authn.Claims, key string) string {
		s, err := authn.Sign(c, []byte(key))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	for _, c := range []struct{ name, token string }{
		{"without a token", ""},
		{"with nonsense", "nonsense"},
		{"with a token of another key", forge(authn.Claims{"fid": "F1", "eid": "e1", "cid": "*"}, "guessed")},
		{"with the token of another container", forge(authn.Claims{"fid": "F1", "eid": "e1", "cid": "an older one"}, string(tokenKey))},
		{"with the token of another executor", forge(authn.Claims{"fid": "F1", "eid": "e2", "cid": "*"}, string(tokenKey))},
		{"with the token of another framework", forge(authn.Claims{"fid": "F2", "eid": "e1", "cid": "*"}, string(tokenKey))},
		{"with a token that names no container", forge(authn.Claims{"fid": "F1", "eid": "e1"}, string(tokenKey))},
		{"with an operator's token", forge(authn.Claims{"sub": "ops"}, string(tokenKey))},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := guarded(t)
			w.a.Machine.Program("impostor", func(p *cast.Process) {
				env, own := tokenOf(p.Spec.Env)
				if own == "" {
					t.Error("the agent gave no token")
				}
				if p.Spec.Env = env; c.token != "" {
					p.Spec.Env = append(env, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN="+c.token)
				}
				cast.Executor(func(*cast.Process) executor.Executor {
					w.puppet = &puppet{}
					return w.puppet
				})(p)
			})
			w.run(custom("t1", "e1", "impostor"))
			w.status("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED))
			if w.puppet == nil || len(w.puppet.launched) > 0 {
				t.Error("he was given the task")
			}
		})
	}
}

// What a framework may run is asked on the agent as well: its lists may be stricter than the master's.
func TestTasksAreAuthorizedOnTheAgent(t *testing.T) {
	acls, err := authorization.Parse([]byte(`{"run_tasks": [
		{"principals": {"type": "ANY"}, "users": {"values": ["root"]}},
		{"principals": {"type": "ANY"}, "users": {"type": "NONE"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	w := guarded(t, func(p *agent.Parts) { p.Authorizer = authorization.NewLive(acls) })
	as := func(user string) func(*mesospb.TaskInfo) {
		return func(t *mesospb.TaskInfo) { t.Command.User = proto.String(user) }
	}
	refused := func(u *controlpb.StatusUpdate) error {
		if s := u.GetStatus(); !strings.Contains(s.GetMessage(), "Not authorized to launch as user 'guest'") || s.GetSource() != mesospb.TaskStatus_SOURCE_AGENT {
			return fmt.Errorf("it says %v", s)
		}
		return nil
	}
	w.run(command("t1", "exit 0", as("guest")))
	w.status("t1", wrong, because(mesospb.TaskStatus_REASON_TASK_UNAUTHORIZED), refused)
	w.run(custom("t2", "e1", "puppet", func(t *mesospb.TaskInfo) { t.Executor.Command.User = proto.String("guest") }))
	w.status("t2", wrong, because(mesospb.TaskStatus_REASON_TASK_UNAUTHORIZED), refused)
	w.send(&controlpb.RunTaskGroup{Framework: framework(), Epoch: &w.epoch, Executor: custom("x", "e2", "puppet").Executor,
		TaskGroup: &mesospb.TaskGroupInfo{Tasks: []*mesospb.TaskInfo{command("t3", "exit 0", as("guest")), command("t4", "exit 0", as("root"))}}})
	w.status("t3", wrong, because(mesospb.TaskStatus_REASON_TASK_GROUP_UNAUTHORIZED), refused)
	w.status("t4", wrong, because(mesospb.TaskStatus_REASON_TASK_GROUP_UNAUTHORIZED), refused)
	w.run(command("t5", "exit 0", as("root")))
	w.status("t5", starting)
}
