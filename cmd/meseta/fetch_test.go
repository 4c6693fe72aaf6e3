package main_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// visitor is a framework that speaks HTTP as it would with Mesos.
type visitor struct {
	t      *testing.T
	at     string
	id     *mesospb.FrameworkID
	stream string
	events *wire.RecordReader
}

// visit subscribes.
func visit(t *testing.T, master string) *visitor {
	t.Helper()
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, at: "http://" + master + "/api/v1/scheduler"}
	answer := v.post(&schedulerpb.Call{Type: schedulerpb.Call_SUBSCRIBE.Enum(), Subscribe: &schedulerpb.Call_Subscribe{
		FrameworkInfo: &mesospb.FrameworkInfo{Name: proto.String("visitor"), User: proto.String(me.Username), Roles: []string{"*"},
			Capabilities: []*mesospb.FrameworkInfo_Capability{{Type: mesospb.FrameworkInfo_Capability_MULTI_ROLE.Enum()}}}}})
	t.Cleanup(func() { answer.Body.Close() })
	v.stream = answer.Header.Get("Mesos-Stream-Id")
	v.events = wire.NewRecordReader(answer.Body, wire.Limits{})
	v.id = v.next(schedulerpb.Event_SUBSCRIBED).GetSubscribed().GetFrameworkId()
	return v
}

func (v *visitor) post(c *schedulerpb.Call) *http.Response {
	v.t.Helper()
	body, err := wire.Protobuf.Append(nil, c)
	if err != nil {
		v.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	v.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, v.at, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header.Set("Content-Type", wire.MediaProtobuf)
	r.Header.Set("Accept", wire.MediaProtobuf)
	if v.stream != "" {
		r.Header.Set("Mesos-Stream-Id", v.stream)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	if answer.StatusCode >= 300 {
		said, _ := io.ReadAll(answer.Body)
		v.t.Fatalf("%v: %s: %s", c.GetType(), answer.Status, said)
	}
	return answer
}

func (v *visitor) call(c *schedulerpb.Call) {
	v.t.Helper()
	c.FrameworkId = v.id
	v.post(c).Body.Close()
}

// next is the next event of a type.
func (v *visitor) next(want schedulerpb.Event_Type) *schedulerpb.Event {
	v.t.Helper()
	for {
		e := &schedulerpb.Event{}
		if err := v.events.Decode(wire.Protobuf, e); err != nil {
			v.t.Fatalf("waiting for %v: %v", want, err)
		}
		if e.GetType() == want {
			return e
		}
	}
}

// runs launches a command and returns how it ended.
func (v *visitor) runs(id, script string, uris ...*mesospb.CommandInfo_URI) *mesospb.TaskStatus {
	v.t.Helper()
	offer := v.next(schedulerpb.Event_OFFERS).GetOffers().GetOffers()[0]
	task := &mesospb.TaskInfo{Name: proto.String(id), TaskId: &mesospb.TaskID{Value: proto.String(id)}, AgentId: offer.AgentId,
		Command: &mesospb.CommandInfo{Value: proto.String(script), Uris: uris}}
	for name, amount := range map[string]float64{"cpus": 0.1, "mem": 32} {
		task.Resources = append(task.Resources, &mesospb.Resource{Name: proto.String(name), Type: mesospb.Value_SCALAR.Enum(),
			Scalar: &mesospb.Value_Scalar{Value: proto.Float64(amount)}, AllocationInfo: &mesospb.Resource_AllocationInfo{Role: proto.String("*")}})
	}
	v.call(&schedulerpb.Call{Type: schedulerpb.Call_ACCEPT.Enum(), Accept: &schedulerpb.Call_Accept{
		OfferIds: []*mesospb.OfferID{offer.Id}, Filters: &mesospb.Filters{RefuseSeconds: proto.Float64(0)},
		Operations: []*mesospb.Offer_Operation{{Type: mesospb.Offer_Operation_LAUNCH.Enum(),
			Launch: &mesospb.Offer_Operation_Launch{TaskInfos: []*mesospb.TaskInfo{task}}}}}})
	for {
		s := v.next(schedulerpb.Event_UPDATE).GetUpdate().GetStatus()
		if len(s.GetUuid()) > 0 {
			v.call(&schedulerpb.Call{Type: schedulerpb.Call_ACKNOWLEDGE.Enum(), Acknowledge: &schedulerpb.Call_Acknowledge{
				AgentId: s.AgentId, TaskId: s.TaskId, Uuid: s.Uuid}})
		}
		switch s.GetState() {
		case mesospb.TaskState_TASK_STAGING, mesospb.TaskState_TASK_STARTING, mesospb.TaskState_TASK_RUNNING:
		default:
			return s
		}
	}
}

// tgz is an archive with one file.
func tgz(t *testing.T, name, content string) []byte {
	t.Helper()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	w := tar.NewWriter(z)
	if err := w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content)), Typeflag: tar.TypeReg}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

// A task that a framework submits over HTTP finds its files in the sandbox: downloaded, copied, unpacked, renamed, and
// fit to run; one whose file cannot be had ends with the reason.
func TestFetchedFiles(t *testing.T) {
	packed := tgz(t, "inside/packed.txt", "from the archive\n")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/program":
			_, _ = io.WriteString(w, "#!/bin/sh\necho from the program, $1\n")
		case "/files.tar.gz":
			_, _ = w.Write(packed)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	local := filepath.Join(t.TempDir(), "local.txt")
	if err := os.WriteFile(local, []byte("from the disk\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	cluster := newCluster(t)
	v := visit(t, cluster.at)
	s := v.runs("fetches", "./program well && cat inside/packed.txt local.txt deep/other.txt && [ ! -x local.txt ] && [ -f kept.tar.gz ]",
		&mesospb.CommandInfo_URI{Value: proto.String(server.URL + "/program"), Executable: proto.Bool(true)},
		&mesospb.CommandInfo_URI{Value: proto.String(server.URL + "/files.tar.gz")},
		&mesospb.CommandInfo_URI{Value: proto.String(server.URL + "/files.tar.gz"), Extract: proto.Bool(false), OutputFile: proto.String("kept.tar.gz")},
		&mesospb.CommandInfo_URI{Value: proto.String("file://" + local)},
		&mesospb.CommandInfo_URI{Value: proto.String(local), OutputFile: proto.String("deep/other.txt")})
	sandbox := cluster.sandbox()
	if s.GetState() != mesospb.TaskState_TASK_FINISHED {
		t.Errorf("%v: %s; stderr has %q", s.GetState(), s.GetMessage(), lines(t, sandbox+"/stderr"))
	}
	want := "from the program, well\nfrom the archive\nfrom the disk\nfrom the disk"
	if got := strings.Join(lines(t, sandbox+"/stdout"), "\n"); !strings.HasSuffix(got, want) {
		t.Errorf("it printed %q, want %q", got, want)
	}
	s = v.runs("misses", "touch "+local+".ran", &mesospb.CommandInfo_URI{Value: proto.String(server.URL + "/missing")})
	if s.GetState() != mesospb.TaskState_TASK_FAILED || !strings.Contains(s.GetMessage(), server.URL+"/missing") || !strings.Contains(s.GetMessage(), "404") {
		t.Errorf("a file that is not there: %v, %v: %s", s.GetState(), s.GetReason(), s.GetMessage())
	}
	if _, err := os.Stat(local + ".ran"); err == nil {
		t.Error("the task ran without its file")
	}
}
