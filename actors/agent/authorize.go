package agent

import (
	"github.com/meseta-io/meseta/messages/authorization"
)

// authorizer says who may do and see what on this agent. Without one, everybody may everything.
func (p Parts) authorizer() authorization.Authorizer {
	if p.Authorizer == nil {
		return authorization.Everything
	}
	return p.Authorizer
}

// approves says whether somebody may do something.
func (a *Agent) approves(who authorization.Subject, what authorization.Action, object authorization.Object) bool {
	return a.parts.authorizer().Approver(who, what)(object)
}
