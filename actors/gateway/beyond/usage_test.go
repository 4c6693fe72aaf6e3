package beyond_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meseta-io/meseta/actors/agent"
	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/gateway"
	"github.com/meseta-io/meseta/actors/gateway/beyond"
	"github.com/meseta-io/meseta/isolators/sample"
	"github.com/meseta-io/meseta/messages/authorization"
	"github.com/meseta-io/meseta/testkit/lodge"
)

// knowing is a launcher that knows more of its containers, each time of a second more.
type knowing struct {
	containerizer.Launcher
	asked *atomic.Int64
}

func (k knowing) Samples(_ context.Context, of []containerizer.Process) ([]*sample.Sample, error) {
	all := make([]*sample.Sample, len(of))
	n := k.asked.Add(1)
	for i := range of {
		s := &sample.Sample{Has: []string{"cpu", "network", "disk"}}
		s.CPU = sample.CPU{Waited: time.Duration(n) * time.Second, Voluntary: 7, Wait: sample.Histogram{First: 2048, Counts: [sample.Slots]uint64{3, 2, 1}}}
		s.Network.SentBytes = uint64(n) * 10 << 20
		all[i] = s
	}
	return all, nil
}

type rules map[authorization.Action]bool

func (r rules) Approver(_ authorization.Subject, a authorization.Action) authorization.Approver {
	return func(authorization.Object) bool { return r[a] || a == authorization.RunTask }
}

func busy(t *testing.T, by authorization.Authorizer) (*lodge.Lodge, *atomic.Int64) {
	t.Helper()
	asked := &atomic.Int64{}
	l := lodge.New(t, lodge.Options{
		Config: func(c *agent.Config) { c.History = sample.Interval },
		Parts:  func(p *agent.Parts) { p.Launcher, p.Authorizer = knowing{p.Launcher, asked}, by },
		Gate:   func(p *gateway.Parts) { p.Authorizer = by },
	})
	l.Run(lodge.Framework("F1"), lodge.Task("F1", "t1", "e1"))
	l.Until("the container runs", func() bool {
		f := l.Agent.View().Frameworks
		return len(f) == 1 && f[0].Executors[0].Process.PID != 0
	})
	return l, asked
}

func report(t *testing.T, l *lodge.Lodge, query string) beyond.UsageReport {
	t.Helper()
	a := l.Do("GET", "/usage"+query, nil, "")
	var r beyond.UsageReport
	if err := json.Unmarshal([]byte(a.Body), &r); err != nil || a.Status != 200 {
		t.Fatalf("%d %v: %s", a.Status, err, a.Body)
	}
	return r
}

func TestUsageHasEverythingThatIsKnown(t *testing.T) {
	l, asked := busy(t, nil)
	r := report(t, l, "")
	if len(r.Containers) != 1 || r.Hostname != "a.example" {
		t.Fatalf("%+v", r)
	}
	u := r.Containers[0]
	figures, err := u.Figures()
	if err != nil || figures.GetMemRssBytes() != 1<<20 || figures.GetMemLimitBytes() == 0 || u.Sample == nil || u.Sample.CPU.Voluntary != 7 ||
		u.FrameworkID != "F1" || u.ExecutorID != "e1" || u.History != nil {
		t.Errorf("%+v %v %v", u, figures, err)
	}
	// Who asks again at once sees the same numbers, and the kernel is left alone.
	before := asked.Load()
	for range 5 {
		report(t, l, "?container_id="+u.ContainerID)
	}
	if asked.Load() > before+1 {
		t.Errorf("measured %d times", asked.Load()-before)
	}
	if r := report(t, l, "?container_id=nobody"); len(r.Containers) != 0 {
		t.Errorf("%+v", r)
	}
	if r := report(t, l, "?task_id=nobody"); len(r.Containers) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestUsageHasAHistory(t *testing.T) {
	l, asked := busy(t, nil)
	for n := range int64(4) { // one measurement for each interval that goes by
		l.Clock.Advance(sample.Interval)
		l.Until("the containers are measured", func() bool { return asked.Load() > n })
	}
	var u beyond.Usage
	l.Until("there is a history", func() bool {
		u = report(t, l, "?history=true").Containers[0]
		return len(u.History) >= 3
	})
	if p := u.History[1]; p.Wait < 90 || p.Wait > 110 || p.Sent < 900 || p.Sent > 1100 || p.Memory != 1024 || p.CPU != 0 || u.HistoryEnd == nil {
		t.Errorf("%+v", p)
	}
}

func TestMetricsOfContainers(t *testing.T) {
	l, _ := busy(t, nil)
	a := l.Do("GET", "/usage/metrics", nil, "")
	if a.Status != 200 || !strings.HasPrefix(a.Header.Get("Content-Type"), "text/plain") {
		t.Fatalf("%d %v", a.Status, a.Header)
	}
	id := report(t, l, "").Containers[0].ContainerID
	of := `container_id="` + id + `",executor_id="e1",framework_id="F1"`
	for _, want := range []string{
		`meseta_container_cpu_seconds_total{` + of + `,mode="user"} 2`,
		`meseta_container_memory_bytes{` + of + `} 1.048576e+06`,
		`meseta_container_context_switches_total{` + of + `,kind="voluntary"} 7`,
		`meseta_container_cpu_wait_seconds_bucket{` + of + `,le="2.048e-06"} 3`,
		`meseta_container_cpu_wait_seconds_bucket{` + of + `,le="8.192e-06"} 6`,
		`meseta_container_cpu_wait_seconds_bucket{` + of + `,le="+Inf"} 6`,
	} {
		if !strings.Contains(a.Body, want+"\n") {
			t.Errorf("%s is not in\n%s", want, a.Body)
		}
	}
	for _, unknown := range []string{"page_faults", "tcp_connections", "tcp_rtt"} {
		if strings.Contains(a.Body, unknown) {
			t.Errorf("%s is there, and nobody knows it", unknown)
		}
	}
}

// Containers that one may not see are not there.
func TestWhoSeesWhichUsage(t *testing.T) {
	for _, sees := range []bool{false, true} {
		l, _ := busy(t, rules{authorization.ViewContainer: sees})
		if r := report(t, l, "?history=true"); len(r.Containers) == 1 != sees {
			t.Errorf("%v: %+v", sees, r)
		}
		if a := l.Do("GET", "/usage/metrics", nil, ""); strings.Contains(a.Body, "F1") != sees {
			t.Errorf("%v: %s", sees, a.Body)
		}
	}
}
