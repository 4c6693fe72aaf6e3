package posix

import (
	"context"
	"time"

	"golang.org/x/sys/unix"
)

// settling is how long what was printed may take to get from a pipe into a file. A logger needs far less, unless its
// disk hangs, and then a task is not kept from ending.
const settling = time.Second

// settle waits until what this process and its children have printed is taken out of their pipes: an executor whose
// output is rotated tells the end of its task when the last lines can be read, because people read them then.
func settle(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for _, fd := range []int{unix.Stdout, unix.Stderr} {
		for unread(fd) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}
}

// unread tells whether there is something in the pipe that a descriptor writes to. A file has nobody to wait for.
func unread(fd int) bool {
	var is unix.Stat_t
	if err := unix.Fstat(fd, &is); err != nil || is.Mode&unix.S_IFMT != unix.S_IFIFO {
		return false
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	return err == nil && n > 0
}
