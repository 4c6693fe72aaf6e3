package master_test

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

func multiRole(roles ...string) shape {
	return func(i *mesospb.FrameworkInfo) {
		capable(mesospb.FrameworkInfo_Capability_MULTI_ROLE)(i)
		i.Roles, i.Role = roles, nil
	}
}

// Roles and the capability for several of them can change whenever a framework subscribes.
func TestRoleChanges(t *testing.T) {
	single := func(role string) shape { return func(i *mesospb.FrameworkInfo) { i.Role = proto.String(role) } }
	for _, c := range []struct {
		name        string
		before, now shape
		want        []string
	}{
		{"up to several", single("role"), multiRole("role"), []string{"role"}},
		{"down to one", multiRole("role1", "role2"), func(i *mesospb.FrameworkInfo) {
			i.Capabilities, i.Roles, i.Role = nil, nil, proto.String("role1")
		}, []string{"role1"}},
		{"one more", multiRole("role1"), func(i *mesospb.FrameworkInfo) { i.Roles = []string{"role1", "role2"} }, []string{"role1", "role2"}},
		{"another", single("role1"), multiRole("role2"), []string{"role2"}},
	} {
		for _, failover := range []bool{false, true} {
			name := c.name
			if failover {
				name += ", at another master"
			}
			t.Run(name, func(t *testing.T) {
				s := newStage(t, nil)
				a := s.agent("a1", "cpus:4;mem:4096")
				f := s.framework("f1", c.before, patient(time.Hour))
				s.running(f, a, "t1")
				if failover {
					s.failover()
					a.reregister() // it tells of the framework as it was
				}
				c.now(f.info)
				f.Forget()
				f.subscribe()
				f.call(&schedulerpb.Call{Type: schedulerpb.Call_REVIVE.Enum()}) // it had declined what it did not use
				offered := map[string]bool{}
				for range c.want {
					o := f.offer()
					role := o.GetAllocationInfo().GetRole()
					if o.AllocationInfo == nil {
						role = f.info.GetRole()
					}
					offered[role] = true
					f.accept([]*mesospb.Offer{o}, 3600)
				}
				for _, role := range c.want {
					if !offered[role] {
						t.Errorf("nothing was offered for %s: %v", role, offered)
					}
				}
				equal(t, "tasks", len(s.tasks().GetTasks()), 1)
				f.ExpectNone(0, errorEvent(""))
			})
		}
	}
}

func TestRolesAtSubscription(t *testing.T) {
	t.Run("several", func(t *testing.T) {
		s := newStage(t, nil)
		s.framework("f1", multiRole("role1", "role2"))
	})
	t.Run("one of them not in the whitelist", func(t *testing.T) {
		s := newStage(t, func(c *master.Config) { c.Roles = []string{"role1"} })
		f := s.scheduler("f1", multiRole("role1", "role2"))
		f.Send(s.master(), f.subscribeCall())
		f.ExpectNext(errorEvent("role2"))
	})
}
