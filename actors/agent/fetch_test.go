package agent_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/fetcher"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func uris(values ...string) (all []*mesospb.CommandInfo_URI) {
	for _, v := range values {
		all = append(all, &mesospb.CommandInfo_URI{Value: proto.String(v)})
	}
	return all
}

func fetches(values ...string) func(*mesospb.TaskInfo) {
	return func(t *mesospb.TaskInfo) {
		if t.Executor != nil {
			t.Executor.Command.Uris = uris(values...)
			return
		}
		t.Command.Uris = uris(values...)
	}
}

// slow lets the machine take a time for each fetch, and notes what was asked for.
func (w *town) slow(takes time.Duration, err error) *[]fetcher.Request {
	asked := &[]fetcher.Request{}
	w.a.Machine.OnFetch = func(r fetcher.Request) (time.Duration, error) {
		*asked = append(*asked, r)
		return takes, err
	}
	return asked
}

// The files of commands and of executors are brought before anything runs.
func TestFetch(t *testing.T) {
	for name, task := range map[string]*mesospb.TaskInfo{
		"for a command":   command("t1", "sleep 1", fetches("http://h/a", "http://h/b")),
		"for an executor": custom("t1", "e1", "puppet", fetches("http://h/a", "http://h/b")),
	} {
		t.Run(name, func(t *testing.T) {
			w := joined(t)
			asked := w.slow(30*time.Second, nil)
			w.run(task)
			w.Advance(29 * time.Second)
			if n := len(w.a.Machine.Running()); n != 0 {
				t.Fatalf("%d processes run before the files are there", n)
			}
			w.Advance(2 * time.Second)
			if n := len(w.a.Machine.Running()); n == 0 {
				t.Error("nothing runs")
			}
			r := (*asked)[0]
			if len(*asked) != 1 || len(r.URIs) != 2 || r.URIs[1].GetValue() != "http://h/b" || r.ContainerID == "" ||
				!strings.HasSuffix(r.Sandbox, "/runs/"+r.ContainerID) {
				t.Errorf("asked for %+v", *asked)
			}
		})
	}
	t.Run("not without files", func(t *testing.T) {
		w := joined(t)
		asked := w.slow(time.Hour, nil)
		w.run(command("t1", "exit 0"))
		w.status("t1", finished)
		if len(*asked) != 0 {
			t.Errorf("asked for %+v", *asked)
		}
	})
}

// A task whose files cannot be brought fails, and says which one and why.
func TestFetchFailure(t *testing.T) {
	for name, task := range map[string]*mesospb.TaskInfo{
		"for a command": command("t1", "sleep 1", fetches("http://h/a")), "for an executor": custom("t1", "e1", "puppet", fetches("http://h/a")),
	} {
		t.Run(name, func(t *testing.T) {
			w := joined(t)
			w.slow(time.Second, errors.New("fetch 'http://h/a': the server answered 404 Not Found"))
			w.run(task)
			w.status("t1", failed, because(mesospb.TaskStatus_REASON_CONTAINER_LAUNCH_FAILED), says("Failed to launch container: fetch 'http://h/a': the server answered 404"))
			if n := len(w.a.Machine.Running()); n != 0 {
				t.Errorf("%d processes run", n)
			}
			w.quiet(time.Minute)
		})
	}
}

func says(what string) func(*controlpb.StatusUpdate) error {
	return func(u *controlpb.StatusUpdate) error {
		if !strings.Contains(u.GetStatus().GetMessage(), what) {
			return fmt.Errorf("it says %q, nothing about %q", u.GetStatus().GetMessage(), what)
		}
		return nil
	}
}

// The time to register covers the fetch, as in Mesos: one that takes longer is given up.
func TestFetchTakesTooLong(t *testing.T) {
	w := joined(t, func(c *agent.Config) { c.ExecutorRegistrationTimeout = 10 * time.Second })
	w.slow(time.Hour, nil)
	began := w.Elapsed()
	w.run(command("t1", "sleep 1", fetches("http://h/a")))
	w.master.ExpectWithin(time.Minute, update("t1", failed, because(mesospb.TaskStatus_REASON_EXECUTOR_REGISTRATION_TIMEOUT)))
	if took := w.Elapsed() - began; took > 12*time.Second {
		t.Errorf("it was given up after %v", took)
	}
	w.quiet(time.Minute)
}

// A task that is killed while its files are brought ends at once, and nothing of it ever runs.
func TestKillWhileFetching(t *testing.T) {
	w := joined(t)
	w.slow(30*time.Second, nil)
	started := 0
	w.a.Machine.OnStart = nil
	w.run(command("t1", "sleep 1000", fetches("http://h/a")))
	w.Advance(time.Second)
	w.kill("t1")
	w.status("t1", killed, because(mesospb.TaskStatus_REASON_TASK_KILLED_DURING_LAUNCH))
	w.Advance(time.Hour)
	if started += len(w.a.Machine.Running()); started != 0 {
		t.Errorf("%d processes run", started)
	}
	w.quiet(time.Minute)
}

// An agent that dies while it fetches tells the truth after its return.
func TestAgentDiesWhileFetching(t *testing.T) {
	w := joined(t)
	w.slow(30*time.Second, nil)
	w.run(command("t1", "sleep 1000", fetches("http://h/a")))
	w.Advance(time.Second)
	w.restart()
	w.status("t1", failed)
	if n := len(w.a.Machine.Running()); n != 0 {
		t.Errorf("%d processes run", n)
	}
	w.quiet(time.Minute)
}
