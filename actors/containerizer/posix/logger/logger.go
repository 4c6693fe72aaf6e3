// Package logger is the program that writes and rotates what an executor prints, in its sandbox and as its user. The
// posix launcher starts one beside each executor when an agent rotates logs, and hands it the reading ends of two pipes.
// It knows nothing else: it outlives the agent, so that a restart loses no line, and ends when nobody can print any more.
//
// It starts no other program, follows no link, and takes nothing but names in the one directory that it was started in.
package logger

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer/logrotate"
)

// The descriptors that the program is started with.
const (
	stdoutFD = 3
	stderrFD = 4
)

// Main is the program; the result is its exit code. It says nothing on its own output, which nobody reads: what went wrong stands
// in the logs.
func Main(arguments []string) int {
	frugal()
	// Whoever ends a whole machine or terminal means the tasks. They print until they end, and this ends after them.
	signal.Ignore(syscall.SIGHUP, syscall.SIGINT, syscall.SIGTERM, syscall.SIGPIPE)
	if err := run(arguments); err != nil {
		fmt.Fprintln(os.Stderr, "logger:", err)
		return 2
	}
	return 0
}

// frugal: there are as many of these as executors, and they mostly wait.
func frugal() {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(50)
}

func run(arguments []string) error {
	if len(arguments) != 2 {
		return fmt.Errorf("%d arguments: the settings of stdout and of stderr expected; agents start this program", len(arguments))
	}
	dir, err := unix.Open(".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open the sandbox: %w", err)
	}
	var streams [2]*stream
	for i, s := range []struct {
		name string
		fd   int
	}{{"stdout", stdoutFD}, {"stderr", stderrFD}} {
		as, err := logrotate.Read(arguments[i])
		if err != nil {
			return err
		}
		in, err := source(s.fd, s.name)
		if err != nil {
			return err
		}
		if streams[i], err = newStream(in, open(dir, s.name, as)); err != nil {
			return err
		}
	}
	var all sync.WaitGroup
	for _, s := range streams {
		all.Go(s.copy)
	}
	all.Wait()
	return nil
}

// source is a pipe that waits in Go's poller instead of in a thread.
func source(fd int, name string) (*os.File, error) {
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, fmt.Errorf("descriptor %d is to be the pipe of %s: %w", fd, name, err)
	}
	return os.NewFile(uintptr(fd), name), nil
}

// chunk is how much is taken from a pipe at once: what it holds.
const chunk = 64 << 10

// stream copies from a pipe to a file. Bytes stay in the pipe until they are in the file, so whoever has printed them
// can see whether they are: an executor waits for that before it says that its task is over, because people read the
// last lines when they hear it.
type stream struct {
	in     *os.File
	out    *file
	peek   [2]*os.File // a pipe that what is in the other is shown through
	buffer []byte
}

func newStream(in *os.File, out *file) (*stream, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &stream{in, out, [2]*os.File{r, w}, make([]byte, chunk)}, nil
}

// copy goes on until nobody can write to the pipe any more.
func (s *stream) copy() {
	defer s.out.close()
	for {
		n, err := s.see()
		if err != nil || n == 0 {
			return
		}
		if _, err := io.ReadFull(s.peek[0], s.buffer[:n]); err != nil {
			return
		}
		s.out.write(s.buffer[:n])
		if _, err := io.ReadFull(s.in, s.buffer[:n]); err != nil {
			return
		}
	}
}

// see waits for something in the pipe, and shows it without taking it out; 0 is the end.
func (s *stream) see() (n int64, err error) {
	from, err := s.in.SyscallConn()
	if err != nil {
		return 0, err
	}
	to, err := s.peek[1].SyscallConn()
	if err != nil {
		return 0, err
	}
	var wrong error
	err = to.Control(func(w uintptr) {
		wrong = from.Read(func(r uintptr) bool {
			for {
				n, err = unix.Tee(int(r), int(w), chunk, unix.SPLICE_F_NONBLOCK)
				if err != unix.EINTR {
					return err != unix.EAGAIN
				}
			}
		})
		if wrong == nil {
			wrong = err
		}
	})
	if err == nil {
		err = wrong
	}
	return n, err
}
