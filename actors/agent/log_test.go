package agent_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// A day in the life of an agent, as its log tells it at level info: one line for each decision.
func TestTheLogTellsTheStory(t *testing.T) {
	w := joined(t, roomy)
	w.order("u", named("x", reserving(reserved("cpus:1", "web")...)))
	w.order("v", named("y", reserving(reserved("cpus:100", "web")...)))
	w.told("u", mesospb.OperationState_OPERATION_FINISHED)
	w.told("v", mesospb.OperationState_OPERATION_DROPPED)
	w.run(command("t1", "sleep 1000"))
	w.status("t1", running)
	w.kill("nobody")
	w.status("nobody", dropped)
	w.send(&controlpb.Ping{Connected: proto.Bool(false), Epoch: &w.epoch})
	w.returned()
	w.Advance(time.Second)
	w.restart()
	w.returned()
	w.Advance(time.Second)
	w.send(&controlpb.ShutdownFramework{FrameworkId: framework().Id, Epoch: &w.epoch})
	w.Advance(time.Minute)
	w.send(&controlpb.ShutdownAgent{Message: proto.String("enough"), Epoch: &w.epoch})
	w.Advance(time.Minute)
	line := regexp.MustCompile(`^ *\+\S+ +\*? *(info|warn|error) +a:5051 (.*) process=slave\(1\)(.*)$`)
	var got []string
	for _, l := range w.Trace(100_000) {
		if m := line.FindStringSubmatch(l); m != nil {
			got = append(got, strings.TrimRight(m[1]+" "+m[2]+m[3], " "))
		}
	}
	want := []string{
		"info recovered agent= frameworks=0",
		"info found the master master=master@m:5050 epoch=1",
		"info registered agent=A1 master=master@m:5050",
		"info a member of the cluster agent=A1 master=master@m:5050",
		"info operation carried out framework=F1 operation=RESERVE",
		"warn operation dropped framework=F1 operation=RESERVE because=operation RESERVE: cpus:100 is not in cpus:3; mem:4096; " +
			"disk:1024; cpus(reservations: [(DYNAMIC,web)]):1: resources are missing",
		"info task refused framework=F1 task=nobody state=TASK_DROPPED because=Cannot kill a task that is not on this agent",
		"info the master does not think that this agent is connected; registering again",
		"info a member of the cluster agent=A1 master=master@m:5050",
		"info recovered agent=A1 frameworks=1",
		"info found the master master=master@m:5050 epoch=1",
		"info a member of the cluster agent=A1 master=master@m:5050",
		"info shutting down a framework framework=F1",
		"info told to shut down by=master@m:5050 because=enough",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the log is\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
