package wire_test

import (
	"bufio"
	"bytes"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	_ "github.com/meseta-io/meseta/messages/mesos/agentpb"
	_ "github.com/meseta-io/meseta/messages/mesos/executorpb"
	_ "github.com/meseta-io/meseta/messages/mesos/masterpb"
	_ "github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// recorded is one JSON body that a real Mesos 1.12 wrote, with volatile values (ids, times) replaced.
type recorded struct {
	name protoreflect.FullName
	text []byte
}

func readRecorded(tb testing.TB) []recorded {
	tb.Helper()
	f, err := os.Open("testdata/recorded.tsv")
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	var all []recorded
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), "\t")
		all = append(all, recorded{protoreflect.FullName(name), []byte(text)})
	}
	if err := lines.Err(); err != nil || len(all) == 0 {
		tb.Fatalf("%d recorded bodies: %v", len(all), err)
	}
	return all
}

func newMessage(tb testing.TB, name protoreflect.FullName) proto.Message {
	tb.Helper()
	t, err := protoregistry.GlobalTypes.FindMessageByName(name)
	if err != nil {
		tb.Fatal(err)
	}
	return t.New().Interface()
}

// Whatever a real server wrote is read, and written again to the byte: order of keys, defaults, form of numbers, empty
// lists and all.
func TestRecordedBodies(t *testing.T) {
	for _, r := range readRecorded(t) {
		m := newMessage(t, r.name)
		if err := wire.DecodeJSON(r.text, m, wire.Limits{}); err != nil {
			t.Errorf("%s: %v\n%s", r.name, err, r.text)
			continue
		}
		if got := wire.AppendJSON(nil, m); !bytes.Equal(got, r.text) {
			i := 0
			for i < len(got) && i < len(r.text) && got[i] == r.text[i] {
				i++
			}
			t.Errorf("%s differs at byte %d:\n got …%.200s\nwant …%.200s", r.name, i, got[max(0, i-60):], r.text[max(0, i-60):])
		}
	}
}
