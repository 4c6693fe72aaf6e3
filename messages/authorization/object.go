package authorization

import "github.com/meseta-io/meseta/messages/mesos/mesospb"

// Object is what an action is about; which fields matter stands behind each action. The zero value is no object in
// particular, which only those may touch who may touch ANY.
type Object struct {
	Value       string
	Framework   *mesospb.FrameworkInfo
	Task        *mesospb.Task
	TaskInfo    *mesospb.TaskInfo
	Executor    *mesospb.ExecutorInfo
	Command     *mesospb.CommandInfo
	Resource    *mesospb.Resource
	ContainerID *mesospb.ContainerID
}

// Role is the object of actions about a role.
func Role(name string) Object { return Object{Value: name} }

// Endpoint is the object of GetEndpointWithPath.
func Endpoint(path string) Object { return Object{Value: path} }

// The value that an access control list compares, and whether there is one. Where Mesos takes an object without the
// value for one that everybody may touch, ours takes it for ANY.

func value(o Object) (string, bool) { return o.Value, o.Value != "" }

// taskUser is the user that a task runs as: its own, that of its executor, or that of its framework.
func taskUser(o Object) (string, bool) {
	if o.Task.GetUser() != "" {
		return o.Task.GetUser(), true
	}
	if user := o.TaskInfo.GetCommand().GetUser(); user != "" {
		return user, true
	}
	if user := o.TaskInfo.GetExecutor().GetCommand().GetUser(); user != "" {
		return user, true
	}
	return executorUser(o)
}

func executorUser(o Object) (string, bool) {
	if user := o.Executor.GetCommand().GetUser(); user != "" {
		return user, true
	}
	return frameworkUser(o)
}

func frameworkUser(o Object) (string, bool) {
	user := o.Framework.GetUser()
	return user, user != ""
}

// childUser is the user of a nested container: its own, or that of the container around it.
func childUser(o Object) (string, bool) {
	if user := o.Command.GetUser(); user != "" {
		return user, true
	}
	return executorUser(o)
}

func commandUser(o Object) (string, bool) {
	if user := o.Command.GetUser(); user != "" {
		return user, true
	}
	return value(o)
}

func frameworkPrincipal(o Object) (string, bool) {
	if o.Framework == nil {
		return value(o)
	}
	return o.Framework.GetPrincipal(), o.Framework.GetPrincipal() != ""
}

// reservedTo is the role of the innermost reservation.
func reservedTo(o Object) (string, bool) {
	if o.Resource == nil {
		return value(o)
	}
	if all := o.Resource.GetReservations(); len(all) > 0 {
		role := all[len(all)-1].GetRole()
		return role, role != ""
	}
	role := o.Resource.GetRole()
	return role, role != "" && role != "*"
}

// reservedBy is who made the innermost reservation.
func reservedBy(o Object) (string, bool) {
	if o.Resource == nil {
		return value(o)
	}
	by := o.Resource.GetReservation().GetPrincipal()
	if all := o.Resource.GetReservations(); len(all) > 0 {
		by = all[len(all)-1].GetPrincipal()
	}
	return by, by != ""
}

func createdBy(o Object) (string, bool) {
	if o.Resource == nil {
		return value(o)
	}
	by := o.Resource.GetDisk().GetPersistence().GetPrincipal()
	return by, by != ""
}

// IsReserved says whether a resource is reserved to a role, in either of the ways in which that is written.
func IsReserved(r *mesospb.Resource) bool {
	return len(r.GetReservations()) > 0 || r.GetRole() != "" && r.GetRole() != "*"
}

// User is whom a task, or else an executor, would run as.
func User(o Object) string {
	user, _ := taskUser(o)
	return user
}
