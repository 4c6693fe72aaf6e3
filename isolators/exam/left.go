package exam

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// inventory is everything that a container could leave behind.
type inventory map[string][]string

func (r *room) inventory(t *testing.T) inventory {
	t.Helper()
	all := inventory{
		"control groups": groupsNamed(r.settings.CgroupsRoot),
		"mounts":         mountsBelow(filepath.Dir(r.settings.WorkDir)),
		"descriptors":    descriptors(),
		"files":          files(r.settings.WorkDir, r.settings.RuntimeDir),
		"goroutines":     goroutines(),
	}
	if r.c.Things != nil {
		all["things"] = r.c.Things(t)
	}
	for _, list := range all {
		slices.Sort(list)
	}
	return all
}

// clean is for the beginning of a test: at its end everything has to be as it is now.
func (r *room) clean(t *testing.T) {
	t.Helper()
	before := r.inventory(t)
	t.Cleanup(func() {
		if t.Failed() {
			return
		}
		var left string
		if !eventually(func() bool { left = more(before, r.inventory(t)); return left == "" }) {
			t.Error("left behind: " + left)
		}
	})
}

// more says what a second inventory has that a first one has not.
func more(before, after inventory) string {
	var said []string
	for what, list := range after {
		left := slices.Clone(before[what])
		for _, name := range list {
			if n := slices.Index(left, name); n >= 0 {
				left = slices.Delete(left, n, n+1)
				continue
			}
			said = append(said, what+" "+name)
		}
	}
	slices.Sort(said)
	return strings.Join(said, "; ")
}

func mountsBelow(dir string) (all []string) {
	lines, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.SplitSeq(string(lines), "\n") {
		if fields := strings.Fields(line); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			all = append(all, fields[4])
		}
	}
	return all
}

// descriptors are what this process has open, without what the test's own runtime opens when it likes.
func descriptors() (all []string) {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		name, err := os.Readlink(filepath.Join("/proc/self/fd", e.Name()))
		if err != nil || strings.HasSuffix(name, "/fd") {
			continue // the list itself
		}
		if kind, _, numbered := strings.Cut(name, ":["); numbered {
			name = kind // the numbers of pipes and sockets say nothing
		}
		all = append(all, name)
	}
	return all
}

func files(dirs ...string) (all []string) {
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				all = append(all, path)
			}
			return nil
		})
	}
	return all
}

// goroutines are named after the function that was started, without those of the testing package.
func goroutines() (all []string) {
	buffer := make([]byte, 1<<20)
	for g := range strings.SplitSeq(string(buffer[:runtime.Stack(buffer, true)]), "\n\n") {
		_, by, ok := strings.Cut(g, "created by ")
		if !ok || strings.HasPrefix(by, "testing.") || strings.HasPrefix(by, "runtime.") {
			continue
		}
		by, _, _ = strings.Cut(by, " in goroutine")
		all = append(all, by)
	}
	return all
}

// patience is how long the kernel may take to do what it does when it likes, such as letting a group go.
const patience = 15 * time.Second

func eventually(is func() bool) bool {
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// Eventually waits for something that is about to be.
func Eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	if !eventually(is) {
		t.Fatalf("after %v it is not so that %s", patience, what)
	}
}
