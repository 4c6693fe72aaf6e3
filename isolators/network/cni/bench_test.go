package cni

import (
	"fmt"
	"os"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/network/netns"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// BenchmarkUsage asks for the statistics of containers in networks of their own.
func BenchmarkUsage(b *testing.B) {
	if os.Geteuid() != 0 {
		b.Skip("missing here: root")
	}
	const n = 1000
	dir := b.TempDir()
	made, err := New(isolators.Settings{Root: true, Launcher: "linux", WorkDir: dir, RuntimeDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	i := made.(*Isolator)
	var of []*isolators.Container
	var into []*mesospb.ResourceStatistics
	for k := range n {
		id := fmt.Sprint("box-", k)
		if err := os.Mkdir(i.store.dir(id), 0o755); err != nil {
			b.Fatal(err)
		}
		inode, err := netns.New(i.store.ns(id))
		if err != nil {
			b.Fatal(err)
		}
		i.keep(&box{record: record{ID: id}, inode: inode})
		b.Cleanup(func() { i.forget(id); netns.Remove(i.store.ns(id)) })
		of, into = append(of, &isolators.Container{ID: id}), append(into, &mesospb.ResourceStatistics{})
	}
	b.ReportMetric(n, "containers")
	for b.Loop() {
		if err := i.Usage(b.Context(), of, into); err != nil {
			b.Fatal(err)
		}
	}
}
