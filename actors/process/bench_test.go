package process_test

import (
	"fmt"
	"runtime"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
)

// counter counts integers and reports when there were enough.
type counter struct {
	left int
	done chan struct{}
}

func (c *counter) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *wrapperspb.Int64Value) {
		if c.left--; c.left == 0 {
			close(c.done)
		}
	})
}

// BenchmarkSend is one message from a process to another, both at work.
func BenchmarkSend(b *testing.B) {
	for _, senders := range []int{1, 8} {
		b.Run(fmt.Sprintf("senders=%d", senders), func(b *testing.B) {
			r := runtimeFor(b, process.Config{})
			each := (b.N + senders - 1) / senders
			done := make(chan struct{})
			sink, err := process.Spawn(r, "sink", &counter{left: each * senders, done: done})
			if err != nil {
				b.Fatal(err)
			}
			m := wrapperspb.Int64(1)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range senders {
				process.Dispatch(spawn(b, r, fmt.Sprint("s", i), &actor{}), func(a *actor) {
					sendSome(a, sink.UPID, m, each)
				})
			}
			<-done
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// sendSome sends in portions, as an actor does that has other mail too; otherwise the queue would grow to the
// whole of the benchmark.
func sendSome(a *actor, to process.UPID, m *wrapperspb.Int64Value, left int) {
	for range min(left, 1000) {
		a.Send(to, m)
	}
	if left > 1000 {
		a.Dispatch(func() { sendSome(a, to, m, left-1000) })
	}
}

// player returns every ball until the game is over.
type player struct {
	*process.Base
	left int
	done chan struct{}
}

func (p *player) Initialize(b *process.Base) {
	p.Base = b
	process.Install(b, func(from process.UPID, m *wrapperspb.Int64Value) {
		if p.left--; p.left == 0 {
			close(p.done)
			return
		}
		p.Send(from, m)
	})
}

// BenchmarkPingPong is one hop of a message that goes to and fro.
func BenchmarkPingPong(b *testing.B) {
	r := runtimeFor(b, process.Config{})
	done := make(chan struct{})
	one, err := process.Spawn(r, "one", &player{left: b.N/2 + 1, done: done})
	if err != nil {
		b.Fatal(err)
	}
	two, err := process.Spawn(r, "two", &player{left: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	process.Dispatch(one, func(p *player) { p.Send(two.UPID, wrapperspb.Int64(1)) })
	<-done
}

type idle struct{}

func (*idle) Initialize(b *process.Base) {
	process.Install(b, func(process.UPID, *wrapperspb.Int64Value) {})
}

// BenchmarkSpawn is one process from Spawn to being initialized, and what it keeps in memory.
func BenchmarkSpawn(b *testing.B) {
	r := runtimeFor(b, process.Config{})
	ids := make([]string, b.N)
	for i := range ids {
		ids[i] = fmt.Sprint("p", i)
	}
	before := heap()
	b.ReportAllocs()
	b.ResetTimer()
	var last process.Ref[*idle]
	for _, id := range ids {
		var err error
		if last, err = process.Spawn(r, id, &idle{}); err != nil {
			b.Fatal(err)
		}
	}
	<-process.Call(last, func(*idle) (int, error) { return 0, nil }).Done()
	b.StopTimer()
	b.ReportMetric(float64(heap()-before)/float64(b.N), "kept-B/op")
}

// BenchmarkDispatch is a function that is run on a process and whose result comes back to another.
func BenchmarkDispatch(b *testing.B) {
	r := runtimeFor(b, process.Config{})
	client, server := spawn(b, r, "client", &actor{}), spawn(b, r, "server", &actor{})
	done := make(chan struct{})
	left := b.N
	var ask func(x *actor)
	ask = func(x *actor) {
		fut := process.Call(server, func(*actor) (int, error) { return left, nil })
		process.Then(x.Base, fut, func(int, error) {
			if left--; left == 0 {
				close(done)
				return
			}
			ask(x)
		})
	}
	b.ReportAllocs()
	b.ResetTimer()
	process.Dispatch(client, ask)
	<-done
}

// BenchmarkLinks is one link to a process, made and broken by its end; many processes link to the same one.
func BenchmarkLinks(b *testing.B) {
	r := runtimeFor(b, process.Config{})
	target := spawn(b, r, "target", &actor{})
	exits := make(chan process.UPID, b.N)
	linkers := make([]process.Ref[*actor], b.N)
	for i := range linkers {
		linkers[i] = spawn(b, r, fmt.Sprint("l", i), &actor{exited: func(u process.UPID) { exits <- u }})
	}
	b.ResetTimer()
	for _, l := range linkers {
		process.Dispatch(l, func(x *actor) { x.Link(target.UPID) })
	}
	for _, l := range linkers {
		settle(b, l)
	}
	process.Terminate(target, false)
	for range b.N {
		<-exits
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
