package scheduler

import "github.com/meseta-io/meseta/messages/mesos/schedulerpb"

// Stop ends this actor and leaves the framework in the cluster: its tasks go on, and another instance with the same
// id takes over within the framework's failover timeout. Nothing is acknowledged any more, so what was not goes to
// that instance. The default timeout is zero; the framework then ends with its actor.
func (d *Driver) Stop() {
	if d.state == stopped {
		return
	}
	d.state = stopped
	d.Terminate()
}

// Teardown ends the framework and all of its tasks, then this actor. If there is no master at the moment, the
// actor stays until one has been told; Stop gives up earlier. The framework hears nothing more.
func (d *Driver) Teardown() {
	switch {
	case d.state == stopped:
		return
	case d.state == subscribed:
		d.call(&schedulerpb.Call{Type: schedulerpb.Call_TEARDOWN.Enum()})
	case d.ID() != nil || d.asked > 0:
		// A master may know it already, even if the answer has not come.
		d.tearing = true
		return
	}
	d.Stop()
}
