package agent_test

import (
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/meseta-io/meseta/messages/mesos/mesospb"
	"github.com/meseta-io/meseta/testkit/lodge"
)

// BenchmarkState asks an agent with a thousand executors for everything.
func BenchmarkState(b *testing.B) {
	l := lodge.New(b, lodge.Options{})
	const many = 1000
	tasks := make([]*mesospb.TaskInfo, many)
	for i := range tasks {
		tasks[i] = lodge.Task("F1", fmt.Sprintf("t%d", i), fmt.Sprintf("e%d", i))
	}
	l.Run(lodge.Framework("F1"), tasks...)
	l.Until("all run", func() bool { return len(l.Launcher.Specs()) == many })
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.Get("http://" + l.Addr + "/state")
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n < many*100 {
			b.Fatalf("%d bytes, %v", n, err)
		}
		r.Body.Close()
		b.SetBytes(n)
	}
}
