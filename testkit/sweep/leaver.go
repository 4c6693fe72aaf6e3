package sweep

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/testkit"
)

// Leavers has a framework with tasks that run for ever leave for good in the storm. In the end it is torn down: no master has
// it among its frameworks, and nothing of it runs, whatever failed over meanwhile.
var Leavers = Checker{"I8: who never returns is torn down after its failover timeout", leavers}

// leaverTimeout is the failover timeout of the framework that leaves.
const leaverTimeout = 2 * time.Minute

func leavers(r *Run) {
	if !r.Config.Leaver {
		return // to wait for the end of its timeout takes long
	}
	f := newFramework(r, "l0", 0, "*", leaverTimeout)
	for i := range 2 {
		f.jobs = append(f.jobs, &job{name: fmt.Sprintf("l0-j%d", i), script: "sleep 1000000", needs: mustParse("cpus:0.1;mem:16")})
	}
	operator := r.Probe("undertaker")
	r.At(20*time.Second+time.Duration(r.Choose(20))*time.Second, f.Crash)
	r.left = append(r.left, f)
	r.atEnd("who never returns is torn down after its failover timeout", func() error { return f.tornDown(operator) })
}

// tornDown asks the master for its frameworks, and looks at the last answer.
func (f *Framework) tornDown(operator *testkit.Probe) error {
	var last *masterpb.Response_GetFrameworks
	for _, m := range operator.Messages() {
		if r, ok := m.Msg.(*masterpb.Response); ok && r.GetGetFrameworks() != nil {
			last = r.GetGetFrameworks()
		}
	}
	operator.Forget()
	if f.id == nil {
		return nil // it left before it had come
	}
	f.run.ask(operator, &masterpb.Call{Type: masterpb.Call_GET_FRAMEWORKS.Enum()})
	if last == nil {
		return errors.New("the master does not answer")
	}
	for _, other := range last.GetFrameworks() {
		if id := other.GetFrameworkInfo().GetId().GetValue(); id == f.id.GetValue() {
			return fmt.Errorf("%s is still there, connected %v, recovered %v", id, other.GetConnected(), other.GetRecovered())
		}
	}
	for _, a := range f.run.Agents {
		for _, p := range a.Machine.Running() {
			if p.Getenv("MESOS_FRAMEWORK_ID") == f.id.GetValue() {
				return fmt.Errorf("%s still runs %s", a.Name(), p.Getenv("MESOS_EXECUTOR_ID"))
			}
		}
	}
	return nil
}

// hasLeft says whether a framework left for good, or will.
func (r *Run) hasLeft(framework string) bool {
	return slices.ContainsFunc(r.left, func(f *Framework) bool { return f.id.GetValue() == framework })
}
