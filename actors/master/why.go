package master

import (
	"fmt"

	"github.com/meseta-io/meseta/actors/allocator"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/messages/validation"
)

// Question is why a framework is offered what it is offered.
type Question struct {
	// Framework is an id; Role one of its roles, or "" for all.
	Framework, Role string
	// Demand is what it could use.
	Demand resources.Resources
	// Nearest is how many near misses to name for each role.
	Nearest int
}

// Explanation is the answer for one role.
type Explanation struct {
	Role string
	allocator.Answer
}

// maxNearest bounds what an answer may name.
const maxNearest = 1000

// Why asks the allocator where a framework's demand could run now, and why not elsewhere.
func (c Client) Why(who authorization.Subject, q Question) process.Future[[]Explanation] {
	return process.Entrust(c.master, func(m *Master, done *process.Promise[[]Explanation]) { m.why(who, q, done) })
}

func (m *Master) why(who authorization.Subject, q Question, done *process.Promise[[]Explanation]) {
	f := m.frameworks.registered[q.Framework]
	if f == nil || !m.approves(who, authorization.ViewFramework, authorization.Object{Framework: f.info}) {
		done.Complete(nil, fmt.Errorf("framework %q is not there: %w", q.Framework, fault.ErrNotFound))
		return
	}
	roles := validation.Roles(f.info)
	if q.Role != "" {
		if !f.hasRole(q.Role) {
			done.Complete(nil, fmt.Errorf("framework %s does not have role %q, but %q: %w", f.id, q.Role, roles, fault.ErrNotFound))
			return
		}
		roles = []string{q.Role}
	}
	answers := make([]Explanation, len(roles))
	left := len(roles)
	if left == 0 {
		done.Complete(nil, nil)
		return
	}
	for i, role := range roles {
		answers[i].Role = role
		process.Then(m.Base, m.allocator.Why(f.id, role, q.Demand, min(q.Nearest, maxNearest)), func(a allocator.Answer, err error) {
			if err != nil {
				done.Complete(nil, err)
				return
			}
			answers[i].Answer = a
			if left--; left == 0 {
				done.Complete(answers, nil)
			}
		})
	}
}
