package hierarchy

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// await waits until a file of the group's says what ok wants to hear, and returns what it says then. Version 2 announces
// changes of cgroup.events, which ends the wait at once; where nothing is announced it looks again, more and more rarely.
// A group that is gone is told by an error of class fs.ErrNotExist.
func (g Group) await(ctx context.Context, file string, announced bool, ok func(text string) bool) (string, error) {
	if announced {
		return g.awaitEvent(ctx, file, ok)
	}
	pause := time.NewTimer(0)
	defer pause.Stop()
	for wait := time.Millisecond; ; wait = min(2*wait, 100*time.Millisecond) {
		text, err := g.Read(file)
		if err != nil || ok(text) {
			return text, err
		}
		pause.Reset(wait)
		select {
		case <-pause.C:
		case <-ctx.Done():
			return text, ctx.Err()
		}
	}
}

func (g Group) awaitEvent(ctx context.Context, file string, ok func(text string) bool) (string, error) {
	// Without blocking, so that it is the runtime's poller that waits, and no thread of its own.
	fd, err := retry(func() (int, error) { return unix.Open(g.File(file), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0) })
	if err != nil {
		return "", &fs.PathError{Op: "open", Path: g.File(file), Err: err}
	}
	f := os.NewFile(uintptr(fd), g.File(file))
	defer f.Close()
	stop := context.AfterFunc(ctx, func() { f.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	raw, err := f.SyscallConn()
	if err != nil {
		return "", err
	}
	var text string
	var failed error
	buf := make([]byte, 4096)
	err = raw.Read(func(fd uintptr) bool {
		n, err := retry(func() (int, error) { return unix.Pread(int(fd), buf, 0) })
		if err != nil {
			failed = &fs.PathError{Op: "read", Path: g.File(file), Err: err}
			return true
		}
		text = strings.TrimSpace(string(buf[:n]))
		return ok(text)
	})
	switch {
	case failed != nil:
		if gone(failed) {
			failed = fmt.Errorf("%w: %w", failed, fs.ErrNotExist)
		}
		return text, failed
	case ctx.Err() != nil && !ok(text):
		return text, ctx.Err()
	}
	return text, err
}

// says tells whether a file of keys and values has this one, as cgroup.events has "populated 0".
func says(text, key, value string) bool {
	for line := range strings.Lines(text) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), " "); ok && k == key {
			return v == value
		}
	}
	return false
}
