package api_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/cmd/meseta/internal/api"
	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/wire"
)

// printing is an agent with one log, which grows and is rotated between any two questions, one name at a time.
type printing struct {
	random  *rand.Rand
	keep    int // rotated files
	lines   int // left to print
	files   map[int]*part
	next    int // of the names to move, while a rotation is under way; -1: none is
	printed bytes.Buffer
	born    int
}

type part struct {
	id   int
	data []byte
}

func (p *printing) file() *part {
	p.born++
	return &part{id: p.born}
}

// live goes on, by one step or by many.
func (p *printing) lives() {
	for range 1 + p.random.IntN(2)*p.random.IntN(p.keep+8) {
		p.live()
	}
}

func (p *printing) live() {
	switch {
	case p.next >= 0:
		if f := p.files[p.next]; f != nil {
			delete(p.files, p.next)
			if p.next < p.keep {
				p.files[p.next+1] = f
			}
		}
		if p.next--; p.next < 0 {
			p.files[0] = p.file()
		}
	case p.lines > 0 && p.random.IntN(3) > 0:
		for range p.random.IntN(4) {
			line := fmt.Sprintln("line", p.lines)
			p.lines--
			p.files[0].data = append(p.files[0].data, line...)
			p.printed.WriteString(line)
		}
	case p.lines > 0 && p.random.IntN(3) == 0:
		p.next = p.keep
	}
}

func (p *printing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	call := &agentpb.Call{}
	if err := wire.Protobuf.Decode(body, call, wire.Limits{}); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	p.lives()
	read := call.GetReadFile()
	nth := 0
	if _, after, rotated := strings.Cut(read.GetPath(), "stdout."); rotated {
		_, _ = fmt.Sscan(after, &nth)
	}
	f := p.files[nth]
	if f == nil {
		http.NotFound(w, r)
		return
	}
	data := f.data[min(read.GetOffset(), uint64(len(f.data))):]
	data = data[:min(uint64(len(data)), read.GetLength())]
	w.Header().Set("Meseta-File", fmt.Sprint(f.id))
	w.Header().Set("Content-Type", wire.MediaProtobuf)
	answer, _ := wire.Protobuf.Append(nil, &agentpb.Response{Type: agentpb.Response_READ_FILE.Enum(),
		ReadFile: &agentpb.Response_ReadFile{Size: proto.Uint64(uint64(len(f.data))), Data: data}})
	_, _ = w.Write(answer)
}

// follows reads a log to its end.
func follows(t *testing.T, p *printing) (got string, gaps int) {
	t.Helper()
	p.files, p.next = map[int]*part{0: p.file()}, -1
	server := httptest.NewServer(p)
	defer server.Close()
	client := api.New(nil, nil, nil)
	l := api.OpenLog(api.File{Agent: "slave(1)@" + strings.TrimPrefix(server.URL, "http://"), Path: "/sandbox/stdout"})
	l.Gap = func() { gaps++ }
	var out bytes.Buffer
	for p.lines > 0 || p.next >= 0 {
		if _, err := l.Copy(context.Background(), client, &out); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Copy(context.Background(), client, &out); err != nil {
		t.Fatal(err)
	}
	return out.String(), gaps
}

// Whenever names move, every line is read once and in order.
func TestLogThroughRotations(t *testing.T) {
	for seed := range uint64(25) {
		p := &printing{random: rand.New(rand.NewPCG(seed, 1)), keep: 80, lines: 200}
		if seed%2 == 0 {
			p.keep = 5
		}
		got, gaps := follows(t, p)
		if gaps == 0 && got != p.printed.String() {
			t.Fatalf("seed %d: %d bytes of %d", seed, len(got), p.printed.Len())
		}
		if gaps > 0 && p.keep == 80 {
			t.Fatalf("seed %d: %d gaps, though nothing was thrown away", seed, gaps)
		}
	}
}

// Who reads too slowly is told so, and reads on.
func TestLogThatWasThrownAway(t *testing.T) {
	told := 0
	for seed := range uint64(20) {
		p := &printing{random: rand.New(rand.NewPCG(seed, 2)), keep: 0, lines: 200}
		got, gaps := follows(t, p)
		if gaps == 0 && got != p.printed.String() {
			t.Fatalf("seed %d: lines are missing, and nobody says so", seed)
		}
		told += gaps
	}
	if told == 0 {
		t.Error("nothing was thrown away")
	}
}
