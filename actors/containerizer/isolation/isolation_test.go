package isolation_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/actors/containerizer/isolation"
)

func TestDefault(t *testing.T) {
	c := isolation.Default()
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if s := c.Settings("/w"); s.RuntimeDir != "/w/run" || s.CgroupsRoot != "mesos" || s.RevocableEqual {
		t.Errorf("isolators are told %+v", s)
	}
}

func TestValidate(t *testing.T) {
	c := isolation.Config{Launcher: "windows", CgroupsRoot: "../escape", SandboxDirectory: "here"}
	err := c.Validate()
	for _, flag := range []string{"--launcher=windows", "--cgroups_root=", "--cgroups_destroy_timeout=", "--sandbox_directory="} {
		if err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s passes: %v", flag, err)
		}
	}
}

func TestNames(t *testing.T) {
	if got := (isolation.Config{Isolation: " cgroups/cpu, cgroups/mem ,"}).Names(); !slices.Equal(got, []string{"cgroups/cpu", "cgroups/mem"}) {
		t.Errorf("read as %q", got)
	}
	for text, plain := range map[string]bool{"": true, "process": true, "posix/cpu,posix/mem": true, "posix/cpu,disk/du": false} {
		if got := isolation.Plain((isolation.Config{Isolation: text}).Names()); got != plain {
			t.Errorf("%q is plain: %v", text, got)
		}
	}
}
