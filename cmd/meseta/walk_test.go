package main_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/messages/mesos/agentpb"
	"github.com/meseta-io/meseta/messages/mesos/executorpb"
	"github.com/meseta-io/meseta/messages/mesos/masterpb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
	"github.com/meseta-io/meseta/messages/wire"
)

var update = flag.Bool("update", false, "write what the doors answer now to testdata/walk, for you to look at")

// walk visits every door of a master and an agent, and compares what they say with what is kept in testdata/walk.
type walk struct {
	*testing.T
	cluster *testCluster
	names   []string // what is replaced in answers, and by what
	vars    []string // what is replaced in requests
	seen    map[string]bool
}

// protocol is an API whose calls are messages.
type protocol struct {
	folder, path string
	call         func() proto.Message
	answer       func() proto.Message
	types        map[int32]string
}

var (
	operatorOfMaster = protocol{"master/api/v1", "/master/api/v1", func() proto.Message { return &masterpb.Call{} }, func() proto.Message { return &masterpb.Response{} }, masterpb.Call_Type_name}
	operatorOfAgent  = protocol{"agent/api/v1", "/slave(1)/api/v1", func() proto.Message { return &agentpb.Call{} }, func() proto.Message { return &agentpb.Response{} }, agentpb.Call_Type_name}
	ofSchedulers     = protocol{"master/api/v1/scheduler", "/master/api/v1/scheduler", func() proto.Message { return &schedulerpb.Call{} }, func() proto.Message { return &schedulerpb.Event{} }, schedulerpb.Call_Type_name}
	ofExecutors      = protocol{"agent/api/v1/executor", "/slave(1)/api/v1/executor", func() proto.Message { return &executorpb.Call{} }, func() proto.Message { return &executorpb.Event{} }, executorpb.Call_Type_name}
	protocols        = []protocol{operatorOfMaster, operatorOfAgent, ofSchedulers, ofExecutors}
)

// at is the address of whoever has a path.
func (w *walk) at(folder string) string {
	if strings.HasPrefix(folder, "agent") {
		return w.cluster.agentAt
	}
	return w.cluster.at
}

// fill puts ids into a request.
func (w *walk) fill(text string) string { return strings.NewReplacer(w.vars...).Replace(text) }

// shown are the headers that matter to clients.
var shown = []string{"Content-Type", "Location", "Allow", "Mesos-Stream-Id", "Content-Disposition", "Transfer-Encoding"}

// ask sends a request, and gives the answer as text and its body; a stream is left open.
func (w *walk) ask(method, url string, header http.Header, body []byte) (head string, answer *http.Response) {
	w.Helper()
	r, err := http.NewRequest(method, "http://"+url, bytes.NewReader(body))
	w.must(err)
	maps.Copy(r.Header, header)
	answer, err = walker.RoundTrip(r)
	w.must(err)
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", answer.StatusCode)
	for _, name := range shown {
		if v := answer.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, v)
		}
	}
	return b.String(), answer
}

// walker asks once, and takes answers as they come.
var walker = &http.Transport{DisableCompression: true}

func (w *walk) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// visit asks an old endpoint.
func (w *walk) visit(side, method, path, body string) string {
	w.Helper()
	path, body = w.fill(path), w.fill(body)
	header := http.Header{}
	if strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[") {
		header.Set("Content-Type", "application/json")
	} else if body != "" {
		header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	head, answer := w.ask(method, w.at(side)+path, header, []byte(body))
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	w.must(err)
	return w.normal(method + " " + path + "\n" + body + "\n\n" + head + "\n" + w.pretty(all))
}

// old visits an old endpoint with what may come, and keeps everything in one file.
func (w *walk) old(side string, requests ...string) {
	w.Helper()
	var all []string
	var route string
	for _, r := range requests {
		method, rest, _ := strings.Cut(r, " ")
		path, body, _ := strings.Cut(rest, " ")
		all = append(all, w.visit(side, method, path, body))
		if route == "" {
			route, _, _ = strings.Cut(path, "?")
		}
	}
	w.keep(side+strings.ReplaceAll(route, "(1)", "")+".txt", strings.Join(all, "\n\n"))
}

// call sends a call in both languages. Both answers have to say the same, but for those that differ on purpose.
func (w *walk) call(p protocol, text string, header ...string) {
	w.Helper()
	var answers []string
	var kind string
	for _, f := range []wire.Format{wire.JSON, wire.Protobuf} {
		k, a := w.say(p, f, text, header...)
		kind, answers = k, append(answers, a)
	}
	w.both(p, kind, text, answers)
}

// both keeps what was answered in the two languages.
func (w *walk) both(p protocol, kind, text string, answers []string) {
	w.Helper()
	said := w.normal("POST "+p.path+"\n"+text) + "\n\n" + answers[0]
	if answers[1] != strings.ReplaceAll(answers[0], wire.MediaJSON, wire.MediaProtobuf) {
		said += "\n\nIn protobuf:\n\n" + answers[1]
	}
	w.keep(p.folder+"/"+kind+".txt", said)
}

// say sends a call in one language.
func (w *walk) say(p protocol, f wire.Format, text string, header ...string) (kind, answer string) {
	w.Helper()
	m := p.call()
	w.must(wire.DecodeJSON([]byte(strings.ReplaceAll(w.fill(text), "${language}", f.String())), m, wire.Limits{}))
	number := m.ProtoReflect().Get(m.ProtoReflect().Descriptor().Fields().ByName("type")).Enum()
	body, err := f.Append(nil, m)
	w.must(err)
	h := http.Header{"Content-Type": {f.MediaType()}, "Accept": {f.MediaType()}}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	head, resp := w.ask(http.MethodPost, w.at(p.folder)+p.path, h, body)
	defer resp.Body.Close()
	var all []byte
	if head, all, err = w.whole(p, f, head, resp); err != nil {
		w.Fatal(text, err)
	}
	return p.types[int32(number)], w.normal(head + "\n" + w.pretty(all))
}

// whole reads an answer, or of a stream the first two records, as JSON.
func (w *walk) whole(p protocol, f wire.Format, head string, resp *http.Response) (string, []byte, error) {
	decode := func(data []byte) []byte {
		m := p.answer()
		if len(resp.TransferEncoding) > 0 && p.folder == operatorOfMaster.folder {
			m = &masterpb.Event{}
		}
		if f == wire.JSON || resp.Header.Get("Content-Type") != f.MediaType() {
			return data
		}
		w.must(proto.Unmarshal(data, m))
		return wire.AppendJSON(nil, m)
	}
	if len(resp.TransferEncoding) == 0 {
		all, err := io.ReadAll(resp.Body)
		return head, decode(all), err
	}
	records := wire.NewRecordReader(resp.Body, wire.Limits{})
	var all []byte
	for range 2 {
		record, err := records.Next()
		if err != nil {
			return head, nil, err
		}
		all = append(append(all, decode(record)...), '\n')
	}
	return head + "Transfer-Encoding: chunked\n", all, nil
}

// pretty is JSON on many lines with sorted names, and everything else as it is.
func (w *walk) pretty(body []byte) string {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var out []string
	for d.More() {
		var v any
		if d.Decode(&v) != nil {
			return string(body)
		}
		var text strings.Builder
		e := json.NewEncoder(&text)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		w.must(e.Encode(plainer("", v)))
		out = append(out, text.String())
	}
	return strings.Join(out, "")
}

// Values that are different each time, by name.
var (
	timesOf   = regexp.MustCompile(`(^|_)(time|timestamp|mtime|nanoseconds|build_date|estimated_drain_start_time_seconds)$`)
	numbersOf = regexp.MustCompile(`^(nlink|size|avg_load_.*|cpus_total|mem_.*_bytes|handled|queued|busy_secs|threads|processes|cpus_.*_time_secs|mem_.*|timestamp|ip|pid)$`)
	buildOf   = regexp.MustCompile(`^(git_.*|build_user|uid|gid|user|mode)$`)
)

// plainer replaces them.
func plainer(name string, v any) any {
	switch v := v.(type) {
	case map[string]any:
		if _, numbers := v["system/mem_total_bytes"]; numbers {
			return "metrics: " + metricsIn(slices.Collect(maps.Keys(v)))
		}
		delete(v, "executor_pid") // of an executor that is here before the agent knows that it was started, it is missing
		for k, x := range v {
			v[k] = plainer(k, x)
		}
	case []any:
		if name == "metrics" {
			var names []string
			for _, m := range v {
				if m, ok := m.(map[string]any); ok {
					names = append(names, fmt.Sprint(m["name"]))
				}
			}
			return metricsIn(names)
		}
		for i, x := range v {
			v[i] = plainer(name, x)
		}
	case json.Number, string:
		_, number := v.(json.Number)
		switch {
		case number && timesOf.MatchString(name):
			return "<time>"
		case number && numbersOf.MatchString(name):
			return "<number>"
		case buildOf.MatchString(name):
			return "<" + name + ">"
		case name == "uuid" || name == "status_update_uuid" || name == "version" || name == "build_date":
			return "<" + name + ">"
		}
	}
	return v
}

// metricsIn says of which rooms there are numbers: which of them there are yet depends on how long the node works.
func metricsIn(names []string) string {
	rooms := map[string]bool{}
	for _, n := range names {
		room, _, _ := strings.Cut(n, "/")
		rooms[room] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(rooms)), " ")
}

var (
	uuids     = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	goVersion = regexp.MustCompile(`go1\.[0-9.]+[0-9]`)
	// The agent, frameworks and offers have numbers behind the master's id; the languages take turns in getting them.
	numbered = regexp.MustCompile(`(<uuid>-[SO])\d+|(<uuid>)-\d{4}`)
)

// normal replaces what is different in each run.
func (w *walk) normal(text string) string {
	text = strings.NewReplacer(w.names...).Replace(text)
	text = goVersion.ReplaceAllString(text, "<go>")
	text = uuids.ReplaceAllString(text, "<uuid>")
	return numbered.ReplaceAllString(text, "$1$2-<n>")
}

// keep compares a text with a file, or writes it.
func (w *walk) keep(name, text string) {
	w.Helper()
	file := filepath.Join("testdata", "walk", filepath.FromSlash(name))
	text = strings.TrimRight(text, "\n") + "\n"
	if w.seen[name] {
		w.Errorf("%s is visited twice", name)
	}
	w.seen[name] = true
	if *update {
		w.must(os.MkdirAll(filepath.Dir(file), 0o755))
		w.must(os.WriteFile(file, []byte(text), 0o644))
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		w.Errorf("%v: look at what the door says, and keep it with -update", err)
		return
	}
	if old, now, line := differ(string(want), text); line > 0 {
		w.Errorf("%s:%d has changed from\n%s\nto\n%s", file, line, old, now)
	}
}

// differ gives the first line in which two texts are not the same, or 0, and a few lines from there on.
func differ(a, b string) (fromA, fromB string, line int) {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range max(len(x), len(y)) {
		if i >= len(x) || i >= len(y) || x[i] != y[i] {
			few := func(lines []string) string { return strings.Join(lines[min(i, len(lines)):min(i+8, len(lines))], "\n") }
			return few(x), few(y), i + 1
		}
	}
	return "", "", 0
}

// complete says what was not visited: every route that a node serves, and every call, has a file; and no file is of
// something that is gone.
func (w *walk) complete() {
	w.Helper()
	for _, side := range []string{"master", "agent"} {
		_, answer := w.ask(http.MethodGet, w.at(side)+"/help", nil, nil)
		page, err := io.ReadAll(answer.Body)
		w.must(err)
		answer.Body.Close()
		routes := regexp.MustCompile(`<dt><a href="[^"]*">([^<]*)</a>`).FindAllStringSubmatch(string(page), -1)
		if len(routes) < 15 {
			w.Errorf("the %s serves %d routes", side, len(routes))
		}
		for _, r := range routes {
			path := r[1]
			if slices.ContainsFunc(protocols, func(p protocol) bool { return p.path == path }) {
				continue
			}
			if !w.seen[side+strings.ReplaceAll(path, "(1)", "")+".txt"] {
				w.Errorf("nobody visits %s of the %s", path, side)
			}
		}
	}
	for _, p := range protocols {
		for _, kind := range p.types {
			if !w.seen[p.folder+"/"+kind+".txt"] {
				w.Errorf("nobody says %s to %s", kind, p.path)
			}
		}
	}
	w.must(filepath.WalkDir(filepath.Join("testdata", "walk"), func(path string, d os.DirEntry, err error) error {
		if name := strings.TrimPrefix(filepath.ToSlash(path), "testdata/walk/"); err == nil && !d.IsDir() && !w.seen[name] {
			w.Errorf("%s is of something that nobody serves", path)
		}
		return err
	}))
}

// curl asks as people do, and gets what programs get.
func (w *walk) curl() {
	w.Helper()
	program, err := exec.LookPath("curl")
	if err != nil {
		w.Log("there is no curl: ", err)
		return
	}
	for _, c := range []struct {
		arguments []string
		method    string
		path      string
		body      string
	}{
		{nil, "GET", "/version", ""}, {nil, "GET", "/master/health", ""}, {nil, "GET", "/master/redirect", ""}, {nil, "GET", "/weights", ""},
		{[]string{"-XPOST", "-HContent-Type: application/json", `-d{"type":"GET_HEALTH"}`}, "POST", "/api/v1", `{"type":"GET_HEALTH"}`},
		{[]string{"-dframeworkId=nobody"}, "POST", "/master/teardown", "frameworkId=nobody"},
	} {
		out, err := exec.Command(program, append([]string{"-s", "-o-", "-w", "\n%{http_code}", w.cluster.at + c.path}, c.arguments...)...).Output()
		w.must(err)
		got := strings.TrimRight(string(out[:bytes.LastIndexByte(out, '\n')]), "\n")
		status := string(out[bytes.LastIndexByte(out, '\n')+1:])
		want := w.visit("master", c.method, c.path, c.body)
		if !strings.HasSuffix(want, w.normal(w.pretty([]byte(got)))) || !strings.Contains(want, "\n"+status+"\n") {
			w.Errorf("curl %s gets %s %s, others %s", c.path, status, got, want)
		}
	}
}

func newWalk(t *testing.T) *walk {
	// What isolators have to say differs from machine to machine.
	c := &testCluster{t: t, dir: t.TempDir(), flags: []string{"--launcher=posix"}}
	c.startBoth("--hostname=m.example")
	who, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	_, masterPort, _ := strings.Cut(c.at, ":")
	_, agentPort, _ := strings.Cut(c.agentAt, ":")
	return &walk{T: t, cluster: c, seen: map[string]bool{},
		vars:  []string{"${user}", who.Username},
		names: []string{binary, "<binary>", c.dir, "<dir>", groups, "<groups>", c.at, "<master>", c.agentAt, "<agent>", masterPort, "<master-port>", agentPort, "<agent-port>", `"` + who.Username + `"`, `"<user>"`}}
}
