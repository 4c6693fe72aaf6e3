package testkit_test

import (
	"fmt"
	"time"

	wpb "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/testkit"
)

// A small cluster without the real one: a mayor, at whom citizens register, who are pinged and report. It is what
// the proofs and benchmarks of this package run.
type mayor struct {
	citizens map[string]process.UPID
	order    []string
	reports  int
	exits    int
}

func (m *mayor) Initialize(b *process.Base) {
	m.citizens = map[string]process.UPID{}
	process.Install(b, func(from process.UPID, name *wpb.StringValue) {
		if _, known := m.citizens[name.Value]; !known {
			m.order = append(m.order, name.Value)
		}
		b.Link(from)
		m.citizens[name.Value] = from
		b.Send(from, wpb.Int64(1))
	})
	process.Install(b, func(from process.UPID, _ *wpb.BytesValue) {
		m.reports++
		b.Send(from, wpb.Double(1))
	})
	process.Install(b, func(process.UPID, *wpb.UInt32Value) {}) // the answer to a ping
	b.Every(time.Second, func() {
		for _, name := range m.order {
			if to, here := m.citizens[name]; here {
				b.Send(to, wpb.Bool(true))
			}
		}
	})
}

func (m *mayor) Exited(who process.UPID) {
	m.exits++
	for _, name := range m.order {
		if m.citizens[name] == who {
			delete(m.citizens, name)
		}
	}
}

type citizen struct {
	name       string
	mayor      process.UPID
	base       *process.Base
	registered bool
	reports    int
	retry      process.Timer
}

func (c *citizen) Initialize(b *process.Base) {
	c.base = b
	process.Install(b, func(process.UPID, *wpb.Int64Value) {
		if !c.registered {
			c.registered = true
			c.retry.Stop()
			c.report()
		}
	})
	process.Install(b, func(from process.UPID, _ *wpb.BoolValue) { b.Send(from, wpb.UInt32(1)) })
	process.Install(b, func(process.UPID, *wpb.DoubleValue) {
		if c.reports < 5 {
			c.report()
		}
	})
	c.register()
}

func (c *citizen) Exited(process.UPID) {
	c.registered = false
	c.again(time.Second)
}

func (c *citizen) register() {
	c.base.Link(c.mayor)
	c.base.Send(c.mayor, wpb.String(c.name))
	c.again(time.Second + time.Duration(c.base.Rand().Int64N(int64(time.Second))))
}

func (c *citizen) again(after time.Duration) {
	if c.retry != nil {
		c.retry.Stop()
	}
	c.retry = c.base.Delay(after, c.register)
}

func (c *citizen) report() {
	c.reports++
	c.base.Send(c.mayor, wpb.Bytes(fmt.Appendf(nil, "%s/%d", c.name, c.reports)))
}

type town struct {
	*testkit.World
	hall     *testkit.Node
	mayor    *mayor
	houses   []*testkit.Node
	citizens []*citizen
}

func newTown(w *testkit.World, size int) *town {
	t := &town{World: w, citizens: make([]*citizen, size)}
	t.hall = w.Node("hall", testkit.Boot(func(n *testkit.Node) {
		t.mayor = &mayor{}
		if _, err := process.Spawn(n.Runtime(), "mayor", t.mayor); err != nil {
			w.Fail("%v", err)
		}
	}))
	for i := range size {
		t.houses = append(t.houses, w.Node(fmt.Sprintf("house%d", i), testkit.Boot(func(n *testkit.Node) {
			t.citizens[i] = &citizen{name: n.Name(), mayor: t.hall.UPID("mayor")}
			if _, err := process.Spawn(n.Runtime(), "citizen", t.citizens[i]); err != nil {
				w.Fail("%v", err)
			}
		})))
	}
	return t
}

// badDay is twenty seconds with loss, duplicates, crashes and a cut.
func (t *town) badDay() {
	weather := testkit.Calm
	weather.Loss, weather.Duplicate = 50, 20
	t.SetWeather(weather)
	t.Advance(10 * time.Second)
	t.houses[0].Crash()
	t.Cut(t.hall, t.houses[1])
	t.Advance(2500 * time.Millisecond)
	t.HealAll()
	t.hall.Crash()
	t.Advance(time.Second)
	t.hall.Restart()
	t.houses[0].Restart()
	t.SetWeather(testkit.Calm)
	t.Advance(10 * time.Second)
}
