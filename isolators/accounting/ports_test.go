package accounting

import (
	"context"
	"errors"
	"maps"
	"testing"

	"golang.org/x/sys/unix"
	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/accounting/bpf"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func span(begin, end uint64) *mesospb.Resource {
	return &mesospb.Resource{Name: proto.String("ports"), Type: mesospb.Value_RANGES.Enum(), Ranges: &mesospb.Value_Ranges{
		Range: []*mesospb.Value_Range{{Begin: &begin, End: &end}}}}
}

func (w *world) ports() *Ports {
	w.Helper()
	p, err := NewPorts(w.settings)
	w.must(err)
	w.Cleanup(func() {
		if err := p.programs.detach(); err != nil {
			w.Error(err)
		}
		p.programs.close()
	})
	return p
}

const no = "operation not permitted"

func expect(t *testing.T, got, want map[string]string) {
	t.Helper()
	if !maps.Equal(got, want) {
		t.Errorf("got %v\nwant %v", got, want)
	}
}

// Ports that were given can be bound, others cannot; what the kernel chooses can.
func TestOnlyOwnPortsCanBeBound(t *testing.T) {
	w := newWorld(t)
	p := w.ports()
	c, plan := w.container("c", nil)
	c.Resources = []*mesospb.Resource{span(24100, 24101), span(24163, 24164), span(65535, 65535), {Name: proto.String("cpus")}}
	w.must(p.Prepare(context.Background(), c, plan))
	const all = "bind tcp4:24100,tcp4:24101,tcp4:24102,tcp4:24099,tcp4:24164,tcp4:24165,udp4:24100,udp4:24102,tcp6:24100,tcp6:24102,udp6:24101," +
		"udp6:9,tcp4:65535,tcp4:1,tcp4:0,udp6:0,listen4:0"
	expect(t, w.run(plan.Cgroup, all).Errors, map[string]string{"tcp4:24100": "ok", "tcp4:24101": "ok", "tcp4:24102": no, "tcp4:24099": no, "tcp4:24164": "ok",
		"tcp4:24165": no, "udp4:24100": "ok", "udp4:24102": no, "tcp6:24100": "ok", "tcp6:24102": no, "udp6:24101": "ok", "udp6:9": no,
		"tcp4:65535": "ok", "tcp4:1": no, "tcp4:0": "ok", "udp6:0": "ok", "listen4:0": "ok"})

	// Its network namespace is its own affair.
	if got := w.run(plan.Cgroup, "bind udp4:24102,tcp4:1", unix.CLONE_NEWNET).Errors; got["udp4:24102"] == no || got["tcp4:1"] == no {
		t.Errorf("in a network namespace of its own: %v", got)
	}
	// Those of others are not touched, nor is who is not contained.
	_, other := w.container("other", nil)
	expect(t, w.run(other.Cgroup, "bind tcp4:24102").Errors, map[string]string{"tcp4:24102": "ok"})
	expect(t, w.run(w.root, "bind tcp4:24102").Errors, map[string]string{"tcp4:24102": "ok"})
}

// A container that was given none has none, and tasks bring and take theirs.
func TestPortsComeAndGoWithTasks(t *testing.T) {
	w := newWorld(t)
	p := w.ports()
	c, plan := w.container("c", nil)
	w.must(p.Prepare(context.Background(), c, plan))
	expect(t, w.run(plan.Cgroup, "bind tcp4:24110").Errors, map[string]string{"tcp4:24110": no})
	c.Resources = []*mesospb.Resource{span(24110, 24110)}
	w.must(p.Update(context.Background(), c))
	expect(t, w.run(plan.Cgroup, "bind tcp4:24110,tcp4:24111").Errors, map[string]string{"tcp4:24110": "ok", "tcp4:24111": no})
	c.Resources = []*mesospb.Resource{span(24111, 24111)}
	w.must(p.Update(context.Background(), c))
	expect(t, w.run(plan.Cgroup, "bind tcp4:24110,tcp4:24111").Errors, map[string]string{"tcp4:24110": no, "tcp4:24111": "ok"})
}

// What is nested, or is in a group that the container made itself, has the container's ports.
func TestNestedContainersHaveTheirParentsPorts(t *testing.T) {
	w := newWorld(t)
	p := w.ports()
	c, plan := w.container("c", nil)
	c.Resources = []*mesospb.Resource{span(24120, 24120)}
	w.must(p.Prepare(context.Background(), c, plan))
	child, inner := w.container("c.child", c)
	w.must(p.Prepare(context.Background(), child, inner))
	expect(t, w.run(inner.Cgroup, "bind tcp4:24120,tcp4:24121").Errors, map[string]string{"tcp4:24120": "ok", "tcp4:24121": no})
	w.must(p.Cleanup(context.Background(), child))
	expect(t, w.run(plan.Cgroup, "bind tcp4:24120,tcp4:24121").Errors, map[string]string{"tcp4:24120": "ok", "tcp4:24121": no})
}

// The wall stands while there is no agent, and is taken over by the next one.
func TestPortsStayClosedWithoutAnAgent(t *testing.T) {
	w := newWorld(t)
	first, err := NewPorts(w.settings)
	w.must(err)
	c, plan := w.container("c", nil)
	c.Resources = []*mesospb.Resource{span(24130, 24130)}
	w.must(first.Prepare(context.Background(), c, plan))
	first.programs.close()
	want := map[string]string{"tcp4:24130": "ok", "tcp4:24131": no}
	expect(t, w.run(plan.Cgroup, "bind tcp4:24130,tcp4:24131").Errors, want)

	second := w.ports()
	w.must(second.Recover(context.Background(), []*isolators.Container{c}))
	expect(t, w.run(plan.Cgroup, "bind tcp4:24130,tcp4:24131").Errors, want)
	for range 2 {
		w.must(second.Cleanup(context.Background(), c))
	}
	expect(t, w.run(plan.Cgroup, "bind tcp4:24130,tcp4:24131").Errors, map[string]string{"tcp4:24130": "ok", "tcp4:24131": "ok"})
	if names := pinned(w, bpf.Ports); len(names) > 0 || second.programs.attached() || exists(second.programs.pins.dir) {
		t.Errorf("left behind: %v, %v", names, second.programs.links)
	}
}

func TestPortsThatThereAreNotAreRefused(t *testing.T) {
	for _, r := range []*mesospb.Resource{span(65535, 65536), span(2, 1), span(0, 1<<40)} {
		if _, err := portsOf([]*mesospb.Resource{r}); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%v: %v", r, err)
		}
	}
}

// Without a group to know it by a container that would have no wall is not run.
func TestNoPortsWithoutAGroup(t *testing.T) {
	w := newWorld(t)
	p := w.ports()
	c, _ := w.container("c", nil)
	if err := p.Prepare(context.Background(), c, &isolators.Plan{}); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("%v", err)
	}
}
