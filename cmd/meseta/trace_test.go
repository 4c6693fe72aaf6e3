package main_test

import (
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meseta-io/meseta/cmd/meseta/internal/traces/collector"
)

// tracedCluster is a master and an agent that send their traces to an address.
func tracedCluster(t *testing.T, to string) *testCluster {
	t.Helper()
	c := &testCluster{t: t, dir: t.TempDir()}
	t.Cleanup(c.clean)
	c.startMaster("0", "--otlp_endpoint="+to)
	c.startAgent("0", "--otlp_endpoint="+to)
	return c
}

// theTree draws the spans of one task, and checks that they are one tree in a sane order of time. Both nodes have one clock.
func theTree(t *testing.T, spans []collector.Span) string {
	t.Helper()
	below, known := map[string][]collector.Span{}, map[string]bool{}
	for _, s := range spans {
		if known[s.ID()] {
			t.Errorf("%s has come twice", s.Name)
		}
		known[s.ID()] = true
		below[s.Parent()] = append(below[s.Parent()], s)
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s ends before it begins", s.Name)
		}
	}
	var text strings.Builder
	var draw func(parent string, began uint64, depth int)
	draw = func(parent string, began uint64, depth int) {
		parts := below[parent]
		slices.SortFunc(parts, func(a, b collector.Span) int { return cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano) })
		for _, s := range parts {
			if s.StartTimeUnixNano+uint64(time.Microsecond) < began { // the time of an update is a float
				t.Errorf("%s begins before what it is a part of", s.Name)
			}
			delete(known, s.ID())
			failed := ""
			if s.Failed() {
				failed = " failed"
			}
			fmt.Fprintf(&text, "%s%s %s%s\n", strings.Repeat(" ", depth), s.Name, strings.TrimPrefix(s.Service, "meseta-"), failed)
			draw(s.ID(), s.StartTimeUnixNano, depth+1)
		}
	}
	draw("", 0, 0)
	if len(known) > 0 || len(below[""]) != 1 {
		t.Errorf("%d spans hang nowhere, %d are roots", len(known), len(below[""]))
	}
	return text.String()
}

// Real processes send one tree for each task to a real collector: what the master did and what the agent did.
func TestTracesOfTasks(t *testing.T) {
	to := collector.Start(t)
	c := tracedCluster(t, to.URL+"/") // a slash at the end is the same address
	c.run("--", "sleep 1").ends(0)
	c.run("--", "exit 3").ends(3)

	byTask := func() map[string][]collector.Span {
		all := map[string][]collector.Span{}
		for _, s := range to.Spans() {
			all[fmt.Sprintf("%x", s.TraceId)] = append(all[fmt.Sprintf("%x", s.TraceId)], s)
		}
		return all
	}
	await(t, "two whole trees", func() bool {
		all := byTask()
		whole := 0
		for _, spans := range all {
			if len(spans) == len(strings.Split(strings.TrimSpace(runningTree), "\n")) {
				whole++
			}
		}
		return len(all) == 2 && whole == 2
	})
	for _, spans := range byTask() {
		tree := theTree(t, spans)
		// The executor goes on to RUNNING while STARTING is still being passed on, or does not: the order is of no interest.
		if got, want := sorted(tree), sorted(runningTree); got != want {
			t.Errorf("the tree is\n%s\nwant\n%s", tree, runningTree)
		}
		for _, s := range spans {
			if s.Attributes["meseta.task.id"] == "" || s.Attributes["meseta.agent.id"] == "" || s.Attributes["meseta.framework.id"] == "" {
				t.Errorf("%s has %v", s.Name, s.Attributes)
			}
		}
	}
}

func sorted(text string) string {
	l := strings.Split(strings.TrimSpace(text), "\n")
	slices.Sort(l)
	return strings.Join(l, "\n")
}

const runningTree = `
task master
 offer master
 accept master
 agent agent
  checkpoint agent
  launch agent
  register agent
  execute agent
  update agent
   forward master
   acknowledge master
  update agent
   forward master
   acknowledge master
`

// A collector that is not there, and one that never answers, are no trouble: tasks run, and the nodes end in time.
func TestTracesToNobody(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	asked, hang := make(chan struct{}, 100), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		asked <- struct{}{}
		<-hang
	}))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(hang) })
	for name, to := range map[string]string{"down": "http://" + closed.Addr().String(), "silent": silent.URL} {
		t.Run(name, func(t *testing.T) {
			c := tracedCluster(t, to)
			for range 3 {
				c.run("--", "true").ends(0)
			}
			if name == "silent" {
				<-asked
			}
			c.agent.signal(syscall.SIGTERM)
			c.agent.ends(0)
			c.master.signal(syscall.SIGTERM)
			c.master.ends(0)
		})
	}
}

// The standard variable turns traces on as well, and what is meant for other programs is no reason not to start.
func TestTracesByTheEnvironment(t *testing.T) {
	to := collector.Start(t)
	dir := t.TempDir()
	for _, c := range []struct {
		env  []string
		says string
	}{
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + to.URL}, "traces are sent.*" + to.URL + "/v1/traces"},
		{[]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=" + to.URL + "/x"}, "traces are sent.*" + to.URL + "/x"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + to.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=grpc"}, "traces are off.*grpc"},
		{[]string{"OTEL_EXPORTER_OTLP_ENDPOINT=localhost:4317"}, "traces are off.*address of a collector"},
	} {
		p := startAs(t, binary, dir, c.env, "master", "--ip=127.0.0.1", "--port=0", "--work_dir="+t.TempDir())
		p.sees(p.out, `listening on (\S+),`)
		p.sees(p.err, c.says)
		p.signal(syscall.SIGTERM)
		p.ends(0)
	}
	for _, env := range [][]string{nil, {"OTEL_EXPORTER_OTLP_ENDPOINT=" + to.URL, "OTEL_SDK_DISABLED=true"}} {
		p := startAs(t, binary, dir, env, "master", "--ip=127.0.0.1", "--port=0", "--work_dir="+t.TempDir())
		p.sees(p.out, `listening on (\S+),`)
		p.signal(syscall.SIGTERM)
		p.ends(0)
		if strings.Contains(p.err.String(), "traces") {
			t.Errorf("it is on without being asked:\n%s", p.err)
		}
	}
}

func TestTraceFlagsAreChecked(t *testing.T) {
	dir := t.TempDir()
	for _, command := range []string{"master", "agent"} {
		for flag, says := range map[string]string{
			"--otlp_endpoint=127.0.0.1:4318":       "--otlp_endpoint: the address of a collector",
			"--otlp_endpoint=grpc://h:4317":        "--otlp_endpoint: the address of a collector",
			"--otlp_endpoint=http://me:secret@h:1": "OTEL_EXPORTER_OTLP_HEADERS",
			"--otlp_sampling=1.5":                  "--otlp_sampling=1.5: a share from 0 to 1",
			"--otlp_sampling=NaN":                  "--otlp_sampling=NaN: a share from 0 to 1",
			"--otlp_sampling=-0.1":                 "--otlp_sampling=-0.1: a share from 0 to 1",
		} {
			p := start(t, dir, command, flag).says(2, says)
			if strings.Contains(p.err.String(), "secret") {
				t.Errorf("%s repeats the password:\n%s", command, p.err)
			}
		}
	}
}
