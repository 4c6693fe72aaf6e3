package files

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/messages/authorization"
)

// MaxRead bounds one read: sixteen pages, as in Mesos.
const MaxRead = 16 * 4096

// Read is up to MaxRead bytes of a file from an offset, and the file's size. A nil length is as much as there is. Past
// the end there is nothing, which is no error. Errors have Mesos' status and body.
func (s *Service) Read(who authorization.Subject, virtual string, offset uint64, length *uint64) (data []byte, size uint64, err error) {
	data, size, _, err = s.piece(who, virtual, offset, length)
	return data, size, err
}

func (s *Service) piece(who authorization.Subject, virtual string, offset uint64, length *uint64) (data []byte, size uint64, id string, err error) {
	f, size, err := s.file(who, virtual, "Cannot read a directory.\n")
	if err != nil {
		return nil, 0, "", err
	}
	defer f.Close()
	id = identity(f)
	most := uint64(MaxRead)
	if length != nil {
		most = min(most, *length)
	}
	if offset >= size || offset > math.MaxInt64 {
		return []byte{}, size, id, nil
	}
	data = make([]byte, min(most, size-offset))
	n, err := f.ReadAt(data, int64(offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, "", notThere(err)
	}
	return data[:n], size, id, nil
}

// identity is one file's for all its life, whatever its name: who follows a log that is rotated knows by it which file
// he has read a part of. The time of birth is in it because a number is given again at once; where the disk does not
// know it, it is empty, and only a file that has shrunk can be told from another.
func identity(f *os.File) string {
	var is unix.Statx_t
	err := unix.Statx(int(f.Fd()), "", unix.AT_EMPTY_PATH, unix.STATX_INO|unix.STATX_BTIME, &is)
	if err != nil || is.Mask&unix.STATX_BTIME == 0 {
		return ""
	}
	return fmt.Sprintf("%x:%x-%x-%x.%x", is.Dev_major, is.Dev_minor, is.Ino, is.Btime.Sec, is.Btime.Nsec)
}

// Download is a whole file, to be closed by the caller.
type Download struct {
	*os.File
	// Size is the file's size when it was opened; it may grow or shrink while it is read.
	Size int64
	// Name is the last part of the file's real path.
	Name string
}

// Open opens a file for a download. Errors have Mesos' status and body.
func (s *Service) Open(who authorization.Subject, virtual string) (*Download, error) {
	p, err := s.locate(who, virtual)
	if err != nil {
		return nil, err
	}
	defer p.close()
	f, info, err := p.openFile()
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		f.Close()
		return nil, invalid("Cannot download a directory.\n")
	}
	return &Download{f, info.Size(), path.Base(p.name)}, nil
}

func (s *Service) file(who authorization.Subject, virtual, ofDirectory string) (*os.File, uint64, error) {
	p, err := s.locate(who, virtual)
	if err != nil {
		return nil, 0, err
	}
	defer p.close()
	f, info, err := p.openFile()
	if err != nil {
		return nil, 0, err
	}
	if info.IsDir() {
		f.Close()
		return nil, 0, invalid("%s", ofDirectory)
	}
	return f, uint64(info.Size()), nil
}
