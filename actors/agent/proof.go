package agent

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/authn"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// token is what an executor proves itself with: it names the framework, the executor and the container.
func (a *Agent) token(e *executor) (string, error) {
	return authn.Sign(authn.Claims{authorization.ClaimFramework: e.framework.id(), authorization.ClaimExecutor: e.id(),
		authorization.ClaimContainer: e.run.container}, a.parts.SecretKey.Reveal())
}

// executorToken is how an executor that does not speak HTTP proves who it is: it says its token before it subscribes. A
// token that proves nothing is not answered; the SUBSCRIBE behind it is refused.
func (a *Agent) executorToken(from process.UPID, m *controlpb.ExecutorToken) {
	if !a.parts.AuthenticateExecutors {
		return
	}
	claims, err := authn.Verify(m.GetToken(), a.parts.SecretKey.Reveal(), a.b.Now())
	if err != nil {
		a.b.Log().Warn("an executor's token proves nothing", "from", from.String(), "error", err)
		return
	}
	who := authorization.Subject{Claims: map[string]string{}}
	for name, v := range claims {
		if s, ok := v.(string); ok {
			who.Claims[name] = s
		}
	}
	f := a.frameworks[who.Claims[authorization.ClaimFramework]]
	if f == nil {
		return
	}
	if e := f.executors[who.Claims[authorization.ClaimExecutor]]; e != nil && e.provenBy(who) == nil {
		e.proven = from
	}
}

// unproven refuses an executor that has to prove who it is, and has not.
func (a *Agent) unproven(e *executor, from process.UPID) error {
	if !a.parts.AuthenticateExecutors || e.proven == from {
		return nil
	}
	return fmt.Errorf("executor %q has not proven who it is: executors of this agent need the token that it gave them in "+
		"MESOS_EXECUTOR_AUTHENTICATION_TOKEN: %w", e.id(), fault.ErrDenied)
}

// unauthorized tells why a framework may not run a task on this agent: the lists of agents may differ from the master's.
func (a *Agent) unauthorized(f *framework, executor *mesospb.ExecutorInfo, tasks ...*mesospb.TaskInfo) error {
	who := authorization.Subject{Principal: f.info.GetPrincipal()}
	may := a.parts.Authorizer.Approver(who, authorization.RunTask)
	if o, found := authorization.Unrunnable(may, f.info, executor, tasks...); found {
		return fmt.Errorf("Not authorized to launch as user '%s': %w", authorization.User(o), authorization.Refusal(who, authorization.RunTask))
	}
	return nil
}
