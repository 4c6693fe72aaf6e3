package cast

import (
	"fmt"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/resources"
	"github.com/meseta-io/meseta/testkit"
)

// The events of a framework that need no more words.
var (
	Subscribed = eventOf(schedulerpb.Event_SUBSCRIBED)
	Rescinded  = eventOf(schedulerpb.Event_RESCIND)
	Failure    = eventOf(schedulerpb.Event_FAILURE)
	Error      = eventOf(schedulerpb.Event_ERROR)
)

func eventOf(kind schedulerpb.Event_Type) testkit.Pattern {
	return testkit.That(kind.String(), func(e *schedulerpb.Event) error { return isEvent(e, kind) })
}

func isEvent(e *schedulerpb.Event, kind schedulerpb.Event_Type) error {
	if e.GetType() != kind {
		return fmt.Errorf("it is %s", e.GetType())
	}
	return nil
}

// Offer is an offer of an agent with exactly these resources, whoever they are reserved for or allocated to; an
// empty text is any resources.
func Offer(a *Agent, text string) testkit.Pattern {
	want, err := resources.Parse(text)
	if err != nil {
		panic(fmt.Sprintf("resources %q: %v", text, err))
	}
	return testkit.That(fmt.Sprintf("an offer of %s with %q", a.Name(), text), func(e *schedulerpb.Event) error {
		if err := isEvent(e, schedulerpb.Event_OFFERS); err != nil {
			return err
		}
		for _, o := range e.GetOffers().GetOffers() {
			got := resources.FromValid(o.GetResources()).Unallocate()
			switch {
			case o.GetHostname() != a.Config.Hostname:
				return fmt.Errorf("the offer is of %s", o.GetHostname())
			case text != "" && !got.Equal(want):
				return fmt.Errorf("the offer has %v", got)
			}
		}
		return nil
	})
}

// Update is a status update of a task.
func Update(task string, state mesospb.TaskState, more ...func(*mesospb.TaskStatus) error) testkit.Pattern {
	return testkit.That(fmt.Sprintf("%s of %s", state, task), func(e *schedulerpb.Event) error {
		if err := isEvent(e, schedulerpb.Event_UPDATE); err != nil {
			return err
		}
		s := e.GetUpdate().GetStatus()
		switch {
		case s.GetTaskId().GetValue() != task:
			return fmt.Errorf("the task is %s", s.GetTaskId().GetValue())
		case s.GetState() != state:
			return fmt.Errorf("the state is %s: %s", s.GetState(), s.GetMessage())
		}
		for _, check := range more {
			if err := check(s); err != nil {
				return err
			}
		}
		return nil
	})
}

// Because narrows an Update to a reason.
func Because(reason mesospb.TaskStatus_Reason) func(*mesospb.TaskStatus) error {
	return func(s *mesospb.TaskStatus) error {
		if s.GetReason() != reason {
			return fmt.Errorf("the reason is %s", s.GetReason())
		}
		return nil
	}
}
