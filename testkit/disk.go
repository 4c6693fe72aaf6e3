package testkit

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// ErrTorn is what the rest of a batch of writes gets when its node dies underway. Nobody hears of it.
var ErrTorn = errors.New("the node died while it wrote")

// ErrFull is what a write gets for which there is no room. It leaves nothing behind.
var ErrFull = errors.New("no space left on device")

// ErrNoFile says that there is neither a file nor a directory of that name.
var ErrNoFile = errors.New("no such file or directory")

// Disk is what a node keeps over a crash: files by slash-separated path. It is generic; whoever has a disk
// interface of its own wraps it.
//
// What is written survives a crash of the process (the kernel has it) and, once Sync was called or the kernel has
// written it back by itself, a power loss. Younger writes may be lost from any point on, and an append at that point may
// be torn.
type Disk struct {
	// Intercept, if set, is told of every write before it happens. When it returns an error the write fails with it; of
	// an append the first keep bytes are there all the same. It may crash the node, whose process then hears of nothing.
	Intercept func(w Write) (keep int, err error)

	world   *World
	files   map[string]*File
	journal []undo // what Sync has not made safe
	failure error
	// credit is how many more writes are done before the node dies; -1 when it does not.
	credit int
}

// Write is one change of a Disk.
type Write struct {
	Path string
	// Adds is how many bytes an append adds; 0 for everything else.
	Adds int
	// Frees: it is a removal or a cut, which needs no room.
	Frees bool
}

// File is an entry of a Disk.
type File struct {
	Path     string
	Data     []byte
	Link     string // what it names, for a symbolic link
	Dir      bool
	Modified time.Time
}

// writeback is after which time a kernel has written everything back: ext4's commit interval.
const writeback = 5 * time.Second

// undo takes back one write, or all of it but the first bytes.
type undo struct {
	at     time.Duration
	path   string
	before *File // nil: there was nothing
	grown  int   // for an append: by how much
}

func newDisk(w *World) *Disk { return &Disk{world: w, files: map[string]*File{}, credit: -1} }

// Put replaces a file as a whole.
func (d *Disk) Put(path string, data []byte) error {
	return d.write(path, &File{Path: path, Data: slices.Clone(data)}, 0)
}

// Append adds to the end of a file, which is made when it is missing.
func (d *Disk) Append(path string, data []byte) error {
	var old []byte
	if f := d.files[path]; f != nil {
		old = f.Data
	}
	if d.Intercept != nil {
		keep, err := d.Intercept(Write{Path: path, Adds: len(data)})
		if err != nil {
			if keep > 0 {
				d.commit(path, &File{Path: path, Data: append(slices.Clone(old), data[:keep]...)}, keep)
			}
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if d.credit == 0 && len(data) > 0 {
		// The write during which the node dies leaves a beginning of its bytes.
		data = data[:d.world.choose(fates, len(data))]
		d.credit = 1
		defer func() { d.credit = 0 }()
	}
	return d.granted(path, &File{Path: path, Data: append(slices.Clone(old), data...)}, len(data))
}

// Cut takes away what is beyond the first bytes of a file.
func (d *Disk) Cut(path string, size int) error {
	f := d.files[path]
	if f == nil || f.Dir || size > len(f.Data) {
		return fmt.Errorf("%s: %w", path, ErrNoFile)
	}
	if d.Intercept != nil {
		if _, err := d.Intercept(Write{Path: path, Frees: true}); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return d.granted(path, &File{Path: path, Data: slices.Clone(f.Data[:size])}, 0)
}

// Link makes a symbolic link, in place of one that was there.
func (d *Disk) Link(path, target string) error {
	return d.write(path, &File{Path: path, Link: target}, 0)
}

// Mkdir makes a directory.
func (d *Disk) Mkdir(path string) error {
	if f := d.files[path]; f != nil && f.Dir {
		return nil
	}
	return d.write(path, &File{Path: path, Dir: true}, 0)
}

// Remove deletes a file, or a directory with all that it holds. What is not there is no error.
func (d *Disk) Remove(path string) error {
	for _, p := range slices.Sorted(maps.Keys(d.files)) {
		if p == path || strings.HasPrefix(p, path+"/") {
			if err := d.write(p, nil, 0); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *Disk) write(path string, f *File, grown int) error {
	if d.Intercept != nil {
		if _, err := d.Intercept(Write{Path: path, Frees: f == nil}); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return d.granted(path, f, grown)
}

// granted is a write that nobody has intercepted.
func (d *Disk) granted(path string, f *File, grown int) error {
	if d.failure != nil {
		return fmt.Errorf("%s: %w", path, d.failure)
	}
	if d.credit == 0 {
		return fmt.Errorf("%s: %w", path, ErrTorn)
	}
	if d.credit > 0 {
		d.credit--
	}
	d.commit(path, f, grown)
	return nil
}

func (d *Disk) commit(path string, f *File, grown int) {
	d.age()
	d.journal = append(d.journal, undo{d.world.now, path, d.files[path], grown})
	if f == nil {
		delete(d.files, path)
		return
	}
	f.Modified = d.world.Now()
	d.files[path] = f
}

// age lets the kernel write back.
func (d *Disk) age() {
	old := 0
	for old < len(d.journal) && d.journal[old].at+writeback < d.world.now {
		old++
	}
	if old > 0 {
		d.journal = append(d.journal[:0], d.journal[old:]...)
	}
}

// Sync makes everything written so far safe from a power loss.
func (d *Disk) Sync() error {
	if d.failure != nil {
		return d.failure
	}
	if d.credit != 0 {
		d.journal = nil
	}
	return nil
}

// Read returns the content of a file, which the caller must not change.
func (d *Disk) Read(path string) ([]byte, error) {
	f := d.files[path]
	if f == nil || f.Dir {
		return nil, fmt.Errorf("%s: %w", path, ErrNoFile)
	}
	return f.Data, nil
}

// Lookup returns an entry, and nil when there is none. A directory that only files below it imply has one too.
func (d *Disk) Lookup(path string) *File {
	if f := d.files[path]; f != nil {
		return f
	}
	for p := range d.files {
		if path == "" || strings.HasPrefix(p, path+"/") {
			return &File{Path: path, Dir: true}
		}
	}
	return nil
}

// Paths are all entries, sorted.
func (d *Disk) Paths() []string { return slices.Sorted(maps.Keys(d.files)) }

// List returns what a directory holds, sorted by path; "" is the root.
func (d *Disk) List(dir string) []*File {
	prefix := ""
	if dir != "" {
		prefix = dir + "/"
	}
	var found []*File
	last := ""
	for _, p := range slices.Sorted(maps.Keys(d.files)) {
		rest, below := strings.CutPrefix(p, prefix)
		if !below {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		if name == last && len(found) > 0 {
			continue
		}
		last = name
		if deeper {
			found = append(found, &File{Path: prefix + name, Dir: true})
		} else {
			found = append(found, d.files[p])
		}
	}
	slices.SortFunc(found, func(a, b *File) int { return strings.Compare(a.Path, b.Path) })
	return slices.CompactFunc(found, func(a, b *File) bool { return a.Path == b.Path })
}

// Fail makes all later writes and syncs fail with err, as a full or broken disk does; nil ends that.
func (d *Disk) Fail(err error) { d.failure = err }

// tear lets some more writes happen; the next one is torn and the rest are not begun.
func (d *Disk) tear(writes int) { d.credit = writes }

func (d *Disk) mend() { d.credit = -1 }

// powerLoss forgets the unsynced writes from a chosen one on. If that one was an append, some of it may be there.
func (d *Disk) powerLoss() {
	d.age()
	lost := d.world.choose(fates, len(d.journal)+1)
	kept := len(d.journal) - lost
	for i := len(d.journal) - 1; i >= kept; i-- {
		u := d.journal[i]
		now := d.files[u.path]
		switch {
		case i == kept && u.grown > 0:
			keep := d.world.choose(fates, u.grown)
			d.files[u.path] = &File{Path: u.path, Data: now.Data[:len(now.Data)-u.grown+keep], Modified: now.Modified}
		case u.before == nil:
			delete(d.files, u.path)
		default:
			d.files[u.path] = u.before
		}
	}
	d.journal = nil
}
