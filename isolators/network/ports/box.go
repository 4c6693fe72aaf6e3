package ports

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/messages/values"
)

// box is what is known of a container.
type box struct {
	id, top string
	ports   values.Ranges // what it was given itself; those of one group of containers belong to all of them
	place
	limited func(isolators.Limitation) // nil: it is not watched yet

	seen values.Ranges // at the last look, and not its own
	said values.Ranges // told already

	mu   sync.Mutex
	over bool
}

// place is by what a container's processes and their sockets are known.
type place struct {
	// Cgroup is the container's directory in the unified hierarchy of control groups: sockets have the number of the group of
	// who made them. Empty: there is no such hierarchy.
	Cgroup string `json:"cgroup,omitempty"`
	// Lines are those of its first process in /proc/…/cgroup that differ from the agent's: another process is in the container
	// when it has one of them, or one below it.
	Lines []string `json:"lines,omitempty"`
}

// file is where the place is noted, in the container's State.
const file = "network_ports.json"

func (p place) save(state string) error {
	b, err := json.Marshal(p)
	if err == nil {
		err = os.WriteFile(filepath.Join(state, file), b, 0o600)
	}
	if err != nil {
		return fmt.Errorf("note where the container is: %w", err)
	}
	return nil
}

// load reads what was noted. Without a note the container is found by its first process.
func (p *place) load(state string) {
	if b, err := os.ReadFile(filepath.Join(state, file)); err == nil {
		_ = json.Unmarshal(b, p)
	}
}

func forget(state string) error {
	if err := os.Remove(filepath.Join(state, file)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// of completes a place by a process that is in it.
func (p place) of(pid int) place {
	own := lines("self")
	p.Lines = slices.DeleteFunc(lines(strconv.Itoa(pid)), func(l string) bool { return slices.Contains(own, l) })
	return p
}

func lines(pid string) []string {
	b, _ := os.ReadFile(filepath.Join("/proc", pid, "cgroup"))
	return strings.FieldsFunc(string(b), func(r rune) bool { return r == '\n' })
}

// holds tells whether a process with these lines is in the container.
func (p place) holds(process []string) bool {
	return slices.ContainsFunc(p.Lines, func(own string) bool {
		return slices.ContainsFunc(process, func(l string) bool { return l == own || strings.HasPrefix(l, own+"/") })
	})
}

// groups are the numbers of the container's directory and all below it, as sockets have them.
func (p place) groups(each func(id uint64)) {
	if p.Cgroup == "" {
		return
	}
	_ = filepath.WalkDir(p.Cgroup, func(path string, d fs.DirEntry, err error) error {
		var s unix.Stat_t
		if err == nil && d.IsDir() && unix.Lstat(path, &s) == nil {
			each(s.Ino)
		}
		return nil // a group that has just gone
	})
}

// limit tells that the container has to end, unless it has.
func (b *box) limit(l isolators.Limitation) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.over {
		b.limited(l)
	}
}

func (b *box) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}
