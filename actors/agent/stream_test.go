package agent

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// received makes an update: "r1" is RUNNING with that uuid, "f1" FINISHED, "k1" KILLED.
func received(uuid string) *controlpb.UpdateReceived {
	state := mesospb.TaskState_TASK_RUNNING
	switch uuid[0] {
	case 'f':
		state = mesospb.TaskState_TASK_FINISHED
	case 'k':
		state = mesospb.TaskState_TASK_KILLED
	}
	return &controlpb.UpdateReceived{
		FrameworkId: &mesospb.FrameworkID{Value: proto.String("F")},
		ExecutorId:  &mesospb.ExecutorID{Value: proto.String("E")},
		Status: &mesospb.TaskStatus{TaskId: &mesospb.TaskID{Value: proto.String("T")}, State: state.Enum(),
			Uuid: []byte(uuid)},
	}
}

// A story is a list of steps: "+r1" an update comes, "!r1" it is on disk, "-r1" it is acknowledged, each with what
// becomes of it; at the end stands what is in flight, and whether the stream has ended.
func TestStream(t *testing.T) {
	for _, c := range []struct {
		name  string
		steps []string
		head  string
		ended bool
	}{
		{"an update is in flight once it is stored", []string{"+r1 accepted", "!r1"}, "r1", false},
		{"an update that is not stored is not sent", []string{"+r1 accepted"}, "", false},
		{"only one is in flight", []string{"+r1 accepted", "+r2 accepted", "!r1", "!r2"}, "r1", false},
		{"the next follows the acknowledgement", []string{"+r1 accepted", "+r2 accepted", "!r1", "!r2", "-r1 accepted"}, "r2", false},
		{"a duplicate before its acknowledgement is not stored", []string{"+r1 accepted", "!r1", "+r1 duplicate", "-r1 accepted"}, "", false},
		{"a duplicate after its acknowledgement is not stored", []string{"+r1 accepted", "!r1", "-r1 accepted", "+r1 duplicate"}, "", false},
		{"an acknowledgement of another update is ignored", []string{"+r1 accepted", "+r2 accepted", "!r1", "!r2", "-r2 unwanted"}, "r1", false},
		{"an acknowledgement of nothing is ignored", []string{"-r1 unwanted"}, "", false},
		{"an acknowledgement that comes again is ignored", []string{"+r1 accepted", "+r2 accepted", "!r1", "!r2", "-r1 accepted", "-r1 duplicate"}, "r2", false},
		{"an acknowledgement of what is not stored is ignored", []string{"+r1 accepted", "-r1 unwanted"}, "", false},
		{"a terminal update ends the stream when it is acknowledged", []string{"+f1 accepted", "!f1", "-f1 accepted"}, "", true},
		{"and not before", []string{"+f1 accepted", "!f1"}, "f1", false},
		{"the terminal update again, before its acknowledgement", []string{"+f1 accepted", "!f1", "+f1 duplicate"}, "f1", false},
		{"the terminal update again, after its acknowledgement", []string{"+f1 accepted", "!f1", "-f1 accepted", "+f1 duplicate"}, "", true},
		{"another update after the end", []string{"+f1 accepted", "!f1", "-f1 accepted", "+k2 unwanted"}, "", true},
		{"what waits behind the terminal update is dropped with it", []string{"+f1 accepted", "!f1", "+k2 accepted", "!k2", "-f1 accepted"}, "", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStream()
			for _, step := range c.steps {
				var uuid, want string
				fmt.Sscan(step[1:], &uuid, &want)
				got := accepted
				switch step[0] {
				case '+':
					got = s.receive(received(uuid))
				case '!':
					s.store([]byte(uuid))
					continue
				case '-':
					if got = s.release([]byte(uuid)); got == accepted {
						s.released()
					}
				}
				if name := map[verdict]string{accepted: "accepted", duplicate: "duplicate", unwanted: "unwanted"}[got]; name != want {
					t.Fatalf("%s: %s", step, name)
				}
			}
			if got := string(s.head().GetStatus().GetUuid()); got != c.head || s.ended != c.ended {
				t.Errorf("in flight %q, ended %v; want %q, %v", got, s.ended, c.head, c.ended)
			}
		})
	}
}

// While the acknowledgement is being stored a second one changes nothing, and the update stays in flight.
func TestStreamReleasesOnce(t *testing.T) {
	s := newStream()
	s.receive(received("r1"))
	s.store([]byte("r1"))
	if got := s.release([]byte("r1")); got != accepted {
		t.Fatalf("first: %v", got)
	}
	if got := s.release([]byte("r1")); got != duplicate {
		t.Errorf("second: %v", got)
	}
	if s.head() == nil {
		t.Error("it went before its acknowledgement was stored")
	}
}

func TestRetriesDoubleUpToTenMinutes(t *testing.T) {
	s := newStream()
	s.receive(received("r1"))
	s.store([]byte("r1"))
	var waits []time.Duration
	for range 9 {
		waits = append(waits, s.wait())
	}
	want := []time.Duration{10e9, 20e9, 40e9, 80e9, 160e9, 320e9, 600e9, 600e9, 600e9}
	if fmt.Sprint(waits) != fmt.Sprint(want) {
		t.Errorf("waits %v, want %v", waits, want)
	}
	s.release([]byte("r1"))
	s.released()
	if got := s.wait(); got != firstRetry {
		t.Errorf("the next update begins with %v", got)
	}
}

// What is replayed from the journal is what was there, whatever was torn off its end.
func TestReplay(t *testing.T) {
	records := []*controlpb.UpdateRecord{
		receivedRecord(received("r1")), receivedRecord(received("r2")), acknowledgedRecord([]byte("r1")),
		receivedRecord(received("f3")), acknowledgedRecord([]byte("r2")), acknowledgedRecord([]byte("f3")),
	}
	heads := []string{"", "r1", "r1", "r2", "r2", "f3", ""}
	var data []byte
	var ends []int
	for _, r := range records {
		frame, err := encodeRecord(r)
		if err != nil {
			t.Fatal(err)
		}
		data = append(data, frame...)
		ends = append(ends, len(data))
	}
	for cut := 0; cut <= len(data); cut++ {
		whole := 0
		for whole < len(ends) && ends[whole] <= cut {
			whole++
		}
		got, good, err := decodeJournal(data[:cut])
		if len(got) != whole || whole > 0 && good != ends[whole-1] {
			t.Fatalf("cut at %d: %d records in %d bytes, want %d", cut, len(got), good, whole)
		}
		if torn := cut > good; torn != errors.Is(err, errTorn) || !torn && err != nil {
			t.Errorf("cut at %d, after %d good bytes: %v", cut, good, err)
		}
		s := replay(got)
		if head := string(s.head().GetStatus().GetUuid()); head != heads[whole] || s.ended != (whole == len(records)) {
			t.Errorf("after %d records: in flight %q, ended %v", whole, head, s.ended)
		}
	}
}

// A flipped bit is no torn write, wherever it is: what comes after it was told, and would be lost without a word.
func TestJournalStopsAtDamage(t *testing.T) {
	one, _ := encodeRecord(receivedRecord(received("r1")))
	two, _ := encodeRecord(receivedRecord(received("r2")))
	three, _ := encodeRecord(receivedRecord(received("r3")))
	for _, after := range [][]byte{nil, three} {
		for bit := range 8 * len(two) {
			data := slices.Concat(one, two, after)
			data[len(one)+bit/8] ^= 1 << (bit % 8)
			got, good, err := decodeJournal(data)
			if len(got) != 1 || good != len(one) || !errors.Is(err, errDamaged) {
				t.Errorf("bit %d flipped, %d bytes behind: %d records, %d good bytes, %v", bit, len(after), len(got), good, err)
			}
		}
	}
}

// Whatever is on disk, reading it does not fail, and what was read is written back as it was.
func FuzzJournal(f *testing.F) {
	one, _ := encodeRecord(receivedRecord(received("r1")))
	two, _ := encodeRecord(acknowledgedRecord([]byte("r1")))
	f.Add(append(one, two...))
	f.Add(one[:len(one)-1])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0})
	f.Add([]byte(nil))
	f.Fuzz(func(t *testing.T, data []byte) {
		records, good, err := decodeJournal(data)
		if (err == nil) != (good == len(data)) {
			t.Fatalf("%d good bytes of %d: %v", good, len(data), err)
		}
		if good > len(data) || good < 0 {
			t.Fatalf("%d good bytes of %d", good, len(data))
		}
		again, end, _ := decodeJournal(data[:good])
		if len(again) != len(records) || end != good {
			t.Fatalf("read again: %d records of %d, %d bytes of %d", len(again), len(records), end, good)
		}
		replay(records)
	})
}

func TestAnAcknowledgementWithoutItsUpdateIsIgnored(t *testing.T) {
	if s := replay([]*controlpb.UpdateRecord{acknowledgedRecord([]byte("f1")), receivedRecord(received("f1"))}); s.ended || s.head() == nil {
		t.Error("ended by an acknowledgement that came before its update")
	}
}

// What is known of an executor after a crash is what was whole; without its beginning there is nothing.
func TestExecutorJournal(t *testing.T) {
	e := &executor{
		framework: newFramework(&mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("f")}),
		info:      &mesospb.ExecutorInfo{ExecutorId: &mesospb.ExecutorID{Value: proto.String("e")}},
		run:       run{"a", "f", "e", "c"}, sandbox: "/s",
		process: containerizer.Process{ContainerID: "c", PID: 7, StartTicks: 9},
		home:    process.UPID{ID: "executor(1)", Addr: "10.0.0.1:5"},
	}
	var data []byte
	var ends []int
	for _, c := range []Change{executorChange(e), launchedChange(e), subscribedChange(e)} {
		data = append(data, c.Data...)
		ends = append(ends, len(data))
	}
	for cut := 0; cut <= len(data); cut++ {
		r, good, _ := decodeExecutor(data[:cut])
		if began := cut >= ends[0]; began != (r != nil) {
			t.Fatalf("cut at %d: %v", cut, r)
		}
		if launched := cut >= ends[1]; launched != (r.GetPid() == 7) || launched != (r.GetStartTicks() == 9) || launched != (r.GetSandbox() == "/s") {
			t.Errorf("cut at %d: %v", cut, r)
		}
		if subscribed := cut >= ends[2]; subscribed != (r.GetUpid() == "executor(1)@10.0.0.1:5") {
			t.Errorf("cut at %d: %v", cut, r)
		}
		if good > cut || r != nil && r.GetExecutor().GetExecutorId().GetValue() != "e" {
			t.Errorf("cut at %d: %d good bytes of %v", cut, good, r)
		}
	}
	if r, _, _ := decodeExecutor(launchedChange(e).Data); r != nil {
		t.Errorf("without a beginning: %v", r)
	}
}

// Between the acknowledgement of the end and its being on disk a task is neither here nor forgotten.
func TestStreamIsClosing(t *testing.T) {
	for _, c := range []struct {
		last string
		want bool
	}{{"r1", false}, {"f1", true}, {"k1", true}} {
		s := newStream()
		s.receive(received(c.last))
		s.store([]byte(c.last))
		if s.closing() {
			t.Errorf("%s closes the stream before it is acknowledged", c.last)
		}
		s.release([]byte(c.last))
		if got := s.closing(); got != c.want {
			t.Errorf("%s, acknowledged: closing is %v", c.last, got)
		}
		if s.released(); s.closing() {
			t.Errorf("%s: still closing when all is on disk", c.last)
		}
	}
}
