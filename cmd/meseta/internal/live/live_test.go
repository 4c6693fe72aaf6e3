package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/cmd/meseta/internal/screen"
	"github.com/meseta-io/meseta/isolators/sample"
)

// one is a report of one container, a second after another.
func one(second int, id string, cpu float64, memory int, sent uint64) *beyond.UsageReport {
	s := &sample.Sample{Has: []string{"cpu"}}
	s.Network.SentBytes = sent
	return &beyond.UsageReport{Time: time.Unix(int64(second), 0), Containers: []beyond.Usage{{
		ContainerID: id, ExecutorID: "x-" + id, FrameworkName: "f", Tasks: []beyond.UsingTask{{ID: "task-" + id}},
		Statistics: json.RawMessage(fmt.Sprintf(`{"timestamp":1,"cpus_user_time_secs":%v,"mem_total_bytes":%d,"mem_limit_bytes":104857600}`, cpu, memory)), Sample: s,
	}}}
}

func round(t *Table, of map[string]*beyond.UsageReport) {
	t.Begin()
	for agent, r := range of {
		t.Take(agent, r)
	}
	t.End()
}

func tasks(t *Table) (names []string) {
	for _, r := range t.Rows() {
		names = append(names, r.Task)
	}
	return names
}

func TestRowsAreWhatHappenedBetweenTwoReports(t *testing.T) {
	table := New()
	round(table, map[string]*beyond.UsageReport{"h1": one(10, "a", 5, 50<<20, 0), "h2": one(10, "b", 0, 10<<20, 0)})
	round(table, map[string]*beyond.UsageReport{"h1": one(12, "a", 6, 60<<20, 2<<20), "h2": one(12, "b", 1.5, 10<<20, 0)})
	rows := table.Rows()
	if !slices.Equal(tasks(table), []string{"task-b", "task-a"}) {
		t.Fatalf("%v", tasks(table))
	}
	a := rows[1]
	if a.Now != (sample.Point{CPU: 500, Memory: 60 << 10, Sent: 1024}) || a.Agent != "h1" || a.MemoryLimit != 100<<10 || len(a.History) != 1 {
		t.Errorf("%+v", a)
	}
	// One that is gone, one whose agent does not answer.
	table.Begin()
	table.Missing("h1")
	table.End()
	if !slices.Equal(tasks(table), []string{"task-a"}) {
		t.Errorf("%v", tasks(table))
	}
}

func TestKeys(t *testing.T) {
	table := New()
	all := map[string]*beyond.UsageReport{}
	for i := range 30 {
		all[fmt.Sprintf("h%02d", i)] = one(1, fmt.Sprintf("c%02d", i), 0, (i+1)<<20, 0)
	}
	round(table, all)
	for _, x := range []struct {
		typed   string
		by      Column
		reverse bool
		first   int
		paused  bool
	}{
		{"m", Memory, false, 0, false}, {"m", Memory, true, 0, false}, {"r", Memory, false, 0, false},
		{"\x1b[C", Read, false, 0, false}, {"\x1b[D\x1bOD", Wait, false, 0, false}, {"\x1b[D\x1b[D\x1b[D", Task, false, 0, false},
		{"\x1b[D", Sent, false, 0, false}, {"\x1b[B\x1b[B", Sent, false, 2, false}, {"\x1b[A", Sent, false, 1, false},
		{"\x1b[6~", Sent, false, 11, false}, {"\x1b[6~\x1b[6~\x1b[6~", Sent, false, 20, false}, {"\x1b[5~\x1b[5~\x1b[5~", Sent, false, 0, false},
		{"\x1b[F", Sent, false, 20, false}, {"\x1b[H", Sent, false, 0, false}, {"p", Sent, false, 0, true}, {" ", Sent, false, 0, false},
		{"\x1b[24~Z?\x1b", Sent, false, 0, false}, {"c", CPU, false, 0, false},
	} {
		if table.Keys([]byte(x.typed), 10) {
			t.Errorf("%q ends it", x.typed)
		}
		if table.By != x.by || table.Reverse != x.reverse || table.First != x.first || table.Paused != x.paused {
			t.Errorf("%q: by %d, reverse %v, from %d, paused %v", x.typed, table.By, table.Reverse, table.First, table.Paused)
		}
	}
	for _, end := range []string{"q", "\x03", "\x04", "mmq"} {
		if !table.Keys([]byte(end), 10) {
			t.Errorf("%q does not end it", end)
		}
	}
	table.By, table.Reverse = Memory, false
	if names := tasks(table); names[0] != "task-c29" || names[29] != "task-c00" {
		t.Errorf("%v", names)
	}
	table.By = Task
	if names := tasks(table); !slices.IsSorted(names) {
		t.Errorf("%v", names)
	}
}

// Whatever the screen is like and whoever chose the names, lines stay on it.
func TestLinesStayOnTheScreen(t *testing.T) {
	table := New()
	all := map[string]*beyond.UsageReport{}
	for i := range 50 {
		all[fmt.Sprintf("a-host-with-a-long-name-%02d", i)] = one(1, fmt.Sprintf("%02d\x1b[2J\n%s", i, strings.Repeat("ä", i*3)), 0, i<<20, 0)
	}
	round(table, all)
	table.Trouble = []string{strings.Repeat("no ", 100)}
	for _, size := range [][2]int{{80, 24}, {120, 5}, {200, 60}, {100, 1}, {60, 10}, {30, 10}, {22, 10}} {
		table.First = 48
		lines := table.Lines(size[0], size[1], screen.Text(nil))
		if want := max(size[1], around+2); len(lines) != want && len(lines) != size[1] {
			t.Errorf("%v: %d lines", size, len(lines))
		}
		for _, l := range lines {
			if utf8.RuneCountInString(l) > size[0] || strings.ContainsAny(l, "\x1b\n") {
				t.Errorf("%v: %d wide: %q", size, utf8.RuneCountInString(l), l)
			}
		}
	}
}

func TestLines(t *testing.T) {
	table := New()
	round(table, map[string]*beyond.UsageReport{"h1": one(10, "a", 5, 50<<20, 0)})
	round(table, map[string]*beyond.UsageReport{"h1": one(12, "a", 6, 99<<20, 3<<20)})
	got := strings.Join(table.Lines(110, 6, screen.Text(nil)), "\n")
	want := "1 container on 1 agent: 0.50 cpus, 99M of memory\n" +
		"TASK         AGENT      CPU▾     WAIT   MEMORY   READ/S  WRITE/S   RECV/S   SENT/S CPU LATELY                 \n" +
		"task-a       h1         0.50     0.00      99M        -        -        -     1.5M                           █\n\n\n" +
		"←→ column  r reverse  ↑↓ scroll  p pause  q quit"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestSparks(t *testing.T) {
	for _, x := range []struct {
		values []uint32
		width  int
		want   string
	}{{nil, 3, "   "}, {[]uint32{0, 0}, 3, " ▁▁"}, {[]uint32{9, 0, 7, 14}, 3, "▁▄█"}, {[]uint32{1 << 31, 1<<32 - 1}, 2, "▄█"}} {
		if got := Spark(x.values, x.width); got != x.want {
			t.Errorf("%v: %q, want %q", x.values, got, x.want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[float64]string{0: "0B", 999: "999B", 1000: "1.0K", 20480: "20K", 1 << 20: "1.0M", 1 << 50: "1P", 1 << 40: "1.0T"} {
		if got := Bytes(n); got != want {
			t.Errorf("%v: %s, want %s", n, got, want)
		}
	}
}
