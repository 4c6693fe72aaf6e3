package traces_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/process/metrics"
	"github.com/meseta-io/meseta/cmd/meseta/internal/traces"
	"github.com/meseta-io/meseta/cmd/meseta/internal/traces/collector"
	"github.com/meseta-io/meseta/messages/tracing"
)

var at = time.Unix(1_700_000_000, 123)

func fact(task string, step tracing.Step) tracing.Fact {
	return tracing.Fact{Framework: "F", Task: task, Step: step, From: at, To: at.Add(time.Second)}
}

func exporter(t testing.TB, url string, sampling float64) (*traces.Exporter, *metrics.Registry, *bytes.Buffer) {
	t.Helper()
	numbers, log := metrics.New(time.Now), &bytes.Buffer{}
	e, err := traces.New(traces.Config{URL: url + "/v1/traces", Sampling: sampling, Service: "meseta-test", Instance: "i", Version: "1"},
		numbers, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	return e, numbers, log
}

// What a collector gets is what was told: names, parents, times, attributes, failures.
func TestFactsArriveAsSpans(t *testing.T) {
	c := collector.Start(t)
	e, numbers, _ := exporter(t, c.URL, 1)
	root, agent := fact("t", tracing.Task), fact("t", tracing.Agent)
	agent.Agent, agent.Executor, agent.Container, agent.State, agent.Failure = "A", "E", "C", "TASK_FAILED", "no luck"
	update := fact("t", tracing.Update)
	update.Update = "\x01\x02"
	told := map[string]tracing.Fact{"task": root, "agent": agent, "update": update}
	for _, f := range told {
		e.Note(f)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	spans := c.Spans()
	if len(spans) != len(told) || numbers.Snapshot()["traces/spans_sent"] != 3 {
		t.Fatalf("%d spans have arrived, %v sent", len(spans), numbers.Snapshot())
	}
	for _, s := range spans {
		f := told[s.Name]
		id, trace, parent := f.Span(), f.Trace(), ""
		if p, has := f.Parent(); has {
			parent = hex.EncodeToString(p[:])
		}
		if s.ID() != hex.EncodeToString(id[:]) || s.Parent() != parent || !bytes.Equal(s.TraceId, trace[:]) {
			t.Errorf("%s has the names %s, %s, %x", s.Name, s.ID(), s.Parent(), s.TraceId)
		}
		if s.StartTimeUnixNano != uint64(at.UnixNano()) || s.EndTimeUnixNano != uint64(at.Add(time.Second).UnixNano()) {
			t.Errorf("%s lasts from %d to %d", s.Name, s.StartTimeUnixNano, s.EndTimeUnixNano)
		}
		if s.Service != "meseta-test" || s.Attributes["meseta.framework.id"] != "F" || s.Attributes["meseta.task.id"] != "t" {
			t.Errorf("%s is of %s and has %v", s.Name, s.Service, s.Attributes)
		}
		if s.Failed() != (f.Failure != "") || s.GetStatus().GetMessage() != f.Failure {
			t.Errorf("%s has the status %v", s.Name, s.Status)
		}
		if a := s.Attributes; s.Name == "agent" && (a["meseta.agent.id"] != "A" || a["meseta.executor.id"] != "E" ||
			a["meseta.container.id"] != "C" || a["meseta.task.state"] != "TASK_FAILED") {
			t.Errorf("agent has %v", a)
		}
		if s.Name == "update" && s.Attributes["meseta.update.uuid"] != "0102" {
			t.Errorf("update has %v", s.Attributes)
		}
	}
}

// A collector that never answers costs spans, and nobody's time: neither of those who tell nor of the end.
func TestASlowCollectorCostsSpansOnly(t *testing.T) {
	arrived, hang := make(chan struct{}, 100), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-hang
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(hang) })
	e, numbers, log := exporter(t, server.URL, 1)
	e.Note(fact("first", tracing.Task))
	<-arrived
	const more = 10_000
	for i := range more {
		e.Note(fact(fmt.Sprint(i), tracing.Task))
	}
	if n := numbers.Snapshot()["traces/spans_dropped"]; n <= 0 || n >= more {
		t.Errorf("%v of %d were dropped", n, more)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	all := numbers.Snapshot()
	if all["traces/spans_dropped"]+all["traces/spans_lost"] != more+1 || all["traces/spans_sent"] != 0 {
		t.Errorf("not all are accounted for: %v", all)
	}
	if n := strings.Count(log.String(), "cannot be sent"); n != 1 {
		t.Errorf("the log says it %d times:\n%s", n, log)
	}
}

// One that is not there is said once, and its return too.
func TestACollectorThatComesLate(t *testing.T) {
	c := collector.Start(t)
	refuse := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse { // one request at a time
			refuse = false
			http.Error(w, "not now", http.StatusForbidden)
			return
		}
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	e, numbers, log := exporter(t, server.URL, 1)
	late := time.NewTimer(30 * time.Second)
	defer late.Stop()
	for i := 0; len(c.Spans()) == 0; i++ {
		e.Note(fact(fmt.Sprint(i), tracing.Task))
		select {
		case <-time.After(10 * time.Millisecond):
		case <-late.C:
			t.Fatalf("nothing arrives: %v\n%s", numbers.Snapshot(), log)
		}
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if n := numbers.Snapshot()["traces/spans_lost"]; n == 0 {
		t.Error("none was lost")
	}
	if !strings.Contains(log.String(), "cannot be sent") || !strings.Contains(log.String(), "sent again") {
		t.Errorf("the log says\n%s", log)
	}
}

// Two nodes with one share trace the same tasks, whole: as many as the share says.
func TestSamplingAgreesEverywhere(t *testing.T) {
	c := collector.Start(t)
	const tasks = 1000
	var kept [2][]string
	for i, step := range []tracing.Step{tracing.Task, tracing.Agent} {
		e, _, _ := exporter(t, c.URL, 0.25)
		for n := range tasks {
			e.Note(fact(fmt.Sprint(n), step))
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
		for _, s := range c.Spans() {
			if s.Name == step.String() {
				kept[i] = append(kept[i], s.Attributes["meseta.task.id"])
			}
		}
	}
	if !slices.Equal(kept[0], kept[1]) {
		t.Error("they trace different tasks")
	}
	if n := len(kept[0]); n < tasks/5 || n > tasks*3/10 {
		t.Errorf("%d of %d are traced with a share of 0.25", n, tasks)
	}
}

func BenchmarkNote(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	b.Cleanup(server.Close)
	for _, sampling := range []float64{0, 0.01, 1} {
		b.Run(fmt.Sprintf("sampling=%v", sampling), func(b *testing.B) {
			e, _, _ := exporter(b, server.URL, sampling)
			f := fact("t", tracing.Task)
			b.ReportAllocs()
			for b.Loop() {
				e.Note(f)
			}
		})
	}
}
