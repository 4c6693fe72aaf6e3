package posix

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// ticksPerSecond is the unit of times in /proc: USER_HZ, which is 100 on every architecture that Go runs on.
const ticksPerSecond = 100

// stat is the part of /proc/<pid>/stat that matters here.
type stat struct {
	pid, parent, group, session int
	state                       byte
	// user, system are the process' own ticks; waited those of the children that it has waited for.
	user, system, waitedUser, waitedSystem uint64
	threads                                uint64
	start                                  uint64
	residentPages                          uint64
}

// dead is a process that only waits for its parent to ask how it ended.
func (s *stat) dead() bool { return s.state == 'Z' || s.state == 'X' }

var errGone = errors.New("no such process")

func readStat(pid int) (*stat, error) {
	buffer := make([]byte, 1024)
	return readStatInto(pid, buffer)
}

func readStatInto(pid int, buffer []byte) (*stat, error) {
	n, err := readProc("/proc/"+strconv.Itoa(pid)+"/stat", buffer)
	if err != nil {
		return nil, err
	}
	return parseStat(buffer[:n])
}

// readProc reads a small file of /proc with three system calls: opening it as an os.File costs twice that, and
// a look at all processes is on the path of every container's end.
func readProc(path string, buffer []byte) (int, error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", path, errGone)
	}
	defer unix.Close(fd)
	n, err := unix.Read(fd, buffer)
	if err != nil || n <= 0 {
		return 0, fmt.Errorf("%s: %w", path, errGone) // ESRCH: it ended between the two calls
	}
	return n, nil
}

// parseStat reads one line of /proc/<pid>/stat. The name is in parentheses and may itself hold spaces and
// parentheses, so the fields are counted from the last one.
func parseStat(line []byte) (*stat, error) {
	closing := bytes.LastIndexByte(line, ')')
	opening := bytes.IndexByte(line, '(')
	if opening < 1 || closing < opening {
		return nil, fmt.Errorf("stat line %q: no name in parentheses", line)
	}
	s := &stat{}
	var err error
	if s.pid, err = strconv.Atoi(string(bytes.TrimSpace(line[:opening]))); err != nil {
		return nil, fmt.Errorf("stat line %q: no pid", line)
	}
	fields := bytes.Fields(line[closing+1:])
	if len(fields) < 22 || len(fields[0]) != 1 {
		return nil, fmt.Errorf("stat line %q: %d fields after the name", line, len(fields))
	}
	s.state = fields[0][0]
	for _, f := range []struct {
		to *int
		at int
	}{{&s.parent, 1}, {&s.group, 2}, {&s.session, 3}} {
		if *f.to, err = strconv.Atoi(string(fields[f.at])); err != nil {
			return nil, fmt.Errorf("stat line %q: field %d is no number", line, f.at+3)
		}
	}
	for _, f := range []struct {
		to *uint64
		at int
	}{{&s.user, 11}, {&s.system, 12}, {&s.waitedUser, 13}, {&s.waitedSystem, 14}, {&s.threads, 17},
		{&s.start, 19}, {&s.residentPages, 21}} {
		if *f.to, err = strconv.ParseUint(string(fields[f.at]), 10, 64); err != nil {
			return nil, fmt.Errorf("stat line %q: field %d is no number", line, f.at+3)
		}
	}
	return s, nil
}

var pageSize = uint64(os.Getpagesize())
