package scheduler_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/master"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/scheduler"
	"github.com/meseta-io/meseta/cluster/memory"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/messages/mesos/schedulerpb"
)

// counter is a framework that counts updates.
type counter struct {
	subscribed chan struct{}
	left       int
	done       chan struct{}
}

func (c *counter) Offers(*scheduler.Driver, []*mesospb.Offer)           {}
func (c *counter) Subscribed(*scheduler.Driver, scheduler.Subscription) { close(c.subscribed) }
func (c *counter) Disconnected(*scheduler.Driver)                       {}
func (c *counter) Update(*scheduler.Driver, *mesospb.TaskStatus) {
	if c.left--; c.left == 0 {
		c.done <- struct{}{}
	}
}

// BenchmarkReconcile asks a master about tasks that it does not know, all at once, and waits until each was answered.
func BenchmarkReconcile(b *testing.B) {
	for _, tasks := range []int{1000, 10_000, 50_000} {
		b.Run(fmt.Sprint(tasks), func(b *testing.B) {
			rt, err := process.New(process.Config{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			defer rt.Shutdown(ctx)
			store := memory.New()
			m, err := master.Spawn(rt, master.Default(), master.Parts{Contender: store, Registry: store})
			if err != nil {
				b.Fatal(err)
			}
			c := &counter{subscribed: make(chan struct{}), done: make(chan struct{}, 1)}
			driver, err := scheduler.Spawn(rt, "f", c, scheduler.Config{Framework: info(), Master: m.UPID()})
			if err != nil {
				b.Fatal(err)
			}
			<-c.subscribed
			ask := make([]*schedulerpb.Call_Reconcile_Task, tasks)
			for i := range ask {
				ask[i] = &schedulerpb.Call_Reconcile_Task{TaskId: &mesospb.TaskID{Value: proto.String(fmt.Sprint("task-", i))}}
			}
			b.ReportAllocs()
			for b.Loop() {
				process.Dispatch(driver, func(d *scheduler.Driver) {
					c.left = tasks
					d.Reconcile(ask...)
				})
				<-c.done
			}
			b.ReportMetric(float64(tasks)*float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
		})
	}
}
