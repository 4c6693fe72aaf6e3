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
	ComeBack(t)
}

// ComeBack undoes what an agent does that version 2 of control groups wants to have its group for itself: it moves into a leaf of
// a known name, and gives controllers to the groups beside it.
func ComeBack(t *testing.T) {
	t.Helper()
	dir, ok := unified()
	text, _ := os.ReadFile("/proc/self/cgroup")
	_, own, in := strings.Cut("\n"+string(text), "\n0::")
	own, _, _ = strings.Cut(own, "\n")
	leaf := filepath.Join(dir, own)
	if !ok || !in || filepath.Base(leaf) != "meseta.agent" {
		return
	}
	group := filepath.Dir(leaf)
	given, _ := os.ReadFile(filepath.Join(group, "cgroup.subtree_control"))
	for name := range strings.FieldsSeq(string(given)) {
		if err := os.WriteFile(filepath.Join(group, "cgroup.subtree_control"), []byte("-"+name), 0); err != nil {
			return // another test's agent has containers there
		}
	}
	if err := os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte("0"), 0); err != nil {
		t.Errorf("the test cannot go back into its group: %v", err)
	}
	if err := os.Remove(leaf); err != nil {
		t.Errorf("a control group cannot be removed: %v", err)
	}
}
