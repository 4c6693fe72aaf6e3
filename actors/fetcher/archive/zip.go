package archive

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/meseta-io/meseta/actors/fetcher/box"
)

// maxDirectory bounds the list of contents of a zip file, which is read into memory: some 300,000 entries.
const maxDirectory = 32 << 20

// unixZip is the system of a zip whose permissions mean something.
const unixZip = 3

// bounded lets only so much be read until the list of contents is known.
type bounded struct {
	io.ReaderAt
	left int64
}

func (b *bounded) ReadAt(p []byte, off int64) (int, error) {
	if b.left >= 0 {
		if b.left -= int64(len(p)); b.left < 0 {
			return 0, errors.New("its list of contents is too long")
		}
	}
	return b.ReaderAt.ReadAt(p, off)
}

func (m *meter) zip(file io.ReaderAt, size int64, into *box.Box) error {
	m.in = size
	source := &bounded{file, maxDirectory}
	z, err := zip.NewReader(source, size)
	if err != nil {
		return fmt.Errorf("the archive is damaged: %w", err)
	}
	source.left = -1
	for _, f := range z.File {
		if err := m.entry(); err != nil {
			return err
		}
		if err := m.zipEntry(f, into); err != nil {
			return fmt.Errorf("entry %q: %w", f.Name, err)
		}
	}
	return nil
}

func (m *meter) zipEntry(f *zip.File, into *box.Box) error {
	mode := f.Mode()
	if f.Flags&1 != 0 {
		return errors.New("it is encrypted")
	}
	if mode.IsDir() || strings.HasSuffix(f.Name, "/") {
		return into.Mkdir(f.Name)
	}
	content, err := f.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	switch mode.Type() {
	case 0:
		perm := mode.Perm()
		if f.CreatorVersion>>8 != unixZip {
			perm = 0o644 // packed where there are no permissions
		}
		return into.Create(f.Name, perm, func(w *os.File) error { return m.copy(w, content) })
	case fs.ModeSymlink:
		target, err := io.ReadAll(io.LimitReader(content, box.MaxName+1))
		if err != nil {
			return err
		}
		return into.Symlink(string(target), f.Name)
	}
	return errors.New("devices and pipes are not unpacked")
}
