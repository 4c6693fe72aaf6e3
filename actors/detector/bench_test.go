package detector_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/meseta-io/meseta/actors/detector"
	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/cluster"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

// BenchmarkFollowers is how long it takes until 10,000 who follow have heard of a new leader, from one herald, in one
// operating-system process and so on the processors of all of them.
func BenchmarkFollowers(b *testing.B) {
	const followers = 10_000
	rt, err := process.New(process.Config{Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = rt.Shutdown(context.Background()) })
	herald, err := detector.SpawnHerald(rt, rt.UPID("master"), nil, nil)
	if err != nil {
		b.Fatal(err)
	}
	heard := make(chan struct{}, followers)
	clients := make([]detector.Client, followers)
	for i := range clients {
		if clients[i], err = detector.Spawn(rt, fmt.Sprint("detector-", i), []string{rt.Addr()}); err != nil {
			b.Fatal(err)
		}
	}
	info := &mesospb.MasterInfo{Id: proto.String("m"), Ip: proto.Uint32(0), Port: proto.Uint32(0), Pid: proto.String(rt.UPID("master").String())}
	var epoch uint64
	var now *cluster.Leader
	for b.Loop() {
		epoch++
		for _, c := range clients {
			c.Detect(now, func(*cluster.Leader, error) { heard <- struct{}{} })
		}
		detector.Serves(herald, info, epoch, followers)
		for range clients {
			<-heard
		}
		now = &cluster.Leader{UPID: rt.UPID("master").String(), Epoch: epoch}
	}
}
