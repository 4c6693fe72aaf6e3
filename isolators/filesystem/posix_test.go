package filesystem_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta-io/meseta/isolators"
	"github.com/meseta-io/meseta/isolators/filesystem"
	"github.com/meseta-io/meseta/messages/fault"
	"github.com/meseta-io/meseta/messages/mesos/mesospb"
)

func TestPosix(t *testing.T) {
	m := newMachine(t)
	m.Isolation = nil
	i, err := filesystem.NewPosix(m.Settings)
	must(t, err)
	c := m.container(t, "c", nil)
	c.Resources = []*mesospb.Resource{m.volume(t, "v1", "data"), m.volume(t, "v2", "deep/down")}
	must(t, i.Prepare(ctx, c, &isolators.Plan{}), i.Update(ctx, c))
	name := func(at string) string {
		text, _ := os.ReadFile(filepath.Join(c.Sandbox, at, "name"))
		return string(text)
	}
	if name("data") != "v1" || name("deep/down") != "v2" {
		t.Errorf("found %q and %q", name("data"), name("deep/down"))
	}
	next, err := filesystem.NewPosix(m.Settings)
	must(t, err, next.Recover(ctx, []*isolators.Container{c}))
	c.Resources = []*mesospb.Resource{c.Resources[1], m.volume(t, "v3", "other")}
	must(t, next.Update(ctx, c), next.Update(ctx, c))
	if name("data") != "" || name("deep/down") != "v2" || name("other") != "v3" {
		t.Errorf("after an update: %q, %q and %q", name("data"), name("deep/down"), name("other"))
	}
	if _, err := os.Stat(m.data("v1") + "/name"); err != nil {
		t.Error("the data went with the link: ", err)
	}
	must(t, next.Cleanup(ctx, c), next.Cleanup(ctx, c))

	nested := m.container(t, "c.n", c)
	nested.Info.Volumes = []*mesospb.Volume{{}}
	must(t, next.Prepare(ctx, nested, &isolators.Plan{})) // volume/sandbox_path looks at them
	c = m.container(t, "d", nil)
	c.Info.Volumes = nested.Info.Volumes
	for sentence, p := range map[string]isolators.Plan{"Volumes in ContainerInfo is not supported": {}, "Container root filesystems not supported": {RootFS: "/image"}} {
		if err := next.Prepare(ctx, c, &p); !errors.Is(err, fault.ErrInvalid) || !strings.Contains(err.Error(), sentence) {
			t.Error(err)
		}
	}
	m.Isolation = []string{"filesystem/linux"}
	if _, err := filesystem.NewPosix(m.Settings); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("beside filesystem/linux: %v", err)
	}
}

// Whatever a task has left in its sandbox, a link appears inside of it or nowhere.
func TestLinksStayInTheSandbox(t *testing.T) {
	outside := t.TempDir()
	for name, prepare := range map[string]func(box string) error{
		"a link to elsewhere":  func(box string) error { return os.Symlink(outside, filepath.Join(box, "way")) },
		"a link upwards":       func(box string) error { return os.Symlink("../../..", filepath.Join(box, "way")) },
		"a file":               func(box string) error { return os.WriteFile(filepath.Join(box, "way"), nil, 0o600) },
		"something at the end": func(box string) error { return os.MkdirAll(filepath.Join(box, "way/data"), 0o700) },
	} {
		t.Run(name, func(t *testing.T) {
			m := newMachine(t)
			m.Isolation = nil
			i, err := filesystem.NewPosix(m.Settings)
			c := m.container(t, "c", nil)
			c.Resources = []*mesospb.Resource{m.volume(t, "v", "way/data")}
			must(t, err, prepare(c.Sandbox))
			if err := i.Prepare(ctx, c, &isolators.Plan{}); err == nil {
				t.Error("the volume was put there")
			}
			if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
				t.Errorf("outside of the sandbox is %v, %v", left, err)
			}
		})
	}
}

func TestPosixVolumesBelongToTheSandboxsOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives directories away")
	}
	m := newMachine(t)
	m.Isolation = nil
	i, err := filesystem.NewPosix(m.Settings)
	c := m.container(t, "c", nil)
	c.Resources = []*mesospb.Resource{m.volume(t, "v", "deep/data")}
	must(t, err, os.Chown(c.Sandbox, 1001, 1002), i.Prepare(ctx, c, &isolators.Plan{}))
	for _, name := range []string{m.data("v"), filepath.Join(c.Sandbox, "deep")} {
		if is := owner(t, name); is != [2]int{1001, 1002} {
			t.Errorf("%s belongs to %v", name, is)
		}
	}
}

func TestPosixVolumesOfGroups(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root gives files to groups")
	}
	m := newMachine(t)
	m.Isolation, m.VolumeGIDRange = nil, "[10000-20000]"
	i, err := filesystem.NewPosix(m.Settings)
	c := m.container(t, "c", nil)
	c.Resources = []*mesospb.Resource{m.volume(t, "v", "data")}
	p := &isolators.Plan{}
	must(t, err, os.Chown(c.Sandbox, 1001, 1002), i.Prepare(ctx, c, p), i.Update(ctx, c))
	if is := owner(t, m.data("v")); is != [2]int{0, 10000} || len(p.Groups) != 1 || p.Groups[0] != 10000 {
		t.Errorf("it belongs to %v, and the container is in %v", is, p.Groups)
	}
}
