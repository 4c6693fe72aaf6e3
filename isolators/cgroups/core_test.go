package cgroups_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/cgroups"
	"github.com/meseta-io/meseta/isolators/cgroups/hierarchy"
	"github.com/meseta-io/meseta/isolators/exam"
)

// builders are those of a chain in which one isolator, named last, rests on core.
func builders(t *testing.T, name string) (before []isolators.Builder, b isolators.Builder) {
	t.Helper()
	all := cgroups.Builders()
	for _, b := range all {
		if b.Names[0] == name {
			return all[:1], b
		}
	}
	t.Fatalf("no isolator %s", name)
	return nil, isolators.Builder{}
}

func TestCore(t *testing.T) {
	exam.Take(t, exam.Case{
		Builder: cgroups.Builders()[0],
		Needs:   []exam.Need{exam.Root, exam.Unified},
		Prepared: func(t *testing.T, x *exam.Box) {
			if x.Plan.Cgroup == "" || !hierarchy.Group(x.Plan.Cgroup).Exists() {
				t.Errorf("the process is to be born in %q", x.Plan.Cgroup)
			}
			if !strings.Contains(x.Plan.Cgroup, "/"+strings.ReplaceAll(x.Container.ID, ".", "/mesos/")) {
				t.Errorf("the group of %s is %s", x.Container.ID, x.Plan.Cgroup)
			}
		},
		Running: func(t *testing.T, x *exam.Box) {
			if !hierarchy.Group(x.Plan.Cgroup).Holds(x.PID()) {
				t.Errorf("it is not in %s but in %s", x.Plan.Cgroup, x.Proc(t, "cgroup"))
			}
			if _, err := os.Stat(filepath.Join(x.Container.State, "cgroups")); err != nil {
				t.Errorf("where it is was not written down: %v", err)
			}
		},
		NestedRunning: func(t *testing.T, x *exam.Box) {
			outer, _, _ := strings.Cut(x.Plan.Cgroup, "/mesos/"+x.Container.ID[strings.LastIndexByte(x.Container.ID, '.')+1:])
			if !strings.HasSuffix(outer, x.Container.Parent.ID) {
				t.Errorf("the group %s is not in that of %s", x.Plan.Cgroup, x.Container.Parent.ID)
			}
		},
		Refused: map[string]func(*isolators.Container){
			"a way out":              func(c *isolators.Container) { c.ID = "../../escaped" },
			"a file of the kernel's": func(c *isolators.Container) { c.ID = "tasks" },
			"nothing":                func(c *isolators.Container) { c.ID = "a..b" },
		},
	})
}
