// Package archive unpacks tar, gzip, bzip2, xz and zip into a box. The archive is taken for hostile: names and links
// that lead out, devices, and what grows out of all proportion end it, with a sentence that says which entry it was.
// The bits that make a program run as somebody else are dropped.
package archive

import (
	"compress/bzip2"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/xi2/xz"

	"github.com/meseta-io/meseta/actors/fetcher/box"
)

// Kind is how something is packed.
type Kind uint8

const (
	None Kind = iota
	Tar
	TarGz
	TarBz2
	TarXz
	Gz
	Zip
)

// endings are Mesos', the longer ones first.
var endings = []struct {
	ending string
	kind   Kind
}{
	{".tar.gz", TarGz}, {".tgz", TarGz}, {".tar.bz2", TarBz2}, {".tbz2", TarBz2}, {".tar.xz", TarXz}, {".txz", TarXz},
	{".tar", Tar}, {".gz", Gz}, {".zip", Zip},
}

// KindOf tells from a file's name how it is packed.
func KindOf(name string) Kind {
	for _, e := range endings {
		if strings.HasSuffix(name, e.ending) {
			return e.kind
		}
	}
	return None
}

// Limits bound what an archive may become.
type Limits struct {
	// Bytes is how much may come out.
	Bytes int64
	// Ratio is how much more may come out than goes in, once Free bytes have come out.
	Ratio, Free int64
	// Entries is how many files, directories and links there may be.
	Entries int
}

// Default bounds no honest archive: gzip cannot pack better than 1 to 1032.
func Default() Limits {
	return Limits{Bytes: 256 << 30, Ratio: 1100, Free: 256 << 20, Entries: 1_000_000}
}

// maxDictionary is how much memory an xz stream may ask for: what xz -9 does.
const maxDictionary = 64 << 20

// Unpack unpacks a file into a box. name is what the file is called, for gzip, which holds one file without a name.
func Unpack(ctx context.Context, kind Kind, file *os.File, name string, into *box.Box, l Limits) error {
	m := &meter{ctx: ctx, limits: l}
	if kind == Zip {
		info, err := file.Stat()
		if err != nil {
			return err
		}
		return m.zip(file, info.Size(), into)
	}
	in := &counted{r: file, m: m}
	plain, err := unpacked(kind, in)
	if err != nil {
		return fmt.Errorf("%s is damaged: %w", name, err)
	}
	if kind == Gz {
		return into.Create(strings.TrimSuffix(path.Base(name), ".gz"), 0o644, func(f *os.File) error { return m.copy(f, plain) })
	}
	return m.tar(plain, into)
}

// unpacked is the stream inside.
func unpacked(kind Kind, r io.Reader) (io.Reader, error) {
	switch kind {
	case TarGz, Gz:
		return gzip.NewReader(r)
	case TarBz2:
		return bzip2.NewReader(r), nil
	case TarXz:
		return xz.NewReader(r, maxDictionary)
	}
	return r, nil
}

// meter counts what goes in and comes out.
type meter struct {
	ctx     context.Context
	limits  Limits
	in, out int64 // bytes of the archive, and of files
	headers int64 // bytes of the stream inside
	entries int
}

// entry counts one more.
func (m *meter) entry() error {
	if m.entries++; m.entries > m.limits.Entries {
		return fmt.Errorf("more than %d entries", m.limits.Entries)
	}
	return m.ctx.Err()
}

// grown counts what came out.
func (m *meter) grown(n int64) error {
	m.out += n
	switch {
	case m.out > m.limits.Bytes:
		return fmt.Errorf("more than %d bytes come out", m.limits.Bytes)
	case m.out > m.limits.Free && m.out/m.limits.Ratio > m.in:
		return fmt.Errorf("%d bytes come out of %d, which no honest archive does", m.out, m.in)
	}
	return m.ctx.Err()
}

// copy writes a file, and counts it. What comes out of a hole in a sparse file counts too.
func (m *meter) copy(w io.Writer, r io.Reader) error {
	buffer := make([]byte, 64<<10)
	for {
		n, err := r.Read(buffer)
		if n > 0 {
			if err := m.grown(int64(n)); err != nil {
				return err
			}
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// counted is the packed stream.
type counted struct {
	r io.Reader
	m *meter
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.m.in += int64(n)
	return n, err
}
