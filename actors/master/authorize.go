package master

import (
	"github.com/meseta-io/meseta/messages/authorization"
)

// authorizer says what those may do who are known. Without one, everybody may do everything.
func (p Parts) authorizer() authorization.Authorizer {
	if p.Authorizer == nil {
		return authorization.Everything
	}
	return p.Authorizer
}

// approves says whether somebody may do something. It is asked at the moment of doing, so that a right that was taken
// away with a reload is gone at once.
func (m *Master) approves(who authorization.Subject, what authorization.Action, object authorization.Object) bool {
	return m.parts.authorizer().Approver(who, what)(object)
}

// subject is a framework as the access control lists know it: by its principal. One that is set in its description
// although it did not authenticate counts too, as in Mesos: whoever wants principals to be true asks for authentication.
func (f *framework) subject() authorization.Subject {
	return authorization.Subject{Principal: f.info.GetPrincipal()}
}
