package accounting

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// shared is where a machine has its bpf file system, if it has one.
const shared = "/sys/fs/bpf"

// pins is the place in a bpf file system where one set of one agent is kept: a directory for each version, of which one is
// there at a time but for the moment of a change. In it are maps by their names, and links as "link_" and a program's name.
type pins struct {
	dir     string // of all versions
	version string
	mount   bool // dir is to be a bpf file system of its own
}

const linkPrefix = "link_"

// pinsOf says where an agent keeps a set. Several agents of a machine differ in their runtime directories.
func pinsOf(runtime, set, version string) *pins {
	if isBPF(shared) {
		if absolute, err := filepath.Abs(runtime); err == nil {
			sum := sha256.Sum256([]byte(absolute))
			return &pins{dir: filepath.Join(shared, "meseta", hex.EncodeToString(sum[:6]), set), version: version}
		}
	}
	return &pins{dir: filepath.Join(runtime, "bpf-"+set), version: version, mount: true}
}

func isBPF(dir string) bool {
	var s unix.Statfs_t
	return unix.Statfs(dir, &s) == nil && s.Type == unix.BPF_FS_MAGIC
}

// keep pins what is not pinned yet.
func (p *pins) keep(ps *programs) error {
	at := filepath.Join(p.dir, p.version)
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return fmt.Errorf("pin the counters of %s: %w", ps.set.Name, err)
	}
	if p.mount && !isBPF(p.dir) {
		if err := unix.Mount("bpf", p.dir, "bpf", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "mode=0700"); err != nil {
			return fmt.Errorf("pin the counters of %s: mount a bpf file system at %s: %w", ps.set.Name, p.dir, err)
		}
	}
	if err := os.MkdirAll(at, 0o700); err != nil {
		return fmt.Errorf("pin the counters of %s: %w", ps.set.Name, err)
	}
	var errs []error
	for name, m := range ps.maps {
		if path := filepath.Join(at, name); !exists(path) {
			errs = append(errs, m.Pin(path)) // from another place, if it was pinned there
		}
	}
	for name, l := range ps.links {
		if path := filepath.Join(at, linkPrefix+name); !exists(path) {
			errs = append(errs, l.Pin(path))
		}
	}
	return errors.Join(errs...)
}

// drop removes everything that is pinned, and the file system if it is ours.
func (p *pins) drop(ps *programs) error {
	for _, m := range ps.maps {
		_ = m.Unpin() // so that it can be pinned again; the file goes below in any case
	}
	if !exists(p.dir) {
		return nil
	}
	if p.mount && !isBPF(p.dir) {
		return ignore(os.Remove(p.dir), fs.ErrNotExist) // made and not mounted
	}
	err := p.removeVersions()
	if p.mount {
		// Lazily, because a container that shares the mount may have it busy; there is nothing left in it.
		err = errors.Join(err, unix.Unmount(p.dir, unix.MNT_DETACH))
	}
	err = errors.Join(err, ignore(os.Remove(p.dir), fs.ErrNotExist))
	if !p.mount {
		_ = os.Remove(filepath.Dir(p.dir)) // this agent's, when no other set is there
		_ = os.Remove(filepath.Dir(filepath.Dir(p.dir)))
	}
	return err
}

// removeVersions removes everything that is pinned. In the root of a bpf file system the kernel has files of its own, which stay.
func (p *pins) removeVersions() error {
	entries, err := os.ReadDir(p.dir)
	for _, e := range entries {
		if e.IsDir() {
			err = errors.Join(err, removeVersion(filepath.Join(p.dir, e.Name())))
		}
	}
	return err
}

func removeVersion(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.Remove(filepath.Join(dir, e.Name())))
	}
	return errors.Join(err, os.Remove(dir))
}

// leftovers are what an earlier process of this agent has pinned.
type leftovers struct {
	dir  string // of one version; "" if there are none
	same bool   // it is our version
	maps map[string]*ebpf.Map
	log  *slog.Logger
}

// find looks for leftovers. Of several versions, which a crash in the middle of a change leaves, ours counts, else any.
func (p *pins) find(log *slog.Logger) *leftovers {
	l := &leftovers{maps: map[string]*ebpf.Map{}, log: log}
	entries, err := os.ReadDir(p.dir)
	if err != nil || p.mount && !isBPF(p.dir) {
		return l
	}
	for _, e := range entries {
		if e.IsDir() && (l.dir == "" || e.Name() == p.version) {
			l.dir, l.same = filepath.Join(p.dir, e.Name()), e.Name() == p.version
		}
	}
	return l
}

// take is the map of an earlier process where its layout is what the programs expect, and a new one otherwise, with what can be
// carried over from the old one.
func (l *leftovers) take(name string, s *ebpf.MapSpec) (*ebpf.Map, error) {
	if l.dir == "" {
		return ebpf.NewMap(s)
	}
	old, err := ebpf.LoadPinnedMap(filepath.Join(l.dir, name), nil)
	if err != nil {
		return ebpf.NewMap(s)
	}
	if l.same || sameLayout(old, s) {
		return old, nil
	}
	defer old.Close()
	m, err := ebpf.NewMap(s)
	if err != nil {
		return nil, err
	}
	if err := carry(old, m, s); err != nil {
		l.log.Warn("some counters of an earlier version begin anew", "map", name, "error", err)
	}
	return m, nil
}

// adopt goes on with the links of an earlier process. Those of another version are replaced: where the kernel can it changes
// the program of a link at once; where it cannot the old one ends a moment before the new one begins, so that nothing is counted twice.
func (ps *programs) adopt(l *leftovers) {
	if l.dir == "" {
		return
	}
	entries, _ := os.ReadDir(l.dir)
	for _, e := range entries {
		name, ok := strings.CutPrefix(e.Name(), linkPrefix)
		if !ok {
			continue
		}
		path := filepath.Join(l.dir, e.Name())
		old, err := link.LoadPinnedLink(path, nil)
		if err != nil {
			ps.log.Warn("a pinned link cannot be used", "link", path, "error", err)
			continue
		}
		if l.same || ps.progs[name] != nil && old.Update(ps.progs[name]) == nil {
			ps.links[name] = old
			continue
		}
		ps.replace(name, path, old)
	}
	if l.same {
		return
	}
	if err := ps.pin(); err != nil {
		ps.log.Warn("counters will not survive the end of this agent", "error", err)
	}
	if err := removeVersion(l.dir); err != nil {
		ps.log.Warn("the programs of an earlier version run on", "pinned", l.dir, "error", err)
	}
}

// replace ends a link and begins one with the program of the same name.
func (ps *programs) replace(name, path string, old link.Link) {
	_ = os.Remove(path)
	_ = old.Close()
	if ps.progs[name] == nil || ps.kinds[name].Type != ebpf.Tracing {
		return // a later attach does it, which knows the group
	}
	if l, err := ps.attachOne(name, ""); err == nil && l != nil {
		ps.links[name] = l
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func ignore(err, class error) error {
	if errors.Is(err, class) {
		return nil
	}
	return err
}
