package remote_test

import (
	"context"
	"fmt"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// echo sends back what it gets.
type echo struct{}

func (echo) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, m *wrapperspb.StringValue) { b.Send(from, m) })
}

// caller calls into the distance.
type caller struct {
	to   process.UPID
	back chan string
}

func (c *caller) Initialize(b *process.Base) {
	process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) { c.back <- m.Value })
	b.Send(c.to, wrapperspb.String("hello"))
}

// Two runtimes that talk over TCP; most often they are two operating-system processes.
func Example() {
	var nodes [2]*process.Runtime
	for i := range nodes {
		transport, err := remote.New(remote.Config{Listen: "127.0.0.1:0"})
		if err != nil {
			panic(err)
		}
		if nodes[i], err = process.New(process.Config{Transport: transport}); err != nil {
			panic(err)
		}
		defer nodes[i].Shutdown(context.Background())
	}
	far, err := process.Spawn(nodes[1], "echo", echo{})
	if err != nil {
		panic(err)
	}
	back := make(chan string)
	if _, err := process.Spawn(nodes[0], "caller", &caller{far.UPID, back}); err != nil {
		panic(err)
	}
	fmt.Println(<-back)
	// Output: hello
}
