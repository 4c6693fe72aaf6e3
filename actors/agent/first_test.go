package agent_test

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit"
)

// What the agent of this repository's first landing (e3d2d85) wrote: an agent that had launched two tasks of one command
// each and was killed, long after its master. "sleep 12; exit 3" had ended and nobody had acknowledged that; "sleep 1000"
// ran.
const (
	firstLanding   = "testdata/work_dir-of-the-first-landing.tar.gz"
	firstAgent     = "659065e1-af8f-4598-bf71-96bed144debd-S0"
	firstEnded     = "sleep.20261121-203550-11590"
	firstRunning   = "sleep.20261121-203550-11594"
	firstResources = "cpus:4;mem:4096;disk:252899;ports:[31000-31001]"
)

// restore puts the files onto a simulated disk, and says which boot they are of.
func restore(t *testing.T, d *testkit.Disk) (boot string) {
	t.Helper()
	f, err := os.Open(firstLanding)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(unzipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return boot
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(archive)
		switch {
		case err != nil:
		case h.Typeflag == tar.TypeSymlink:
			err = d.Link(h.Name, h.Linkname)
		case h.Typeflag == tar.TypeReg:
			err = d.Put(h.Name, data)
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name == "meta/boot_id" {
			boot = string(data)
		}
	}
}

func TestTheWorkDirOfTheFirstLanding(t *testing.T) {
	w := newTown(t, func(c *agent.Config) { c.Resources = firstResources })
	w.a.Replace()
	w.closed = true
	w.a.Crash()
	for _, p := range w.a.Disk().Paths() {
		if err := w.a.Disk().Remove(p); err != nil {
			t.Fatal(err)
		}
	}
	boot := restore(t, w.a.Disk())
	w.a.Parts = func(p *agent.Parts) { p.Machine.BootID = boot }
	for life := range 2 {
		w.master.Forget()
		w.a.Restart()
		w.Advance(3 * time.Second)
		if len(w.a.Endings) > 0 {
			t.Fatal(w.a.Endings)
		}
		back := w.returned()
		if back.GetAgent().GetId().GetValue() != firstAgent || len(back.GetFrameworks()) != 2 || len(back.GetTasks()) != 2 {
			t.Fatalf("life %d: it came back as %v with %d frameworks and %d tasks, %v", life, back.GetAgent(), len(back.GetFrameworks()), len(back.GetTasks()), w.a.Endings)
		}
		for _, task := range back.GetTasks() {
			if told := task.GetStatusUpdateState(); task.GetState() != failed || task.GetTaskId().GetValue() == firstEnded && told != failed {
				t.Errorf("life %d: %s is %v, told %v", life, task.GetTaskId().GetValue(), task.GetState(), told)
			}
		}
	}
	w.send(&controlpb.AgentReregistered{AgentId: &mesospb.AgentID{Value: proto.String(firstAgent)}, Epoch: &w.epoch})
	// The truth about the one is what its executor said; the other's ended without a word.
	w.master.Expect(update(firstEnded, failed, func(u *controlpb.StatusUpdate) error {
		if u.GetStatus().GetSource() != mesospb.TaskStatus_SOURCE_EXECUTOR || u.GetStatus().GetMessage() == "" {
			return errors.New(u.String())
		}
		return nil
	}), update(firstRunning, failed, because(mesospb.TaskStatus_REASON_EXECUTOR_TERMINATED)))
	w.Advance(time.Minute)
	if w.onDisk("task.info") || w.onDisk("framework.info") {
		t.Errorf("left: %v", w.a.Disk().Paths())
	}
}
