package accounting

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"

	"github.com/meseta-io/meseta/isolators/accounting/bpf"
)

// programs are a set that was loaded into the kernel. It is used by one caller at a time, who holds mu.
type programs struct {
	mu    sync.Mutex
	set   bpf.Set
	log   *slog.Logger
	maps  map[string]*ebpf.Map
	progs map[string]*ebpf.Program
	kinds map[string]*ebpf.ProgramSpec
	links map[string]link.Link
	pins  *pins
	// missing says of each program that could not be loaded why not.
	missing map[string]error
	// root is the control group that programs of groups are attached to.
	root string
}

// loaded are the sets that this process has, by the places where they are pinned. Whoever asks for one again, as after a recovery within one
// process, goes on with it: the kernel holds nothing twice.
var loaded struct {
	sync.Mutex
	sets map[string]*programs
}

// open is a set that is loaded already, or loads it.
func open(set bpf.Set, p *pins, log *slog.Logger) (*programs, error) {
	loaded.Lock()
	defer loaded.Unlock()
	key := filepath.Join(p.dir, p.version)
	if ps := loaded.sets[key]; ps != nil {
		return ps, nil
	}
	ps, err := load(set, p, log)
	if err != nil {
		return nil, err
	}
	if loaded.sets == nil {
		loaded.sets = map[string]*programs{}
	}
	loaded.sets[key] = ps
	return ps, nil
}

// load brings a set into the kernel, with the maps of an earlier agent process where one has left some.
func load(set bpf.Set, p *pins, log *slog.Logger) (*programs, error) {
	spec, err := set.Load()
	if err != nil {
		return nil, fmt.Errorf("the programs of %s: %w", set.Name, err)
	}
	ps := &programs{set: set, log: log, pins: p, kinds: spec.Programs, maps: map[string]*ebpf.Map{}, progs: map[string]*ebpf.Program{},
		links: map[string]link.Link{}, missing: map[string]error{}}
	before := p.find(log)
	for name, s := range spec.Maps {
		if strings.HasPrefix(name, ".") {
			continue // constants of programs
		}
		if ps.maps[name], err = before.take(name, s); err != nil {
			ps.release()
			return nil, fmt.Errorf("make the map %s: %w", name, err)
		}
	}
	if err := ps.loadPrograms(spec); err != nil {
		ps.release()
		return nil, err
	}
	ps.adopt(before)
	return ps, nil
}

// loadPrograms loads all at once, which is fast, or, where the kernel refuses one of them, each by itself.
func (ps *programs) loadPrograms(spec *ebpf.CollectionSpec) error {
	all, err := ebpf.NewCollectionWithOptions(spec.Copy(), ebpf.CollectionOptions{MapReplacements: ps.maps})
	if err == nil {
		ps.progs, all.Programs = all.Programs, nil
		all.Close()
		return nil
	}
	for name, p := range spec.Programs {
		one := spec.Copy()
		one.Programs = map[string]*ebpf.ProgramSpec{name: p.Copy()}
		c, err := ebpf.NewCollectionWithOptions(one, ebpf.CollectionOptions{MapReplacements: ps.maps})
		if err != nil {
			ps.missing[name] = err
			continue
		}
		ps.progs[name], c.Programs = c.Programs[name], nil
		c.Close()
	}
	if len(ps.progs) == 0 {
		return fmt.Errorf("load the programs of %s: %w", ps.set.Name, err)
	}
	return nil
}

// attach lets the programs run, those of groups for everything below root. What runs already is left as it is. It tells
// which could not be attached.
func (ps *programs) attach(root string) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(ps.progs)) {
		if ps.links[name] != nil {
			continue
		}
		l, err := ps.attachOne(name, root)
		if err != nil {
			errs = append(errs, fmt.Errorf("attach %s: %w", name, err))
			continue
		}
		if l != nil {
			ps.links[name] = l
		}
	}
	ps.root = root
	return errors.Join(errs...)
}

func (ps *programs) attachOne(name, root string) (link.Link, error) {
	switch kind := ps.kinds[name]; kind.Type {
	case ebpf.Tracing:
		return link.AttachTracing(link.TracingOptions{Program: ps.progs[name]})
	case ebpf.CGroupSKB, ebpf.SockOps, ebpf.CGroupSockAddr:
		return link.AttachCgroup(link.CgroupOptions{Path: root, Attach: kind.AttachType, Program: ps.progs[name]})
	}
	return nil, nil // it is run by hand
}

// attached tells whether anything runs.
func (ps *programs) attached() bool { return len(ps.links) > 0 }

// pin keeps maps and links when the agent's process ends.
func (ps *programs) pin() error { return ps.pins.keep(ps) }

// detach stops all programs and leaves nothing pinned. The maps stay as they are.
func (ps *programs) detach() error {
	err := ps.pins.drop(ps)
	for name, l := range ps.links {
		err = errors.Join(err, l.Close())
		delete(ps.links, name)
	}
	ps.root = ""
	return err
}

// close gives everything back that this process holds. What is pinned goes on.
func (ps *programs) close() {
	loaded.Lock()
	defer loaded.Unlock()
	maps.DeleteFunc(loaded.sets, func(_ string, p *programs) bool { return p == ps })
	ps.release()
}

func (ps *programs) release() {
	for _, l := range ps.links {
		_ = l.Close()
	}
	for _, p := range ps.progs {
		_ = p.Close()
	}
	for _, m := range ps.maps {
		if m != nil {
			_ = m.Close()
		}
	}
}
