package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// echoing is a server that says back what it hears, behind a way from "a" to "b".
func echoing(t *testing.T) (w *Ways, at string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { defer c.Close(); _, _ = io.Copy(c, c) }()
		}
	}()
	w = NewWays(func(net.Addr, net.Addr) string { return "a" })
	t.Cleanup(w.Close)
	probe, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	at = probe.Addr().String()
	probe.Close()
	if err := w.Listen(at, "b", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	return w, at
}

func dial(t *testing.T, at string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c, bufio.NewReader(c)
}

// hears says whether a line comes within a time.
func hears(t *testing.T, c net.Conn, r *bufio.Reader, line string, within time.Duration) bool {
	t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(within))
	got, err := r.ReadString('\n')
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if err != nil || got != line+"\n" {
		t.Fatalf("%q, %v", got, err)
	}
	return true
}

const (
	never = 50 * time.Millisecond
	soon  = 20 * time.Second
)

func TestACutHoldsBackAndAHealedWayDelivers(t *testing.T) {
	for _, way := range []Way{Both, In, Out} {
		t.Run(string(way), func(t *testing.T) {
			w, at := echoing(t)
			c, r := dial(t, at)
			fmt.Fprintln(c, "one")
			if !hears(t, c, r, "one", soon) {
				t.Fatal("an open way says nothing")
			}
			cut := &Fault{Kind: Cut, Target: "b", Way: way}
			w.Set(cut)
			fmt.Fprintln(c, "two")
			if hears(t, c, r, "two", never) {
				t.Error("a cut lets pass")
			}
			w.Lift(cut)
			if !hears(t, c, r, "two", soon) {
				t.Error("what was said during a cut is gone")
			}
		})
	}
}

// A connection that is tried during a cut comes to nothing, then or later.
func TestNobodyIsReachedThroughACut(t *testing.T) {
	w, at := echoing(t)
	cut := &Fault{Kind: Cut, Target: "a", Way: Out}
	w.Set(cut)
	c, r := dial(t, at)
	fmt.Fprintln(c, "x")
	if hears(t, c, r, "x", never) {
		t.Error("a cut lets pass")
	}
	w.Lift(cut)
	_ = c.SetReadDeadline(time.Now().Add(soon))
	if _, err := r.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("it became a connection: %v", err)
	}
}

func TestACutOfOthersChangesNothing(t *testing.T) {
	w, at := echoing(t)
	w.Set(&Fault{Kind: Cut, Target: "b", Other: "c", Way: Both})
	w.Set(&Fault{Kind: Cut, Target: "c", Way: Both})
	c, r := dial(t, at)
	fmt.Fprintln(c, "x")
	if !hears(t, c, r, "x", soon) {
		t.Error("it is cut")
	}
}

func TestASlowWayIsSlow(t *testing.T) {
	w, at := echoing(t)
	w.Set(&Fault{Kind: Slow, Target: "b", Way: In, Delay: 300 * time.Millisecond})
	c, r := dial(t, at)
	fmt.Fprintln(c, "x")
	if hears(t, c, r, "x", never) {
		t.Error("it is fast")
	}
	if !hears(t, c, r, "x", soon) {
		t.Error("nothing comes")
	}
}

func TestAResetBreaksConnections(t *testing.T) {
	w, at := echoing(t)
	c, r := dial(t, at)
	fmt.Fprintln(c, "x")
	hears(t, c, r, "x", soon)
	if n := w.Reset("a"); n != 1 {
		t.Errorf("%d were broken", n)
	}
	_ = c.SetReadDeadline(time.Now().Add(soon))
	if _, err := r.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// Executors are named in a fault, or left alone.
func TestExecutorsAreMeantByName(t *testing.T) {
	everybody, executors := Fault{Target: "agent1", Way: Both}, Fault{Target: "agent1", Other: executorsName, Way: Both}
	if everybody.holds(executorsName, "agent1") || !everybody.holds("master1", "agent1") || !everybody.holds("agent1", "master1") {
		t.Error("everybody")
	}
	if !executors.holds(executorsName, "agent1") || executors.holds("master1", "agent1") {
		t.Error("executors")
	}
}

// The kernel tells whose connection it is.
func TestOwnerOfAConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c, _ := dial(t, l.Addr().String())
	for _, x := range []struct{ among, want []int }{{[]int{1 << 22, os.Getpid()}, []int{os.Getpid()}}, {[]int{1 << 22}, []int{0}}} {
		if got := owner(c.LocalAddr(), c.RemoteAddr(), x.among); !slices.Contains(x.want, got) {
			t.Errorf("among %v it is %d", x.among, got)
		}
	}
}

// Close leaves no connection and no goroutine that still carries.
func TestCloseEndsAll(t *testing.T) {
	w, at := echoing(t)
	w.Set(&Fault{Kind: Cut, Target: "b", Way: Both})
	dial(t, at)
	var closed atomic.Bool
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	go func() { w.Close(); closed.Store(true); cancel() }()
	<-ctx.Done()
	if !closed.Load() || len(w.all()) > 0 {
		t.Error("it does not end")
	}
}
