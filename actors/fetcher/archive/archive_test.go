package archive_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/fetcher/archive"
	"github.com/meseta-io/meseta/actors/fetcher/box"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// unpack unpacks bytes into a new sandbox and tells where that is.
func unpack(t testing.TB, name string, packed []byte, l archive.Limits) (dir string, err error) {
	t.Helper()
	outer := t.TempDir()
	dir = filepath.Join(outer, "sandbox")
	must(t, os.Mkdir(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(outer, "packed"), packed, 0o600))
	f, err := os.Open(filepath.Join(outer, "packed"))
	must(t, err)
	defer f.Close()
	b, err := box.Open(dir)
	must(t, err)
	defer b.Close()
	return dir, archive.Unpack(t.Context(), archive.KindOf(name), f, name, b, l)
}

// entry is one of a tar file.
type entry struct {
	h       *tar.Header
	content string
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := tar.NewWriter(&buffer)
	for _, e := range entries {
		e.h.Size = int64(len(e.content))
		must(t, w.WriteHeader(e.h))
		_, err := w.Write([]byte(e.content))
		must(t, err)
	}
	must(t, w.Close())
	return buffer.Bytes()
}

func file(name, content string, mode int64) entry {
	return entry{&tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: mode}, content}
}

func gz(t testing.TB, plain []byte) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	_, err := w.Write(plain)
	must(t, err)
	must(t, w.Close())
	return buffer.Bytes()
}

type zipped struct {
	name, content string
	mode          fs.FileMode
}

func zipOf(t testing.TB, entries ...zipped) []byte {
	t.Helper()
	var buffer bytes.Buffer
	w := zip.NewWriter(&buffer)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		if e.mode != 0 {
			h.SetMode(e.mode)
		}
		f, err := w.CreateHeader(h)
		must(t, err)
		_, err = f.Write([]byte(e.content))
		must(t, err)
	}
	must(t, w.Close())
	return buffer.Bytes()
}

func read(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	must(t, err)
	return string(data)
}

func permissions(t testing.TB, name string) fs.FileMode {
	t.Helper()
	info, err := os.Lstat(name)
	must(t, err)
	return info.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
}

// Every form comes out the same: files, permissions and links.
func TestForms(t *testing.T) {
	plain, err := os.ReadFile("testdata/hello.tar")
	must(t, err)
	packed := map[string][]byte{"hello.tar": plain, "hello.tar.gz": gz(t, plain), "hello.tgz": gz(t, plain)}
	for name, source := range map[string]string{"hello.tar.xz": "hello.tar.xz", "hello.txz": "hello.tar.xz", "hello.tar.bz2": "hello.tar.bz2", "hello.tbz2": "hello.tar.bz2"} {
		packed[name], err = os.ReadFile("testdata/" + source)
		must(t, err)
	}
	packed["hello.zip"] = zipOf(t, zipped{"bin/", "", fs.ModeDir | 0o755}, zipped{"bin/hello", "#!/bin/sh\necho hello\n", 0o755},
		zipped{"read.me", "hello\n", 0o644}, zipped{"link", "bin/hello", fs.ModeSymlink | 0o777})
	for name, bytes := range packed {
		t.Run(name, func(t *testing.T) {
			dir, err := unpack(t, name, bytes, archive.Default())
			must(t, err)
			if got := read(t, dir+"/link"); got != "#!/bin/sh\necho hello\n" {
				t.Errorf("got %q", got)
			}
			if got := permissions(t, dir+"/bin/hello"); got != 0o755 {
				t.Errorf("the program has %v", got)
			}
			if got := permissions(t, dir+"/read.me"); got != 0o644 || read(t, dir+"/read.me") != "hello\n" {
				t.Errorf("the text has %v", got)
			}
		})
	}
	t.Run("one file", func(t *testing.T) {
		dir, err := unpack(t, "deep/custom.gz", gz(t, []byte("one file")), archive.Default())
		must(t, err)
		if got := read(t, dir+"/custom"); got != "one file" {
			t.Errorf("got %q", got)
		}
	})
	t.Run("no archive", func(t *testing.T) {
		for _, name := range []string{"a.jar", "tar", "a.tar.zst", "gz", "a.rar", ""} {
			if archive.KindOf(name) != archive.None {
				t.Errorf("%q is taken for an archive", name)
			}
		}
	})
}

// What is named twice is there as it was named last, as with unzip -o and tar.
func TestDuplicates(t *testing.T) {
	for name, packed := range map[string][]byte{
		"a.zip": zipOf(t, zipped{"A", "1", 0o600}, zipped{"A", "2", 0o600}),
		"a.tar": tarOf(t, file("A", "1", 0o600), file("A", "2", 0o600)),
	} {
		dir, err := unpack(t, name, packed, archive.Default())
		must(t, err)
		if got := read(t, dir+"/A"); got != "2" {
			t.Errorf("%s: got %q", name, got)
		}
	}
}

func link(name, target string) entry {
	return entry{h: &tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: target, Mode: 0o777}}
}

// Whatever an archive says, it changes nothing outside and leaves nothing behind that leads there.
func TestHostile(t *testing.T) {
	hard := func(name, target string) entry {
		return entry{h: &tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}}
	}
	for name, c := range map[string]struct {
		form   string
		packed []byte
		want   string
	}{
		"dots":                      {"a.tar", tarOf(t, file("../evil", "x", 0o644)), "leads out of the directory"},
		"dots in the middle":        {"a.tar", tarOf(t, file("a/../../evil", "x", 0o644)), "leads out of the directory"},
		"an absolute name":          {"a.tar", tarOf(t, file("/tmp/meseta-evil", "x", 0o644)), "is absolute"},
		"a link out":                {"a.tar", tarOf(t, link("l", "../outside")), "leads out"},
		"an absolute link":          {"a.tar", tarOf(t, link("l", "/etc/passwd")), "leads out"},
		"a link through a link":     {"a.tar", tarOf(t, link("a", "."), link("b", "a/../outside")), "down and up again"},
		"a link out from below":     {"a.tar", tarOf(t, link("d/l", "../../outside")), "leads out"},
		"a file behind a link":      {"a.tar", tarOf(t, link("l", "d"), file("l/evil", "x", 0o644)), "is no directory"},
		"a directory over a link":   {"a.tar", tarOf(t, link("l", "d"), entry{h: &tar.Header{Name: "l/e/", Typeflag: tar.TypeDir, Mode: 0o755}}), "is no directory"},
		"a hard link out":           {"a.tar", tarOf(t, hard("l", "../outside")), "leads out"},
		"a hard link to anywhere":   {"a.tar", tarOf(t, hard("l", "/etc/passwd")), "is absolute"},
		"a hard link to a link":     {"a.tar", tarOf(t, link("a", "b"), hard("l", "a")), "is no file"},
		"a device":                  {"a.tar", tarOf(t, entry{h: &tar.Header{Name: "zero", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 5}}), "devices"},
		"a block device":            {"a.tar", tarOf(t, entry{h: &tar.Header{Name: "sda", Typeflag: tar.TypeBlock, Devmajor: 8}}), "devices"},
		"a pipe":                    {"a.tar", tarOf(t, entry{h: &tar.Header{Name: "p", Typeflag: tar.TypeFifo}}), "pipes"},
		"a file over a directory":   {"a.tar", tarOf(t, file("d/f", "x", 0o644), file("d", "x", 0o644)), "in the way"},
		"not a tar":                 {"a.tar", []byte(strings.Repeat("hello", 500)), "damaged"},
		"not a gzip":                {"a.tar.gz", []byte("hello"), "damaged"},
		"not an xz":                 {"a.tar.xz", []byte("hello, world"), "damaged"},
		"not a bzip2":               {"a.tar.bz2", []byte("hello"), "damaged"},
		"not a zip":                 {"a.zip", []byte("hello"), "damaged"},
		"cut off":                   {"a.tgz", gz(t, tarOf(t, file("f", strings.Repeat("x", 5000), 0o644)))[:60], ""},
		"zip: dots":                 {"a.zip", zipOf(t, zipped{"../evil", "x", 0o644}), "leads out of the directory"},
		"zip: an absolute name":     {"a.zip", zipOf(t, zipped{"/tmp/meseta-evil", "x", 0o644}), "is absolute"},
		"zip: a link out":           {"a.zip", zipOf(t, zipped{"l", "../outside", fs.ModeSymlink | 0o777}), "leads out"},
		"zip: a file behind a link": {"a.zip", zipOf(t, zipped{"l", "d", fs.ModeSymlink | 0o777}, zipped{"l/evil", "x", 0o644}), "is no directory"},
		"zip: a device":             {"a.zip", zipOf(t, zipped{"dev", "", fs.ModeDevice | 0o666}), "devices"},
		"zip: a wrong checksum":     {"a.zip", bytes.Replace(zipOf(t, zipped{"f", strings.Repeat("x", 40), 0o644}), crcOf(strings.Repeat("x", 40)), []byte("abcd"), -1), "checksum"},
		"an xz with a giant memory": {"a.tar.xz", giantDictionary(t), "dictionary"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := unpack(t, c.form, c.packed, archive.Default())
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %q", err, c.want)
			}
			if entries, err := os.ReadDir(filepath.Dir(dir)); err != nil || len(entries) != 2 {
				t.Errorf("outside there are %v", entries)
			}
			must(t, filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
				if strings.HasSuffix(at, ".part") {
					t.Errorf("%s was left behind", at)
				}
				if d.Type() == fs.ModeSymlink {
					if real, err := filepath.EvalSymlinks(at); err == nil && !strings.HasPrefix(real, dir) {
						t.Errorf("%s leads to %s", at, real)
					}
				}
				return err
			}))
		})
	}
	if _, err := os.Lstat("/tmp/meseta-evil"); err == nil {
		t.Error("/tmp/meseta-evil was written")
	}
}

func crcOf(text string) []byte {
	return binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text)))
}

// giantDictionary is hello.tar.xz with a header that asks for a dictionary of 4 GiB.
func giantDictionary(t testing.TB) []byte {
	data, err := os.ReadFile("testdata/hello.tar.xz")
	must(t, err)
	data = bytes.Clone(data)
	// The stream's header has 12 bytes; then the block's: size, flags, filter id 0x21, size of properties 1, the dictionary.
	at := bytes.Index(data[12:], []byte{0x21, 0x01})
	if at < 0 {
		t.Fatal("no LZMA2 filter")
	}
	data[12+at+2] = 39
	size := (int(data[12]) + 1) * 4
	binary.LittleEndian.PutUint32(data[12+size-4:], crc32.ChecksumIEEE(data[12:12+size-4]))
	return data
}

// The bits that would let a program run as somebody else are not kept, the others are.
func TestPermissions(t *testing.T) {
	for form, packed := range map[string][]byte{
		"a.tar": tarOf(t, file("s", "x", 0o6755), file("t", "x", 0o1644), file("n", "x", 0o640),
			entry{h: &tar.Header{Name: "d/", Typeflag: tar.TypeDir, Mode: 0o2500}}, file("d/f", "x", 0o400)),
		"a.zip": zipOf(t, zipped{"s", "x", fs.ModeSetuid | fs.ModeSetgid | 0o755}, zipped{"t", "x", fs.ModeSticky | 0o644}, zipped{"n", "x", 0o640},
			zipped{"d/f", "x", 0o400}),
	} {
		dir, err := unpack(t, form, packed, archive.Default())
		must(t, err)
		for name, want := range map[string]fs.FileMode{"s": 0o755, "t": 0o644, "n": 0o640, "d/f": 0o400} {
			if got := permissions(t, filepath.Join(dir, name)); got != want {
				t.Errorf("%s: %s has %v, want %v", form, name, got, want)
			}
		}
		if got := permissions(t, dir+"/d"); got&0o700 != 0o700 || got&(fs.ModeSetgid|fs.ModeSetuid) != 0 {
			t.Errorf("%s: the directory has %v", form, got)
		}
	}
}

// What is packed beyond measure ends before it fills the disk.
func TestBombs(t *testing.T) {
	zeros := strings.Repeat("\x00", 8<<20)
	bz, err := os.ReadFile("testdata/zeros.tar.bz2")
	must(t, err)
	limits := archive.Limits{Bytes: 1 << 30, Ratio: 100, Free: 1 << 20, Entries: 100}
	var many []entry
	var list []zipped
	for i := range 101 {
		name := strings.Repeat("d/", i%50) + "f" + string(rune('a'+i%26))
		many, list = append(many, file(name, "", 0o644)), append(list, zipped{name, "", 0o644})
	}
	for name, c := range map[string]struct {
		form   string
		packed []byte
		limits archive.Limits
		want   string
	}{
		"a gzip":              {"a.gz", gz(t, []byte(zeros)), limits, "no honest archive"},
		"a tar":               {"a.tgz", gz(t, tarOf(t, file("f", zeros, 0o644))), limits, "no honest archive"},
		"64 MiB in a bzip2":   {"a.tar.bz2", bz, limits, "no honest archive"},
		"a zip":               {"a.zip", zipOf(t, zipped{"f", zeros, 0o644}), limits, "no honest archive"},
		"entries of a tar":    {"a.tar", tarOf(t, many...), limits, "more than 100 entries"},
		"entries of a zip":    {"a.zip", zipOf(t, list...), limits, "more than 100 entries"},
		"names without end":   {"a.tar", tarOf(t, file(strings.Repeat("d/", 500)+"f", "", 0o644)), limits, "deeper than 128 directories"},
		"bytes":               {"a.tar", tarOf(t, file("f", zeros, 0o644)), archive.Limits{Bytes: 1 << 20, Ratio: 100, Free: 1 << 30, Entries: 9}, "more than 1048576 bytes"},
		"headers that repeat": {"a.tgz", gz(t, bytes.Repeat(tarOf(t, file("f", "", 0o644))[:512], 20_000)), archive.Limits{Bytes: 1 << 30, Ratio: 100, Free: 1 << 20, Entries: 1 << 30}, "no honest archive"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := unpack(t, c.form, c.packed, c.limits); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want something about %q", err, c.want)
			}
		})
	}
	t.Run("an honest one passes the default", func(t *testing.T) {
		_, err := unpack(t, "a.tgz", gz(t, tarOf(t, file("f", zeros, 0o644))), archive.Default())
		must(t, err)
	})
}

func TestGivenUp(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(dir+"/a.tar", tarOf(t, file("f", "x", 0o644)), 0o600))
	f, err := os.Open(dir + "/a.tar")
	must(t, err)
	defer f.Close()
	b, err := box.Open(dir)
	must(t, err)
	defer b.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := archive.Unpack(ctx, archive.Tar, f, "a.tar", b, archive.Default()); err == nil {
		t.Error("unpacked")
	}
}

// FuzzUnpack: any bytes, in any form: nothing appears outside, no link leads out, no special file or bit is there.
func FuzzUnpack(f *testing.F) {
	plain, err := os.ReadFile("testdata/hello.tar")
	must(f, err)
	for _, seed := range [][]byte{plain, gz(f, plain), zipOf(f, zipped{"a/b", "x", 0o4755}, zipped{"l", "a", fs.ModeSymlink | 0o777}),
		tarOf(f, link("a", "."), file("a/b", "x", 0o6777)), tarOf(f, file("../x", "x", 0o644)), giantDictionary(f)} {
		for kind := range uint8(7) {
			f.Add(kind, seed)
		}
	}
	limits := archive.Limits{Bytes: 4 << 20, Ratio: 50, Free: 1 << 20, Entries: 200}
	f.Fuzz(func(t *testing.T, kind uint8, packed []byte) {
		name := []string{"a.tar", "a.tgz", "a.tbz2", "a.txz", "a.gz", "a.zip", "a.tar"}[kind%7]
		dir, _ := unpack(t, name, packed, limits)
		entries, err := os.ReadDir(filepath.Dir(dir))
		if err != nil || len(entries) != 2 {
			t.Fatalf("outside there are %v, %v", entries, err)
		}
		must(t, filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			switch m := info.Mode(); {
			case m&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky) != 0, m.Type()&^(fs.ModeDir|fs.ModeSymlink) != 0:
				t.Fatalf("%s has %v", at, m)
			case m.Type() == fs.ModeSymlink:
				if real, err := filepath.EvalSymlinks(at); err == nil && real != dir && !strings.HasPrefix(real, dir+"/") {
					t.Fatalf("%s leads to %s", at, real)
				}
			}
			return nil
		}))
	})
}
