// Command vm runs test binaries in a small virtual machine with a kernel that the host does not have: Debian's 6.1 with
// cgroup v2 alone, kprobes, xfs with project quotas, and root that may do everything. It needs no hypervisor and no right
// (QEMU emulates), only a Debian whose apt can fetch packages; they are unpacked below bin/vm and installed nowhere.
//
//	go run ./tools/vm                          every package of tools/vm/packages
//	go run ./tools/vm ./isolators/cgroups      one package
//	go run ./tools/vm -run TestExam -v ./isolators/cgroups
//
// A package takes part with a line in tools/vm/packages. What its tests find in the machine is in guest/init.sh.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	var o options
	flag.StringVar(&o.cache, "cache", filepath.Join("bin", "vm"), "where the kernel, the emulator and images are kept")
	flag.StringVar(&o.list, "list", filepath.Join("tools", "vm", "packages"), "which packages run when none is named")
	flag.StringVar(&o.run, "run", "", "run these tests only, instead of the pattern in the list")
	flag.BoolVar(&o.verbose, "v", false, "print everything that the machine prints")
	flag.DurationVar(&o.timeout, "timeout", 4*time.Minute, "how long one run of the machine may take")
	flag.DurationVar(&o.each, "each", 2*time.Minute, "how long one package may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	ok, err := run(ctx, o, flag.Args())
	stop()
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "vm:", err)
		os.Exit(2)
	case !ok:
		os.Exit(1)
	}
}

type options struct {
	cache, list, run string
	verbose          bool
	timeout, each    time.Duration
}

// run tells whether every test passed; an error is for what kept them from running.
func run(ctx context.Context, o options, names []string) (bool, error) {
	cache, err := filepath.Abs(o.cache)
	if err != nil {
		return false, err
	}
	tests, err := chosen(o, names)
	if err != nil {
		return false, err
	}
	unlock, err := lock(cache)
	if err != nil {
		return false, err
	}
	defer unlock()
	sys, err := fetch(ctx, cache)
	if err != nil {
		return false, err
	}
	began := time.Now()
	machine, err := assemble(ctx, cache, sys, tests, o)
	if err != nil {
		return false, err
	}
	fmt.Printf("vm: %d test binaries and the machine's disks made in %.0f s\n", len(tests), time.Since(began).Seconds())
	return machine.twice(ctx, o)
}

// twice boots the machine, and once more when the emulator did not come to the end: in the notes of its evaluation 1 run
// of 19 hung on a loaded host. Tests that fail are not tried again.
func (m *machine) twice(ctx context.Context, o options) (bool, error) {
	var last error
	for range 2 {
		began := time.Now()
		r := newReport(os.Stdout, o.verbose)
		last = m.boot(ctx, o.timeout, r)
		if r.done || ctx.Err() != nil {
			r.summary(len(m.tests), time.Since(began))
			return r.done && r.ok(len(m.tests)), ctx.Err()
		}
		fmt.Printf("vm: the machine did not come to the end: %v; it last said:\n%s\n", last, r.tail())
	}
	return false, fmt.Errorf("the emulator failed twice: %w", last)
}

// lock waits for another run in the same directory, whose disks would be overwritten.
func lock(cache string) (unlock func(), err error) {
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		fmt.Println("vm: another run is under way here, and is waited for")
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
		if err != nil {
			return nil, fmt.Errorf("wait for another run: %w", err)
		}
	}
	return func() { f.Close() }, nil
}
