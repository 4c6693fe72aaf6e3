package remote_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"

	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/meseta-io/meseta/actors/process"
	"github.com/meseta-io/meseta/actors/process/remote"
)

// childEnv makes the test binary a node of its own, because two runtimes in one operating-system process
// would share their memory and their garbage collector.
const childEnv = "MESETA_REMOTE_TEST_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child runs a node until its standard input ends, which it does when the parent is gone.
func child() {
	t, err := remote.New(remote.Config{})
	if err != nil {
		panic(err)
	}
	r, err := process.New(process.Config{Transport: t})
	if err != nil {
		panic(err)
	}
	if _, err := process.Spawn(r, "peer", &peer{}); err != nil {
		panic(err)
	}
	fmt.Println(r.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // end of file
	_ = r.Shutdown(context.Background())
}

// peer answers strings with themselves and every hundredth of the bytes with how many came.
type peer struct{ count int64 }

const ackEvery = 100

func (p *peer) Initialize(b *process.Base) {
	process.Install(b, func(from process.UPID, m *wrapperspb.StringValue) { b.Send(from, m) })
	process.Install(b, func(from process.UPID, m *wrapperspb.BytesValue) {
		if p.count++; p.count%ackEvery == 0 {
			b.Send(from, wrapperspb.Int64(p.count))
		}
	})
}

// startChild runs this binary as another node and returns the name of its peer process.
func startChild(tb testing.TB) (process.UPID, *exec.Cmd) {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait() // killed by some tests
	})
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		tb.Fatal(err)
	}
	return process.UPID{ID: "peer", Addr: addr}, cmd
}

// sender keeps a window of messages on the way to a peer.
type sender struct {
	*process.Base
	to        process.UPID
	msg       *wrapperspb.BytesValue
	acked     int64
	window    int64
	sent      int64
	done      chan struct{}
	total     int64
	pings     int
	pong      chan struct{}
	pingValue *wrapperspb.StringValue
}

func (s *sender) Initialize(b *process.Base) {
	s.Base = b
	process.Install(b, func(_ process.UPID, m *wrapperspb.Int64Value) {
		s.acked = m.Value
		s.fill()
		if s.acked == s.total {
			close(s.done)
		}
	})
	process.Install(b, func(_ process.UPID, m *wrapperspb.StringValue) {
		if s.pings--; s.pings == 0 {
			close(s.pong)
			return
		}
		s.Send(s.to, s.pingValue)
	})
}

func (s *sender) fill() {
	for s.sent < s.total && s.sent-s.acked < s.window {
		s.Send(s.to, s.msg)
		s.sent++
	}
}

func newSender(b testing.TB) process.Ref[*sender] {
	b.Helper()
	t, err := remote.New(remote.Config{})
	if err != nil {
		b.Fatal(err)
	}
	r, err := process.New(process.Config{Transport: t})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = r.Shutdown(context.Background()) })
	ref, err := process.Spawn(r, "sender", &sender{})
	if err != nil {
		b.Fatal(err)
	}
	return ref
}

// BenchmarkOneWay sends from one operating-system process to another, as fast as a window of messages allows.
func BenchmarkOneWay(b *testing.B) {
	for _, size := range []int{3, 1 << 10, 10 << 10} {
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			to, _ := startChild(b)
			ref := newSender(b)
			done := make(chan struct{})
			n := (b.N + ackEvery - 1) / ackEvery * ackEvery
			b.ResetTimer()
			process.Dispatch(ref, func(s *sender) {
				s.to, s.msg, s.total, s.done = to, wrapperspb.Bytes(make([]byte, size)), int64(n), done
				s.window = int64(min(20_000, 32<<20/size))
				s.fill()
			})
			<-done
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "msgs/s")
		})
	}
}

// BenchmarkRoundTrip sends one message at a time to another operating-system process and back.
func BenchmarkRoundTrip(b *testing.B) {
	to, _ := startChild(b)
	ref := newSender(b)
	pong := make(chan struct{})
	b.ResetTimer()
	process.Dispatch(ref, func(s *sender) {
		s.to, s.pings, s.pong, s.pingValue = to, b.N, pong, wrapperspb.String("x")
		s.Send(to, s.pingValue)
	})
	<-pong
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs/rtt")
}

// endless is a connection that costs nothing.
type endless struct{ net.Conn }

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// BenchmarkSharedPort is what a read of an actor's connection costs because its port is shared.
func BenchmarkSharedPort(b *testing.B) {
	buf := make([]byte, 1024)
	for _, c := range []struct {
		name string
		conn net.Conn
	}{{"alone", endless{}}, {"shared", remote.Begun(endless{})}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				_, _ = c.conn.Read(buf)
			}
		})
	}
}
