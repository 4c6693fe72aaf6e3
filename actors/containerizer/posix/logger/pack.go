package logger

import (
	"compress/gzip"
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// packed ends the names of compressed files.
const packed = ".gz"

// pack compresses the file that has just become old enough, beside the writing: a task does not wait for it.
func (f *file) pack() {
	nth := 1
	if f.as.Delay {
		nth = 2
	}
	if !f.as.Compress || nth > f.as.Keep {
		return
	}
	name, done := f.rotated(nth), make(chan struct{})
	f.packing = done
	go func() {
		defer close(done)
		_ = pack(f.dir, name) // it is still there as it was, which is all that can be done
	}()
}

// pack replaces a file by its compressed form, which has its name only when it is complete.
func pack(dir int, name string) error {
	in, err := plain(dir, name)
	if err != nil {
		return err
	}
	defer in.Close()
	draft := name + packed + ".part"
	if err := unix.Unlinkat(dir, draft, 0); err != nil && err != unix.ENOENT {
		return err
	}
	fd, err := unix.Openat(dir, draft, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return err
	}
	out := os.NewFile(uintptr(fd), draft)
	z := gzip.NewWriter(out)
	_, err = io.Copy(z, in)
	if err = errors.Join(err, z.Close(), out.Close()); err == nil {
		err = unix.Renameat(dir, draft, dir, name+packed)
	}
	if err != nil {
		_ = unix.Unlinkat(dir, draft, 0)
		return err
	}
	return unix.Unlinkat(dir, name, 0)
}

// plain opens a plain file for reading, and nothing else: a pipe in its place would be waited for.
func plain(dir int, name string) (*os.File, error) {
	fd, err := unix.Openat(dir, name, unix.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), name)
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, errors.Join(err, errors.New("no plain file"))
	}
	return f, nil
}
