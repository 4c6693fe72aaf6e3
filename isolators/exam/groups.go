package exam

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hierarchy is a mounted hierarchy of control groups.
type hierarchy struct {
	dir         string
	controllers []string // nil for the unified one
}

func hierarchies() (all []hierarchy) {
	lines, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.SplitSeq(string(lines), "\n") {
		before, after, ok := strings.Cut(line, " - ")
		at, what := strings.Fields(before), strings.Fields(after)
		if !ok || len(at) < 5 || len(what) < 3 {
			continue
		}
		switch what[0] {
		case "cgroup":
			all = append(all, hierarchy{at[4], strings.Split(what[2], ",")})
		case "cgroup2":
			all = append(all, hierarchy{at[4], nil})
		}
	}
	return all
}

func unified() (string, bool) {
	for _, h := range hierarchies() {
		if h.controllers == nil {
			return h.dir, true
		}
	}
	return "", false
}

func onV1(name string) bool {
	return slices.ContainsFunc(hierarchies(), func(h hierarchy) bool { return slices.Contains(h.controllers, name) })
}

func onV2(name string) bool {
	dir, ok := unified()
	list, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers"))
	return ok && slices.Contains(strings.Fields(string(list)), name)
}

// groupsNamed are the groups that have a name, in all hierarchies, and those below them; parents before their children.
func groupsNamed(name string) (all []string) {
	for _, h := range hierarchies() {
		_ = filepath.WalkDir(h.dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil {
				return nil // it went while it was looked at
			}
			if d.IsDir() && slices.Contains(strings.Split(path, "/"), name) {
				all = append(all, path)
			}
			return nil
		})
	}
	return all
}

// Groups are the control groups that have a name, and those below them, in all hierarchies; parents before their children. It is
// for tests of whoever uses isolators.
func Groups(name string) []string { return groupsNamed(name) }

// RemoveGroups removes them. They are empty, or the test has left something.
func RemoveGroups(t *testing.T, name string) {
	t.Helper()
	groups := groupsNamed(name)
	for n := len(groups) - 1; n >= 0; n-- {
		if err := os.Remove(groups[n]); err != nil && !os.IsNotExist(err) {
			t.Errorf("a control group cannot be removed: %v", err)
		}
	}
}
