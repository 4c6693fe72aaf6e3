package testkit_test

import (
	"fmt"
	"time"

	wpb "google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/testkit"
)

// Counter adds up what it is sent and answers with the sum.
type Counter struct{ sum int64 }

func (c *Counter) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, n *wpb.Int64Value) {
		c.sum += n.Value
		b.Send(from, wpb.Int64(c.sum))
	})
}

func counting(n *testkit.Node) {
	if _, err := process.Spawn(n.Runtime(), "counter", &Counter{}); err != nil {
		n.World().Fail("%v", err)
	}
}

func sum(want int64) testkit.Pattern {
	return testkit.That(fmt.Sprintf("the sum %d", want), func(m *wpb.Int64Value) error {
		if m.Value != want {
			return fmt.Errorf("the sum is %d", m.Value)
		}
		return nil
	})
}

// An actor is booted on a node, and a probe talks to it. In a test NewWorld takes t.
func Example() {
	w := testkit.NewWorld(testkit.Alone(), testkit.Seed(7))
	n := w.Node("n1", testkit.Boot(counting))
	p := w.Probe("p")

	p.Send(n.UPID("counter"), wpb.Int64(2))
	p.Send(n.UPID("counter"), wpb.Int64(3))
	p.Expect(sum(2), sum(5))
	fmt.Println("it adds up")

	p.Link(n.UPID("counter"))
	w.Advance(time.Second)
	n.Crash()
	p.ExpectExit(n.UPID("counter"))
	n.Restart()
	p.Send(n.UPID("counter"), wpb.Int64(1))
	p.Expect(sum(1))
	fmt.Println("and forgets when it crashes")
	// Output:
	// it adds up
	// and forgets when it crashes
}

func ExampleWorld_Cut() {
	w := testkit.NewWorld(testkit.Alone())
	n := w.Node("n1", testkit.Boot(counting))
	p := w.Probe("p")

	w.Cut(p, n)
	p.Send(n.UPID("counter"), wpb.Int64(1))
	p.ExpectNone(time.Hour)
	w.Heal(p, n)
	p.Send(n.UPID("counter"), wpb.Int64(2))
	p.Expect(sum(2))
	fmt.Println("what was sent during the cut was lost")
	// Output: what was sent during the cut was lost
}

func ExampleWorld_Hold() {
	w := testkit.NewWorld(testkit.Alone())
	n := w.Node("n1", testkit.Boot(counting))
	p := w.Probe("p")

	held := w.Hold(testkit.Of(func(m *wpb.Int64Value) bool { return m.Value == 10 }).To(n.UPID("counter")))
	p.Send(n.UPID("counter"), wpb.Int64(10))
	p.Send(n.UPID("counter"), wpb.Int64(1))
	p.Expect(sum(1))
	held.Release()
	p.Expect(sum(11))
	fmt.Println("the 10 came last")
	// Output: the 10 came last
}
