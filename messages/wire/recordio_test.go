package wire_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/wire"
)

// records reads all records of a stream and the error that ended it.
func records(r *wire.RecordReader) (all []string, err error) {
	for {
		record, err := r.Next()
		if err != nil {
			return all, err
		}
		all = append(all, string(record))
	}
}

func joined(parts ...string) string { return strings.Join(parts, "|") }

func TestRecordIO(t *testing.T) {
	var stream []byte
	for _, r := range []string{"hello!", "", " ", "13 characters"} {
		stream = wire.AppendRecord(stream, []byte(r))
	}
	if string(stream) != "6\nhello!0\n1\n 13\n13 characters" {
		t.Fatalf("%q", stream)
	}
	for name, r := range map[string]io.Reader{
		"at once":      bytes.NewReader(stream),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"data and end": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		got, err := records(wire.NewRecordReader(r, wire.Limits{}))
		if err != io.EOF || joined(got...) != "hello!|| |13 characters" || len(got) != 4 {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The end of the stream ends the reading, once everything before it has been read, and stays the answer.
func TestRecordReaderEndOfFile(t *testing.T) {
	pr, pw := io.Pipe()
	go func() { // the other end of a connection
		pw.Write([]byte("5\nhello6\nworld!"))
		pw.Write([]byte("7\ngood"))
		pw.Write([]byte("bye"))
		pw.Close()
	}()
	r := wire.NewRecordReader(pr, wire.Limits{})
	got, err := records(r)
	if joined(got...) != "hello|world!|goodbye" || err != io.EOF {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("after the end: %v", err)
	}
}

// After a length that is none the reader fails for good, whatever follows.
func TestRecordReaderDecodingFailure(t *testing.T) {
	r := wire.NewRecordReader(strings.NewReader("7\nencodednot encoded!\n7\nencoded"), wire.Limits{})
	got, err := records(r)
	if joined(got...) != "encoded" || !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("%q, %v", got, err)
	}
	if _, again := r.Next(); again != err {
		t.Errorf("then %v", again)
	}
}

// A failing stream hands out the records that came before and then its own error, for good.
func TestRecordReaderPipeFailure(t *testing.T) {
	failure := errors.New("connection reset")
	r := wire.NewRecordReader(io.MultiReader(strings.NewReader("7\nencoded"), iotest.ErrReader(failure)), wire.Limits{})
	got, err := records(r)
	if joined(got...) != "encoded" || !errors.Is(err, failure) {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := r.Next(); !errors.Is(err, failure) {
		t.Errorf("then %v", err)
	}
}

func TestRecordReaderRefuses(t *testing.T) {
	for _, c := range []struct {
		name, stream string
		want         error
	}{
		{"a sign", "+1\na", fault.ErrInvalid},
		{"a minus", "-1\na", fault.ErrInvalid},
		{"a leading blank", " 1\na", fault.ErrInvalid},
		{"a trailing blank", "1 \na", fault.ErrInvalid},
		{"a carriage return", "1\r\na", fault.ErrInvalid},
		{"hexadecimal", "0x1\na", fault.ErrInvalid},
		{"an exponent", "1e1\na", fault.ErrInvalid},
		{"a newline after the record", "1\na\n1\nb", fault.ErrInvalid},
		{"no length", "\na", fault.ErrInvalid},
		{"a length over the limit", "1025\n", fault.ErrInvalid},
		{"a length over 64 bits", "18446744073709551617\n", fault.ErrInvalid},
		{"digits without end", strings.Repeat("0", 1000), fault.ErrInvalid},
		{"an end within the length", "12", io.ErrUnexpectedEOF},
		{"an end after the length", "12\n", io.ErrUnexpectedEOF},
		{"an end within the record", "12\nabc", io.ErrUnexpectedEOF},
	} {
		_, err := records(wire.NewRecordReader(strings.NewReader(c.stream), wire.Limits{Bytes: 1024}))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestRecordReaderTakesLeadingZerosAndTheLargestRecord(t *testing.T) {
	stream := "0005\nhello1024\n" + strings.Repeat("x", 1024)
	got, err := records(wire.NewRecordReader(strings.NewReader(stream), wire.Limits{Bytes: 1024}))
	if err != io.EOF || len(got) != 2 || got[0] != "hello" || len(got[1]) != 1024 {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// A sender that announces much and sends little costs little.
func TestRecordReaderMemoryFollowsWhatArrives(t *testing.T) {
	const announced = 1 << 30
	r := wire.NewRecordReader(strings.NewReader("1073741824\nabc"), wire.Limits{Bytes: announced})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := r.Next()
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) || after.TotalAlloc-before.TotalAlloc > 1<<20 {
		t.Errorf("%v, after %d bytes of memory", err, after.TotalAlloc-before.TotalAlloc)
	}
}

func TestRecordReaderLargeRecords(t *testing.T) {
	large := strings.Repeat("0123456789", 300_000)
	var stream bytes.Buffer
	w := wire.NewRecordWriter(&stream)
	for _, r := range []string{"a", large, "b", large[:100_000], ""} {
		if err := w.Write([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := records(wire.NewRecordReader(iotest.HalfReader(&stream), wire.Limits{}))
	if err != io.EOF || joined(got...) != joined("a", large, "b", large[:100_000], "") {
		t.Errorf("%d records, %v", len(got), err)
	}
}

// One record is one write, so that it becomes one chunk.
func TestRecordWriterWritesOnce(t *testing.T) {
	var p pieces
	w := wire.NewRecordWriter(&p)
	id := &mesospb.TaskID{Value: proto.String("t")}
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		if err := w.Encode(f, id); err != nil {
			t.Fatal(err)
		}
		if p.largest != p.Len() {
			t.Errorf("%s: %d bytes, of which at most %d at once", f, p.Len(), p.largest)
		}
		r := wire.NewRecordReader(&p.Buffer, wire.Limits{})
		var got mesospb.TaskID
		if err := r.Decode(f, &got); err != nil || !proto.Equal(&got, id) {
			t.Errorf("%s: %v, %v", f, &got, err)
		}
		p = pieces{}
	}
}

func TestRecordWriterErrors(t *testing.T) {
	var b broken
	if err := wire.NewRecordWriter(&b).Write([]byte("x")); err != errBroken {
		t.Error(err)
	}
	var p pieces
	w := wire.NewRecordWriter(&p)
	if err := w.Encode(wire.Protobuf, &mesospb.TaskID{}); !errors.Is(err, fault.ErrInvalid) || p.Len() > 0 {
		t.Errorf("%v, %d bytes written", err, p.Len())
	}
	if err := w.Encode(wire.JSON, &mesospb.TaskID{}); err != nil || p.String() != "2\n{}" {
		t.Errorf("%v, %q", err, p.String())
	}
}

// A record that does not decode spoils nothing behind it.
func TestRecordReaderGoesOnAfterABadMessage(t *testing.T) {
	r := wire.NewRecordReader(strings.NewReader("2\n[]13\n{\"value\":\"t\"}"), wire.Limits{})
	var m mesospb.TaskID
	if err := r.Decode(wire.JSON, &m); !errors.Is(err, fault.ErrInvalid) {
		t.Error(err)
	}
	if err := r.Decode(wire.JSON, &m); err != nil || m.GetValue() != "t" {
		t.Errorf("%v, %v", &m, err)
	}
}

// trimmed makes a record lower case without blanks around it.
func trimmed(record []byte) ([]byte, error) {
	return bytes.TrimSpace(bytes.ToLower(record)), nil
}

func TestTransformUntilTheEnd(t *testing.T) {
	var out bytes.Buffer
	r := wire.NewRecordReader(strings.NewReader("6\nHELLO 7\nWORLD! "), wire.Limits{})
	if err := wire.Transform(&out, r, trimmed); err != nil || out.String() != "helloworld!" {
		t.Errorf("%q, %v", out.String(), err)
	}
}

// When the source fails the error is its own; what came before has been passed on, and the sink stays open.
func TestTransformOfAFailingSource(t *testing.T) {
	failure := errors.New("writer failure")
	source := io.MultiReader(strings.NewReader("6\nHELLO 7\nWORLD! "), iotest.ErrReader(failure))
	pr, pw := io.Pipe()
	passed := make(chan string, 1)
	go func() { // the other end of the sink
		text, _ := io.ReadAll(pr)
		passed <- string(text)
	}()
	if err := wire.Transform(pw, wire.NewRecordReader(source, wire.Limits{}), trimmed); !errors.Is(err, failure) {
		t.Error(err)
	}
	select {
	case text := <-passed:
		t.Errorf("the sink was closed after %q", text)
	default:
	}
	pw.Close()
	if text := <-passed; text != "helloworld!" {
		t.Errorf("passed on %q", text)
	}
}

func TestTransformIntoAClosedSink(t *testing.T) {
	pr, pw := io.Pipe()
	pr.Close()
	r := wire.NewRecordReader(strings.NewReader("6\nHELLO 7\nWORLD! "), wire.Limits{})
	if err := wire.Transform(pw, r, trimmed); !errors.Is(err, io.ErrClosedPipe) {
		t.Error(err)
	}
}

func TestTransformThatFails(t *testing.T) {
	failure := errors.New("no such record")
	r := wire.NewRecordReader(strings.NewReader("1\na"), wire.Limits{})
	if err := wire.Transform(io.Discard, r, func([]byte) ([]byte, error) { return nil, failure }); err != failure {
		t.Error(err)
	}
}

// frameworkIDs are ten messages that can be told apart.
func frameworkIDs() (ids []*mesospb.FrameworkID) {
	for i := range 10 {
		ids = append(ids, &mesospb.FrameworkID{Value: proto.String(strconv.Itoa(i))})
	}
	return ids
}

// checkFile says whether the file holds exactly these messages, up to a clean end.
func checkFile(t *testing.T, name string, want []*mesospb.FrameworkID) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	r := wire.NewRecordReader(file, wire.Limits{})
	for i := 0; ; i++ {
		var got mesospb.FrameworkID
		err := r.Decode(wire.Protobuf, &got)
		switch {
		case err == io.EOF && i == len(want):
			return
		case err != nil || i == len(want):
			t.Fatalf("message %d: %v", i, err)
		case !proto.Equal(&got, want[i]):
			t.Errorf("message %d is %v", i, &got)
		}
	}
}

// Messages written to a file one by one, while it is open for reading as well, are read back one by one to a clean end.
func TestMessagesInAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "messages")
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := wire.NewRecordWriter(file)
	for i, id := range frameworkIDs() {
		if err := w.Encode(wire.Protobuf, id); err != nil {
			t.Fatal(err)
		}
		checkFile(t, name, frameworkIDs()[:i+1])
	}
}

// The same with the file opened for each of them.
func TestMessagesAppendedToAFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "messages")
	for _, id := range frameworkIDs() {
		file, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		if err := wire.NewRecordWriter(file).Encode(wire.Protobuf, id); err != nil {
			t.Fatal(err)
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
	}
	checkFile(t, name, frameworkIDs())
}
