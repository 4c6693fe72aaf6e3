package master

import (
	"fmt"
	"strings"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/refusal"
	"github.com/meseta-io/meseta/messages/validation"
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

// subject is a framework as the access control lists know it: by what it has proven, else by the principal in its
// description. That counts too, as in Mesos: whoever wants principals to be true asks for authentication.
func (f *framework) subject() authorization.Subject { return subjectOf(f.info, f.proven) }

func subjectOf(info *mesospb.FrameworkInfo, proven authorization.Subject) authorization.Subject {
	if !proven.IsAnonymous() {
		return proven
	}
	return authorization.Subject{Principal: info.GetPrincipal()}
}

// claim gives a framework the principal that its scheduler has proven, if its description names none. One that was
// there before anybody asked for principals stays without, because they cannot change.
func claim(info *mesospb.FrameworkInfo, who authorization.Subject, before *mesospb.FrameworkInfo) {
	if info.Principal == nil && who.Principal != "" && (before == nil || before.GetPrincipal() == who.Principal) {
		info.Principal = &who.Principal
	}
}

// mayRegister refuses a framework that may not have one of its roles.
func (m *Master) mayRegister(info *mesospb.FrameworkInfo, who authorization.Subject) error {
	roles := validation.Roles(info)
	may := m.parts.authorizer().Approver(subjectOf(info, who), authorization.RegisterFramework)
	ok := len(roles) > 0 || may(authorization.Object{})
	for _, role := range roles {
		ok = ok && may(authorization.Role(role))
	}
	if ok {
		return nil
	}
	return fmt.Errorf("Not authorized to register framework %s with roles { %s }: %w", info.GetId().GetValue(), strings.Join(roles, ", "),
		authorization.Refusal(subjectOf(info, who), authorization.RegisterFramework))
}

// mayRun refuses tasks that would run as users whom the framework may not use. The executor of a group is somebody, too.
func (m *Master) mayRun(f *framework, executor *mesospb.ExecutorInfo, tasks ...*mesospb.TaskInfo) error {
	may := m.parts.authorizer().Approver(f.subject(), authorization.RunTask)
	if o, found := authorization.Unrunnable(may, f.info, executor, tasks...); found {
		return unauthorized(f, o)
	}
	return nil
}

func unauthorized(f *framework, o authorization.Object) error {
	return fmt.Errorf("Not authorized to launch as user '%s': %w", authorization.User(o), authorization.Refusal(f.subject(), authorization.RunTask))
}

// mayJoin refuses an agent that may not register, or may not bring the reservations that it was started with.
func (m *Master) mayJoin(from process.UPID, info *mesospb.AgentInfo) error {
	if err := m.misplaced(info); err != nil {
		return err
	}
	who := m.gate.subject(from)
	if !m.approves(who, authorization.RegisterAgent, authorization.Object{}) {
		return fmt.Errorf("agent at %s: %w", from, authorization.Refusal(who, authorization.RegisterAgent))
	}
	may := m.parts.authorizer().Approver(who, authorization.ReserveResources)
	for _, r := range info.GetResources() {
		if authorization.IsReserved(r) && !may(authorization.Object{Resource: r}) {
			return fmt.Errorf("agent at %s: it comes with resources reserved to a role: %w", from, authorization.Refusal(who, authorization.ReserveResources))
		}
	}
	return nil
}

// unwelcome says whether an agent may not join, and tells it so. It asks again, in case the lists change.
func (m *Master) unwelcome(from process.UPID, info *mesospb.AgentInfo) bool {
	err := m.mayJoin(from, info)
	if err == nil {
		return false
	}
	m.counts.dropped.Inc()
	m.Log().Warn("agent refused", "at", from, "because", err)
	m.Send(from, refusal.Of(err))
	return true
}

// mayOperate refuses an operation on resources that somebody may not carry out.
func (m *Master) mayOperate(who authorization.Subject, op *mesospb.Offer_Operation) error {
	asks, ok := questions(op)
	if !ok {
		return fmt.Errorf("operation %s: %w", op.GetType(), fault.ErrUnsupported)
	}
	for _, a := range asks {
		if !m.approves(who, a.what, authorization.Object{Resource: a.resource}) {
			return authorization.Refusal(who, a.what)
		}
	}
	return nil
}

// questions are what an operation has to be asked about. ok is false for one that is none on resources.
func questions(op *mesospb.Offer_Operation) (asks []ask, ok bool) {
	switch op.GetType() {
	case mesospb.Offer_Operation_RESERVE:
		asks = reservations(op.GetReserve())
	case mesospb.Offer_Operation_UNRESERVE:
		asks = about(authorization.UnreserveResources, op.GetUnreserve().GetResources())
	case mesospb.Offer_Operation_CREATE:
		asks = about(authorization.CreateVolume, op.GetCreate().GetVolumes())
	case mesospb.Offer_Operation_DESTROY:
		asks = about(authorization.DestroyVolume, op.GetDestroy().GetVolumes())
	case mesospb.Offer_Operation_GROW_VOLUME:
		asks = about(authorization.ResizeVolume, one(op.GetGrowVolume().GetVolume()))
	case mesospb.Offer_Operation_SHRINK_VOLUME:
		asks = about(authorization.ResizeVolume, one(op.GetShrinkVolume().GetVolume()))
	case mesospb.Offer_Operation_CREATE_DISK:
		action := authorization.CreateMountDisk
		if op.GetCreateDisk().GetTargetType() == mesospb.Resource_DiskInfo_Source_BLOCK {
			action = authorization.CreateBlockDisk
		}
		asks = about(action, one(op.GetCreateDisk().GetSource()))
	case mesospb.Offer_Operation_DESTROY_DISK:
		asks = about(destroyDisk(op.GetDestroyDisk().GetSource()), one(op.GetDestroyDisk().GetSource()))
	default:
		return nil, false
	}
	return asks, true
}

// ask is one question about one resource.
type ask struct {
	what     authorization.Action
	resource *mesospb.Resource
}

func about(what authorization.Action, all []*mesospb.Resource) (asks []ask) {
	for _, r := range all {
		asks = append(asks, ask{what, r})
	}
	return asks
}

func one(r *mesospb.Resource) []*mesospb.Resource { return []*mesospb.Resource{r} }

func destroyDisk(r *mesospb.Resource) authorization.Action {
	switch r.GetDisk().GetSource().GetType() {
	case mesospb.Resource_DiskInfo_Source_BLOCK:
		return authorization.DestroyBlockDisk
	case mesospb.Resource_DiskInfo_Source_RAW:
		return authorization.DestroyRawDisk
	}
	return authorization.DestroyMountDisk
}
