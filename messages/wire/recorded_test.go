package wire_test

import (
	"bufio"
	"bytes"
	"os"
	"strconv"
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

// recorded is one JSON body that a real Mesos 1.12 wrote, with volatile values (ids, times) replaced, maps sorted, and
// without agent_info.checkpoint, which Mesos writes although its public API does not have it.
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

// What a real server's reader took or refused is taken or refused here, for requests well-formed, lax and broken. (Whether
// a request that could be read also made sense is not the reader's business.)
func TestRecordedRequests(t *testing.T) {
	f, err := os.Open("testdata/requests.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	n := 0
	for ; lines.Scan(); n++ {
		cells := strings.Split(lines.Text(), "\t") // type, taken or refused, body in quotes
		body, err := strconv.Unquote(cells[2])
		if err != nil {
			t.Fatalf("line %d: %v", n+1, err)
		}
		err = wire.DecodeJSON([]byte(body), newMessage(t, protoreflect.FullName(cells[0])), wire.Limits{})
		if (err == nil) != (cells[1] == "taken") {
			t.Errorf("%s is %s by a real server, here: %v\n%s", cells[0], cells[1], err, body)
		}
	}
	if err := lines.Err(); err != nil || n < 100 {
		t.Errorf("%d requests: %v", n, err)
	}
}
