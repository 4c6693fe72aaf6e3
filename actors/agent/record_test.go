package agent

import (
	"encoding/binary"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/controlpb"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func aFramework() *controlpb.FrameworkCheckpoint {
	return &controlpb.FrameworkCheckpoint{Version: proto.Uint32(checkpointVersion),
		Framework: &mesospb.FrameworkInfo{User: proto.String("u"), Name: proto.String("f")}}
}

func TestRecords(t *testing.T) {
	data, err := encodeFile(aFramework())
	if err != nil {
		t.Fatal(err)
	}
	var got controlpb.FrameworkCheckpoint
	if err := decodeFile(data, &got); err != nil || !proto.Equal(&got, aFramework()) {
		t.Errorf("read %v, %v", &got, err)
	}
	for bit := range 8 * len(data) {
		damaged := append([]byte(nil), data...)
		damaged[bit/8] ^= 1 << (bit % 8)
		if err := decodeFile(damaged, &controlpb.FrameworkCheckpoint{}); !errors.Is(err, errDamaged) {
			t.Errorf("bit %d flipped: %v", bit, err)
		}
	}
	for cut := range data {
		if err := decodeFile(data[:cut], &controlpb.FrameworkCheckpoint{}); !errors.Is(err, errDamaged) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
	if err := decodeFile(append(data, 0), &controlpb.FrameworkCheckpoint{}); !errors.Is(err, errDamaged) {
		t.Errorf("with a byte too many: %v", err)
	}
}

// The first agents wrote records without a seal, and frames without a check.
func TestRecordsOfTheFirstForm(t *testing.T) {
	old := aFramework()
	old.Version = proto.Uint32(1)
	data, err := proto.Marshal(old)
	if err != nil {
		t.Fatal(err)
	}
	var got controlpb.FrameworkCheckpoint
	if err := decodeFile(data, &got); err != nil || !proto.Equal(&got, old) {
		t.Errorf("read %v, %v", &got, err)
	}
	oldFrame := func(m proto.Message) []byte {
		payload, err := proto.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		frame := binary.LittleEndian.AppendUint32(nil, uint32(len(payload)))
		return append(binary.LittleEndian.AppendUint32(frame, checksum(payload)), payload...)
	}
	journal := oldFrame(receivedRecord(received("r1")))
	now, _ := encodeRecord(acknowledgedRecord([]byte("r1")))
	records, good, err := decodeJournal(append(journal, now...))
	if err != nil || len(records) != 2 || good != len(journal)+len(now) {
		t.Errorf("a journal that was begun in the first form: %d records, %v", len(records), err)
	}
	for cut := 1; cut < len(journal); cut++ {
		if _, _, err := decodeJournal(journal[:cut]); !errors.Is(err, errTorn) {
			t.Errorf("cut at %d: %v", cut, err)
		}
	}
}

// What a newer agent wrote is not guessed at.
func TestRecordsOfAFormToCome(t *testing.T) {
	future := aFramework()
	future.Version = proto.Uint32(checkpointVersion + 1)
	data, err := encodeFile(future)
	if err != nil {
		t.Fatal(err)
	}
	if err := decodeFile(data, &controlpb.FrameworkCheckpoint{}); !errors.Is(err, errNewer) {
		t.Errorf("read with %v", err)
	}
	frame, err := encodeFrame(proto.MarshalOptions{AllowPartial: true}, &controlpb.ExecutorCheckpoint{Version: proto.Uint32(checkpointVersion + 1)})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := decodeExecutor(frame); !errors.Is(err, errNewer) {
		t.Errorf("an executor read with %v", err)
	}
}

// Whatever is in a file, reading it ends with a record or a reason.
func FuzzRecord(f *testing.F) {
	data, _ := encodeFile(aFramework())
	f.Add(data)
	f.Add(data[recordHeader:])
	f.Add([]byte(recordSeal))
	f.Fuzz(func(t *testing.T, data []byte) {
		got := &controlpb.FrameworkCheckpoint{}
		if err := decodeFile(data, got); err != nil {
			if !errors.Is(err, errDamaged) && !errors.Is(err, errNewer) {
				t.Fatal(err)
			}
			return
		}
		again, err := encodeFile(got)
		if err != nil {
			t.Fatal(err)
		}
		if err := decodeFile(again, &controlpb.FrameworkCheckpoint{}); err != nil {
			t.Fatal(err)
		}
	})
}
