package posix_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer"
	"github.com/meseta-io/meseta/actors/containerizer/posix"
)

// The kernel gives the number of an executor that is gone to somebody else. Who comes back to look for the executor, as
// an agent does after a restart, finds nothing, waits for nothing and above all ends nobody.
func TestAReallyReusedNumber(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root may make a pid namespace")
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	inside := exec.Command(exe)
	inside.Env = append(os.Environ(), "POSIX_TEST_REUSE=1", "TMPDIR="+t.TempDir())
	// In a namespace of its own the test decides which number is next.
	inside.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWPID | unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	out, err := inside.CombinedOutput()
	if errors.Is(err, syscall.EPERM) {
		t.Skipf("this machine lets nobody make a pid namespace: %v", err)
	}
	if err != nil || !bytes.HasSuffix(out, []byte("ok\n")) {
		t.Errorf("%v: %s", err, out)
	}
}

// reuse is the program in the namespace.
func reuse() int {
	if err := reused(); err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ok")
	return 0
}

func reused() error {
	if err := errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount("proc", "/proc", "proc", 0, "")); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	l := posix.New()
	start := func(id string) (containerizer.Process, error) {
		return l.Launch(context.Background(), containerizer.Spec{ContainerID: id, Path: "/bin/sleep", Argv: []string{"sleep", "1000"},
			Env: []string{"PATH=" + os.Getenv("PATH")}, Dir: "/"})
	}
	end := func(l *posix.Launcher, p containerizer.Process) error {
		done := make(chan error, 1)
		l.Destroy(p, func(err error) { done <- err })
		return <-done
	}
	old, err := start("old")
	if err != nil {
		return err
	}
	if err := end(l, old); err != nil {
		return err
	}
	var other containerizer.Process
	for attempt := 0; other.PID != old.PID || other.StartTicks == old.StartTicks; attempt++ {
		if attempt > 10_000 {
			return fmt.Errorf("nobody got the number %d", old.PID)
		}
		if other.PID != 0 {
			if err := end(l, other); err != nil { // it was a thread of this program that got it, or it was too soon
				return err
			}
		}
		if err := os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(old.PID-1)), 0o600); err != nil {
			return err
		}
		if other, err = start("other"); err != nil {
			return err
		}
	}
	for name, l := range map[string]*posix.Launcher{"that started it": l, "of another life": posix.New()} {
		if err := leftAlone(l, old, other, end); err != nil {
			return fmt.Errorf("the launcher %s: %w", name, err)
		}
	}
	return end(l, other)
}

// leftAlone has a launcher do everything to a process that is gone, and looks whether the one with its number notices.
func leftAlone(l *posix.Launcher, old, other containerizer.Process, end func(*posix.Launcher, containerizer.Process) error) error {
	found, err := l.Find(context.Background(), []containerizer.Process{old})
	if err != nil || len(found) != 0 {
		return fmt.Errorf("found %v, %w", found, err)
	}
	exits := make(chan containerizer.Exit, 1)
	l.Wait(old, func(e containerizer.Exit, _ error) { exits <- e })
	if e := <-exits; e.Known {
		return fmt.Errorf("the end was %+v", e)
	}
	usage, err := l.Usage(context.Background(), []containerizer.Process{old})
	if err != nil || usage[0] != nil {
		return fmt.Errorf("it uses %v, %w", usage, err)
	}
	if err := errors.Join(l.Signal(context.Background(), old, syscall.SIGKILL), end(l, old)); err != nil {
		return err
	}
	found, err = l.Find(context.Background(), []containerizer.Process{other})
	if err != nil || len(found) != 1 || found[0].PID != other.PID {
		return fmt.Errorf("of the other was found %v, %w", found, err)
	}
	return nil
}
