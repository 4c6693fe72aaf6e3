package validation

import (
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// SchedulerCall checks a scheduler's call. The principal is whom the connection authenticated as, "" for nobody.
func SchedulerCall(c *schedulerpb.Call, principal string) error {
	if c.Type == nil {
		return refuse("call has no type")
	}
	kind := c.GetType().String()
	if err := body(c, kind, "REVIVE", "SUPPRESS"); err != nil {
		return err
	}
	if c.GetType() == schedulerpb.Call_SUBSCRIBE {
		return in(subscribe(c, principal), "call %s", kind)
	}
	if c.FrameworkId == nil {
		return refuse("call %s: set framework_id", kind)
	}
	var err error
	switch c.GetType() {
	case schedulerpb.Call_ACKNOWLEDGE:
		err = uuid(c.GetAcknowledge().GetUuid())
	case schedulerpb.Call_ACKNOWLEDGE_OPERATION_STATUS:
		err = uuid(c.GetAcknowledgeOperationStatus().GetUuid())
		if c.GetAcknowledgeOperationStatus().AgentId == nil {
			err = first(err, refuse("set agent_id"))
		}
	case schedulerpb.Call_UPDATE_FRAMEWORK:
		if c.GetFrameworkId().GetValue() != c.GetUpdateFramework().GetFrameworkInfo().GetId().GetValue() {
			err = refuse("framework_id differs from update_framework.framework_info.id")
		}
	}
	return in(err, "call %s", kind)
}

func subscribe(c *schedulerpb.Call, principal string) error {
	info := c.GetSubscribe().GetFrameworkInfo()
	switch {
	case info.GetId().GetValue() != c.GetFrameworkId().GetValue():
		return refuse("framework_id differs from subscribe.framework_info.id")
	case principal != "" && info.Principal != nil && info.GetPrincipal() != principal:
		return refuse("you are %q, but framework_info.principal is %q", principal, info.GetPrincipal())
	}
	return nil
}
