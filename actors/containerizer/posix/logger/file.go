package logger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/actors/containerizer/logrotate"
)

// slack is how much of a file may stay empty so that no line is torn: a line that does not fit into it is.
const slack = 4096

// file is one stream's file, which is rotated by name in a directory. What cannot be written is counted and dropped,
// and the count stands in the file as soon as there is room again: a full disk does not stop a task.
type file struct {
	dir  int // a descriptor: a sandbox that is moved or removed stays the same one
	name string
	as   logrotate.Stream

	out     *os.File // nil: could not be opened
	size    int64
	torn    bool  // the last byte was no newline
	dropped int64 // bytes that are nowhere
	why     error
	packing chan struct{} // closed when the last compression is done; nil: there was none
}

// open makes the file, or goes on at its end: the agent and the fetcher may have written before.
func open(dir int, name string, as logrotate.Stream) *file {
	f := &file{dir: dir, name: name, as: as}
	f.reopen(0)
	return f
}

// reopen opens the current file for writing. It follows no link, waits for no pipe's reader and writes to no device:
// the directory is the task's, who may have put anything there.
func (f *file) reopen(flags int) {
	fd, err := unix.Openat(f.dir, f.name, flags|unix.O_WRONLY|unix.O_APPEND|unix.O_CREAT|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0o644)
	if err != nil {
		f.why = err
		return
	}
	f.out = os.NewFile(uintptr(fd), f.name)
	info, err := f.out.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("no plain file is at its name")
	}
	if err != nil {
		f.out.Close()
		f.out, f.why = nil, err
		return
	}
	f.size, f.torn = info.Size(), false
}

// write keeps what a task has printed. It rotates between two lines where it can.
func (f *file) write(data []byte) {
	for len(data) > 0 {
		n, full := f.fit(data)
		f.put(data[:n])
		data = data[n:]
		if full {
			f.rotate()
		}
	}
}

// fit says how much of the data belongs in the current file, and whether it is full then.
func (f *file) fit(data []byte) (n int, full bool) {
	room := max(f.as.Size-f.size, 0)
	soft := room - min(slack, f.as.Size/8)
	if int64(len(data)) <= soft {
		return len(data), false
	}
	within := data[:min(int64(len(data)), room)]
	if end := bytes.LastIndexByte(within, '\n'); end >= 0 {
		return end + 1, true
	}
	if !f.torn && f.size > 0 {
		return 0, true // a line begins: the next file has more room for it
	}
	return len(within), int64(len(within)) == room
}

// put writes, or counts what it could not.
func (f *file) put(data []byte) {
	if len(data) == 0 {
		return
	}
	if f.out == nil {
		f.reopen(0)
	}
	if f.out == nil || f.dropped > 0 && !f.confess() {
		f.drop(len(data), f.why)
		return
	}
	n, err := f.out.Write(data)
	f.size += int64(n)
	if n > 0 {
		f.torn = data[n-1] != '\n'
	}
	if err != nil {
		f.drop(len(data)-n, err)
	}
}

func (f *file) drop(n int, why error) {
	f.dropped += int64(n)
	f.why = why
}

// confess writes how much is missing. It needs little room, and the task's own words follow only if there was some.
func (f *file) confess() bool {
	begin := ""
	if f.torn {
		begin = "\n"
	}
	line := fmt.Sprintf("%s[meseta: %d bytes are missing here: %v]\n", begin, f.dropped, cause(f.why))
	if !f.whole(line) {
		return false
	}
	f.dropped, f.why, f.torn = 0, nil, false
	return true
}

// whole writes all of a line or none: half of one would be followed by the other half for ever.
func (f *file) whole(line string) bool {
	n, err := f.out.WriteString(line)
	if err != nil {
		f.why = err
		_ = f.out.Truncate(f.size)
		return false
	}
	f.size += int64(n)
	return true
}

// cause is the reason without the name of the file, which is where it will be read.
func cause(err error) error {
	var at *os.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// rotate moves all files up by one name and begins a new one. If it cannot, the current file is emptied: the newest
// lines are worth more than the oldest, and the disk must not fill up.
func (f *file) rotate() {
	if f.packing != nil {
		<-f.packing // it works on a name that is about to be another file's
		f.packing = nil
	}
	if f.out == nil {
		return
	}
	if err := f.shift(); err != nil {
		f.drop(int(f.size), err)
		_ = f.out.Truncate(0)
		f.size, f.torn = 0, false
		return
	}
	f.out.Close()
	f.out, f.size, f.torn = nil, 0, false
	f.reopen(unix.O_EXCL)
	f.pack()
}

// shift renames, the oldest first, so that none is overwritten but the one that is due.
func (f *file) shift() error {
	if f.as.Keep == 0 {
		return unix.Unlinkat(f.dir, f.name, 0)
	}
	last := f.rotated(f.as.Keep)
	for _, old := range []string{last, last + packed} {
		if err := unix.Unlinkat(f.dir, old, 0); err != nil && err != unix.ENOENT {
			return err
		}
	}
	for i := f.as.Keep - 1; i > 0; i-- {
		for _, ending := range []string{"", packed} {
			err := unix.Renameat(f.dir, f.rotated(i)+ending, f.dir, f.rotated(i+1)+ending)
			if err != nil && err != unix.ENOENT {
				return err
			}
		}
	}
	return unix.Renameat(f.dir, f.name, f.dir, f.rotated(1))
}

func (f *file) rotated(i int) string { return f.name + "." + strconv.Itoa(i) }

// close waits for what is still being compressed. What is missing at the end is said, if there is room.
func (f *file) close() {
	if f.out != nil && f.dropped > 0 {
		f.confess()
	}
	if f.packing != nil {
		<-f.packing
	}
	if f.out != nil {
		f.out.Close()
	}
}
