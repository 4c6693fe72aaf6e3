package archive

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/meseta-io/meseta/actors/fetcher/box"
)

// skipped counts what a tar stream holds besides files: headers, too, can be packed without measure.
type skipped struct {
	r io.Reader
	m *meter
}

func (s *skipped) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if s.m.headers += int64(n); s.m.headers > s.m.limits.Free && s.m.headers/s.m.limits.Ratio > s.m.in {
		return n, fmt.Errorf("%d bytes come out of %d, which no honest archive does", s.m.headers, s.m.in)
	}
	return n, err
}

func (m *meter) tar(r io.Reader, into *box.Box) error {
	t := tar.NewReader(&skipped{r, m})
	modes := map[string]fs.FileMode{} // of directories: set at the end, or one without w could not be filled
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("the archive is damaged: %w", err)
		}
		if err := m.entry(); err != nil {
			return err
		}
		if err := m.tarEntry(h, t, into, modes); err != nil {
			return fmt.Errorf("entry %q: %w", h.Name, err)
		}
	}
	var errs []error
	for name, mode := range modes {
		if err := into.Mode(name, mode); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (m *meter) tarEntry(h *tar.Header, content io.Reader, into *box.Box, modes map[string]fs.FileMode) error {
	mode := fs.FileMode(h.Mode) & fs.ModePerm
	switch h.Typeflag {
	case tar.TypeReg, tar.TypeRegA, tar.TypeGNUSparse, tar.TypeCont: //nolint:staticcheck // old archives have TypeRegA
		return into.Create(h.Name, mode, func(f *os.File) error { return m.copy(f, content) })
	case tar.TypeDir:
		if err := into.Mkdir(h.Name); err != nil {
			return err
		}
		modes[h.Name] = mode
		return nil
	case tar.TypeSymlink:
		return into.Symlink(h.Linkname, h.Name)
	case tar.TypeLink:
		return into.Link(h.Linkname, h.Name)
	case tar.TypeXGlobalHeader:
		return nil
	case tar.TypeChar, tar.TypeBlock, tar.TypeFifo:
		return errors.New("devices and pipes are not unpacked")
	}
	return fmt.Errorf("entries of type %q are not unpacked", h.Typeflag)
}
