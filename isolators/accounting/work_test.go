package accounting

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// work is what happens in a container. It ends the process.
func work(what string) {
	name, argument, _ := strings.Cut(what, " ")
	n, _ := strconv.Atoi(argument)
	var r report
	var err error
	switch name {
	case "true":
	case "spin": // milliseconds of processor time
		spin(time.Duration(n) * time.Millisecond)
	case "nap": // times a little work and a little sleep
		for range n {
			spin(200 * time.Microsecond)
			time.Sleep(300 * time.Microsecond)
		}
	case "fork":
		for range n { // not by package os, which begins with a process to try what the kernel has
			pid, failed := syscall.ForkExec("/proc/self/exe", []string{"true"}, &syscall.ProcAttr{Env: []string{workVariable + "=quiet"}})
			if err = failed; err == nil {
				_, err = syscall.Wait4(pid, nil, 0, nil)
			}
		}
	case "echo":
		echo()
		return
	case "quiet":
		return
	case "talk": // megabytes over loopback of a network namespace of its own
		r, err = talk(n << 20)
	case "datagrams":
		r, err = datagrams(n)
	case "dial":
		err = dial(n)
	case "disk": // megabytes
		r, err = disk(n << 20)
	case "touch":
		r.Faults, r.Majors = touch(n << 20)
	case "hog":
		touch(n << 20)
	case "bind":
		r.Errors = bind(strings.Split(argument, ","))
	case "pingpong":
		err = pingpong(n)
	case "serve": // until standard input ends
		fmt.Println("{}")
		_, _ = io.Copy(io.Discard, os.Stdin)
		return
	case "spinon":
		fmt.Println("{}")
		for {
			spin(time.Second)
		}
	default:
		err = fmt.Errorf("no such work: %s", what)
	}
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, what, err)
		os.Exit(1)
	}
	os.Exit(0)
}

func used() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

func spin(d time.Duration) {
	for end := used() + d; used() < end; {
	}
}

// talk sends n bytes to itself, and reads from the kernel what loopback has seen.
func talk(n int) (r report, err error) {
	if err := up(); err != nil {
		return r, err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	got := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			_, err = io.Copy(io.Discard, c)
			c.Close()
		}
		got <- err
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		return r, err
	}
	block := make([]byte, 64<<10)
	for range n / len(block) {
		if _, err := c.Write(block); err != nil {
			return r, err
		}
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		return r, err
	}
	if err := <-got; err != nil {
		return r, err
	}
	_, _ = io.Copy(io.Discard, c)
	c.Close()
	r.RxBytes, r.RxPackets = settled()
	return r, nil
}

// settled is what loopback has seen when nothing is under way any more.
func settled() (bytes, packets uint64) {
	for before := ^uint64(0); packets != before; time.Sleep(100 * time.Millisecond) {
		before = packets
		bytes, packets = loopback()
	}
	return
}

// datagrams sends n of them to itself.
func datagrams(n int) (r report, err error) {
	if err := up(); err != nil {
		return r, err
	}
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return r, err
	}
	c, err := net.Dial("udp", l.LocalAddr().String())
	if err != nil {
		return r, err
	}
	block := make([]byte, 1200)
	for range n {
		if _, err := c.Write(block); err != nil {
			return r, err
		}
		if _, _, err := l.ReadFrom(block); err != nil {
			return r, err
		}
	}
	r.RxBytes, r.RxPackets = settled()
	return r, nil
}

// up switches loopback on.
func up() error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, r)
}

func loopback() (bytes, packets uint64) {
	text, _ := os.ReadFile("/proc/net/dev")
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(strings.TrimSpace(line), "lo:"); ok {
			_, _ = fmt.Sscan(rest, &bytes, &packets)
		}
	}
	return
}

// dial opens and closes n connections to itself, and one to nobody.
func dial(n int) error {
	if err := up(); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	for range n {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return err
		}
		s, err := l.Accept()
		if err != nil {
			return err
		}
		c.Close()
		_, _ = io.Copy(io.Discard, s)
		s.Close()
	}
	l.Close()
	if _, err := net.Dial("tcp", l.Addr().String()); err == nil {
		return fmt.Errorf("somebody answers at a closed port")
	}
	return nil
}

// disk writes over and reads n bytes of a file that is there, around the page cache.
func disk(n int) (r report, err error) {
	f, err := os.OpenFile(diskFile, os.O_RDWR|unix.O_DIRECT, 0)
	if err != nil {
		return r, err
	}
	memory, err := unix.Mmap(-1, 0, 1<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return r, err
	}
	for at := 0; at < n; at += len(memory) {
		if _, err := f.WriteAt(memory, int64(at)); err != nil {
			return r, err
		}
		if _, err := f.ReadAt(memory, int64(at)); err != nil {
			return r, err
		}
	}
	text, err := os.ReadFile("/proc/self/io")
	for line := range strings.Lines(string(text)) {
		_, _ = fmt.Sscanf(line, "read_bytes: %d", &r.Read)
	}
	return r, err
}

const diskFile = "file"

func touch(n int) (minor, major uint64) {
	memory, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return 0, 0
	}
	_ = unix.Madvise(memory, unix.MADV_NOHUGEPAGE)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &u)
	return uint64(u.Minflt), uint64(u.Majflt)
}

// bind tries sockets such as "tcp4:8080", and tells what became of each.
func bind(sockets []string) map[string]string {
	all := map[string]string{}
	for _, s := range sockets {
		kind, port, _ := strings.Cut(s, ":")
		n, _ := strconv.Atoi(port)
		all[s] = "ok"
		if err := bindOne(kind, n); err != nil {
			all[s] = err.Error()
		}
	}
	return all
}

func bindOne(kind string, port int) error {
	family, how := unix.AF_INET, unix.SOCK_STREAM
	if strings.HasSuffix(kind, "6") {
		family = unix.AF_INET6
	}
	if strings.HasPrefix(kind, "udp") {
		how = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(family, how|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if strings.HasPrefix(kind, "listen") { // without a bind
		return unix.Listen(fd, 1)
	}
	if family == unix.AF_INET6 {
		return unix.Bind(fd, &unix.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}})
	}
	return unix.Bind(fd, &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}})
}

// pingpong has a process and its child wake each other n times, on one processor.
func pingpong(n int) error {
	var to, from [2]int
	if err := errors.Join(syscall.Pipe2(to[:], syscall.O_CLOEXEC), syscall.Pipe2(from[:], syscall.O_CLOEXEC)); err != nil {
		return err
	}
	var one unix.CPUSet
	one.Set(0)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return err
	}
	pid, err := syscall.ForkExec("/proc/self/exe", []string{"echo"}, &syscall.ProcAttr{
		Env: []string{workVariable + "=echo", "GOMAXPROCS=1"}, Files: []uintptr{uintptr(to[0]), uintptr(from[1]), 2}})
	if err != nil {
		return err
	}
	b := []byte{0}
	for range n {
		if _, err := syscall.Write(to[1], b); err != nil {
			return err
		}
		if _, err := syscall.Read(from[0], b); err != nil {
			return err
		}
	}
	syscall.Close(to[1])
	syscall.Close(to[0])
	_, err = syscall.Wait4(pid, nil, 0, nil)
	return err
}

// echo answers until nobody asks any more.
func echo() {
	b := []byte{0}
	for {
		if n, err := syscall.Read(0, b); n == 0 || err != nil {
			return
		}
		if _, err := syscall.Write(1, b); err != nil {
			return
		}
	}
}
