package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The test binary is also what the player calls for fresh servers.
func TestMain(m *testing.M) {
	if os.Getenv(bringUp) != "" {
		exit(restart())
	}
	os.Exit(m.Run())
}

// TestRecordings plays everything that was recorded. What a client could notice has to be as it was, or be a place that
// differences.tsv names with the reason; and what stands there has to be seen, so that the list stays true.
func TestRecordings(t *testing.T) {
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := build(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	expected := readDifferences(t, filepath.Join(root, "tools/replay/differences.tsv"))
	names := recordings(root)
	if len(names) < 12 {
		t.Fatalf("only %d recordings are here", len(names))
	}
	// They wait more than they work, so more of them than there are processors are played at once.
	turns := make(chan struct{}, 4)
	results := make(map[string]chan result, len(names))
	for _, name := range names {
		came := make(chan result, 1)
		results[name] = came
		go func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			r := result{said: &bytes.Buffer{}}
			r.found, r.err = play(t.Context(), job{root: root, binary: binary, recording: name, out: r.said})
			came <- r
		}()
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			r := <-results[name]
			if r.err != nil {
				t.Fatalf("%v\n%s", r.err, r.said.String())
			}
			t.Logf("%s", strings.Split(r.said.String()+"\n\n", "\n")[1])
			verdict(t, name, hard(r.found), expected)
		})
	}
}

// result is what came of playing one recording.
type result struct {
	found []difference
	err   error
	said  *bytes.Buffer
}

// verdict holds what was found against what is expected.
func verdict(t interface{ Errorf(string, ...any) }, recording string, found []difference, expected []expectation) {
	seen := map[int]bool{}
	for _, d := range found {
		at := slices.IndexFunc(expected, func(e expectation) bool { return e.id.MatchString(d.ID) && e.place.MatchString(d.At) })
		if at < 0 {
			t.Errorf("%s (%s)", d, d.Title)
			continue
		}
		seen[at] = true
	}
	for i, e := range expected {
		if e.recording == recording && !seen[i] && !e.sometimes {
			t.Errorf("%s at %s agrees now: take it out of differences.tsv", e.id, e.place)
		}
	}
}

// expectation is a place that differs on purpose.
type expectation struct {
	recording string
	id, place *regexp.Regexp // of the exchange, and in it
	sometimes bool           // it depends on which of two things that happen at once comes first
	reason    string
}

// readDifferences reads lines of four columns: the exchanges ("<recording>/<regular expression>"), the places in them
// (a regular expression), always or sometimes, and the reason.
func readDifferences(t *testing.T, name string) (list []expectation) {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		if i == 0 || line == "" {
			continue // the head
		}
		columns := strings.Split(line, "\t")
		if len(columns) != 4 || columns[3] == "" || columns[2] != "always" && columns[2] != "sometimes" {
			t.Fatalf("differences.tsv, line %d: exchanges, places, always or sometimes, reason expected: %q", i+1, line)
		}
		list = append(list, expected(t, columns[0], columns[1], columns[2] == "sometimes", columns[3]))
	}
	return list
}

func expected(t *testing.T, ids, places string, sometimes bool, reason string) expectation {
	t.Helper()
	recording, _, found := strings.Cut(ids, "/")
	if !found {
		t.Fatalf("%q: a recording and its exchanges expected, with / between", ids)
	}
	id, err := regexp.Compile("^(" + ids + ")$")
	if err != nil {
		t.Fatal(err)
	}
	place, err := regexp.Compile(places)
	if err != nil {
		t.Fatal(err)
	}
	return expectation{recording, id, place, sometimes, reason}
}

// The verdict lets nothing pass that is not expected, and nothing stay that is not so.
func TestVerdict(t *testing.T) {
	list := []expectation{expected(t, "r/known.*", `\.version$`, false, "because"), expected(t, "r/flickers", "status", true, "because"),
		expected(t, "other/elsewhere", ".", false, "because")}
	for _, c := range []struct {
		found []string
		fails int
	}{
		{[]string{"r/known body.version"}, 0}, {[]string{"r/known#2 body.version", "r/flickers status"}, 0}, {[]string{}, 1},
		{[]string{"r/known body.version", "r/known body.id"}, 1}, {[]string{"r/known body.version", "r/new body.version"}, 1}, {[]string{"r/new status"}, 2},
	} {
		var found []difference
		for _, f := range c.found {
			id, at, _ := strings.Cut(f, " ")
			found = append(found, difference{Kind: "hard", ID: id, At: at})
		}
		spy := &spy{}
		verdict(spy, "r", found, list)
		if spy.errors != c.fails {
			t.Errorf("%q: %d errors, want %d", c.found, spy.errors, c.fails)
		}
	}
}

type spy struct{ errors int }

func (s *spy) Errorf(string, ...any) { s.errors++ }

// The player begins when the agents know who they are, which is a moment after the master does; and an exchange that
// needs a whole interval of the allocator begins with one.
func TestPlayerWaits(t *testing.T) {
	var asked, runs int
	mux := http.NewServeMux()
	mux.HandleFunc("/state", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `{"id": "M", "slaves": [{"id": "M-S0", "active": true}]}`)
	})
	mux.HandleFunc("/metrics/snapshot", func(w http.ResponseWriter, _ *http.Request) {
		runs++
		fmt.Fprintf(w, `{"allocator/mesos/allocation_runs": %d}`, runs/5)
	})
	master := httptest.NewServer(mux)
	defer master.Close()
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/state" {
			return
		}
		if asked++; asked < 4 {
			fmt.Fprint(w, `{"id": ""}`)
			return
		}
		fmt.Fprint(w, `{"id": "M-S0"}`)
	}))
	defer agent.Close()
	const program = `
import sys, replay
c = replay.Context({'master': sys.argv[1], 'agent': sys.argv[2]}, None)
c.ready(20)
c.ran()
print(c.vars['agent_id'])`
	c := exec.CommandContext(t.Context(), "python3", "-B", "-c", program, master.Listener.Addr().String(), agent.Listener.Addr().String())
	c.Env = append(os.Environ(), "PYTHONPATH=.")
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != "M-S0" || runs < 5 {
		t.Errorf("it plays against the agent %q, after %d looks at the runs", got, runs)
	}
}
